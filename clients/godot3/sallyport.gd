# Host and join from a game in Godot 3, by the program `sallyport sidecar` beside it. One file, no plugin. MIT licence.
#
#     var net = preload("res://sallyport.gd").new()
#     add_child(net)                                   # or call net.poll() once a frame
#     net.start({"master": "sallyport://198.51.100.7:8430/#KEY"})      # or {"fake": true}: no network, no server
#     net.connect("hosted", self, "on_hosted")         # code: what friends type
#     net.connect("joined", self, "on_joined")         # address, port: where the game connects to
#     net.connect("failed", self, "on_failed")         # error: {"code", "what", "hint", "retryable"}
#     net.host(30000)        or        net.join("K7TQ9-RBWXM")
#     net.stop()
# Commands are carried out one after the other; every one is answered by `answered` or `failed`. docs/interface.md has all there are.
extends Node

signal hosted(code, link)
signal joined(address, port)
signal answered(command, answer)
signal failed(command, error)

const START_SECONDS = 20 # a slow disk and a cold start
const GONE = {
	"code": "SIDECAR_GONE", "what": "The sidecar does not answer.",
	"hint": "Start it anew; hosting and joins have ended with it.", "retryable": true}
const NONE = {
	"code": "NO_SIDECAR", "what": "The sidecar has not come up.",
	"hint": "Run \"sallyport sidecar\" in a terminal: it says why. Is the program named by SALLYPORT or \"program\"?", "retryable": false}

var _pid = -1
var _folder = ""
var _file = ""
var _deadline = 0
var _port = 0
var _token = ""
var _queue = []
var _http = null
var _broken = false

# Words: master or fake, and program, state_dir, fake_nat, fake_port; or token_file of a sidecar that runs already.
func start(options):
	_deadline = OS.get_ticks_msec() + START_SECONDS * 1000
	if options.has("token_file"):
		_file = options["token_file"]
		return
	# A folder of the user's own: nobody else can put a file in there before the sidecar does.
	_folder = OS.get_user_data_dir()
	Directory.new().make_dir_recursive(_folder)
	_file = "%s/sallyport-%d-%d.json" % [_folder, OS.get_process_id(), OS.get_ticks_usec()]
	var program = options.get("program", OS.get_environment("SALLYPORT"))
	var words = ["sidecar", "--quiet", "--token-file", _file, "--with-pid", str(OS.get_process_id())]
	if options.get("fake", false):
		words.append("--fake")
		if options.has("fake_nat"):
			words += ["--fake-nat", options["fake_nat"]]
		if options.has("fake_port"):
			words += ["--fake-port", str(options["fake_port"])]
	elif options.has("master"):
		words += ["--master", options["master"]]
	if options.has("state_dir"):
		words += ["--state-dir", options["state_dir"]]
	_pid = OS.execute("sallyport" if program == "" else program, PoolStringArray(words), false)
	_broken = _pid <= 0

func host(services, more = {}):
	call_command("host", _with({"services": str(services)}, more))

func join(code, more = {}):
	call_command("join", _with({"target": code, "waitMs": 60000}, more))

func stats():
	call_command("stats", {})

func paths():
	call_command("paths", {})

func list():
	call_command("list", {})

func check():
	call_command("check", {})

func kick(friend):
	call_command("kick", {"friend": friend})

func ban(friend, network = false):
	call_command("ban", {"friend": friend, "network": network})

func leave(join_number):
	call_command("abort", {"join": join_number})

func unhost():
	call_command("unhost", {})

func call_command(command, fields):
	_queue.append([command, to_json(fields)])

# Ends hosting, joins and the sidecar. It says goodbye by itself; nothing waits for it.
func stop():
	_refuse_all(GONE)
	if _port != 0 and _pid > 0:
		_queue = [["quit", "{}"]]
		_http = null
		var until = OS.get_ticks_msec() + 2000
		while _queue.size() > 0 and OS.get_ticks_msec() < until:
			poll()
			OS.delay_msec(5)
	elif _pid > 0:
		OS.kill(_pid)
	_pid = -1
	_port = 0
	_queue = []

func _process(_delta):
	poll()

func poll():
	if _broken:
		_refuse_all(NONE)
	elif _port == 0:
		if _file != "":
			_look_for_file()
	elif _http != null:
		_go_on()
	elif _queue.size() > 0:
		_http = HTTPClient.new()
		_http.set_blocking_mode(false)
		if _http.connect_to_host("127.0.0.1", _port) != OK:
			_done(null)

func _with(fields, more):
	for name in more:
		fields[name] = more[name]
	return fields

# The file is whole from the first moment that it is there.
func _look_for_file():
	var file = File.new()
	if file.open(_file, File.READ) == OK:
		var told = parse_json(file.get_as_text())
		file.close()
		if typeof(told) == TYPE_DICTIONARY:
			_token = told["token"]
			_port = int(told["url"].split(":")[2])
			return
	if OS.get_ticks_msec() > _deadline:
		_broken = true

func _go_on():
	_http.poll()
	match _http.get_status():
		HTTPClient.STATUS_RESOLVING, HTTPClient.STATUS_CONNECTING, HTTPClient.STATUS_REQUESTING:
			return
		HTTPClient.STATUS_CONNECTED:
			if _http.has_meta("asked"):
				_done(_http.get_meta("text") if _http.has_meta("text") else null)
				return
			_http.set_meta("asked", true)
			var heads = ["Authorization: Bearer " + _token, "Content-Type: application/json"]
			if _http.request(HTTPClient.METHOD_POST, "/v1/" + _queue[0][0], heads, _queue[0][1]) != OK:
				_done(null)
		HTTPClient.STATUS_BODY:
			var text = _http.get_meta("text") if _http.has_meta("text") else PoolByteArray()
			text.append_array(_http.read_response_body_chunk())
			_http.set_meta("text", text)
			if _http.get_status() != HTTPClient.STATUS_BODY:
				_done(text)
		_:
			_done(_http.get_meta("text") if _http.has_meta("text") else null)

func _done(bytes):
	var command = _queue.pop_front()[0]
	_http = null
	var answer = null if bytes == null else parse_json(bytes.get_string_from_utf8())
	if typeof(answer) != TYPE_DICTIONARY:
		emit_signal("failed", command, GONE)
		return
	if not answer["ok"]:
		emit_signal("failed", command, answer["error"])
		return
	emit_signal("answered", command, answer)
	if command == "host":
		emit_signal("hosted", answer["code"], answer["link"])
	if command == "join":
		var at = answer["local"].find_last(":")
		if at < 0:
			emit_signal("failed", command, {"code": "GAVE_UP", "what": "There is no path yet.", "hint": "It goes on: look at it by stats().", "retryable": true})
		else:
			emit_signal("joined", answer["local"].substr(0, at), int(answer["local"].substr(at + 1)))

func _refuse_all(error):
	var waiting = _queue
	_queue = []
	for entry in waiting:
		emit_signal("failed", entry[0], error)
