/**
 * Order of the server list. `best` is the original's `order_category`: servers with people first, by ease of their NAT, then
 * empty ones, full ones last; ties by proof, by ping, then the newest. Sections (official, community) always stay apart.
 * Hosts count their own players, so a thousand inventions from a few addresses could fill the first page (SECURITY.md row 12):
 * unproven hosts of a crowded address stand behind everybody else.
 */
import type { NatType } from '../core/index.ts';
import type { SortKey } from './api.ts';

/** What the order looks at; a cursor of paging carries exactly this. */
export interface OrderFields {
  readonly official: boolean;
  /** Proven by the master's own join. */
  readonly verified: boolean;
  readonly crowded: boolean;
  readonly hostId: string;
  readonly name: string;
  readonly game: string;
  readonly map: string;
  readonly mode: string;
  readonly players: number;
  readonly playersMax: number;
  readonly natType: NatType;
  readonly rttMs: number | null;
  readonly firstSeenAt: number;
}

export type Compare = (left: OrderFields, right: OrderFields) => number;

const NAT_EASE: Readonly<Record<NatType, number>> = {
  public: 0,
  'port-preserving-cone': 1,
  cone: 2,
  'address-sensitive': 3,
  'port-sensitive': 4,
  unknown: 5,
  blocked: 6,
};
const EMPTY = 10;
const FULL = 20;
const SUSPECT = 30;

function category(server: OrderFields): number {
  if (server.crowded && !server.verified) return SUSPECT;
  if (server.playersMax > 0 && server.players >= server.playersMax) return FULL;
  return (server.players > 0 ? 0 : EMPTY) + NAT_EASE[server.natType];
}

/** Plain code-unit order: a collator costs ten times as much, and 100 000 names are compared here. */
function text(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function ping(server: OrderFields): number {
  return server.rttMs ?? Number.MAX_SAFE_INTEGER;
}

const PRIMARY: Readonly<Record<SortKey, Compare>> = {
  best: (left, right) => category(left) - category(right) || Number(right.verified) - Number(left.verified),
  ping: (left, right) => ping(left) - ping(right),
  name: (left, right) => text(left.name, right.name),
  players: (left, right) => right.players - left.players,
  map: (left, right) => text(left.map, right.map) || text(left.mode, right.mode),
  game: (left, right) => text(left.game, right.game),
  network: (left, right) => NAT_EASE[left.natType] - NAT_EASE[right.natType],
  up: (left, right) => left.firstSeenAt - right.firstSeenAt,
};

/** A total order: two different servers never compare equal, so a cursor names one place. */
export function compareBy(sort: SortKey, descending: boolean): Compare {
  const primary = PRIMARY[sort];
  const direction = descending ? -1 : 1;
  return (left, right) =>
    Number(right.official) - Number(left.official) ||
    direction * primary(left, right) ||
    ping(left) - ping(right) ||
    right.firstSeenAt - left.firstSeenAt ||
    text(left.hostId, right.hostId);
}
