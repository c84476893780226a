/**
 * How well the detector knows NATs, against a simulated internet whose NATs are known: `npm run bench:detection -- --n 500`.
 * For every class of the population and every behaviour of the simulator: is the mapping right, the allocator (kind, step exact,
 * block exact, range within 5 %), the stated confidence, the stated window for the next port? How long, how many packets?
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { encodeStun, type NatProfile, parseStun, predictionWindow } from '../src/core/index.ts';
import { SIM_CLASSES, type SimUser, simClass, simRandom } from '../src/sim/index.ts';
import { BEHAVIOURS, behindNat } from './detection-cases.ts';
import { allocatorIsRight, mappingIsRight, truthOf } from './detection-truth.ts';
import { type Detection, type DetectionSetting, describeProfile, detect, placeDetector } from './detection-world.ts';
import { wilson } from './stats.ts';

/** Did the next mapping fall into the window said to hold 90 %, how large was it, and what did it really claim to hold? */
interface Window {
  readonly kind: 'step' | 'time';
  readonly hit: boolean;
  readonly claimed: number;
  readonly size: number;
}

interface Outcome {
  readonly mapping: boolean;
  readonly allocator: boolean;
  readonly refinedAllocator: boolean;
  readonly refinedMapping: boolean;
  readonly confidence: number;
  readonly refinedConfidence: number;
  readonly ms: number;
  readonly packets: number;
  /** Null where the rule has no window. */
  readonly window: Window | null;
  /** For a person who looks at what went wrong. */
  readonly said: string;
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

export function runCase(user: SimUser, seed: string, servers: DetectionSetting['servers']): Outcome {
  const detection = placeDetector(user, { seed, servers, lossRate: 0.01 });
  const { final, refined, ms, packets } = detect(detection);
  const truth = truthOf(user);
  return {
    mapping: mappingIsRight(final, truth),
    allocator: allocatorIsRight(final, truth),
    refinedAllocator: allocatorIsRight(refined, truth),
    refinedMapping: mappingIsRight(refined, truth),
    confidence: final.confidence,
    refinedConfidence: refined.confidence,
    ms,
    packets,
    window: probeWindow(detection, refined),
    said: `${describeProfile(final)}, then ${describeProfile(refined)}; truth ${JSON.stringify(truth)}`,
  };
}

/** Opens one more mapping a while later and looks whether its port is among those predicted. */
function probeWindow(detection: Detection, profile: NatProfile): Outcome['window'] {
  const { world, host, detector, sources } = detection;
  const { kind } = profile.allocator;
  if ((kind !== 'step' && kind !== 'time') || profile.mapping === 'eim') return null;
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
  host.send(local, sources[0]!.target, encodeStun({ class: 'request', transaction: new Uint8Array(12) }));
  world.runUntil(() => observed !== null, { limitMs: 1000 });
  if (observed === null) return null;
  const hit = window.ports.some(({ port }) => port === observed);
  return { kind, hit, claimed: window.coverage, size: window.ports.length };
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
function printCalibration(name: string, cases: readonly { confidence: number; right: boolean }[]): string[] {
  const bins = [0, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1];
  return bins.slice(1).flatMap((high, i) => {
    const inside = cases.filter(({ confidence }) => confidence >= bins[i]! && confidence < high);
    if (inside.length === 0) return [];
    const hits = inside.filter(({ right }) => right).length;
    const { low: from, high: to } = wilson(hits, inside.length);
    const said = inside.reduce((sum, { confidence }) => sum + confidence, 0) / inside.length;
    const bounds = `${percent(from)}-${percent(to)}`;
    return [
      `${name} said ${percent(said).padStart(5)} %  right ${percent(hits / inside.length).padStart(5)} % (${bounds})  n ${inside.length}`,
    ];
  });
}

/** All windows of a rule together. */
function printWindows(kind: Window['kind'], outcomes: readonly Outcome[]): string[] {
  const windows = outcomes.flatMap(({ window }) => (window?.kind === kind ? window : []));
  if (windows.length === 0) return [];
  const hits = windows.filter(({ hit }) => hit).length;
  const { low, high } = wilson(hits, windows.length);
  const mean = (of: (window: Window) => number) => windows.reduce((sum, one) => sum + of(one), 0) / windows.length;
  const claimed = percent(mean(({ claimed }) => claimed));
  const bounds = `${percent(low)}-${percent(high)}`;
  const size = mean(({ size }) => size).toFixed(0);
  return [
    `windows of 90 %, ${kind}: claimed ${claimed} %, hit ${percent(hits / windows.length)} % (${bounds}), ${size} ports, n ${windows.length}`,
  ];
}

type Case = readonly [name: string, userOf: (seed: string, i: number) => SimUser];

const CASES: readonly Case[] = [
  ...SIM_CLASSES.map(
    (id): Case => [id, (seed, i) => simClass(id, simRandom(`user ${seed}`), i % 2 === 0 ? 'home' : 'mobile')],
  ),
  ...Object.entries(BEHAVIOURS).map(([name, nat]): Case => [name, (seed) => behindNat(nat, seed)]),
];

function main(): void {
  const { values } = parseArgs({
    options: {
      n: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      servers: { type: 'string', default: 'master-two-addresses' },
      /** Names the cases that went wrong. */
      verbose: { type: 'boolean', default: false },
      /** Keeps the table in `bench/results`, named after the commit. */
      keep: { type: 'boolean', default: false },
    },
  });
  const n = Number(values.n);
  // As it is now: an hour later the checkout may be another one.
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const servers = values.servers as DetectionSetting['servers'];
  const only = values.only.split(',');
  const all: Outcome[] = [];
  const rows = CASES.filter(([name]) => only.some((part) => name.includes(part))).map(([name, userOf]) => {
    const outcomes = Array.from({ length: n }, (_, i) => {
      const seed = `${values.seed} ${name} ${i}`;
      const outcome = runCase(userOf(seed, i), seed, servers);
      if (values.verbose && !(outcome.mapping && outcome.allocator)) console.error(`${seed}: ${outcome.said}`);
      return outcome;
    });
    all.push(...outcomes);
    return summarise(name, outcomes);
  });
  const lines = [
    ...printTable(rows),
    '',
    ...printWindows('step', all),
    ...printWindows('time', all),
    '',
    ...printCalibration(
      'final  ',
      all.map(({ confidence, mapping, allocator }) => ({ confidence, right: mapping && allocator })),
    ),
    '',
    ...printCalibration(
      'refined',
      all.map((one) => ({ confidence: one.refinedConfidence, right: one.refinedMapping && one.refinedAllocator })),
    ),
  ];
  console.log(lines.join('\n'));
  if (!values.keep) return;
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(
    `bench/results/detection-${servers}-${commit}.txt`,
    `commit ${commit}, seed ${values.seed}, n = ${n} a case, 2 % loss, ${servers}\n\n${lines.join('\n')}\n`,
  );
}

if (import.meta.filename === process.argv[1]) main();
