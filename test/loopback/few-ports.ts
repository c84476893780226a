/**
 * A program in a network of its own that has few ports, then a firewall in its way: run by `shortages.test.ts` in a namespace. What it
 * learns is printed as one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { networkNow, openUdpSocket, type UdpSocket, watchNetwork } from '../../src/node/index.ts';

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range';
const PORTS = 10;
const descriptors = (): number => readdirSync('/proc/self/fd').length;
const errors: string[] = [];
const handlers = { onDatagram: () => {}, onError: (code: string) => void errors.push(code) };
const open = () => openUdpSocket({ kind: 'socket', op: 'open', socket: 1, family: 4, port: 0 }, handlers);

execFileSync('ip', ['link', 'set', 'lo', 'up']);
let changes = 0;
const watch = watchNetwork(() => changes++, 20);
const before = JSON.stringify(networkNow());

writeFileSync(RANGE, `50000 ${50_000 + PORTS - 1}`);
const sockets: UdpSocket[] = [];
let refused = '';
while (refused === '') {
  const { outcome, socket } = open();
  if (socket === null) refused = outcome.ok ? 'none' : outcome.code;
  else sockets.push(socket);
}
const began = descriptors();
let looks = '';
try {
  networkNow();
} catch (error) {
  looks = (error as NodeJS.ErrnoException).code ?? '';
}
await sleep(500);
const grown = descriptors() - began;
for (const socket of sockets.slice(1)) socket.close();
await sleep(100);
const after = JSON.stringify(networkNow());
watch.stop();

// What leaves here for one port is refused by this computer itself.
const firewall =
  'add table ip f; add chain ip f o { type filter hook output priority 0; }; add rule ip f o udp dport 9 drop';
execFileSync('nft', [firewall]);
sockets[0]?.send({ address: '127.0.0.1', port: 9 }, new Uint8Array(8), undefined);
await sleep(100);
const denied = [...errors];
errors.length = 0;
execFileSync('nft', ['delete table ip f']);
sockets[0]?.send({ address: '127.0.0.1', port: 9 }, new Uint8Array(8), undefined);
await sleep(100);
const told = { opened: sockets.length, refused, looks, grown, same: before === after, changes, denied, later: errors };
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit();
