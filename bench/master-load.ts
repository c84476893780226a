/**
 * What the benchmark of the masterserver does to it: probes, sealed messages, joins, heartbeats, a flood. Every loop keeps a
 * window of datagrams on the way or a pace, and sends again what was lost.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Request, UNKNOWN_PROFILE, writeProbe } from '../src/core/testing.ts';
import { nodeCrypto } from '../src/node/index.ts';
import { weakCodeOf } from '../src/sim/index.ts';
import { type Crowd, type Guest, guestAddress } from './master-guests.ts';
import { cpuOf, LOOPBACK, type MasterProcess, SERVER_CORE } from './master-processes.ts';
import { quantile } from './stats.ts';
import { UdpBatch } from './udp-batch.ts';

export interface Rate {
  /** Answers per second on the wall. */
  readonly wall: number;
  /** Answers per second of CPU time of the server. */
  readonly core: number;
}

export async function measured(cpuMs: () => Promise<number> | number, run: () => number): Promise<Rate> {
  const cpu = await cpuMs();
  const start = performance.now();
  const answers = run();
  const wallMs = performance.now() - start;
  return { wall: (answers * 1000) / wallMs, core: (answers * 1000) / Math.max(1, (await cpuMs()) - cpu) };
}

/** Keeps `window` datagrams on the way and counts the answers: what the server can do, not what we offer. */
function closedLoop(batch: UdpBatch, window: number, seconds: number, fill: (i: number) => void): number {
  const { size } = batch;
  const burst = (count: number): void => {
    for (let i = 0; i < count; i += 1) fill(i);
    batch.send(count);
  };
  for (let sent = 0; sent < window; sent += size) burst(size);
  let answers = 0;
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    const count = batch.receive();
    answers += count;
    // Nothing for 20 ms: all were lost or dropped by a limit.
    if (count === 0) for (let sent = 0; sent < window; sent += size) burst(size);
    else burst(count);
  }
  return answers;
}

/** From so many addresses in turn, because the master allows each 200 probes a second. */
export const PROBING = 4_000;

export async function coturnRate(port: number, seconds: number): Promise<Rate> {
  const options = ['-n', '-S', '--no-tls', '--no-dtls', '--no-cli', '-L', '127.0.0.1', '-p', String(port), '-m', '1'];
  const log = ['--no-stdout-log', '--log-file', '/dev/null', '--pidfile', '/dev/null'];
  const child = spawn('taskset', ['-c', SERVER_CORE, 'turnserver', ...options, ...log], { stdio: 'ignore' });
  await sleep(1500);
  const request = new Uint8Array(20);
  const view = new DataView(request.buffer);
  view.setUint16(0, 1);
  view.setUint32(4, 0x2112a442);
  const batch = new UdpBatch({ local: { address: 0, port: 0 } });
  let next = 0;
  const rate = await measured(
    () => cpuOf(child.pid ?? 0),
    () =>
      closedLoop(batch, 256, seconds, (i) => {
        view.setUint32(8, i);
        batch.set(i, request, { address: LOOPBACK, port }, guestAddress(next % PROBING));
        next += 1;
      }),
  );
  batch.close();
  child.kill();
  await once(child, 'exit');
  return rate;
}

export function probeRate(master: MasterProcess, crowd: Crowd, ports: number, seconds: number): Promise<Rate> {
  const { guests, target } = crowd;
  const probes = guests
    .slice(0, PROBING)
    .flatMap((guest) => [1, 2].map((n) => ({ guest, bytes: writeProbe(guest.probeKey, guest.accept.cid, n, 'same') })));
  const batch = new UdpBatch({ local: { address: 0, port: 0 } });
  let next = 0;
  const run = (): number =>
    closedLoop(batch, 256, seconds, (i) => {
      const { guest, bytes } = probes[next % probes.length] as (typeof probes)[number];
      const port = guest.accept.firstProbePort + (next % ports);
      next += 1;
      batch.set(i, bytes, { address: target.address, port }, guest.address);
    });
  return measured(master.cpuMs, run).finally(() => batch.close());
}

/** Sealed beforehand, sent in order, each guest in turn. */
export function controlMessages(crowd: Crowd, request: (guest: Guest) => Request, count: number): () => number {
  const guests = crowd.guests.slice(0, Math.min(crowd.guests.length, 8000));
  const messages = Array.from({ length: count }, (_, n) => {
    const guest = guests[n % guests.length] as Guest;
    return { guest, bytes: crowd.seal(guest, request(guest)) };
  });
  return () => sendAll(crowd, messages);
}

function sendAll(crowd: Crowd, messages: readonly { readonly guest: Guest; readonly bytes: Uint8Array }[]): number {
  const { batch, target } = crowd;
  const count = messages.length;
  let next = 0;
  let answers = 0;
  let flying = 0;
  let last = performance.now();
  while (next < count || (flying > 0 && performance.now() - last < 500)) {
    let n = 0;
    for (; flying < 256 && next < count && n < batch.size; n += 1) {
      const { guest, bytes } = messages[next] as (typeof messages)[number];
      batch.set(n, bytes, { address: target.address, port: guest.accept.controlPort }, guest.address);
      next += 1;
      flying += 1;
    }
    batch.send(n);
    const got = batch.receive();
    if (got > 0) last = performance.now();
    if (got === 0) flying = 0;
    answers += got;
    flying = Math.max(0, flying - got);
  }
  return answers;
}

/** Guests that join each other; all have to prove their address shortly before. */
const JOINING = 5_000;

/** JOIN from one guest, OFFER at another: 500 a second, open loop, as the load of a large master. */
export function relay(
  crowd: Crowd,
  perSecond: number,
  seconds: number,
  proven = false,
): { readonly sent: number; readonly relayed: number; readonly p99Ms: number } {
  const { batch } = crowd;
  const guests = crowd.guests.slice(0, JOINING);
  if (!proven) prove(crowd, guests);
  const sentAt = new Map<string, number>();
  const delays: number[] = [];
  const start = performance.now();
  let sent = 0;
  const end = start + seconds * 1000;
  while (performance.now() < end + 500) {
    const now = performance.now();
    const due = Math.min(Math.floor(((now - start) / 1000) * perSecond), Math.floor(seconds * perSecond));
    for (; sent < due; sent += 1) {
      const client = guests[sent % guests.length] as Guest;
      const host = guests[(sent * 7 + 1) % guests.length] as Guest;
      const sid = new Uint8Array(16);
      new DataView(sid.buffer).setUint32(0, sent);
      crypto.getRandomValues(sid.subarray(8));
      const handshake = new Uint8Array(600).fill(sent);
      sentAt.set(Buffer.from(sid).toString('hex'), performance.now());
      const bytes = crowd.seal(client, { type: 'join', hidden: false, sid, hostKey: host.keys.publicKey, handshake });
      crowd.queue(bytes, client.accept.controlPort, client.address);
    }
    crowd.flush();
    const count = batch.receive();
    for (let i = 0; i < count; i += 1) {
      const guest = crowd.guestAt(i);
      const opened = guest === undefined ? null : crowd.open(guest, batch.received(i));
      if (opened?.push?.type !== 'offer' || guest === undefined) continue;
      crowd.acknowledge(guest, opened.id);
      const key = Buffer.from(opened.push.sid).toString('hex');
      const at = sentAt.get(key);
      if (at === undefined) continue;
      sentAt.delete(key);
      delays.push(performance.now() - at);
    }
  }
  return { sent, relayed: delays.length, p99Ms: quantile(delays, 0.99) ?? Number.NaN };
}

/** What hosts do by themselves, each 20 s: nobody may be silent for 65 s, however slow the machine is. */
export function keepAlive(crowd: Crowd): void {
  const before = performance.now() - 20_000;
  prove(
    crowd,
    crowd.guests.filter((guest) => guest.spokeAt < before),
  );
}

/** A heartbeat of each, answers read and challenges met: every address is proven afresh. */
export function prove(crowd: Crowd, guests: readonly Guest[] = crowd.guests): void {
  const waiting = new Set(guests);
  for (let round = 0; round < 8 && waiting.size > 0; round += 1) {
    let flying = 0;
    for (const guest of [...waiting]) {
      crowd.queue(crowd.seal(guest, heartbeat(guest)), guest.accept.controlPort, guest.address);
      flying += 1;
      while (flying >= 256) flying -= Math.max(1, takeAnswers(crowd, waiting) || flying);
    }
    crowd.flush();
    while (takeAnswers(crowd, waiting) > 0) crowd.flush();
  }
  if (waiting.size > crowd.guests.length / 100) throw new Error(`${waiting.size} guests have lost their session`);
}

function takeAnswers(crowd: Crowd, waiting: Set<Guest>): number {
  crowd.flush();
  const count = crowd.batch.receive();
  for (let i = 0; i < count; i += 1) {
    const guest = crowd.guestAt(i);
    if (guest !== undefined && crowd.open(guest, crowd.batch.received(i))?.response !== undefined)
      waiting.delete(guest);
  }
  return count;
}

/** How many heartbeats were sent so far, over all calls: the next one is of the guest whose turn it is by this number. */
let beatsSent = 0;

/** Heartbeats of everybody at their own pace (each 20 s), while a stranger may flood the door; each is repeated as a host would. */
export function heartbeats(
  crowd: Crowd,
  floodPerSecond: number,
  seconds: number,
): { readonly sent: number; readonly answered: number; readonly flood: number } {
  const { guests, batch } = crowd;
  const perSecond = guests.length / 20;
  const flooder = new UdpBatch({ local: { address: 0, port: 0 } });
  const hello = new Uint8Array(512);
  hello.set([0xd1, 1, 0, 0]);
  const waiting = new Map<Guest, { tries: number; at: number; firstAt: number }>();
  const repeatMs = [250, 500, 1000];
  let [sent, answered, flood] = [0, 0, 0];
  const start = performance.now();
  const end = start + seconds * 1000;
  const send = (guest: Guest): void =>
    crowd.queue(crowd.seal(guest, heartbeat(guest)), guest.accept.controlPort, guest.address);
  while (performance.now() < end || (waiting.size > 0 && performance.now() < end + 8000)) {
    const now = performance.now();
    const due = now < end ? Math.floor(((now - start) / 1000) * perSecond) : sent;
    for (; sent < due; sent += 1) {
      const guest = guests[(beatsSent + sent) % guests.length] as Guest;
      waiting.set(guest, { tries: 1, at: now, firstAt: now });
      send(guest);
    }
    for (const [guest, one] of waiting) {
      if (now - one.at < (repeatMs[Math.min(one.tries - 1, 2)] as number) || one.tries >= 8) continue;
      one.tries += 1;
      one.at = now;
      send(guest);
    }
    crowd.flush();
    for (
      let owed = now < end ? Math.floor(((now - start) / 1000) * floodPerSecond) - flood : 0;
      owed >= 64;
      owed -= 64
    ) {
      for (let i = 0; i < 64; i += 1) {
        crypto.getRandomValues(hello.subarray(28, 92));
        flooder.set(
          i,
          hello,
          { address: LOOPBACK, port: crowd.target.port },
          127 * 2 ** 24 + Math.floor(Math.random() * 2 ** 24),
        );
      }
      flood += flooder.send(64);
    }
    const count = batch.receive();
    for (let i = 0; i < count; i += 1) {
      const guest = crowd.guestAt(i);
      if (guest === undefined || crowd.open(guest, batch.received(i))?.response === undefined) continue;
      if (waiting.delete(guest)) answered += 1;
    }
  }
  flooder.close();
  beatsSent += sent;
  return { sent, answered, flood };
}

/** With nothing new in it, as most are. */
export function heartbeat({ index }: Guest): Request {
  return { type: 'heartbeat', announcement: null, players: index % 17, profile: null };
}

const GAMES = ['luanti', 'factorio', 'ddnet', 'openarena', 'supertuxkart'];

/** Registers with a code that costs nothing to make. The master would derive the true one only if two hosts claimed the same. */
export function register(index: number, key: Uint8Array): Request {
  const announcement = {
    ...{
      name: `Server number ${index} of many`,
      game: GAMES[index % GAMES.length] ?? '',
      public: true,
      playersMax: 16,
    },
    ...{ map: `map-${index % 97}`, mode: `mode-${index % 7}`, version: '5.9.1', passwordNeeded: index % 11 === 0 },
  };
  return {
    type: 'register',
    code: weakCodeOf(nodeCrypto, key),
    announcement,
    players: index % 17,
    profile: UNKNOWN_PROFILE,
    generation: index,
  };
}
