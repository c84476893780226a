/**
 * Speed of the masterserver, beside coturn in the same run: the same load tool, the same core for the server (0) and for the
 * load (1). Rates per core are answers per second of CPU time of the server's process (user and system), which neighbours on
 * the same machine disturb far less than the clock on the wall. `npm run bench:master -- [--hosts 100000] [--seconds 2]
 * [--rounds 5]`. Loopback only. Prints what was asked beside what was measured, and keeps it in `bench/results/master.json`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Crowd, type Guest } from './master-guests.ts';
import {
  controlMessages,
  coturnRate,
  heartbeat,
  heartbeats,
  keepAlive,
  measured,
  PROBING,
  probeRate,
  prove,
  type Rate,
  register,
  relay,
} from './master-load.ts';
import {
  type Asker,
  LOAD_CORE,
  type MasterProcess,
  pin,
  SERVER_CORE,
  startAsker,
  startMasterProcess,
} from './master-processes.ts';
import type { Usage } from './master-server.ts';
import { rowsOf } from './rows.ts';
import { quantile } from './stats.ts';

const { values: flags } = parseArgs({
  options: {
    hosts: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
  },
});
const HOSTS = Number(flags.hosts);
const SECONDS = Number(flags.seconds);
const ROUNDS = Number(flags.rounds);
const PORT = 29_000;
const COTURN_PORT = 29_100;
const NATIVE_PORT = 29_200;
const STRANGERS = 2_000;
/** A host shows every 10 s that it is there, and gives an answer 2.25 s: so long it may take to notice a restart. */
const NOTICED_S = 12.25;

const { rows, row } = rowsOf([64, 10, 9]);
const rounds: { readonly ours: Rate; readonly native: Rate; readonly theirs: Rate }[] = [];

function atLeast(what: string, value: number, unit: string, least: number): void {
  row(what, value, unit, `>= ${least}`, value >= least);
}

function atMost(what: string, value: number, unit: string, most: number): void {
  row(what, value, unit, `<= ${most}`, value <= most);
}

/** Strangers first, so that what a busy master needs in any case (code, buffers, tables) counts as its base. */
async function handshakes(master: MasterProcess): Promise<void> {
  const strangers = new Crowd(master.target);
  const echo = () => ({ type: 'echo' }) as const;
  strangers.enter(HOSTS, STRANGERS, echo);
  const entered = await measured(master.cpuMs, () => {
    strangers.enter(HOSTS + STRANGERS, STRANGERS, echo);
    return STRANGERS;
  });
  atLeast('full handshakes (HELLO, RETRY, ACCEPT, CONFIRM), per core', entered.core, '/s', 1500);
  const known = inOrder(strangers.forget());
  const back = await measured(master.cpuMs, () => {
    strangers.enter(HOSTS, known.length, echo, known);
    return known.length;
  });
  atLeast('resumptions (RESUME, ACCEPT, CONFIRM), per core', back.core, '/s', 15_000);
  controlMessages(strangers, heartbeat, 20_000)();
}

function inOrder(guests: readonly Guest[]): readonly Guest[] {
  return [...guests].sort((left, right) => left.index - right.index);
}

async function registration(master: MasterProcess, crowd: Crowd): Promise<void> {
  const before = await master.ask<Usage>('usage');
  const start = performance.now();
  const cpu = await master.cpuMs();
  for (let first = 0; first < HOSTS; first += 1000) {
    keepAlive(crowd);
    crowd.enter(first, Math.min(1000, HOSTS - first), register);
  }
  row(`${HOSTS} hosts registered in`, (performance.now() - start) / 1000, 's');
  row('handshake, registration and listing, per core', (1000 * HOSTS) / ((await master.cpuMs()) - cpu), '/s');
  await sleep(2500);
  const after = await master.ask<Usage>('usage');
  const per = (of: (usage: Usage) => number): number => (of(after) - of(before)) / HOSTS;
  atMost(
    'memory per host beyond the base, heap and array buffers',
    per((usage) => usage.heapBytes + usage.externalBytes),
    'bytes',
    1500,
  );
  row(
    '  of it array buffers',
    per((usage) => usage.externalBytes),
    'bytes',
  );
  atMost(
    '  the same as the system sees it (RSS), holes closed',
    per((usage) => usage.compactRssBytes),
    'bytes',
    1500,
  );
  row(
    '  under load, with the holes that V8 leaves until it is calm',
    per((usage) => usage.rssBytes),
    'bytes',
  );
}

/** A master beside the one under test, with its UDP by udx-native and only the guests that probe. */
async function withNative(hook: string, work: (master: MasterProcess, crowd: Crowd) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const master = await startMasterProcess(NATIVE_PORT, folder, hook, 'native');
  const crowd = new Crowd(master.target);
  for (let first = 0; first < PROBING; first += 1000) crowd.enter(first, 1000, () => ({ type: 'echo' }));
  await work(master, crowd);
  await master.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function probes(master: MasterProcess, crowd: Crowd, asker: Asker): Promise<void> {
  await withNative(asker.hook, async (other, others) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      keepAlive(crowd);
      const theirs = await coturnRate(COTURN_PORT, SECONDS);
      const ours = await probeRate(master, crowd, 1, SECONDS);
      keepAlive(others);
      rounds.push({ ours, native: await probeRate(other, others, 1, SECONDS), theirs });
    }
  });
  // The best round of each: neighbours can only make either slower.
  const best = (of: (round: (typeof rounds)[number]) => number): number => Math.max(...rounds.map(of));
  const [ours, theirs] = [best((one) => one.ours.core), best((one) => one.theirs.core)];
  const native = best((one) => one.native.core);
  row('probe replies, one port, per core', ours, '/s');
  row('the same with --native-udp', native, '/s');
  row('coturn binding replies, one port, per core, same load tool', theirs, '/s');
  atLeast('  share', (100 * ours) / theirs, '%', 60);
  atLeast('  share with --native-udp', (100 * native) / theirs, '%', 60);
  row('  share by the clock on the wall', (100 * best((one) => one.ours.wall)) / best((one) => one.theirs.wall), '%');
  row('probe replies, 16 ports, per core', (await probeRate(master, crowd, 16, SECONDS)).core, '/s');
}

async function messages(master: MasterProcess, crowd: Crowd): Promise<void> {
  keepAlive(crowd);
  const count = 20_000 * SECONDS;
  const echo = () => ({ type: 'echo' }) as const;
  const control = await measured(master.cpuMs, controlMessages(crowd, echo, count));
  atLeast('control messages, sealed both ways, per core', control.core, '/s', 15_000);
  keepAlive(crowd);
  const joins = relay(crowd, 500, SECONDS * 2);
  atLeast('JOIN relayed to its host at 500/s', (100 * joins.relayed) / joins.sent, '%', 99);
  atMost('  from JOIN to OFFER, 99th percentile', joins.p99Ms, 'ms', 20);
}

async function pace(master: MasterProcess, crowd: Crowd): Promise<void> {
  keepAlive(crowd);
  const [cpu, start] = [await master.cpuMs(), performance.now()];
  const beats = heartbeats(crowd, 0, SECONDS * 3);
  const used = (100 * ((await master.cpuMs()) - cpu)) / (performance.now() - start);
  atMost(`CPU for the heartbeats of ${HOSTS} hosts (${HOSTS / 20}/s)`, used, '% of core', 30);
  atLeast('  answered', (100 * beats.answered) / beats.sent, '%', 99);
}

/** Pages are asked for while the heartbeats go on. */
async function pages(master: MasterProcess, crowd: Crowd, asker: Asker): Promise<void> {
  for (const [name, query] of [
    ['list page', '?limit=100&rtt=1'],
    ['list page sorted by name', '?limit=100&sort=name&rtt=1'],
    ['list page with search', '?limit=100&q=number%201'],
  ] as const) {
    keepAlive(crowd);
    const url = `${master.http}/api/v1/servers${query}`;
    const answered = asker.ask({ url, count: 120, restMs: 50, fresh: true });
    const times = await during(answered, () => heartbeats(crowd, 0, 0.5));
    atMost(`${name}, ${HOSTS} hosts speaking, 95th percentile`, quantile(times, 0.95) ?? Number.NaN, 'ms', 100);
  }
  const start = performance.now();
  const url = `${master.http}/api/v1/servers?limit=100`;
  await asker.ask({ url, count: 500, restMs: 0, fresh: false });
  row('list requests, one connection', 500_000 / (performance.now() - start), '/s');
}

/** Repeats what blocks until the promise is kept. */
async function during<T>(promise: Promise<T>, block: () => void): Promise<T> {
  let done = false;
  const end = (): void => {
    done = true;
  };
  promise.then(end, end);
  while (!done) {
    block();
    await sleep(1);
  }
  return promise;
}

function flood(crowd: Crowd): void {
  keepAlive(crowd);
  const { sent, answered, flood } = heartbeats(crowd, 15_000, SECONDS * 2);
  const what = `heartbeats answered under ${flood} spoofed HELLOs in ${SECONDS * 2} s`;
  atLeast(what, (100 * answered) / sent, '%', 99);
}

/** Killed without a word and started again with the same folder: everybody knocks at once. */
async function restart(master: MasterProcess, crowd: Crowd, asker: Asker, stateDir: string): Promise<MasterProcess> {
  prove(crowd);
  const before = inOrder(crowd.forget());
  const start = performance.now();
  await master.kill();
  const next = await startMasterProcess(PORT, stateDir, asker.hook);
  const listed = async (): Promise<number> =>
    ((await (await fetch(`${next.http}/api/v1/servers?limit=1`)).json()) as { readonly total: number }).total;
  const shown = await listed();
  row('after kill -9: page and ports are there again after', (performance.now() - start) / 1000, 's');
  atLeast('  the list shows at once', (100 * shown) / HOSTS, '%', 99);
  crowd.enter(0, HOSTS, register, before);
  const back = (performance.now() - start) / 1000;
  atMost(`  all ${HOSTS} hosts registered anew, ${NOTICED_S} s to notice included`, back + NOTICED_S, 's', 60);
  await sleep(2500);
  atLeast('  on the list', (100 * (await listed())) / HOSTS, '%', 100);
  atMost('  webhooks sent', await asker.deliveries(), '', 0);
  return next;
}

async function main(): Promise<void> {
  pin(process.pid, LOAD_CORE);
  console.log(`${cpus()[0]?.model}, node ${process.version}; server on core ${SERVER_CORE}, load on core ${LOAD_CORE}`);
  const busy = loadavg()[0] ?? 0;
  if (busy > 1) console.log(`The machine is busy (load ${busy.toFixed(1)}): rates by the clock and delays say little.`);
  console.log();
  const stateDir = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const asker = await startAsker();
  let master = await startMasterProcess(PORT, stateDir, asker.hook);
  try {
    await handshakes(master);
    const crowd = new Crowd(master.target);
    await registration(master, crowd);
    await probes(master, crowd, asker);
    await messages(master, crowd);
    await pace(master, crowd);
    await pages(master, crowd, asker);
    flood(crowd);
    master = await restart(master, crowd, asker, stateDir);
  } finally {
    await master.stop();
    asker.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
  const file = fileURLToPath(new URL('../../bench/results/master.json', import.meta.url));
  const about = {
    at: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    hosts: HOSTS,
    load: busy,
  };
  writeFileSync(file, `${JSON.stringify({ ...about, rounds, rows }, null, 1)}\n`);
  console.log(`\nkept in bench/results/master.json`);
}

await main();
