/** One client and one host of given classes, with the real machines and a real master between them, from start to path. */
import type { SimUser } from './population.ts';
import { openScene, type PairScene, type PairSide, type SceneOptions, type SimPeer } from './scene.ts';
import type { World } from './world.ts';

export interface PairOptions extends SceneOptions {
  /** Virtual time from the join to giving up. */
  readonly limitMs?: number;
  /** After the client's path, until the host must have its own; default 2 s. */
  readonly agreeMs?: number;
  /** How often somebody joins whose join has failed for good; default 1. */
  readonly joinsMax?: number;
  /** Called when the client has been told to join: what happens to the world from here on may be arranged now. */
  onJoin?(scene: PairScene): void;
}

export interface PairResult {
  /** Both sides have a path. */
  readonly connected: boolean;
  /** Both sides say the same of it, two seconds after the client has said it. */
  readonly agreed: boolean;
  /** From the join command to the two-way proof at the client, or to the end of the run. */
  readonly elapsedMs: number;
  readonly attempts: number;
  /** How the last attempt was made; null before the first. */
  readonly method: string | null;
  /** Packets to the other side, by sender, dying ones included. */
  readonly packets: Readonly<Record<PairSide, number>>;
  /** Highest number of live mappings in any box of either side. */
  readonly mappingsPeak: number;
  readonly users: Readonly<Record<PairSide, SimUser>>;
  readonly world: World;
}

/** Start, handshake and detection; a blocked network never gets ready. */
const READY_LIMIT_MS = 10_000;
const LIMIT_MS = 120_000;
/** After a join that failed, until somebody tries another. */
const JOIN_AGAIN_MS = 2_000;
/** After the client's path: what the host still needs to say the same. */
const AGREE_MS = 2_000;

export function runPair(options: PairOptions): PairResult {
  const scene = openScene(options);
  const elapsedMs = meet(scene, options);
  return pairResult(scene, elapsedMs);
}

/** From start to path; answers the time from the join command to the path at the client, or to giving up. */
export function meet(scene: PairScene, options: Omit<PairOptions, keyof SceneOptions> = {}): number {
  const { world, peers } = scene;
  const { client, host } = peers;
  const isReady = (): boolean => host.last.has('hosting') && host.last.has('ready') && client.last.has('ready');
  world.runUntil(isReady, { limitMs: READY_LIMIT_MS });
  const hosting = host.last.get('hosting');
  const began = world.now;
  if (hosting?.ev === 'hosting') {
    const { code } = hosting;
    const { limitMs = LIMIT_MS, joinsMax = 1 } = options;
    const left = (): number => began + limitMs - world.now;
    for (let n = 1; n <= joinsMax && !client.last.has('path') && left() > 0; n++) {
      if (n > 1) world.run(JOIN_AGAIN_MS);
      client.command({ do: 'join', code, hostKey: null, password: null, name: 'client', join: n, timeoutMs: 0 });
      if (n === 1) options.onJoin?.(scene);
      world.runUntil(() => client.last.has('path') || joinFailed(client, n), { limitMs: left() });
    }
  }
  const elapsedMs = world.now - began;
  if (client.last.has('path')) world.runUntil(() => host.last.has('path'), { limitMs: options.agreeMs ?? AGREE_MS });
  return elapsedMs;
}

function joinFailed({ last }: SimPeer, join: number): boolean {
  const failed = last.get('join-failed');
  return failed?.ev === 'join-failed' && failed.join === join;
}

/** What has come of it by now. */
export function pairResult({ world, users, peers }: PairScene, elapsedMs: number): PairResult {
  const { client, host } = peers;
  const attempt = client.last.get('attempt');
  return {
    connected: client.last.has('path') && host.last.has('path'),
    agreed: !client.last.has('path') || host.last.has('path'),
    elapsedMs,
    attempts: attempt?.ev === 'attempt' ? attempt.n : 0,
    method: attempt?.ev === 'attempt' ? attempt.plan.method : null,
    packets: { client: client.packets, host: host.packets },
    mappingsPeak: Math.max(0, ...world.gateways.map(({ nat }) => nat.stats(world.now).mappingsPeak)),
    ...{ users, world },
  };
}
