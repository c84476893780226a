/**
 * Public STUN servers belong to others: each is used for one detection, then rests (docs/seed.md S3). The rests outlive the program: the
 * owner keeps them on disk (`cooling`) and gives them back (`restore`). The master's own ports need no rest.
 */
import { type Endpoint, endpointKey } from '../address.ts';
import type { Instant } from '../contract.ts';
import { addressesOf } from '../nat/observation.ts';
import { SOURCES_LIMITS } from './limits.ts';
import type { MappingSource } from './source.ts';

export interface Cooling {
  /** `address:port` of the server. */
  readonly server: string;
  readonly forMs: number;
}

export class Rotation {
  private sources: readonly MappingSource[] = [];
  private readonly restUntil = new Map<string, Instant>();
  /** Servers take turns: this one is the next. */
  private turn = 0;

  offer(sources: readonly MappingSource[]): void {
    this.sources = sources;
  }

  restore(now: Instant, cooling: readonly Cooling[]): void {
    for (const { server, forMs } of cooling.slice(0, SOURCES_LIMITS.stunServersMax)) {
      this.restUntil.set(server, now + Math.min(Math.max(0, forMs), SOURCES_LIMITS.stunRestMs));
    }
  }

  /** Is there anybody to ask but the master? */
  get hasServers(): boolean {
    return this.sources.some(({ kind }) => kind === 'stun');
  }

  /** All of the master's ports; of the STUN servers as many as their addresses add something, rested ones only. */
  usable(now: Instant): MappingSource[] {
    const master = this.sources.filter(({ kind }) => kind === 'master');
    const addresses = addressesOf(master).size;
    const wanted = Math.max(0, SOURCES_LIMITS.detectAddressesMax - addresses);
    const servers = this.sources.filter(({ kind }) => kind === 'stun');
    const rested = servers.filter((source) => this.restOf(source) <= now);
    const inTurn = rested.map((_, i) => rested[(i + this.turn) % rested.length]!);
    return [...master, ...inTurn.slice(0, addresses >= 2 ? 0 : wanted)];
  }

  /** When the first resting server may be asked again; null where none rests. */
  restedAt(now: Instant): Instant | null {
    const times = this.sources.map((source) => this.restOf(source)).filter((until) => until > now);
    return times.length === 0 ? null : Math.min(...times);
  }

  /**
   * One that has answered, to be asked a handful of questions in minutes, rested or not; best one that can send its answers to another
   * port than the asker's.
   */
  familiar(answered: readonly Endpoint[]): MappingSource | null {
    const known = new Set(answered.map(endpointKey));
    const able = this.sources.filter(({ target }) => known.has(endpointKey(target)));
    return able.find(({ requestTo }) => requestTo !== undefined) ?? able[0] ?? null;
  }

  used(now: Instant, sources: readonly MappingSource[]): void {
    const servers = sources.filter(({ kind }) => kind === 'stun');
    for (const source of servers) this.restUntil.set(endpointKey(source.target), now + SOURCES_LIMITS.stunRestMs);
    this.turn += servers.length;
  }

  cooling(now: Instant): Cooling[] {
    return [...this.restUntil]
      .filter(([, until]) => until > now)
      .map(([server, until]) => ({ server, forMs: until - now }));
  }

  private restOf(source: MappingSource): Instant {
    const never = Number.NEGATIVE_INFINITY;
    return source.kind === 'master' ? never : (this.restUntil.get(endpointKey(source.target)) ?? never);
  }
}
