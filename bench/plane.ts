/**
 * What a game's datagrams get on their way, side by side in one run: `npm run bench:plane`, in kernel namespaces (Linux, root or user
 * namespaces). A friend's computer, a host's and a master hang off one router without delay or loss; each way begins and ends at the
 * same programs (`plane-game.ts`). `-- --peers FOLDER` adds other people's tunnels that `plane-peers.ts` has installed there.
 *
 * Added times are against raw UDP: two forwarders as plain as Node allows, one at each end, as the ways themselves stand there.
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  childrenOf,
  compiled,
  countingGame,
  type LabHost,
  type LabProcess,
  openScene,
  type Scene,
} from '../lab/index.ts';
import { peers } from './plane-peers.ts';
import { GAME_PORT, raw, ready, sallyport, type Way, type WayMaker } from './plane-ways.ts';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rows: { type: 'string', default: 'rtt,flood,burst,loaded' },
    peers: { type: 'string', default: '' },
    rounds: { type: 'string', default: '1' },
  },
});

const PUBLIC = { kind: 'public' } as const;
const ASK_MS = 120_000;
const TICKS_PER_SECOND = 100;

type Answer = Readonly<Record<string, number>>;

class Plane {
  readonly scene: Scene;
  #game: LabProcess | null = null;
  constructor(scene: Scene) {
    this.scene = scene;
  }

  /** The game of the host is this one from now on. */
  async serve(script: string, word: string): Promise<void> {
    await this.#game?.stop();
    this.#game = this.scene.hostSide.spawn([process.execPath, compiled(script), word, String(GAME_PORT)]);
    await ready(this.#game);
  }

  /** One question of the friend's game to the host's. */
  ask(way: Way, what: string, ...numbers: readonly number[]): Promise<Answer> {
    return this.askFrom(this.scene.clientSide, way, what, ...numbers);
  }

  async askFrom(
    on: LabHost,
    at: Pick<Way, 'address' | 'port'>,
    what: string,
    ...numbers: readonly number[]
  ): Promise<Answer> {
    return await this.#run(on, 'bench/plane-game.js', [what, at.address, at.port, ...numbers]);
  }

  /** The same by the programs of a flood. */
  async flood(at: Way, bytes: number, rate: number, seconds: number): Promise<Answer> {
    return await this.#run(this.scene.clientSide, 'bench/plane-batch.js', [
      'flood',
      at.address,
      at.port,
      bytes,
      rate,
      seconds,
    ]);
  }

  async #run(on: LabHost, script: string, words: readonly (string | number)[]): Promise<Answer> {
    return await answerOf(on.spawn([process.execPath, compiled(script), ...words.map(String)]));
  }
}

async function answerOf(program: LabProcess): Promise<Answer> {
  const answer = await program.find(({ text }) => (text.startsWith('{') ? text : null), ASK_MS);
  await program.exited;
  return JSON.parse(answer) as Answer;
}

/** User and system time of the processes so far, in microseconds. */
function cpuOf(programs: readonly LabProcess[]): number {
  let ticks = 0;
  const pids = programs.flatMap(({ pid }) => (pid === undefined ? [] : [pid, ...childrenOf(pid)]));
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks / TICKS_PER_SECOND) * 1e6;
}

const figures: string[] = [];
function tell(way: string, what: string, value: string): void {
  const line = `${way.padEnd(22)} ${what.padEnd(34)} ${value}`;
  figures.push(line);
  console.log(line);
}

async function rtt(plane: Plane, name: string, way: Way): Promise<void> {
  const before = [cpuOf(way.host), cpuOf(way.friend)] as const;
  const { p50, p95, p99, max, sent, heard } = await plane.ask(way, 'rtt', 1000, 8, 100);
  const host = (cpuOf(way.host) - before[0]) / (heard ?? 1);
  tell(name, '1 kHz, p50 p95 p99 max ms', [p50, p95, p99, max].map((ms) => ms?.toFixed(3)).join(' '));
  tell(name, '1 kHz, lost', String((sent ?? 0) - (heard ?? 0)));
  tell(name, '1 kHz, host CPU us a round trip', host.toFixed(1));
}

/** The highest rate at which nothing is lost in a second and a half. */
async function flood(plane: Plane, name: string, way: Way, bytes: number): Promise<void> {
  let [good, bad] = [0, Number.POSITIVE_INFINITY];
  let rate = 16_000;
  for (let step = 0; step < 6 && bad - good > 1_500; step += 1) {
    const { sent = 0, heard = 0 } = await plane.flood(way, bytes, rate, 1.5);
    if (heard >= sent) good = rate;
    else bad = rate;
    rate = bad === Number.POSITIVE_INFINITY ? Math.round(good * 1.5) : Math.round((good + bad) / 2);
  }
  tell(name, `${bytes} B a second, loss-free`, String(good));
  const cpu = [cpuOf(way.host), cpuOf(way.friend)] as const;
  const { sent = 1, heard = 0 } = await plane.flood(way, bytes, Math.max(1000, good * 0.9), 2);
  const [host, friend] = [(cpuOf(way.host) - cpu[0]) / sent, (cpuOf(way.friend) - cpu[1]) / sent];
  tell(name, `${bytes} B, CPU us host + friend`, `${host.toFixed(1)} + ${friend.toFixed(1)} (${heard} of ${sent})`);
}

/** Of a map, of many steps at once, and of datagrams that no path carries whole. */
const BURSTS = [
  [800, 1_200],
  [2_000, 64],
  [200, 8_000],
] as const;

async function bursts(plane: Plane, name: string, way: Way): Promise<void> {
  for (const [count, bytes] of BURSTS)
    for (const what of ['burst', 'pull']) {
      const heard: number[] = [];
      for (let n = 0; n < 5; n += 1) heard.push((await plane.ask(way, what, count, bytes)).heard ?? 0);
      tell(name, `${what} of ${count} x ${bytes} B, arrived`, heard.join(' '));
    }
}

/** Two programs that never rest, on as many cores as there are. */
async function loaded(plane: Plane, name: string, way: Way): Promise<void> {
  const burners = [1, 2].map(() => plane.scene.masterHost.spawn([process.execPath, '-e', 'for (;;);']));
  const { p50, p95, p99, max } = await plane.ask(way, 'rtt', 1000, 5, 100);
  for (const burner of burners) burner.signal('SIGKILL');
  tell(name, 'loaded, p50 p95 p99 max ms', [p50, p95, p99, max].map((ms) => ms?.toFixed(3)).join(' '));
}

/** The host's line at home: so much, and a queue of a quarter of a second in the router. */
const SHAPER = 'tc qdisc replace dev wan root tbf rate 5mbit burst 6kb latency 250ms';
const UPLOAD = { bytes: 1_200, perSecond: 833, seconds: 20 };

/** A game sends so many friends 8 Mbit/s each over a line of 5, one begun so many ms after the other; another friend's round trips meanwhile. */
async function upload(relay: 'never' | 'only', fed: number, apartMs = 0): Promise<void> {
  const home = { kind: 'nat', nat: 'home-router' } as const;
  const scene = await openScene({ host: home, client: PUBLIC, game: { ...countingGame, argv: ['sleep', '1d'] } });
  try {
    const { clientSide, lab, nats } = scene;
    const plane = new Plane(scene);
    await plane.serve('bench/plane-game.js', 'server');
    const player = async (
      on: LabHost,
    ): Promise<{ readonly on: LabHost; readonly at: Pick<Way, 'address' | 'port'> }> => {
      const { local } = (await scene.join(ASK_MS, { on, relay })).connected;
      return { on, at: { address: local.split(':')[0] ?? '', port: Number(local.split(':')[1]) } };
    };
    const players = [await player(clientSide)];
    for (let n = 1; n < fed; n += 1) players.push(await player(await lab.publicHost(`fed${n}`)));
    const other = await player(await lab.publicHost('lee'));
    await nats[0]?.shell(SHAPER);
    const name = relay === 'only' ? 'sallyport, relayed' : 'sallyport';
    const what = fed === 1 ? 'upload 8 on 5 Mbit/s' : `upload ${fed} x 8 on 5, ${apartMs} ms apart`;
    const quiet = await plane.askFrom(other.on, other.at, 'rtt', 32, 5, 100);
    const [{ p50, p95, max, sent, heard }, ...got] = await Promise.all([
      plane.askFrom(other.on, other.at, 'rtt', 32, UPLOAD.seconds - 2, 100),
      ...players.map(async ({ on, at }, n) => {
        await setTimeout(n * apartMs);
        return await plane.askFrom(on, at, 'feed', UPLOAD.bytes, UPLOAD.perSecond, UPLOAD.seconds);
      }),
    ]);
    const mbit = got.map(({ heard: came = 0 }) => ((came * UPLOAD.bytes * 8) / UPLOAD.seconds / 1e6).toFixed(2));
    tell(name, `${what}, other p50 p95 max ms`, [p50, p95, max].map((ms) => ms?.toFixed(0)).join(' '));
    tell(name, 'the same without load, p95 ms', String(quiet.p95?.toFixed(0)));
    tell(name, `${what}, carried Mbit/s`, `${mbit.join(' + ')}, other lost ${(sent ?? 0) - (heard ?? 0)} of ${sent}`);
    const notices = scene.host.lines.filter(({ text }) => text.includes('"kind":"upload"'));
    tell(name, 'the host is told', notices.map(({ text }) => text.replace(/,"ts".*/, '}')).join(' ') || 'no');
  } finally {
    await scene.close();
  }
}

const FRIENDS = 32;
const FRIENDS_SECONDS = 20;

/** So many friends of one host, each of whom plays 64 steps a second: the processor's time that the host's program takes. */
async function friends(): Promise<void> {
  const scene = await openScene({ host: PUBLIC, client: PUBLIC, game: { ...countingGame, argv: ['sleep', '1d'] } });
  try {
    await new Plane(scene).serve('bench/plane-game.js', 'server');
    await scene.host.stop();
    await scene.runHost(['--max', String(FRIENDS)]);
    const words = [scene.link, scene.code, String(FRIENDS), String(FRIENDS_SECONDS)];
    const players = scene.clientSide.spawn([process.execPath, compiled('bench/plane-friends.js'), ...words]);
    await ready(players, 'playing', ASK_MS);
    const before = cpuOf([scene.host]);
    await ready(players, 'played', ASK_MS);
    const core = (cpuOf([scene.host]) - before) / (FRIENDS_SECONDS * 1e6);
    const { sent = 0, heard = 0 } = await answerOf(players);
    tell('sallyport', `${FRIENDS} friends x 64/s, host CPU, cores`, core.toFixed(3));
    tell('sallyport', `${FRIENDS} friends x 64/s, answered`, `${heard} of ${sent}`);
  } finally {
    await scene.close();
  }
}

const MEASURES: Readonly<Record<string, (plane: Plane, name: string, way: Way) => Promise<void>>> = {
  rtt,
  flood: async (plane, name, way) => {
    await plane.serve('bench/plane-batch.js', 'serve');
    await flood(plane, name, way, 1200);
    await flood(plane, name, way, 64);
    await plane.serve('bench/plane-game.js', 'server');
  },
  burst: bursts,
  loaded,
};

async function main(): Promise<void> {
  const others = flags.peers === '' ? [] : peers(flags.peers);
  const makers: readonly WayMaker[] = [raw, sallyport('never'), sallyport('only'), ...others];
  const chosen = makers.filter(({ name }) => flags.only === '' || flags.only.split(',').includes(name));
  const scene = await openScene({ host: PUBLIC, client: PUBLIC, game: { ...countingGame, argv: ['sleep', '1d'] } });
  const plane = new Plane(scene);
  await plane.serve('bench/plane-game.js', 'server');
  try {
    for (let round = 0; round < Number(flags.rounds); round += 1)
      for (const maker of chosen) {
        try {
          const way = await maker.start(scene);
          for (const row of flags.rows.split(',')) await MEASURES[row]?.(plane, maker.name, way);
          for (const program of [...way.friend, ...(way.further ?? [])]) await program.stop();
        } catch (error) {
          tell(maker.name, 'does not work here', String(error).split('\n')[0] ?? '');
        }
      }
  } finally {
    await scene.close();
  }
  if (flags.rows.split(',').includes('upload')) {
    await upload('never', 1);
    await upload('only', 1);
    await upload('only', 3, 100);
    for (const apartMs of [0, 100, 300, 700]) await upload('never', 5, apartMs);
  }
  if (flags.rows.split(',').includes('friends')) await friends();
}

await main();
