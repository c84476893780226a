/**
 * Who gets through: `npm run bench:peers -- --peers FOLDER`, in kernel namespaces (Linux, root or user namespaces). Every pair of twelve
 * kinds of NAT, 10 ms and two routers from the middle, in networks of its own for each program: ours by the real command without its
 * relay, hyperdht over a table of nodes at four addresses, WebRTC's ICE (libdatachannel) with a STUN server and no TURN. They are
 * installed into FOLDER when it lacks them, and nowhere else. `--pairs step,random` takes pairs of these alone, `--only hyperdht` one program, `--at-once 6` plays so
 * many side by side, `--limit 60` is how many seconds each has, `--keep` writes the table to `bench/results`.
 *
 * The time is from the start of the friend's program, Node included, to its word that the connection stands. Packets are those that
 * leave both networks from then on, or until the time is over.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type LabProcess, NAT_PRESETS, type NatPreset, openScene, type Scene, tinyGame } from '../lab/index.ts';
import { connectHyperdht, connectWebrtc, install } from './plane-peers.ts';
import { quantile } from './stats.ts';

const { values: flags } = parseArgs({
  options: {
    peers: { type: 'string', default: '' },
    pairs: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
    'at-once': { type: 'string', default: '6' },
    limit: { type: 'string', default: '60' },
    keep: { type: 'boolean', default: false },
  },
});
const LIMIT_MS = Number(flags.limit) * 1_000;
const KINDS = Object.entries(NAT_PRESETS).flatMap(([name, nat]) => (nat.udpBlocked ? [] : [name as NatPreset]));

interface Try {
  readonly client: NatPreset;
  readonly host: NatPreset;
  /** Null where it did not connect in time. */
  readonly ms: number | null;
  readonly packets: number;
}

interface Contender {
  readonly name: string;
  /** Everything that is there before the friend comes; gives what the friend does, which ends when it is connected. */
  prepare(scene: Scene): Promise<() => Promise<unknown>>;
}

const sallyport: Contender = {
  name: 'sallyport',
  prepare: async (scene) => () => scene.join(LIMIT_MS, { argv: ['--timeout', flags.limit] }),
};

/** What is ours would only be in the way. */
async function alone(scene: Scene): Promise<void> {
  await Promise.all([scene.host.stop(), scene.master.stop()]);
}

const hyperdht: Contender = {
  name: 'hyperdht',
  async prepare(scene) {
    await alone(scene);
    const further = await Promise.all(['one', 'two', 'three'].map((name) => scene.lab.publicHost(name)));
    return await connectHyperdht(flags.peers, scene, further, LIMIT_MS);
  },
};

const webrtc: Contender = {
  name: 'ICE (libdatachannel)',
  async prepare(scene) {
    await alone(scene);
    const { address } = scene.masterHost;
    const server = scene.masterHost.spawn([
      ...['turnserver', '-n', '--stun-only', '--no-cli', '--no-tls', '--no-dtls', '--no-tcp', '--log-file', 'stdout'],
      ...['--listening-ip', address, '--pidfile', '/run/lab/turnserver.pid', '--userdb', '/run/lab/turnserver.db'],
    ]);
    await listening(server);
    return () => connectWebrtc(flags.peers, scene, `stun:${address}:3478`, LIMIT_MS);
  },
};

async function listening(server: LabProcess): Promise<void> {
  await server.find(({ text }) => text.includes('admin thread') || null, 10_000);
}

/** What has left the outermost box of each side. */
async function packetsOut({ nats }: Scene): Promise<number> {
  const counts = nats.map(async (nat) =>
    Number(/"tx":\{[^}]*"packets":(\d+)/.exec(await nat.shell('ip -s -j link show wan'))?.[1]),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

async function attempt(contender: Contender, client: NatPreset, host: NatPreset): Promise<Try> {
  const behind = (nat: NatPreset) => ({ kind: 'nat', nat }) as const;
  const scene = await openScene({
    ...{ client: behind(client), host: behind(host), game: tinyGame },
    ...{ hops: 2, link: { delayMs: 10 } },
  });
  try {
    const connect = await contender.prepare(scene);
    const before = await packetsOut(scene);
    const begun = performance.now();
    const ms = await connect().then(
      () => performance.now() - begun,
      () => null,
    );
    return { client, host, ms, packets: (await packetsOut(scene)) - before };
  } finally {
    await scene.close();
  }
}

async function everyPair(contender: Contender, kinds: readonly NatPreset[]): Promise<readonly Try[]> {
  const pairs = kinds.flatMap((client, n) => kinds.slice(n).map((host) => ({ client, host })));
  const tries: Try[] = [];
  const worker = async (): Promise<void> => {
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      const result = await attempt(contender, pair.client, pair.host);
      tries.push(result);
      const how = result.ms === null ? 'no path' : `${(result.ms / 1_000).toFixed(1)} s`;
      console.error(`${contender.name}: ${pair.client} – ${pair.host}: ${how}, ${result.packets} packets`);
    }
  };
  await Promise.all(Array.from({ length: Number(flags['at-once']) }, worker));
  return tries;
}

const isSymmetric = (kind: NatPreset): boolean => NAT_PRESETS[kind].mapping !== 'endpoint-independent';

function row(name: string, tries: readonly Try[]): string {
  const through = tries.filter(({ ms }) => ms !== null);
  const hard = tries.filter(({ client, host }) => isSymmetric(client) && isSymmetric(host));
  const seconds = through.map(({ ms }) => (ms ?? 0) / 1_000);
  const of = (some: readonly Try[], all: readonly Try[]): string =>
    `${some.length} of ${all.length}${all.length === 0 ? '' : ` (${((100 * some.length) / all.length).toFixed(0)} %)`}`;
  const packets = (some: readonly Try[]): string =>
    String(
      quantile(
        some.map((one) => one.packets),
        0.5,
      ) ?? '–',
    );
  const cells = [
    ...[
      name,
      of(through, tries),
      of(
        through.filter((one) => hard.includes(one)),
        hard,
      ),
    ],
    ...[quantile(seconds, 0.5)?.toFixed(1) ?? '–', quantile(seconds, 0.95)?.toFixed(1) ?? '–', packets(through)],
    packets(tries.filter(({ ms }) => ms === null)),
  ];
  return `| ${cells.join(' | ')} |`;
}

if (flags.peers === '') {
  console.error('Name a folder of its own for the other programs: npm run bench:peers -- --peers FOLDER');
  process.exit(2);
}
install(flags.peers);
const kinds = flags.pairs === '' ? KINDS : KINDS.filter((kind) => flags.pairs.split(',').includes(kind));
const date = new Date().toISOString().slice(0, 10);
const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim();
const lines = [
  `npm run bench:peers -- --peers FOLDER --limit ${flags.limit}    (${commit}, ${date}; pairs of ${kinds.join(', ')}; one try each, ${flags['at-once']} at once)`,
  '| program | pairs connected | of them both symmetric | median s | p95 s | packets, median | packets without a path, median |',
  '|---|---|---|---|---|---|---|',
];
const failed: string[] = [];
const contenders = [sallyport, hyperdht, webrtc].filter(({ name }) => name.startsWith(flags.only));
for (const contender of contenders) {
  const tries = await everyPair(contender, kinds);
  lines.push(row(contender.name, tries));
  const not = tries.filter(({ ms }) => ms === null).map(({ client, host }) => `${client} – ${host}`);
  failed.push(`${contender.name}, without a path: ${not.sort().join(', ') || 'none'}`);
}
const table = [...lines, ...failed].join('\n');
console.log(table);
if (flags.keep) writeFileSync(`bench/results/peers-${date}.txt`, `${table}\n`);
