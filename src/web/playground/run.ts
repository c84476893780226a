/** One run of the real machines in the simulated internet, inside the page. */
import type { PeerEvent } from '../../core/index.ts';
import { describeUser, runPair, type SimClassId, type TraceObject, traceObject } from '../../sim/index.ts';
import { browserCrypto } from './crypto.ts';

export interface RunRequest {
  readonly client: SimClassId;
  readonly host: SimClassId;
  readonly seed: number;
  readonly lossRate: number;
  readonly delayMs: number;
}

export interface PlayEvent {
  readonly at: number;
  readonly side: 'client' | 'host';
  readonly event: Exclude<PeerEvent, { ev: 'message' }>;
}

export interface PlayRun {
  readonly connected: boolean;
  readonly elapsedMs: number;
  readonly attempts: number;
  readonly packets: number;
  readonly client: string;
  readonly host: string;
  readonly lines: readonly TraceObject[];
  readonly events: readonly PlayEvent[];
}

/** Longer runs than this are cut: the page keeps every packet. */
const LIMIT_MS = 30_000;

export function run(request: RunRequest): PlayRun {
  const events: PlayEvent[] = [];
  const result = runPair({
    clientClass: request.client,
    hostClass: request.host,
    seed: request.seed,
    crypto: browserCrypto,
    limitMs: LIMIT_MS,
    trace: true,
    lines: { delayMs: request.delayMs, lossRate: request.lossRate },
    onEvent: (side, event, at) => {
      if (event.ev !== 'message') events.push({ at, side, event });
    },
  });
  return {
    connected: result.connected,
    elapsedMs: result.elapsedMs,
    attempts: result.attempts,
    packets: result.packets.client,
    client: describeUser(result.users.client),
    host: describeUser(result.users.host),
    lines: result.world.trace.map(traceObject),
    events,
  };
}
