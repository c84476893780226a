/**
 * Speed of the relay, beside coturn relaying the same in the same run: the same load tool, the same core for the server (0) and for
 * the load (1). Rates per core are datagrams forwarded per second of CPU time of the server's process. Then its memory for a pair,
 * and what a JOIN waits beside a relay that is saturated. `npm run bench:relay -- [--seconds 2] [--rounds 5] [--only speed|memory|joins]`. Loopback only; keeps
 * what it prints in `bench/results/relay*.json`.
 */
import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatMasterLink, Relay, toHex } from '../src/core/index.ts';
import { mintGrant, readRelay, writeBind, writeRelay } from '../src/core/testing.ts';
import { nodeCrypto, readOrCreateKey } from '../src/node/index.ts';
import { Crowd } from './master-guests.ts';
import { prove, register, relay as relayJoins } from './master-load.ts';
import { cpuOf, LOAD_CORE, LOOPBACK, pin, SERVER_CORE, startAsker, startMasterProcess } from './master-processes.ts';
import type { Flood } from './relay-flood.ts';
import {
  allocate,
  bindPairs,
  channelDatagram,
  closeEnds,
  forwarded,
  keysOf,
  openEnds,
  sealedDatagram,
} from './relay-load.ts';
import { rowsOf } from './rows.ts';
import { quantile } from './stats.ts';

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
  },
});
const SECONDS = Number(flags.seconds);
const ROUNDS = Number(flags.rounds);
const PAIRS = 64;
const PORT = 30_000;
/** A server that is started on a busy machine takes as long, and nothing is measured before it answers. */
const START_MS = 5_000;
const MASTER_PORT = 30_400;
/** Who join each other: so few that each is proven in a moment, so many that no limit of theirs is met. */
const GUESTS = 600;
const MEMORY_PAIRS = 16_000;
const MAIN = fileURLToPath(new URL('../command/cli/main.js', import.meta.url));
const UNLIMITED = ['pair=900000000k', 'total=900000000k', 'address-day=900000T', 'network-day=900000T'].concat([
  'host-day=900000T',
  'total-day=900000T',
]);

interface Rate {
  readonly wall: number;
  readonly core: number;
}
const { rows, row } = rowsOf([66, 9, 6]);

function measured(pid: number, run: () => number): Rate {
  const [cpu, start] = [cpuOf(pid), performance.now()];
  const count = run();
  const wall = (count * 1_000) / (performance.now() - start);
  return { wall, core: (count * 1_000) / Math.max(1, cpuOf(pid) - cpu) };
}

const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
const secretFile = join(folder, 'relay.secret');
const { secret } = readOrCreateKey(secretFile);
const masterKey = nodeCrypto.keyPair().publicKey;

/** A server on its core, ready when it answers; its pid and its end. */
async function serve(command: string, args: readonly string[], readyMs: number) {
  const child = spawn('taskset', ['-c', SERVER_CORE, command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  await sleep(readyMs);
  return {
    pid: child.pid ?? 0,
    async stop() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function ours(port: number, more: readonly string[]): Promise<Rate> {
  const link = formatMasterLink({ host: '127.0.0.1', port: 9, key: masterKey });
  const quotas = UNLIMITED.flatMap((quota) => ['--relay-quota', quota]);
  const args = [
    'relay',
    '--listen',
    '127.0.0.1',
    '--port',
    String(port),
    '--master',
    link,
    '--secret-file',
    secretFile,
  ];
  const server = await serve(process.execPath, [MAIN, ...args, '--quiet', ...quotas, ...more], START_MS);
  const ends = openEnds(port + 1, port + 2);
  const relay = { address: LOOPBACK, port };
  bindPairs(ends, keysOf(secret, masterKey), relay, PAIRS);
  const run = (): number => forwarded(ends, relay, PAIRS, SECONDS, sealedDatagram());
  run();
  const rate = measured(server.pid, run);
  closeEnds(ends);
  await server.stop();
  return rate;
}

async function coturn(port: number): Promise<Rate> {
  const options = ['-n', '--no-auth', '--no-tls', '--no-dtls', '--no-cli', '--allow-loopback-peers', '-m', '1'];
  const at = ['-L', '127.0.0.1', '-E', '127.0.0.1', '-p', String(port), '--min-port', '40000', '--max-port', '50000'];
  const log = ['--no-stdout-log', '--log-file', '/dev/null', '--pidfile', '/dev/null'];
  const server = await serve('turnserver', [...options, ...at, ...log], START_MS);
  const ends = openEnds(port + 1, port + 2);
  const turn = { address: LOOPBACK, port };
  allocate(ends, turn, PAIRS);
  const run = (): number => forwarded(ends, turn, PAIRS, SECONDS, channelDatagram());
  run();
  const rate = measured(server.pid, run);
  closeEnds(ends);
  await server.stop();
  return rate;
}

async function speed(): Promise<void> {
  const rounds: { readonly ours: Rate; readonly native: Rate; readonly theirs: Rate }[] = [];
  for (let n = 0; n < ROUNDS; n += 1) {
    const port = PORT + n * 20;
    rounds.push({
      theirs: await coturn(port),
      ours: await ours(port + 5, []),
      native: await ours(port + 10, ['--native-udp']),
    });
  }
  // The best round of each: neighbours can only make either slower.
  const best = (of: (round: (typeof rounds)[number]) => number): number => Math.max(...rounds.map(of));
  const theirs = best((one) => one.theirs.core);
  const share = (value: number): number => (100 * value) / theirs;
  row('coturn: ChannelData in, UDP out, per core', theirs, '/s');
  const plain = best((one) => one.ours.core);
  const native = best((one) => one.native.core);
  row('sallyport relay, per core', plain, '/s');
  row('  share of coturn', share(plain), '%', '>= 50', share(plain) >= 50);
  row('sallyport relay --native-udp, per core', native, '/s');
  row('  share of coturn', share(native), '%', '>= 50', share(native) >= 50);
  const median = (of: (round: (typeof rounds)[number]) => number): number => quantile(rounds.map(of), 0.5) ?? 0;
  row(
    '  share, median of the rounds',
    median((one) => (100 * one.ours.core) / one.theirs.core),
    '%',
  );
  row(
    '  share with --native-udp, median',
    median((one) => (100 * one.native.core) / one.theirs.core),
    '%',
  );
  row(
    'by the clock: coturn',
    best((one) => one.theirs.wall),
    '/s',
  );
  row(
    'by the clock: sallyport relay',
    best((one) => one.ours.wall),
    '/s',
  );
  row(
    'by the clock: sallyport relay --native-udp',
    best((one) => one.native.wall),
    '/s',
  );
}

/** Without sockets: what a pair adds to the heap and its buffers. */
function memory(): void {
  let answer: Uint8Array = new Uint8Array(0);
  const keys = keysOf(secret, masterKey);
  const relay = new Relay({
    ...{ crypto: nodeCrypto, keys, wallClock: Date.now },
    transmit: (_via, _to, bytes) => {
      answer = bytes;
    },
  });
  const used = (): number => {
    for (let n = 0; n < 4; n += 1) globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const begin = (n: number): void => {
    const sid = new Uint8Array(16);
    new DataView(sid.buffer).setUint32(0, n);
    const clientKey = nodeCrypto.sha256(sid, Uint8Array.of(1));
    const hostKey = nodeCrypto.sha256(sid, Uint8Array.of(2));
    for (const side of ['client', 'host'] as const) {
      const end = { side, expiresAt: Math.floor(Date.now() / 1_000) + 60 };
      const grant = mintGrant(nodeCrypto, keys, { sid, clientKey, hostKey }, end);
      // Addresses that have nothing in common: the worst case. Through a buffer, as the runtime makes them: in one piece.
      const address = Buffer.from(`${side === 'client' ? 60 : 90}.${n >> 8}.${n & 255}.1`).toString('latin1');
      const from = { address, port: 1_024 + (n % 60_000) };
      const random = nodeCrypto.randomBytes(8);
      const now = 1_000_000 + n;
      relay.receive(now, 0, from, writeRelay({ type: 'ask', random }));
      const cookie = readRelay(answer);
      if (cookie?.type !== 'cookie') throw new Error('no cookie');
      relay.receive(now, 0, from, writeBind(nodeCrypto, grant, { random, cookie: cookie.cookie, turn: 1 }));
    }
  };
  // Code and tables that any relay has.
  for (let n = 0; n < 100; n += 1) begin(n);
  const before = used();
  for (let n = 100; n < MEMORY_PAIRS + 100; n += 1) begin(n);
  const each = (used() - before) / MEMORY_PAIRS;
  const { whole } = relay.counters();
  if (whole !== MEMORY_PAIRS + 100) throw new Error(`${whole} pairs are bound`);
  row('memory of a pair, heap and array buffers', each, 'bytes', '<= 1024', each <= 1_024);
}

async function flooding<T>(flood: Flood, during: () => T): Promise<{ readonly result: T; readonly rate: number }> {
  const child = fork(fileURLToPath(new URL('./relay-flood.js', import.meta.url)), [JSON.stringify(flood)]);
  pin(child.pid ?? 0, LOAD_CORE);
  await once(child, 'message');
  const rate = once(child, 'message');
  await sleep(300);
  const result = during();
  return { result, rate: Number((await rate)[0]) };
}

async function joins(): Promise<void> {
  const asker = await startAsker();
  const master = await startMasterProcess(MASTER_PORT, folder, asker.hook, 'dgram', true);
  const crowd = new Crowd(master.target);
  crowd.enter(0, GUESTS, register);
  const flood = {
    ...{ port: MASTER_PORT + 25, seconds: SECONDS * 2 + 3, secret: toHex(secret) },
    masterKey: toHex(master.target.key),
  };
  // Proven before a flood begins, and for longer than it lasts.
  const p99 = (): number => relayJoins(crowd, 100, SECONDS * 2, true).p99Ms;
  const besides = async (kind: Flood['kind']) => {
    prove(crowd);
    return flooding({ kind, ...flood }, p99);
  };
  prove(crowd);
  p99();
  const alone: number[] = [];
  const calm: number[] = [];
  const beside: number[] = [];
  const flooded: number[] = [];
  const rates: number[] = [];
  for (let n = 0; n < ROUNDS; n += 1) {
    prove(crowd);
    alone.push(p99());
    calm.push((await besides('nowhere')).result);
    const busy = await besides('pairs');
    beside.push(busy.result);
    rates.push(busy.rate);
    flooded.push((await besides('strangers')).result);
  }
  const median = (values: readonly number[]): number => quantile(values, 0.5) ?? Number.NaN;
  row('JOIN to OFFER at 100/s, 99th percentile', median(alone), 'ms');
  row('  relay idle, beside a flood that goes elsewhere (the load core is busy)', median(calm), 'ms');
  const times = median(beside) / median(calm);
  row('  beside a saturated relay', median(beside), 'ms');
  row('  times', times, '', '<= 2', times <= 2);
  row('  which forwards', median(rates), '/s');
  row('  beside a flood of strangers at the relay port', median(flooded), 'ms');
  row('  times', median(flooded) / median(calm), '');
  await master.stop();
  asker.stop();
}

const began = loadavg()[0] ?? 0;
pin(process.pid, LOAD_CORE);
const does = (part: string): boolean => flags.only === '' || flags.only === part;
if (does('speed')) await speed();
if (does('memory')) memory();
if (does('joins')) await joins();
rmSync(folder, { recursive: true, force: true });
const version = execFileSync('turnserver', ['--version'], { encoding: 'utf8' }).trim();
const about = `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}, coturn ${version}, load ${began.toFixed(1)} at the start`;
console.log(about);
const file = fileURLToPath(
  new URL(`../../bench/results/relay${flags.only === '' ? '' : `-${flags.only}`}.json`, import.meta.url),
);
writeFileSync(
  file,
  `${JSON.stringify({ about, command: `npm run bench:relay -- --seconds ${SECONDS} --rounds ${ROUNDS}${flags.only === '' ? '' : ` --only ${flags.only}`}`, rows }, null, 2)}\n`,
);
process.exit(rows.some(({ met }) => met === false) ? 1 : 0);
