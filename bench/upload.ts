/**
 * Several friends of a host are fed over one line, in virtual time: what another friend's datagrams take meanwhile. The machines that find the
 * pace are the real ones; a datagram is a number of bytes here, so that hundreds of worlds run in a minute. `npm run bench:upload -- --seeds 100`
 *
 * Each world draws its numbers from its seed: so many friends, begun in any order, some of whose ways are known before, some of whom join
 * then. The first rows are one begun so many ms after the other.
 */
import { parseArgs } from 'node:util';
import type { Instant } from '../src/core/index.ts';
import { agenda, clockOf, pathOf, SharedLine, Upload } from '../src/core/testing.ts';
import { EventQueue, OneWayLink, type SimRandom, simRandom } from '../src/sim/index.ts';
import { quantile } from './stats.ts';

/** Header, tag and kind of a datagram; IP and UDP. */
const SEALED_BYTES = 47;
const IP_BYTES = 28;
const QUESTION_BYTES = 54;
const PING = { perSecond: 32, bytes: 174 };
const SECONDS = 30;
const ASKED_MS = 100;
/** What each gets is looked at so long after the last has begun, what is used after so long. */
const SETTLED_MS = 10_000;
const SETTLED_FIRST_MS = 2_000;
const APART = [
  [1, 0],
  [3, 0],
  [5, 0],
  [8, 0],
  [5, 50],
  [16, 50],
  [2, 100],
  [3, 100],
  [5, 100],
  [8, 100],
  [5, 200],
  [5, 300],
  [5, 500],
  [3, 700],
  [5, 700],
  [5, 1_000],
  [3, 2_000],
] as const;

interface Line {
  readonly mbit: number;
  readonly queueMs: number;
  readonly delayMs: number;
  readonly lossRate: number;
}

interface Fed {
  /** Mbit/s of the game, in datagrams of so many bytes, and when it sends. */
  readonly mbit: number;
  readonly bytes: number;
  readonly spans: readonly { readonly from: number; readonly to: number }[];
  /** Has its way been asked before, or does it join as it begins? */
  readonly known: boolean;
}

type Arrivals = readonly { readonly at: Instant; readonly bytes: number }[];

interface Result {
  readonly p95: number;
  /** Share of the pings that took more than `ASKED_MS` or were lost. */
  readonly late: number;
  /** Mbit/s that each gets from ten seconds after the last beginning on. */
  readonly each: readonly number[];
  readonly used: number;
}

const LINE: Line = { mbit: 5, queueMs: 250, delayMs: 20, lossRate: 0 };
const EPOCH: Instant = 1_000;
const END: Instant = EPOCH + SECONDS * 1_000;

/** One line, and what goes over it. */
class World {
  private now: Instant = 0;
  private readonly agenda = agenda();
  private readonly events = new EventQueue();
  private readonly line: OneWayLink;
  private readonly shared = new SharedLine();
  private readonly delayMs: number;

  constructor({ mbit, ...line }: Line, seed: number) {
    this.line = new OneWayLink({ ...line, bitsPerSecond: mbit * 1e6 }, simRandom(seed));
    this.delayMs = line.delayMs;
  }

  /** How long the pings of another friend take; without end where they are lost. */
  ping(): number[] {
    const took: number[] = [];
    this.every(1_000 / PING.perSecond, EPOCH, END, () => {
      const n = took.push(Number.POSITIVE_INFINITY) - 1;
      this.pass(PING.bytes, (tookMs) => {
        took[n] = tookMs;
      });
    });
    return took;
  }

  /** What arrives of a game, and when. */
  feed({ mbit, bytes, spans, known }: Fed, n: number): Arrivals {
    const arrivals: { readonly at: Instant; readonly bytes: number }[] = [];
    const label = { label: new Uint8Array(8), mask: new Uint8Array(8) };
    const remote = { address: '198.51.100.1', port: n };
    const path = pathOf(0, { kind: 'direct', socket: n, remote, via: null }, { n, label });
    const transmit = (sealed: number, arrives: () => void): void => {
      path.sent++;
      path.sentBytes += sealed;
      this.pass(sealed + IP_BYTES, () => {
        path.heard++;
        arrives();
      });
    };
    const data = (): void => transmit(bytes + SEALED_BYTES, () => arrivals.push({ at: this.now, bytes }));
    let tokens = 0;
    const ask = (answered: (token: Uint8Array, at: Instant, heard: number, clock: number) => void): Uint8Array => {
      const token = Uint8Array.of(++tokens >> 8, tokens);
      const at = this.now;
      transmit(QUESTION_BYTES, () => {
        const [heard, clock] = [path.heard, clockOf(this.now)];
        this.events.push(this.now + this.delayMs, () => answered(token, at, heard, clock));
      });
      return token;
    };
    const upload = new Upload(this.agenda, this.shared, {
      send: data,
      ask: () => ask((token, _at, heard, clock) => upload.answered(this.now, path, token, heard, clock)),
      shed: () => {},
      told: () => {},
    });
    if (known) this.events.push(0, () => ask((_token, at, _heard, clock) => upload.knows(this.now, path, at, clock)));
    const payload = new Uint8Array(bytes);
    for (const { from, to } of spans)
      this.every((bytes * 8) / 1_000 / mbit, EPOCH + from, EPOCH + to, () => {
        if (!upload.takes(this.now, path, payload, 0)) data();
      });
    return arrivals;
  }

  run(): void {
    for (;;) {
      const next = this.events.nextAt;
      const at = Math.min(next, this.agenda.next());
      if (at > END + 1_000) return;
      this.now = Math.max(this.now, at);
      this.agenda.run(this.now);
      if (next <= this.now) this.events.pop()?.run();
    }
  }

  private every(ms: number, from: Instant, to: Instant, run: () => void): void {
    if (from > Math.min(to, END)) return;
    this.events.push(from, () => {
      run();
      this.every(ms, from + ms, to, run);
    });
  }

  private pass(bytes: number, arrives: (tookMs: number) => void): void {
    const { lost, delays } = this.line.pass(this.now, bytes);
    const [tookMs = 0] = delays;
    if (lost === null) this.events.push(this.now + tookMs, () => arrives(tookMs));
  }
}

function play(line: Line, fed: readonly Fed[], seed: number): Result {
  const world = new World(line, seed);
  const took = world.ping();
  const arrivals = fed.map((one, n) => world.feed(one, n));
  world.run();
  const carried = (from: Instant): number[] =>
    arrivals
      .map((one) => one.reduce((sum, { at, bytes }) => sum + (at >= from && at <= END ? bytes : 0), 0))
      .map((sum) => (sum * 8) / 1_000 / (END - from));
  const last = Math.max(...fed.map(({ spans }) => spans[0]?.from ?? 0));
  return {
    p95: quantile(took, 0.95) ?? Number.NaN,
    late: took.filter((ms) => ms > ASKED_MS).length / took.length,
    each: carried(EPOCH + last + SETTLED_MS),
    used: carried(EPOCH + SETTLED_FIRST_MS).reduce((sum, one) => sum + one, 0) / line.mbit,
  };
}

/** Sends from then on; one that is not known before has its first question under way with its first datagrams. */
const steady = (from: number, mbit: number, known = true, bytes = 1_200): Fed => ({
  ...{ mbit, bytes, known },
  spans: [{ from, to: SECONDS * 1_000 }],
});

const apart = (friends: number, ms: number, known: boolean): readonly Fed[] =>
  Array.from({ length: friends }, (_, n) => steady(n * ms, 8, known));

/** So many friends, in any order, most of them within a second or some. */
function drawn(random: SimRandom, each: (from: number) => Fed): readonly Fed[] {
  const span = random.chance(0.5) ? 600 : 6_000 * random.float();
  return Array.from({ length: 1 + Math.floor(8 * random.float()) }, () => each(Math.floor(span * random.float())));
}

/** Sends for some seconds, and is silent for some. */
function inTurns(random: SimRandom, from: number): Fed {
  const spans: { readonly from: number; readonly to: number }[] = [];
  for (let at = from; at < SECONDS * 1_000; ) {
    const to = at + 500 + 6_000 * random.float();
    spans.push({ from: at, to });
    at = to + 200 + 6_000 * random.float();
  }
  return { ...steady(from, 8), spans };
}

interface Kind {
  readonly name: string;
  readonly line: Line;
  readonly fed: (random: SimRandom) => readonly Fed[];
}

const KINDS: readonly Kind[] = [
  { name: '8 each on 5', line: LINE, fed: (random) => drawn(random, (from) => steady(from, 8, random.chance(0.5))) },
  {
    name: '8 each on 5, 1 % lost',
    line: { ...LINE, lossRate: 0.01 },
    fed: (random) => drawn(random, (from) => steady(from, 8, random.chance(0.5))),
  },
  {
    name: '0.3 to 9.3 each on 5',
    line: LINE,
    fed: (random) => drawn(random, (from) => steady(from, 0.3 + 9 * random.float())),
  },
  { name: '8 each on 5, 300 B', line: LINE, fed: (random) => drawn(random, (from) => steady(from, 8, true, 300)) },
  { name: '3 each on 2', line: { ...LINE, mbit: 2 }, fed: (random) => drawn(random, (from) => steady(from, 3)) },
  {
    name: '20 each on 20, 60 ms one way',
    line: { ...LINE, mbit: 20, delayMs: 60 },
    fed: (random) => drawn(random, (from) => steady(from, 20)),
  },
  { name: '8 each on 5, in turns', line: LINE, fed: (random) => drawn(random, (from) => inTurns(random, from)) },
  {
    name: '8 each on 5, queue 500 ms',
    line: { ...LINE, queueMs: 500 },
    fed: (random) => drawn(random, (from) => steady(from, 8)),
  },
];

const list = (values: readonly number[], digits: number): string => values.map((one) => one.toFixed(digits)).join(' ');

function main(): void {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
  });
  console.log('friends apart  known     p95  late %  used  each Mbit/s');
  for (const known of [true, false])
    for (const [friends, ms] of APART) {
      const { p95, late, used, each } = play(LINE, apart(friends, ms, known), 7);
      const head = `${String(friends).padEnd(7)} ${String(ms).padStart(5)}  ${known ? 'yes' : 'no '}  `;
      console.log(
        `${head} ${p95.toFixed(0).padStart(6)} ${(100 * late).toFixed(1).padStart(7)}  ${used.toFixed(2)}  ${list(each, 2)}`,
      );
    }
  console.log(
    `\n${'worlds'.padEnd(30)} of  > ${ASKED_MS} ms  p95: median, 90 %, most  late: most  used: median, least`,
  );
  for (const { name, line, fed } of KINDS) {
    const results = Array.from({ length: Number(values.seeds) }, (_, n) => {
      const seed = Number(values.seed) + n;
      return { seed, ...play(line, fed(simRandom(seed)), seed) };
    });
    const over = results.filter(({ p95 }) => p95 > ASKED_MS);
    const of = (share: number): number =>
      quantile(
        results.map(({ p95 }) => p95),
        share,
      ) ?? Number.NaN;
    const used = results.map((one) => one.used);
    const words = [
      name.padEnd(30),
      String(results.length).padEnd(3),
      String(over.length).padStart(8),
      list([of(0.5), of(0.9), of(1)], 0).padStart(24),
      `${(100 * Math.max(...results.map(({ late }) => late))).toFixed(1)} %`.padStart(11),
      list([quantile(used, 0.5) ?? 0, quantile(used, 0) ?? 0], 2).padStart(14),
    ];
    console.log(
      words.join(' '),
      over.length === 0
        ? ''
        : ` seeds ${over
            .slice(0, 6)
            .map(({ seed }) => seed)
            .join(' ')}`,
    );
  }
}

main();
