/** One join between two classes of networks on kernel NATs with the real command: what `sallyport lab --pair` runs. */

import type { OutputLine } from './process.ts';
import { openScene, type Place, type Scene, type SceneOptions } from './scene.ts';

/** Population classes (nat-model section 3) that a kernel NAT can show. S3 needs a carrier's other customers: simulator only. */
export const LAB_CLASSES = {
  P0: { kind: 'public' },
  P1: { kind: 'nat', nat: 'full-cone' },
  P2: { kind: 'nat', nat: 'address-cone' },
  P3: { kind: 'nat', nat: 'home-router' },
  P4: { kind: 'nat', nat: 'home-router-accept' },
  P5: { kind: 'carrier', nat: 'range-cone' },
  S1: { kind: 'nat', nat: 'address-sensitive' },
  S2: { kind: 'nat', nat: 'step' },
  S4: { kind: 'nat', nat: 'fully-random' },
  S5: { kind: 'nat', nat: 'pf' },
  S6: { kind: 'carrier', nat: 'block-512' },
  X: { kind: 'nat', nat: 'udp-blocked' },
} as const satisfies Record<string, Place>;

export type LabClass = keyof typeof LAB_CLASSES;

/** Homes are some hops from the middle, and light takes its time. */
const HOPS = 2;
const LINK_DELAY_MS = 10;

export interface LabPairOptions {
  readonly client: LabClass;
  readonly host: LabClass;
  readonly timeoutMs: number;
  /** Everything the two commands print. */
  onLine(side: 'client' | 'host', line: OutputLine): void;
}

export interface LabPairResult {
  readonly path: string;
  readonly ms: number;
  readonly attempts: number;
  readonly packetsSent: number;
  /** Which server answered through the path, and what. */
  readonly game: string;
  readonly status: string;
}

/** Rejects where no path is found in time, with the output of the join. */
export async function runLabPair(options: LabPairOptions): Promise<LabPairResult> {
  const scene = await openScene(sceneFor(options));
  try {
    return await joinIn(scene, options);
  } finally {
    await scene.close();
  }
}

function sceneFor({ client, host }: LabPairOptions): SceneOptions {
  return { client: LAB_CLASSES[client], host: LAB_CLASSES[host], hops: HOPS, link: { delayMs: LINK_DELAY_MS } };
}

async function joinIn(scene: Scene, { timeoutMs, onLine }: LabPairOptions): Promise<LabPairResult> {
  scene.host.follow((line) => onLine('host', line));
  const joined = await scene.join(timeoutMs, {
    onStart: (command) => command.follow((line) => onLine('client', line)),
  });
  const { path, ms, attempts, packetsSent } = joined.connected;
  return { path, ms, attempts, packetsSent, game: scene.game.name, status: await scene.status(joined) };
}
