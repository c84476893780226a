class_name Sallyport
extends Node
## Host and join from a game in Godot 4, by the program `sallyport sidecar` beside it. One file. MIT licence.
##
## [codeblock]
## var net := Sallyport.new()
## add_child(net)
## net.start({"master": "sallyport://198.51.100.7:8430/#KEY"})   # or {"fake": true}: no network, no server
## var hosted := await net.host(30000)                # hosted.code is what friends type
## var joined := await net.join("K7TQ9-RBWXM")        # joined.address and joined.port are where the game connects to
## net.stop()
## [/codeblock]
## Every call answers a dictionary. Where [code]ok[/code] is false, [code]error[/code] has [code]code[/code], [code]what[/code],
## [code]hint[/code] and [code]retryable[/code]. docs/interface.md has all commands and what they answer.

## A slow disk and a cold start.
const START_SECONDS := 20.0
const GONE := {
	"code": "SIDECAR_GONE",
	"what": "The sidecar does not answer.",
	"hint": "Start it anew; hosting and joins have ended with it.",
	"retryable": true,
}
const NONE := {
	"code": "NO_SIDECAR",
	"what": "The sidecar has not come up.",
	"hint": "Run \"sallyport sidecar\" in a terminal: it says why. Is the program named by SALLYPORT or \"program\"?",
	"retryable": false,
}


## One command on its way.
class Ask:
	extends RefCounted
	signal done(answer: Dictionary)
	var command: String
	var body: String
	var requested := false
	var bytes := PackedByteArray()


var _pid := -1
var _file := ""
var _deadline := 0
var _port := 0
var _token := ""
var _broken := false
var _queue: Array[Ask] = []
var _http: HTTPClient = null


## Options: [code]master[/code] or [code]fake[/code], and [code]program[/code], [code]state_dir[/code], [code]fake_nat[/code],
## [code]fake_port[/code]; or [code]token_file[/code] of a sidecar that runs already. Returns at once.
func start(options: Dictionary) -> void:
	_deadline = Time.get_ticks_msec() + int(START_SECONDS * 1000.0)
	if options.has("token_file"):
		_file = options["token_file"]
		return
	# A folder of the user's own: nobody else can put a file in there before the sidecar does.
	var folder := OS.get_user_data_dir()
	DirAccess.make_dir_recursive_absolute(folder)
	_file = "%s/sallyport-%d-%d.json" % [folder, OS.get_process_id(), Time.get_ticks_usec()]
	var program: String = options.get("program", OS.get_environment("SALLYPORT"))
	var words := PackedStringArray(["sidecar", "--quiet", "--token-file", _file, "--with-pid", str(OS.get_process_id())])
	if options.get("fake", false):
		words.append("--fake")
		if options.has("fake_nat"):
			words.append_array(PackedStringArray(["--fake-nat", options["fake_nat"]]))
		if options.has("fake_port"):
			words.append_array(PackedStringArray(["--fake-port", str(options["fake_port"])]))
	elif options.has("master"):
		words.append_array(PackedStringArray(["--master", options["master"]]))
	if options.has("state_dir"):
		words.append_array(PackedStringArray(["--state-dir", options["state_dir"]]))
	_pid = OS.create_process("sallyport" if program.is_empty() else program, words)
	_broken = _pid <= 0


## [param services]: 30000, "64738/udp+tcp", "2456-2457". Answers [code]code[/code] and [code]link[/code].
func host(services: Variant, more: Dictionary = {}) -> Dictionary:
	var fields := more.duplicate()
	fields["services"] = str(services)
	return await call_command("host", fields)


## Answers [code]address[/code] and [code]port[/code] of this computer, and [code]join[/code], its number.
func join(code: String, more: Dictionary = {}) -> Dictionary:
	var fields := more.duplicate()
	fields["target"] = code
	if not fields.has("waitMs"):
		fields["waitMs"] = 60000
	var answer: Dictionary = await call_command("join", fields)
	if not answer["ok"]:
		return answer
	var local: String = answer.get("local", "")
	var at := local.rfind(":")
	if at < 0:
		return {
			"ok": false,
			"error": {
				"code": "GAVE_UP",
				"what": "There is no path yet.",
				"hint": "It goes on: look at it by stats(), or end it by leave().",
				"retryable": true,
			},
		}
	answer["address"] = local.substr(0, at)
	answer["port"] = local.substr(at + 1).to_int()
	return answer


## Answers [code]joins[/code] and [code]friends[/code], each with its figures.
func stats() -> Dictionary:
	return await call_command("stats", {})


func paths() -> Dictionary:
	return await call_command("paths", {})


func list() -> Dictionary:
	return await call_command("list", {})


func check() -> Dictionary:
	return await call_command("check", {})


func kick(friend: String) -> Dictionary:
	return await call_command("kick", {"friend": friend})


func ban(friend: String, network: bool = false) -> Dictionary:
	return await call_command("ban", {"friend": friend, "network": network})


func leave(join_number: int) -> Dictionary:
	return await call_command("abort", {"join": join_number})


func unhost() -> Dictionary:
	return await call_command("unhost", {})


## Any command. They are carried out one after the other, a frame at a time.
func call_command(command: String, fields: Dictionary) -> Dictionary:
	var ask := Ask.new()
	ask.command = command
	ask.body = JSON.stringify(fields)
	_queue.append(ask)
	var answer: Dictionary = await ask.done
	return answer


## Ends hosting, joins and the sidecar. It says goodbye by itself.
func stop() -> void:
	_refuse_all(GONE)
	if _port != 0 and _pid > 0:
		var quit := Ask.new()
		quit.command = "quit"
		quit.body = "{}"
		_queue = [quit]
		_http = null
		var until := Time.get_ticks_msec() + 2000
		while not _queue.is_empty() and Time.get_ticks_msec() < until:
			poll()
			OS.delay_msec(5)
	elif _pid > 0:
		OS.kill(_pid)
	_pid = -1
	_port = 0
	_queue = []


func _process(_delta: float) -> void:
	poll()


func _exit_tree() -> void:
	stop()


## For those who do not put it into the tree: once a frame.
func poll() -> void:
	if _broken:
		_refuse_all(NONE)
	elif _port == 0:
		if not _file.is_empty():
			_look_for_file()
	elif _http != null:
		_go_on()
	elif not _queue.is_empty():
		_http = HTTPClient.new()
		if _http.connect_to_host("127.0.0.1", _port) != OK:
			_done(PackedByteArray())


# The file is whole from the first moment that it is there.
func _look_for_file() -> void:
	if FileAccess.file_exists(_file):
		var told: Variant = JSON.parse_string(FileAccess.get_file_as_string(_file))
		if told is Dictionary:
			_token = told["token"]
			_port = str(told["url"]).get_slice(":", 2).to_int()
			return
	var ended := _pid > 0 and not OS.is_process_running(_pid)
	if ended or Time.get_ticks_msec() > _deadline:
		_broken = true


func _go_on() -> void:
	_http.poll()
	var ask := _queue[0]
	match _http.get_status():
		HTTPClient.STATUS_RESOLVING, HTTPClient.STATUS_CONNECTING, HTTPClient.STATUS_REQUESTING:
			return
		HTTPClient.STATUS_CONNECTED:
			if ask.requested:
				_done(ask.bytes)
				return
			ask.requested = true
			var heads := PackedStringArray(["Authorization: Bearer " + _token, "Content-Type: application/json"])
			if _http.request(HTTPClient.METHOD_POST, "/v1/" + ask.command, heads, ask.body) != OK:
				_done(PackedByteArray())
		HTTPClient.STATUS_BODY:
			ask.bytes.append_array(_http.read_response_body_chunk())
			if _http.get_status() != HTTPClient.STATUS_BODY:
				_done(ask.bytes)
		_:
			_done(ask.bytes)


func _done(bytes: PackedByteArray) -> void:
	var ask: Ask = _queue.pop_front()
	_http = null
	var answer: Variant = null
	if not bytes.is_empty():
		answer = JSON.parse_string(bytes.get_string_from_utf8())
	if answer is Dictionary and answer.has("ok"):
		ask.done.emit(answer)
	else:
		ask.done.emit({"ok": false, "error": GONE})


func _refuse_all(error: Dictionary) -> void:
	var waiting := _queue
	_queue = []
	for ask in waiting:
		ask.done.emit({"ok": false, "error": error})
