/**
 * The watch of how long an idle, answered mapping lives, as a detector runs it: minutes and a dozen packets, so it is done while
 * hosting, never before a join.
 */
import type { Instant, SocketId, SocketIds } from '../contract.ts';
import type { Outputs } from '../machine.ts';
import { Asker, type RequestNumbers } from '../sources/asker.ts';
import { LifetimeWatch } from '../sources/lifetime.ts';
import type { MappingSource } from '../sources/source.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';

/**
 * The first is the control: where it fails the server does not do what it was asked. Carriers forget after 10-200 s, mostly after 35
 * or 65 (Richter 2016); home routers after 30, 60, 120 or 180 s.
 */
const SILENCES_MS = [0, 10_000, 20_000, 33_000, 50_000, 63_000, 100_000, 125_000, 185_000] as const;
/** How often a question is sent, and how far apart. */
const OFTEN = { tries: 3, tryAfterMs: 1_000 } as const;
/** What is said of a mapping that did not survive the shortest silence. */
const SHORTEST_MS = 5_000;

export interface IdleWatchConfig {
  readonly source: MappingSource;
  /** The NAT gives a new port to a new mapping of the same socket. */
  readonly portsMove: boolean;
  readonly sockets: SocketIds;
  readonly family: 4 | 6;
  readonly out: Pick<Outputs<never>, 'open' | 'close' | 'transmit'>;
  readonly requests: RequestNumbers;
}

/** Null where the source cannot tell: ports stay, and it sends to nobody but the asker. */
export function idleWatch({
  source,
  portsMove,
  sockets,
  family,
  out,
  requests,
}: IdleWatchConfig): LifetimeWatch | null {
  if (!portsMove && source.requestTo === undefined) return null;
  return new LifetimeWatch({
    method: portsMove ? 'compare' : 'reach',
    ...{ source, plainSource: () => null, silencesMs: SILENCES_MS, longerMs: [], ...OFTEN },
    asker: new Asker(out.transmit, requests),
    open() {
      const socket: SocketId = sockets.next();
      out.open(socket, family);
      return socket;
    },
    close: (socket) => out.close(socket),
    room: (): Instant | null => null,
  });
}

/** The longest silence that a mapping was seen to survive; null where not even the control was. */
export function idleLifetimeOf({ survivedMs }: LifetimeWatch): number | null {
  return survivedMs === 0 ? SHORTEST_MS : survivedMs;
}

/** The silence that a mapping was not seen to survive, where `idleLifetimeMs` is the longest that it was: its life lies between. */
export function lifetimeBelow(idleLifetimeMs: number): number {
  return SILENCES_MS.find((ms) => ms > idleLifetimeMs) ?? WIRE_LIMITS.mappingLifetimeMsMax;
}
