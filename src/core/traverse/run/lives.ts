/**
 * How long the mappings of the own NAT live, and how many it gives us, as far as that is known now: what the budget reckons with, and
 * when a mapping is to be replaced. Where much depends on it, it is watched while the plans run.
 */
import type { Endpoint } from '../../address.ts';
import { type Instant, NEVER, type SocketId } from '../../contract.ts';
import type { NatProfile, OwnProfile } from '../../nat/profile.ts';
import type { LifetimeWatch } from '../../sources/lifetime.ts';
import type { MappingSource } from '../../sources/source.ts';
import { type CanaryConfig, canaries, watchedMs } from '../learn/canary.ts';
import { type Life, lifetimeOf, quotaOf, replacedAfter } from '../plan/nature.ts';
import type { ProbeClass, SidePlan } from '../plan/side-plan.ts';

export interface MappingLivesConfig extends Omit<CanaryConfig, 'source'> {
  readonly profile: OwnProfile;
  /** A server that sends its answer to another socket's port; null where none is known. */
  readonly redirecting: MappingSource | null;
}

export class MappingLives {
  private readonly config: MappingLivesConfig;
  /**
   * As it was when the session began. A longer life that is found meanwhile is one of answered mappings, and would count all that
   * were made before it anew: a friend who needs a second would wait for minutes behind a pair without hope.
   */
  private readonly own: NatProfile;
  /** A plan replaces its mappings for as long as it lasts. */
  private replacing = false;
  private watch: LifetimeWatch | null = null;
  /** What the salvos have last been told. */
  private toldMs: number;

  constructor(config: MappingLivesConfig) {
    this.config = config;
    this.own = config.profile();
    this.toldMs = lifetimeOf(this.own);
  }

  of(kind: ProbeClass): Life {
    const { own, watch } = this;
    // An endpoint-independent NAT spends one mapping on all that one socket does.
    const quota = own.mapping === 'eim' ? null : quotaOf(own);
    const otherMs = lifetimeOf(own);
    const assumedMs = kind === 'birthday' && this.replacing ? Math.max(otherMs, replacedAfter(own)) : otherMs;
    const lifetimeMs = watch === null ? assumedMs : watchedMs(watch, assumedMs);
    // What is left of a birthday is not to keep the few mappings of the others waiting for longer than that.
    return { quota, lifetimeMs: kind === 'birthday' ? lifetimeMs : Math.min(lifetimeMs, otherMs) };
  }

  /** So many mappings that it matters how long they live: that is watched from here on, where it shows. */
  begin(plan: SidePlan): void {
    if (plan.class !== 'birthday' || plan.from !== 'fresh') return;
    const replacing = plan.again.mode === 'replace';
    this.replacing ||= replacing;
    // Where a new mapping has the port of the old one nothing shows. One burst is not worth places of a small quota.
    if (this.own.allocator.kind === 'preserve' || (!replacing && this.of('birthday').quota !== null)) return;
    this.watch ??= canaries({ ...this.config, source: this.redirecting() });
  }

  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean {
    return this.watch?.datagram(now, socket, from, bytes) === true;
  }

  socket(now: Instant, socket: SocketId, ok: boolean): void {
    this.watch?.socket(now, socket, ok);
  }

  run(now: Instant): void {
    this.watch?.run(now);
  }

  next(): Instant {
    return this.watch?.next() ?? NEVER;
  }

  stop(): void {
    this.watch?.stop();
  }

  /** Has a life turned out shorter or longer since this was asked last? */
  takeNews(): boolean {
    const { lifetimeMs } = this.of('birthday');
    const isNew = lifetimeMs !== this.toldMs;
    this.toldMs = lifetimeMs;
    return isNew;
  }

  /** Of a pool of addresses, answers would go to another one than that of the witness. */
  private redirecting(): MappingSource | null {
    const { redirecting } = this.config;
    return this.own.pooling === 'arbitrary' || redirecting?.requestTo === undefined ? null : redirecting;
  }
}
