/**
 * A game reduced to what it notices of its line: each side sends numbered datagrams, 128 a second as fast shooters do, and counts
 * what comes. `listen PORT` answers whoever spoke last, and says who that is; `call ADDRESS PORT [BYTES]` speaks first, in datagrams so large (60). On a line `report` it prints what came since
 * the report before, as one JSON line.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const TICK_MS = 1_000 / 128;
/** What is under way when a report is asked for belongs to the next one: nothing takes longer. */
const LATE_MS = 500;

const [, , mode, ...words] = process.argv;
const BYTES = Number((mode === 'call' ? words[2] : undefined) ?? 60);
const socket = createSocket('udp4');
let peer = mode === 'call' ? { address: words[0] ?? '', port: Number(words[1]) } : null;
let sent = 0;
let heard = new Map<number, number>();
let arrivals: number[] = [];
/** The first of the arrivals is the last of the report before: the silence between them counts as well. */
let told = 0;
let from = 0;

socket.on('message', (bytes, { address, port }) => {
  if (mode === 'listen' && (peer?.address !== address || peer.port !== port)) {
    peer = { address, port };
    process.stdout.write(`peer ${address}:${port}\n`);
  }
  const number = bytes.readUInt32BE(0);
  heard.set(number, (heard.get(number) ?? 0) + 1);
  arrivals.push(performance.now());
});

// Timers come late on a busy computer: what was due meanwhile is sent then.
const startedAt = performance.now();
let due = 0;
setInterval(() => {
  const ticks = Math.floor((performance.now() - startedAt) / TICK_MS);
  for (; due < ticks; due++) {
    if (peer === null) continue;
    const bytes = Buffer.alloc(BYTES);
    bytes.writeUInt32BE(++sent);
    socket.send(bytes, peer.port, peer.address);
  }
}, TICK_MS);

function report(): void {
  const last = Math.max(from, ...heard.keys());
  let lost = 0;
  let twice = 0;
  for (let number = from + 1; number <= last; number++) {
    const times = heard.get(number) ?? 0;
    lost += times === 0 ? 1 : 0;
    twice += times > 1 ? 1 : 0;
  }
  // A silence that goes on counts, too.
  const gaps = [...arrivals.slice(1), performance.now()].map((at, n) => at - (arrivals[n] ?? at));
  const said = { heard: arrivals.length - told, lost, twice, gapMs: Math.round(Math.max(0, ...gaps)) };
  process.stdout.write(`${JSON.stringify(said)}\n`);
  from = last;
  heard = new Map();
  arrivals = arrivals.slice(-1);
  told = arrivals.length;
}

createInterface({ input: process.stdin }).on('line', () => setTimeout(report, LATE_MS));
socket.bind(mode === 'listen' ? Number(words[0]) : 0, () => process.stdout.write('listening\n'));
