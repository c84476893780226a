// Two players with ENet over a path: the host's ENet server and the friend's ENet client are as they are without sallyport; only the
// address that the client connects to comes from it.
//
//     c++ -I../c -o example example.cpp -lenet && ./example host          prints the code
//     ./example join CODE
// Behind it come the words of the options: --fake, --master LINK, --fake-port N, --fake-nat CLASS, --token-file FILE.
#define SALLYPORT_IMPLEMENTATION
#include "sallyport.h"

#include <enet/enet.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kRounds = 1000;
constexpr int kVolley = 32;

struct CloseSidecar {
  void operator()(sallyport *s) const { sallyport_close(s); }
};
using Sidecar = std::unique_ptr<sallyport, CloseSidecar>;

struct DestroyHost {
  void operator()(ENetHost *host) const { enet_host_destroy(host); }
};
using Enet = std::unique_ptr<ENetHost, DestroyHost>;

int say(const sallyport *s) {
  const sallyport_error &e = *sallyport_last_error(s);
  std::cout << "error " << e.code << " retryable=" << e.retryable << " " << e.what << " | " << e.hint << std::endl;
  return 1;
}

int host(sallyport *s) {
  ENetAddress address{};
  enet_address_set_host(&address, "127.0.0.1");
  address.port = ENET_PORT_ANY;
  const Enet server(enet_host_create(&address, 8, 2, 0, 0));
  if (!server) return 1;
  // Where the system has put it: ENet does not write the port back.
  enet_socket_get_address(server->socket, &address);
  char code[32];
  if (!sallyport_host(s, std::to_string(address.port).c_str(), code, sizeof code)) return say(s);
  std::cout << "code " << code << std::endl;
  ENetEvent event;
  for (;;) {
    if (enet_host_service(server.get(), &event, 1000) <= 0) continue;
    if (event.type == ENET_EVENT_TYPE_DISCONNECT) return 0;
    if (event.type != ENET_EVENT_TYPE_RECEIVE) continue;
    // The friend's move goes back to it, as it came: unreliable.
    enet_peer_send(event.peer, event.channelID, enet_packet_create(event.packet->data, event.packet->dataLength, 0));
    enet_packet_destroy(event.packet);
  }
}

int play(const std::string &local) {
  const auto colon = local.rfind(':');
  ENetAddress address{};
  enet_address_set_host(&address, local.substr(0, colon).c_str());
  address.port = static_cast<enet_uint16>(std::stoi(local.substr(colon + 1)));
  const Enet client(enet_host_create(nullptr, 1, 2, 0, 0));
  ENetPeer *peer = client ? enet_host_connect(client.get(), &address, 2, 0) : nullptr;
  ENetEvent event;
  if (!peer || enet_host_service(client.get(), &event, 10000) <= 0 || event.type != ENET_EVENT_TYPE_CONNECT) {
    std::cout << "ENet does not connect" << std::endl;
    return 1;
  }
  // It would hold datagrams back on its own account where the round trip varies: this counts what passes.
  enet_peer_throttle_configure(peer, ENET_PEER_PACKET_THROTTLE_INTERVAL, ENET_PEER_PACKET_THROTTLE_SCALE, 0);
  std::vector<char> answered(kRounds, 0);
  int count = 0;
  for (int volley = 0; volley < 1000 && count < kRounds; volley++) {
    int left = 0;
    for (int round = 0; round < kRounds && left < kVolley; round++) {
      if (answered[round]) continue;
      enet_peer_send(peer, 0, enet_packet_create(&round, sizeof round, ENET_PACKET_FLAG_UNSEQUENCED));
      left++;
    }
    while (left > 0 && enet_host_service(client.get(), &event, 200) > 0) {
      if (event.type == ENET_EVENT_TYPE_DISCONNECT) return 1;
      if (event.type != ENET_EVENT_TYPE_RECEIVE) continue;
      int round = -1;
      if (event.packet->dataLength == sizeof round) memcpy(&round, event.packet->data, sizeof round);
      enet_packet_destroy(event.packet);
      if (round < 0 || round >= kRounds || answered[round]) continue;
      answered[round] = 1;
      count++;
      left--;
    }
  }
  enet_peer_disconnect(peer, 0);
  while (enet_host_service(client.get(), &event, 3000) > 0)
    if (event.type == ENET_EVENT_TYPE_RECEIVE) enet_packet_destroy(event.packet);
    else if (event.type == ENET_EVENT_TYPE_DISCONNECT) break;
  std::cout << "answered " << count << " of " << kRounds << std::endl;
  return count == kRounds ? 0 : 1;
}

// By polling, as a game does that draws its frames meanwhile.
int join(sallyport *s, const std::string &code) {
  if (!sallyport_begin_join(s, code.c_str(), 60000)) return say(s);
  int result = SALLYPORT_BUSY;
  int frames = 0;
  for (; (result = sallyport_poll(s)) == SALLYPORT_BUSY; frames++) std::this_thread::sleep_for(std::chrono::milliseconds(16));
  char local[64];
  if (result != SALLYPORT_DONE || !sallyport_text(sallyport_answer(s), "local", local, sizeof local)) return say(s);
  std::cout << "local " << local << " after " << frames << " frames" << std::endl;
  return play(local);
}

}  // namespace

int main(int count, char **argv) {
  const std::vector<std::string> words(argv + 1, argv + count);
  std::vector<std::string> codes;
  sallyport_options options{};
  for (size_t n = 1; n < words.size(); n++) {
    const bool more = n + 1 < words.size();
    if (words[n] == "--fake") options.fake = 1;
    else if (words[n] == "--master" && more) options.master = words[++n].c_str();
    else if (words[n] == "--fake-nat" && more) options.fake_nat = words[++n].c_str();
    else if (words[n] == "--fake-port" && more) options.fake_port = std::stoi(words[++n]);
    else if (words[n] == "--token-file" && more) options.token_file = words[++n].c_str();
    else codes.push_back(words[n]);
  }
  if (words.empty() || enet_initialize() != 0) return 2;
  const Sidecar s(sallyport_start(&options));
  if (!s) return 1;
  if (words[0] == "host") return host(s.get());
  if (words[0] == "join" && !codes.empty()) return join(s.get(), codes[0]);
  // Joins each of the words in turn and says what came of it.
  for (const std::string &code : codes) {
    char local[64];
    if (sallyport_join(s.get(), code.c_str(), 60000, local, sizeof local)) std::cout << "joined " << local << std::endl;
    else say(s.get());
  }
  return 0;
}
