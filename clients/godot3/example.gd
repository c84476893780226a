# Two players in the terminal: the friend guesses a thousand times over UDP, and the host answers.
#
#     godot3-server --script example.gd host                  prints the code
#     godot3-server --script example.gd join CODE
# Behind it come the words of the options: --fake, --master LINK, --fake-port N, --fake-nat CLASS, --token-file FILE; as all words
# that are the game's own and not the engine's, they may stand behind a "--".
extends SceneTree

const ROUNDS = 1000
const VOLLEY = 32

var net
var game = PacketPeerUDP.new()
var what = ""
var codes = []
var missing = {}
var playing = false
var sent_at = 0
var left = 0
var ending = -1

func _init():
	var options = {}
	var words = Array(OS.get_cmdline_args())
	var named = {"--master": "master", "--fake-port": "fake_port", "--fake-nat": "fake_nat", "--token-file": "token_file"}
	var at = 0
	while at < words.size():
		var word = words[at]
		if word == "--script" or word == "--path":
			at += 1
		elif word == "--fake":
			options["fake"] = true
		elif named.has(word):
			at += 1
			options[named[word]] = words[at]
		elif what == "" and word in ["host", "join", "errors"]:
			what = word
		elif what != "":
			codes.append(word)
		at += 1
	net = load("res://sallyport.gd").new()
	net.connect("hosted", self, "_hosted")
	net.connect("joined", self, "_joined")
	net.connect("failed", self, "_failed")
	net.start(options)
	if game.listen(0, "127.0.0.1") != OK:
		quit(1)
	if what == "host":
		net.host(_own_port())
	for code in codes:
		net.join(code)

# The engine does not say which port it has got; a bound one is asked for by number until it is free.
func _own_port():
	game.close()
	for _n in range(100):
		var port = 40000 + (OS.get_ticks_usec() + OS.get_process_id()) % 20000
		if game.listen(port, "127.0.0.1") == OK:
			return port
	return 0

func _hosted(code, _link):
	print("code ", code)

func _joined(address, port):
	print("local %s:%d" % [address, port])
	if what == "errors":
		return
	game.set_dest_address(address, port)
	for round_number in range(ROUNDS):
		missing["guess %d" % round_number] = true
	playing = true

func _failed(_command, error):
	print("error %s retryable=%d %s | %s" % [error["code"], int(error["retryable"]), error["what"], error["hint"]])
	if what != "errors":
		_end(1)
		return
	codes.pop_front()
	if codes.size() == 0:
		_end(0)

# Not from inside a signal of what is to be freed: with the next frame.
func _end(result):
	ending = result

func _idle(_delta):
	if ending >= 0:
		net.stop()
		net.free()
		quit(ending)
		return true
	net.poll()
	if what == "host":
		_serve()
	if playing:
		_play()
	return false

# The server of the game: it answers each guess. Nothing in here knows of the sidecar.
func _serve():
	while game.get_available_packet_count() > 0:
		var guess = game.get_packet()
		if guess.get_string_from_ascii() == "bye":
			_end(0)
			return
		game.set_dest_address(game.get_packet_ip(), game.get_packet_port())
		game.put_packet(guess)

# The client: guesses a volley at a time; UDP may lose one, so what has no answer is asked again.
func _play():
	while game.get_available_packet_count() > 0:
		if missing.erase(game.get_packet().get_string_from_ascii()):
			left -= 1
	if missing.size() == 0:
		for _n in range(10):
			game.put_packet("bye".to_ascii())
		print("answered %d of %d" % [ROUNDS, ROUNDS])
		playing = false
		_end(0)
		return
	if left > 0 and OS.get_ticks_msec() - sent_at < 200:
		return
	left = 0
	sent_at = OS.get_ticks_msec()
	for guess in missing:
		if left == VOLLEY:
			break
		game.put_packet(guess.to_ascii())
		left += 1
