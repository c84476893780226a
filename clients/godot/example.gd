extends Node
## Two players with ENet: call host_game() in the one and join_game(code) in the other, each in a game of its own on one computer.

const PORT := 30000

var net := Sallyport.new()


func _ready() -> void:
	add_child(net)
	net.start({"fake": true})


func host_game() -> void:
	var peer := ENetMultiplayerPeer.new()
	if peer.create_server(PORT) != OK:
		push_error("port %d is taken" % PORT)
		return
	multiplayer.multiplayer_peer = peer
	var hosted := await net.host(PORT)
	print(hosted["code"] if hosted["ok"] else hosted["error"]["hint"])


func join_game(code: String) -> void:
	var joined := await net.join(code)
	if not joined["ok"]:
		print(joined["error"]["what"], " ", joined["error"]["hint"])
		return
	var peer := ENetMultiplayerPeer.new()
	peer.create_client(joined["address"], joined["port"])
	multiplayer.multiplayer_peer = peer
