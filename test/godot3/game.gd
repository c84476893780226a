# A game as netfox.noray makes them, for Godot 3: it registers at noray by TCP, registers its UDP port, is told an address, shakes hands
# there ("$rwx", with a dash for what has not happened yet) and then speaks ENet over the same port.
#
# What differs from Godot 4: there the host sends its part of the handshake from the socket of its ENet server, which the engine of 3.2
# has no call for. Here it shakes hands first, by a plain socket on the same port, and starts its ENet server there when it is done.
extends SceneTree

const HANDSHAKE_SECONDS = 8.0
const PAUSE_MSEC = 100
const MOVES = 100

var tcp = StreamPeerTCP.new()
var udp = PacketPeerUDP.new()
var enet = NetworkedMultiplayerENet.new()
var what = ""
var oid = ""
var pid = ""
var local_port = 0
var registrar_port = 8809
var relay = false
var lines = ""
var step = "connecting"
var peer_address = ""
var peer_port = 0
var next_at = 0
var shake_until = 0
var did_read = false
var did_handshake = false
var moves = 0

func _init():
	var words = Array(OS.get_cmdline_args())
	what = words[words.find("--role") + 1]
	registrar_port = int(words[words.find("--registrar") + 1])
	relay = words.has("--relay")
	if what == "client":
		oid = words[words.find("--oid") + 1]
	tcp.connect_to_host("127.0.0.1", int(words[words.find("--noray") + 1]))

func _idle(_delta):
	_read_lines()
	var due = OS.get_ticks_msec() >= next_at
	if due:
		next_at = OS.get_ticks_msec() + PAUSE_MSEC
	match step:
		"connecting":
			if tcp.get_status() == StreamPeerTCP.STATUS_CONNECTED:
				tcp.put_data("register-host\n".to_ascii())
				step = "registering"
		"registering":
			pass
		"remote":
			_register_remote(due)
		"handshake":
			_handshake(due)
		"enet":
			enet.poll()
			_play()
		"over":
			return true
	return false

func _read_lines():
	if tcp.get_status() != StreamPeerTCP.STATUS_CONNECTED or tcp.get_available_bytes() == 0:
		return
	lines += tcp.get_utf8_string(tcp.get_available_bytes())
	while lines.find("\n") >= 0:
		var line = lines.substr(0, lines.find("\n"))
		lines = lines.substr(lines.find("\n") + 1)
		_obey(line.split(" "))

func _obey(parts):
	print("< ", parts.join(" "))
	match parts[0]:
		"set-oid":
			if what == "host":
				oid = parts[1]
		"set-pid":
			pid = parts[1]
			step = "remote"
			_bind()
		"connect":
			var at = parts[1].split(":")
			_begin_handshake(at[0], int(at[1]))
		"connect-relay":
			_begin_handshake("127.0.0.1", int(parts[1]))
		"error":
			quit(1)
			step = "over"

# This engine does not say which port it has given, so one is asked for by number.
func _bind():
	while local_port == 0 or udp.listen(local_port) != OK:
		local_port = 30000 + (OS.get_ticks_usec() + OS.get_process_id() * 7) % 30000
	udp.set_dest_address("127.0.0.1", registrar_port)

func _register_remote(due):
	while udp.get_available_packet_count() > 0:
		if udp.get_packet().get_string_from_utf8() != "OK":
			continue
		print("registered")
		if what == "host":
			print("oid ", oid)
			step = "waiting"
		else:
			tcp.put_data(("%s %s\n" % ["connect-relay" if relay else "connect", oid]).to_ascii())
			step = "waiting"
		return
	if due:
		udp.put_packet(pid.to_utf8())

func _begin_handshake(address, port):
	if step != "waiting":
		return
	peer_address = address
	peer_port = port
	udp.set_dest_address(address, port)
	shake_until = OS.get_ticks_msec() + int(HANDSHAKE_SECONDS * 1000)
	step = "handshake"

func _handshake(due):
	var done = false
	while udp.get_available_packet_count() > 0:
		var told = udp.get_packet().get_string_from_ascii()
		if not told.begins_with("$"):
			# The other side has done already, and its ENet speaks.
			done = did_handshake
			continue
		did_read = true
		if told.find("r") >= 0:
			did_handshake = true
		if told.find("x") >= 0 and did_handshake:
			done = true
	if due or done:
		udp.put_packet(("$%sw%s" % ["r" if did_read else "-", "x" if did_handshake else "-"]).to_ascii())
	if not done:
		if OS.get_ticks_msec() > shake_until:
			print("handshake failed")
			quit(1)
			step = "over"
		return
	print("handshake done")
	udp.close()
	var result = enet.create_server(local_port) if what == "host" else enet.create_client(peer_address, peer_port, 0, 0, local_port)
	print("enet ", result)
	step = "enet"

# The client moves, the host answers each move.
func _play():
	if what == "client" and moves == 0 and enet.get_connection_status() == NetworkedMultiplayerPeer.CONNECTION_CONNECTED:
		_send(1, 1)
		moves = 1
	while enet.get_available_packet_count() > 0:
		var from = enet.get_packet_peer()
		var move = bytes2var(enet.get_packet())
		if what == "host":
			_send(from, move)
			continue
		moves = move + 1
		if moves <= MOVES:
			_send(1, moves)
		else:
			print("moves %d of %d" % [MOVES, MOVES])
			enet.close_connection()
			quit(0)
			step = "over"
			return

func _send(to, move):
	enet.set_target_peer(to)
	enet.set_transfer_mode(NetworkedMultiplayerPeer.TRANSFER_MODE_RELIABLE)
	enet.put_packet(var2bytes(move))
