/** Games whose servers are in Debian 12: each was started, and listened there. What is known of `lan` was seen or is in its source. */
import { type GamePreset, QUAKE3_LAN } from './preset.ts';

export const DEBIAN_GAMES: readonly GamePreset[] = [
  {
    ...{ id: 'luanti', name: 'Luanti (Minetest)', services: '30000/udp' },
    join: 'Join Game: address ADDRESS, port PORT',
    source: { debian: 'minetest-server' },
  },
  {
    ...{ id: 'teeworlds', name: 'Teeworlds', services: '8303/udp' },
    lan: { way: 'broadcast', ports: '8303' },
    join: 'F1, then connect ADDRESS:PORT',
    source: { debian: 'teeworlds-server' },
  },
  {
    ...{ id: 'ddnet', name: 'DDNet', services: '8303/udp' },
    lan: { way: 'broadcast', ports: '8303-8310' },
    join: 'F1, then connect ADDRESS:PORT',
    source: { debian: 'ddnet-server' },
  },
  {
    ...{ id: 'openarena', name: 'OpenArena', services: '27960/udp', ask: 'openarena:27960', lan: QUAKE3_LAN },
    join: '~, then /connect ADDRESS:PORT',
    source: { debian: 'openarena-server' },
  },
  {
    // Its server plays at 2759 and answers those who look for it at 2757, by the number of the other.
    ...{ id: 'supertuxkart', name: 'SuperTuxKart', services: '2759/udp,2757/udp' },
    // The length, then `stk-server`.
    lan: { way: 'broadcast', ports: '2757', first: '0a73746b2d736572766572' },
    join: 'Online, Enter server address: ADDRESS:PORT',
    source: { debian: 'supertuxkart' },
  },
  {
    ...{ id: 'bzflag', name: 'BZFlag', services: '5154/udp+tcp' },
    // The length, then MsgPingCodeRequest.
    lan: { way: 'broadcast', ports: '5154', first: '00020404' },
    join: 'Join Game: server ADDRESS, port PORT',
    source: { debian: 'bzflag-server' },
  },
  {
    ...{ id: 'mumble', name: 'Mumble', services: '64738/udp+tcp', ask: 'mumble:64738' },
    join: 'Server, Connect, Add New: address ADDRESS, port PORT',
    source: { debian: 'mumble-server' },
  },
  {
    ...{ id: 'wesnoth', name: 'Battle for Wesnoth', services: '15000/tcp' },
    join: 'Multiplayer, Connect to Server: ADDRESS:PORT',
    source: { debian: 'wesnoth-1.16-server' },
  },
  {
    ...{ id: 'openttd', name: 'OpenTTD', services: '3979/udp+tcp', ask: 'openttd:3979' },
    // The length, then PACKET_UDP_CLIENT_FIND_SERVER.
    lan: { way: 'broadcast', ports: '3979', first: '030000' },
    join: 'Multiplayer, Add server: ADDRESS:PORT',
    source: { debian: 'openttd' },
  },
  {
    ...{ id: 'freeciv', name: 'Freeciv', services: '5556/tcp' },
    // SERVER_LAN_VERSION, nothing else.
    lan: { way: 'asked', ports: '4555', group: '225.1.1.1', first: '02' },
    join: 'Connect to Network Game: host ADDRESS, port PORT',
    source: { debian: 'freeciv-server' },
  },
  {
    ...{ id: 'hedgewars', name: 'Hedgewars', services: '46631/tcp' },
    join: 'Play, Network game, Specify address: ADDRESS, port PORT',
    source: { debian: 'hedgewars' },
  },
  {
    ...{ id: 'armagetron', name: 'Armagetron Advanced', services: '4534/udp', ask: 'armagetronadvanced:4534' },
    join: 'Network Game, Custom Connect: server ADDRESS, port PORT',
    source: { debian: 'armagetronad-dedicated' },
  },
  {
    ...{ id: 'netpanzer', name: 'NetPanzer', services: '3030/tcp' },
    join: 'Join: ADDRESS:PORT',
    source: { debian: 'netpanzer' },
  },
  {
    ...{ id: 'warzone2100', name: 'Warzone 2100', services: '2100/tcp' },
    join: 'Multi Player, Join Game, IP: ADDRESS:PORT',
    source: { debian: 'warzone2100' },
  },
  {
    ...{ id: 'crossfire', name: 'Crossfire', services: '13327/tcp' },
    join: 'Server: ADDRESS:PORT',
    source: { debian: 'crossfire-server' },
  },
  {
    ...{ id: 'chocolatedoom', name: 'Doom (Chocolate Doom)', services: '2342/udp' },
    // NET_PACKET_TYPE_QUERY.
    lan: { way: 'broadcast', ports: '2342', first: '000d' },
    join: 'chocolate-doom -connect ADDRESS:PORT',
    source: { debian: 'chocolate-doom' },
  },
  {
    ...{ id: 'dopewars', name: 'Dopewars', services: '7902/tcp' },
    join: 'New: host ADDRESS, port PORT',
    source: { debian: 'dopewars' },
  },
  {
    ...{ id: 'pioneers', name: 'Pioneers', services: '5556/tcp' },
    join: 'Join Game: host ADDRESS, port PORT',
    source: { debian: 'pioneers-console' },
  },
];
