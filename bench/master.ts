/**
 * Speed of the masterserver, beside coturn in the same run: the same load tool, the same core for the server (0) and for the
 * load (1). Rates per core are answers per second of CPU time of the server's process (user and system), which neighbours on
 * the same machine disturb far less than the clock on the wall. `npm run bench:master -- [--hosts 100000] [--seconds 2] [--rounds 5]`. Loopback only. Prints a table and keeps it in
 * `bench/results/master.json`.
 */
import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type NatProfile, parseMasterLink, type Request, UNKNOWN_PROFILE, writeProbe } from '../src/core/index.ts';
import { Crowd, type Guest, guestAddress, type Target } from './master-guests.ts';
import type { Usage } from './master-server.ts';
import { ipv4, UdpBatch } from './udp-batch.ts';

const { values: flags } = parseArgs({
  options: {
    hosts: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
  },
});
const HOSTS = Number(flags.hosts);
const SECONDS = Number(flags.seconds);
const ROUNDS = Number(flags.rounds);
const SERVER_CORE = '0';
const LOAD_CORE = '1';
const LOOPBACK = ipv4('127.0.0.1');
const PORT = 29_000;
const COTURN_PORT = 29_100;

interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  readonly met: boolean | null;
}
const rows: Row[] = [];

function row(what: string, value: number, unit: string, target: string, met: boolean | null): void {
  rows.push({ what, value: Math.round(value * 100) / 100, unit, target, met });
  const mark = met === null ? '' : met ? '  ok' : '  MISSED';
  console.log(
    `${what.padEnd(58)} ${value.toFixed(value < 100 ? 2 : 0).padStart(10)} ${unit.padEnd(10)} ${target}${mark}`,
  );
}

function pin(): void {
  execFileSync('taskset', ['-cp', LOAD_CORE, String(process.pid)], { stdio: 'ignore' });
}

interface MasterProcess {
  readonly target: Target;
  readonly http: string;
  ask<T>(message: string): Promise<T>;
  cpuMs(): Promise<number>;
  stop(): void;
}

async function startMasterProcess(): Promise<MasterProcess> {
  const file = fileURLToPath(new URL('./master-server.js', import.meta.url));
  const child = fork(file, [String(PORT)], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  execFileSync('taskset', ['-acp', SERVER_CORE, String(child.pid)], { stdio: 'ignore' });
  const [ready] = (await once(child, 'message')) as [{ readonly link: string; readonly http: string }];
  const link = parseMasterLink(ready.link);
  if ('problem' in link) throw new Error(link.problem);
  const ask = async <T>(message: string): Promise<T> => {
    const answer = once(child, 'message');
    child.send(message);
    return (await answer)[0] as T;
  };
  return {
    target: { address: LOOPBACK, port: link.port, key: link.key },
    http: ready.http,
    ask,
    cpuMs: async () => (await ask<{ readonly cpuMs: number }>('cpu')).cpuMs,
    stop: () => void child.send('stop'),
  };
}

interface Rate {
  /** Answers per second on the wall. */
  readonly wall: number;
  /** Answers per second of CPU time of the server. */
  readonly core: number;
}

async function measured(cpuMs: () => Promise<number> | number, run: () => number): Promise<Rate> {
  const cpu = await cpuMs();
  const start = performance.now();
  const answers = run();
  const wallMs = performance.now() - start;
  return { wall: (answers * 1000) / wallMs, core: (answers * 1000) / Math.max(1, (await cpuMs()) - cpu) };
}

/** CPU time of another process; `/proc` counts in hundredths of a second. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
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

async function coturnRate(): Promise<Rate> {
  const options = [
    '-n',
    '-S',
    '--no-tls',
    '--no-dtls',
    '--no-cli',
    '-L',
    '127.0.0.1',
    '-p',
    String(COTURN_PORT),
    '-m',
    '1',
  ];
  const log = ['--no-stdout-log', '--log-file', '/dev/null', '--pidfile', '/dev/null'];
  const child = spawn('taskset', ['-c', SERVER_CORE, 'turnserver', ...options, ...log], { stdio: 'ignore' });
  await sleep(1500);
  const request = new Uint8Array(20);
  const view = new DataView(request.buffer);
  view.setUint16(0, 1);
  view.setUint32(4, 0x2112a442);
  const batch = new UdpBatch({ local: { address: 0, port: 0 } });
  const rate = await measured(
    () => cpuOf(child.pid ?? 0),
    () =>
      closedLoop(batch, 256, SECONDS, (i) => {
        view.setUint32(8, i);
        batch.set(i, request, { address: LOOPBACK, port: COTURN_PORT }, guestAddress(i));
      }),
  );
  batch.close();
  child.kill();
  await once(child, 'exit');
  return rate;
}

function probeRate(master: MasterProcess, crowd: Crowd, ports: number): Promise<Rate> {
  const { guests, target } = crowd;
  const probes = guests
    .slice(0, 4000)
    .flatMap((guest) => [1, 2].map((n) => ({ guest, bytes: writeProbe(guest.probeKey, guest.accept.cid, n, 'same') })));
  const batch = new UdpBatch({ local: { address: 0, port: 0 } });
  let next = 0;
  const run = (): number =>
    closedLoop(batch, 256, SECONDS, (i) => {
      const { guest, bytes } = probes[next % probes.length] as (typeof probes)[number];
      const port = guest.accept.firstProbePort + (next % ports);
      next += 1;
      batch.set(i, bytes, { address: target.address, port }, guest.address);
    });
  return measured(master.cpuMs, run).finally(() => batch.close());
}

/** Sealed beforehand, sent in order, each guest in turn. */
function controlMessages(crowd: Crowd, request: Request, count: number): () => number {
  const guests = crowd.guests.slice(0, Math.min(crowd.guests.length, 8000));
  const messages = Array.from({ length: count }, (_, n) => {
    const guest = guests[n % guests.length] as Guest;
    return { guest, bytes: crowd.seal(guest, request) };
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

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** JOIN from one guest, OFFER at another: 500 a second, open loop, as the load of a large master. */
function relay(
  crowd: Crowd,
  perSecond: number,
  seconds: number,
): { readonly sent: number; readonly relayed: number; readonly p99Ms: number } {
  const { guests, batch } = crowd;
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
      const bytes = crowd.seal(client, { type: 'join', sid, hostKey: host.keys.publicKey, handshake });
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
  return { sent, relayed: delays.length, p99Ms: percentile(delays, 0.99) };
}

let aliveAt = performance.now();

/** What hosts do by themselves: nobody may be silent for 65 s, however slow the machine is. */
function keepAlive(crowd: Crowd): void {
  if (performance.now() - aliveAt > 15_000) prove(crowd);
}

/** A heartbeat of everybody, answers read and challenges met: every address is proven afresh. */
function prove(crowd: Crowd): void {
  const waiting = new Set(crowd.guests);
  for (let round = 0; round < 8 && waiting.size > 0; round += 1) {
    let flying = 0;
    for (const guest of [...waiting]) {
      crowd.queue(crowd.seal(guest, HEARTBEAT), guest.accept.controlPort, guest.address);
      flying += 1;
      while (flying >= 256) flying -= Math.max(1, takeAnswers(crowd, waiting) || flying);
    }
    crowd.flush();
    while (takeAnswers(crowd, waiting) > 0) crowd.flush();
  }
  if (waiting.size > crowd.guests.length / 100) throw new Error(`${waiting.size} guests have lost their session`);
  aliveAt = performance.now();
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

async function listRequests(
  http: string,
  query: string,
  count: number,
): Promise<{ readonly perSecond: number; readonly p95Ms: number }> {
  const times: number[] = [];
  const start = performance.now();
  for (let i = 0; i < count; i += 1) {
    const at = performance.now();
    const response = await fetch(`${http}/api/v1/servers${query}`, { headers: { 'accept-encoding': 'gzip' } });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`list: ${response.status}`);
    times.push(performance.now() - at);
  }
  return { perSecond: count / ((performance.now() - start) / 1000), p95Ms: percentile(times, 0.95) };
}

/** Heartbeats of everybody at their own pace (each 20 s), while a stranger floods the door; each is repeated as a host would. */
function heartbeatsUnder(
  crowd: Crowd,
  floodPerSecond: number,
  seconds: number,
): { readonly sent: number; readonly answered: number; readonly flood: number } {
  const { guests, batch } = crowd;
  const perSecond = Math.min(guests.length / 20, 2000);
  const flooder = new UdpBatch({ local: { address: 0, port: 0 } });
  const hello = new Uint8Array(512);
  hello.set([0xd1, 1, 0, 0]);
  const waiting = new Map<Guest, { tries: number; at: number; firstAt: number }>();
  const repeatMs = [250, 500, 1000];
  let [sent, answered, flood] = [0, 0, 0];
  const start = performance.now();
  const end = start + seconds * 1000;
  const send = (guest: Guest): void =>
    crowd.queue(crowd.seal(guest, HEARTBEAT), guest.accept.controlPort, guest.address);
  while (performance.now() < end || (waiting.size > 0 && performance.now() < end + 8000)) {
    const now = performance.now();
    const due = now < end ? Math.floor(((now - start) / 1000) * perSecond) : sent;
    for (; sent < due; sent += 1) {
      const guest = guests[sent % guests.length] as Guest;
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
  return { sent, answered, flood };
}

const PROFILE: NatProfile = UNKNOWN_PROFILE;
const HEARTBEAT: Request = { type: 'heartbeat', announcement: null, players: 0, profile: null, generation: 1 };
const GAMES = ['luanti', 'factorio', 'ddnet', 'openarena', 'supertuxkart'];

function register(index: number): Request {
  const announcement = {
    ...{
      name: `Server number ${index} of many`,
      game: GAMES[index % GAMES.length] ?? '',
      public: true,
      playersMax: 16,
    },
    ...{ map: `map-${index % 97}`, mode: `mode-${index % 7}`, version: '5.9.1', passwordNeeded: index % 11 === 0 },
  };
  return { type: 'register', announcement, players: index % 17, profile: PROFILE, generation: 1 };
}

async function main(): Promise<void> {
  pin();
  console.log(
    `${cpus()[0]?.model}, node ${process.version}; server on core ${SERVER_CORE}, load on core ${LOAD_CORE}\n`,
  );
  const busy = loadavg()[0] ?? 0;
  if (busy > 1)
    console.log(`The machine is busy (load ${busy.toFixed(1)}): rates by the clock and delays say little.\n`);
  const master = await startMasterProcess();
  const before = await master.ask<Usage>('usage');

  const crowd = new Crowd(master.target);
  const entering = performance.now();
  let handshakeCpuMs = 0;
  for (let first = 0; first < HOSTS; first += 1000) {
    const knocks = crowd.knocks(first, Math.min(1000, HOSTS - first));
    keepAlive(crowd);
    const cpu = await master.cpuMs();
    crowd.enter(knocks, register);
    handshakeCpuMs += (await master.cpuMs()) - cpu;
  }
  console.log(`${HOSTS} hosts registered in ${((performance.now() - entering) / 1000).toFixed(1)} s`);
  row('handshake, registration and listing, per core', (1000 * HOSTS) / handshakeCpuMs, '/s', '', null);
  await sleep(2500);
  const after = await master.ask<Usage>('usage');
  const perHost = (after.rssBytes - before.rssBytes) / HOSTS;
  row('memory per host beyond the base (RSS)', perHost, 'bytes', '<= 1500', perHost <= 1500);
  row('  of it heap of JavaScript', (after.heapBytes - before.heapBytes) / HOSTS, 'bytes', '', null);
  row('  of it array buffers', (after.externalBytes - before.externalBytes) / HOSTS, 'bytes', '', null);

  const strangers = new Crowd(master.target);
  const knocks = strangers.knocks(HOSTS, 2000);
  const entered = await measured(master.cpuMs, () => {
    strangers.enter(knocks, () => ({ type: 'echo' }));
    return knocks.length;
  });
  row('full handshakes (HELLO, RETRY, ACCEPT, CONFIRM), per core', entered.core, '/s', '>= 1500', entered.core >= 1500);

  const rounds: { readonly ours: Rate; readonly theirs: Rate }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    keepAlive(crowd);
    const theirs = await coturnRate();
    rounds.push({ ours: await probeRate(master, crowd, 1), theirs });
  }
  // The best round of each: neighbours can only make either slower.
  const best = (of: (round: (typeof rounds)[number]) => number): number => Math.max(...rounds.map(of));
  const [ours, theirs] = [best((one) => one.ours.wall), best((one) => one.theirs.wall)];
  row('probe replies, one port', ours, '/s', '', null);
  row('coturn binding replies, one port, same tool and core', theirs, '/s', '', null);
  row('  share', (100 * ours) / theirs, '%', '>= 60', ours / theirs >= 0.6);
  const [oursCpu, theirsCpu] = [best((one) => one.ours.core), best((one) => one.theirs.core)];
  row('  the same per second of CPU time', oursCpu, '/s', '', null);
  row('  the same of coturn, which waits for the load tool', theirsCpu, '/s', '', null);
  row('probe replies, 16 ports, per core', (await probeRate(master, crowd, 16)).core, '/s', '', null);

  const count = 20_000 * SECONDS;
  const control = await measured(master.cpuMs, controlMessages(crowd, { type: 'echo' }, count));
  row('control messages, sealed both ways, per core', control.core, '/s', '>= 15000', control.core >= 15_000);
  const beats = await measured(master.cpuMs, controlMessages(crowd, HEARTBEAT, count));
  row('heartbeats, per core', beats.core, '/s', '', null);
  const share = (100 * 5000) / beats.core;
  row('CPU for the heartbeats of 100 000 hosts (5000/s)', share, '% of core', '<= 30', share <= 30);

  prove(crowd);
  const joins = relay(crowd, 500, SECONDS * 2);
  row(
    'JOIN relayed to its host at 500/s',
    (100 * joins.relayed) / joins.sent,
    '%',
    '>= 99',
    joins.relayed / joins.sent >= 0.99,
  );
  row('  from JOIN to OFFER, 99th percentile', joins.p99Ms, 'ms', '<= 20', joins.p99Ms <= 20);

  for (const [name, query] of [
    ['list page', '?limit=100&rtt=1'],
    ['list page sorted by name', '?limit=100&sort=name&rtt=1'],
    ['list page with search', '?limit=100&q=number%201'],
  ] as const) {
    const times: number[] = [];
    for (let n = 0; n < 30; n += 1) {
      // A different question each time, so that no answer comes from the cache.
      const one = await listRequests(master.http, `${query}${n}`, 1);
      times.push(one.p95Ms);
    }
    row(
      `${name}, ${HOSTS} hosts, 95th percentile`,
      percentile(times, 0.95),
      'ms',
      '<= 100',
      percentile(times, 0.95) <= 100,
    );
  }
  const cached = await listRequests(master.http, '?limit=100', 500);
  row('list requests, one connection', cached.perSecond, '/s', '', null);

  prove(crowd);
  const flooded = heartbeatsUnder(crowd, 15_000, SECONDS * 2);
  row(
    `heartbeats answered under ${flooded.flood} spoofed HELLOs in ${SECONDS * 2} s`,
    (100 * flooded.answered) / flooded.sent,
    '%',
    '>= 99',
    flooded.answered / flooded.sent >= 0.99,
  );

  master.stop();
  const file = fileURLToPath(new URL('../../bench/results/master.json', import.meta.url));
  const document = {
    at: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    hosts: HOSTS,
    rounds,
    rows,
  };
  writeFileSync(file, `${JSON.stringify(document, null, 1)}\n`);
  console.log(`\nkept in bench/results/master.json`);
}

await main();
