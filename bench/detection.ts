/**
 * How well the detector knows NATs, against a simulated internet whose NATs are known: `npm run bench:detection -- --n 500`.
 * For every class of the population and every behaviour of the simulator: is the mapping right, the allocator (kind, step exact,
 * block exact, range within 5 %), the stated confidence, the stated window for the next port? How long, how many packets?
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { encodeStun, type NatProfile, parseStun, predictionWindow } from '../src/core/index.ts';
import { SIM_CLASSES, type SimUser, simClass, simRandom } from '../src/sim/index.ts';
import { BEHAVIOURS, behindNat } from './detection-cases.ts';
import { allocatorIsRight, mappingIsRight, truthOf } from './detection-truth.ts';
import { type Detection, detect, placeDetector } from './detection-world.ts';

interface Outcome {
  readonly mapping: boolean;
  readonly allocator: boolean;
  readonly refinedAllocator: boolean;
  readonly confidence: number;
  readonly ms: number;
  readonly packets: number;
  /** Did the next mapping fall into the window said to hold 90 %, and what did it really claim to hold? Null: no window. */
  readonly window: { readonly hit: boolean; readonly claimed: number } | null;
}

interface Row {
  readonly name: string;
  readonly n: number;
  readonly mapping: number;
  readonly allocator: number;
  readonly refined: number;
  readonly msMedian: number;
  readonly msMax: number;
  readonly packetsMax: number;
  readonly window: number | null;
  readonly claimed: number | null;
}

export function runCase(user: SimUser, seed: string, servers: Parameters<typeof placeDetector>[1]['servers']): Outcome {
  const detection = placeDetector(user, { seed, servers, lossRate: 0.01 });
  const { final, refined, ms, packets } = detect(detection);
  const truth = truthOf(user);
  return {
    mapping: mappingIsRight(final, truth),
    allocator: allocatorIsRight(final, truth),
    refinedAllocator: allocatorIsRight(refined, truth),
    confidence: final.confidence,
    ms,
    packets,
    window: probeWindow(detection, refined),
  };
}

/** Opens one more mapping a while later and looks whether its port is among those predicted. */
function probeWindow(detection: Detection, profile: NatProfile): Outcome['window'] {
  const { world, host, detector, servers } = detection;
  if (profile.allocator.kind !== 'step' || profile.mapping === 'eim') return null;
  world.run(world.random('window').between(20, 800));
  let observed: number | null = null;
  const local = host.bind({ address: '0.0.0.0', port: 0 }, (packet) => {
    const message = parseStun(packet.bytes);
    if (!('reject' in message)) observed = message.xorMapped?.port ?? null;
  });
  const now = detector.profile(world.now + host.clockOffsetMs);
  if (now.lastPort === null || local === null) return null;
  const basis = { lastPort: now.lastPort, ageMs: now.lastPortAgeMs ?? 0, mappingsAhead: 1, localPort: local.port };
  const window = predictionWindow(now.mixture, basis, 0.9, 5000);
  const to = { address: servers[0]!.address, port: 8455 };
  host.send(local, to, encodeStun({ class: 'request', transaction: new Uint8Array(12) }));
  world.runUntil(() => observed !== null, { limitMs: 1000 });
  if (observed === null) return null;
  return { hit: window.ports.some(({ port }) => port === observed), claimed: window.coverage };
}

function summarise(name: string, outcomes: readonly Outcome[]): Row {
  const n = outcomes.length;
  const share = (of: (outcome: Outcome) => boolean) => outcomes.filter(of).length / n;
  const times = outcomes.map(({ ms }) => ms).sort((left, right) => left - right);
  const windows = outcomes.flatMap(({ window }) => window ?? []);
  return {
    name,
    n,
    mapping: share(({ mapping }) => mapping),
    allocator: share(({ allocator }) => allocator),
    refined: share(({ refinedAllocator }) => refinedAllocator),
    msMedian: times[n >> 1]!,
    msMax: times.at(-1)!,
    packetsMax: Math.max(...outcomes.map(({ packets }) => packets)),
    window: windows.length === 0 ? null : windows.filter(({ hit }) => hit).length / windows.length,
    claimed: windows.length === 0 ? null : windows.reduce((sum, { claimed }) => sum + claimed, 0) / windows.length,
  };
}

const percent = (value: number | null) => (value === null ? '' : (100 * value).toFixed(1));

function printTable(rows: readonly Row[]): string[] {
  const head =
    'case                          n  mapping  allocator  refined  window90  claimed  ms median  ms max  packets';
  const body = rows.map((row) =>
    [
      row.name.padEnd(27),
      String(row.n).padStart(4),
      percent(row.mapping).padStart(8),
      percent(row.allocator).padStart(10),
      percent(row.refined).padStart(8),
      percent(row.window).padStart(9),
      percent(row.claimed).padStart(8),
      row.msMedian.toFixed(0).padStart(10),
      row.msMax.toFixed(0).padStart(7),
      String(row.packetsMax).padStart(8),
    ].join(' '),
  );
  return [head, ...body];
}

/** Of the cases said to be so sure, how many are right? */
function printCalibration(outcomes: readonly Outcome[]): string[] {
  const bins = [0, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1];
  return bins.slice(1).flatMap((high, i) => {
    const inside = outcomes.filter(({ confidence }) => confidence >= bins[i]! && confidence < high);
    if (inside.length === 0) return [];
    const right = inside.filter(({ mapping, allocator }) => mapping && allocator).length / inside.length;
    const said = inside.reduce((sum, { confidence }) => sum + confidence, 0) / inside.length;
    return [`said ${percent(said).padStart(5)} %  right ${percent(right).padStart(5)} %  n ${inside.length}`];
  });
}

function main(): void {
  const { values } = parseArgs({
    options: {
      n: { type: 'string', default: '20' },
      only: { type: 'string', default: '' },
      servers: { type: 'string', default: 'master-two-addresses' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const n = Number(values.n);
  const servers = values.servers as 'master' | 'master-two-addresses' | 'stun';
  const cases: [string, (seed: string) => SimUser][] = [
    ...SIM_CLASSES.map((id): [string, (seed: string) => SimUser] => [
      id,
      (seed) => simClass(id, simRandom(`user ${seed}`), Number(seed.split(' ').at(-1)) % 2 === 0 ? 'home' : 'mobile'),
    ]),
    ...Object.entries(BEHAVIOURS).map(([name, nat]): [string, (seed: string) => SimUser] => [
      name,
      (seed) => behindNat(nat, seed),
    ]),
  ].filter(([name]) => name.includes(values.only)) as [string, (seed: string) => SimUser][];
  const all: Outcome[] = [];
  const rows = cases.map(([name, userOf]) => {
    const outcomes = Array.from({ length: n }, (_, i) => {
      const seed = `${name} ${i}`;
      const outcome = runCase(userOf(seed), seed, servers);
      if (values.verbose && !(outcome.mapping && outcome.allocator)) console.error('wrong:', seed);
      return outcome;
    });
    all.push(...outcomes);
    return summarise(name, outcomes);
  });
  const lines = [...printTable(rows), '', ...printCalibration(all)];
  console.log(lines.join('\n'));
  if (values.only !== '') return;
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(
    `bench/results/detection-${servers}.txt`,
    `n = ${n} a case, 2 % loss, ${servers}\n\n${lines.join('\n')}\n`,
  );
}

if (import.meta.filename === process.argv[1]) main();
