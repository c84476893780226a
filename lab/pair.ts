/** One join between two classes of networks on kernel NATs with the real command: what `sallyport lab --pair` runs. */
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { LabFailure, type OutputLine } from './process.ts';
import { type CommandEvent, eventOf, openScene, type Place, type Scene, type SceneOptions } from './scene.ts';

/** Population classes (docs/reference/nat-model.md §3) that a kernel NAT can show. S3 needs a carrier's other customers: simulator only. */
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
/** The join ends by itself at its time-out; this much later it is stuck. */
const STUCK_MS = 10_000;

export interface LabPairOptions {
  readonly client: LabClass;
  readonly host: LabClass;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
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

/** Why the links of a pair can have no delay here; null where they can. An installed package has no koffi. */
export function delayMissing(): string | null {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/net/tun cannot be opened';
  }
  try {
    createRequire(import.meta.url).resolve('koffi');
    return null;
  } catch {
    return 'the package koffi is missing';
  }
}

/** Rejects where no path is found in time, where either command fails (see `failureOf`), and on abort. */
export async function runLabPair(options: LabPairOptions): Promise<LabPairResult> {
  const stop = aborted(options.signal);
  const opening = openScene(sceneFor(options));
  const scene = await Promise.race([opening, stop]).catch((error: unknown) => {
    // Building takes seconds; nobody waits for it to be taken down again.
    opening.then((late) => late.close()).catch(() => {});
    throw error;
  });
  try {
    return await Promise.race([joinIn(scene, options), stop]);
  } finally {
    await scene.close();
  }
}

/**
 * Of the error with which `runLabPair` has rejected: on which side the command failed, and the line of the kind `error` that it printed
 * (docs/reference/design.md §9). Null where no command has failed.
 */
export function failureOf(error: unknown): { readonly on: string; readonly event: CommandEvent } | null {
  if (!(error instanceof LabFailure)) return null;
  const events = error.program.lines.flatMap(({ stream, text }) => (stream === 'stdout' ? (eventOf(text) ?? []) : []));
  const event = events.find(({ ev }) => ev === 'error');
  return event === undefined ? null : { on: error.program.name.split(':')[0] ?? '', event };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function sceneFor({ client, host }: LabPairOptions): SceneOptions {
  const link = delayMissing() === null ? { link: { delayMs: LINK_DELAY_MS } } : {};
  return { client: LAB_CLASSES[client], host: LAB_CLASSES[host], hops: HOPS, ...link };
}

async function joinIn(scene: Scene, { timeoutMs, onLine }: LabPairOptions): Promise<LabPairResult> {
  scene.host.follow((line) => onLine('host', line));
  const joined = await scene.join(timeoutMs + STUCK_MS, {
    argv: ['--timeout', String(Math.ceil(timeoutMs / 1_000))],
    onStart: (command) => command.follow((line) => onLine('client', line)),
  });
  const { path, ms, attempts, packetsSent } = joined.connected;
  return { path, ms, attempts, packetsSent, game: scene.game.name, status: await scene.status(joined) };
}
