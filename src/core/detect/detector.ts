/**
 * The machine that learns what this computer's NAT does (design 5). A *run* samples mappings on fresh sockets and tests the
 * filter; within two seconds its profile is final. What takes longer or matters less (hops, poisoning, hairpin) follows
 * behind the user's back and refines the profile. The knowledge ages; every further run refreshes it.
 */

import type { Endpoint } from '../address.ts';
import { familyOf } from '../address.ts';
import type { Instant, Machine, Output, SocketId, SocketIds, SocketOutcome } from '../contract.ts';
import { NEVER } from '../contract.ts';
import { outputs } from '../machine.ts';
import type { LogData } from '../model/log.ts';
import type { LocalNetwork } from '../model/network.ts';
import { rememberingInference } from '../nat/infer.ts';
import type { Observation } from '../nat/observation.ts';
import { type NatProfile, type PortMappingReport, type ProbeResult, UNKNOWN_PROFILE } from '../nat/profile.ts';
import { blockQuota, ipv6Of, layersOf, verdictOf } from '../nat/verdict.ts';
import type { Random } from '../random.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { type Cooling, Rotation } from '../sources/rotation.ts';
import type { MappingSource } from '../sources/source.ts';
import { type LifetimeRun, lifetimeRun } from './lifetime.ts';
import { DETECT_LIMITS } from './limits.ts';
import { Run, type RunFindings } from './run.ts';

export type DetectCommand =
  /** Whom to ask; replaces the former list. */
  | { readonly do: 'sources'; readonly sources: readonly MappingSource[] }
  /** Servers that rest since an earlier run of the program. */
  | { readonly do: 'rests'; readonly rests: readonly Cooling[] }
  /** Run now, or as soon as there is somebody to ask. While a run is under way, refinements included, it is that one; its profile is told at once if it is final. */
  | { readonly do: 'detect' }
  /** A change of addresses or gateway forgets everything and runs again. */
  | { readonly do: 'network'; readonly network: LocalNetwork }
  /** What port mapping has found; `router` is the router's own external address where it told one. */
  | { readonly do: 'port-mapping'; readonly report: PortMappingReport; readonly router: string | null }
  /** A server has answered over IPv6, or does not any more. */
  | { readonly do: 'ipv6'; readonly works: boolean }
  /** Measure how long an idle mapping lives: minutes in the background, once for each network. */
  | { readonly do: 'lifetime' }
  | { readonly do: 'stop' };

export type DetectEvent =
  /** `final`: nothing more is being waited for; refinements may still follow, final again. */
  | {
      readonly ev: 'profile';
      readonly profile: NatProfile;
      readonly final: boolean;
      readonly probes: readonly ProbeResult[];
    }
  /** All servers are resting (S3), or there is none yet (`until` = NEVER): the run starts by itself. */
  | { readonly ev: 'waiting'; readonly text: string; readonly until: Instant }
  /** Keep this on disk and give it back as `rests`. */
  | { readonly ev: 'cooling'; readonly cooling: readonly Cooling[] }
  | { readonly ev: 'log'; readonly what: string; readonly data: LogData };

export interface DetectorConfig {
  readonly random: Random;
  readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  readonly sockets: SocketIds;
  readonly family: 4 | 6;
}

export interface Detector extends Machine<DetectCommand, DetectEvent> {
  /** What is known at this moment, ages included. */
  profile(now: Instant): NatProfile;
}

export function createDetector(config: DetectorConfig): Detector {
  return new DetectorMachine(config);
}

const NOTHING_FOUND: RunFindings = {
  filtering: 'unknown',
  addressTested: false,
  hairpin: 'untested',
  poisonable: 'untested',
  natHops: null,
  blocked: false,
};
const UNTESTED = UNKNOWN_PROFILE.portMapping;

class DetectorMachine implements Detector {
  private readonly config: DetectorConfig;
  private readonly out = outputs<DetectEvent>();
  private readonly rotation = new Rotation();
  private readonly infer = rememberingInference();
  private observations: readonly Observation[] = [];
  private network: LocalNetwork | null = null;
  private findings = NOTHING_FOUND;
  private portMapping: { report: PortMappingReport; router: string | null } = { report: UNTESTED, router: null };
  private ipv6Works = false;
  private run: Run | null = null;
  private lifetime: LifetimeRun | null = null;
  /** Somebody has asked, on whatever network: each is measured once. */
  private lifetimeAsked = false;
  private lifetimeWanted = false;
  private idleLifetimeMs: number | null = null;
  /** A run was asked for and waits for a source. */
  private wanted = false;
  private retryAt: Instant = NEVER;
  /** The run that completes this one has been arranged: once is enough for each wish. */
  private completing = false;
  private nextRequest = 1;
  private stopped = false;

  constructor(config: DetectorConfig) {
    this.config = config;
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (this.lifetime?.handleDatagram(now, socket, from, bytes) === true) this.afterLifetime(now);
    this.run?.handleDatagram(now, socket, from, bytes);
    this.afterRun(now);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    this.lifetime?.handleSocket(now, socket, outcome);
    this.afterLifetime(now);
    this.run?.handleSocket(now, socket, outcome);
    this.afterRun(now);
  }

  handleTimeout(now: Instant): void {
    if (now >= this.retryAt) this.begin(now);
    this.run?.handleTimeout(now);
    this.afterRun(now);
    this.lifetime?.handleTimeout(now);
    this.afterLifetime(now);
  }

  handleCommand(now: Instant, command: DetectCommand): void {
    if (this.stopped) return;
    switch (command.do) {
      case 'sources':
        this.rotation.offer(command.sources.filter(({ target }) => familyOf(target.address) === this.config.family));
        if (this.wanted) this.begin(now);
        else this.run?.offer(this.rotation.usable(now).filter(({ kind }) => kind === 'master'));
        break;
      case 'rests':
        this.rotation.restore(now, command.rests);
        break;
      case 'detect':
        if (this.run !== null) {
          if (this.run.final) this.tell(now, true);
          break;
        }
        this.completing = false;
        this.begin(now);
        break;
      case 'network':
        this.changeNetwork(now, command.network);
        break;
      case 'port-mapping':
        this.portMapping = command;
        if (this.observations.length > 0) this.tell(now, this.run?.final ?? true);
        break;
      case 'ipv6':
        if (command.works === this.ipv6Works) break;
        this.ipv6Works = command.works;
        if (this.observations.length > 0) this.tell(now, this.run?.final ?? true);
        break;
      case 'lifetime':
        this.lifetimeAsked = true;
        this.lifetimeWanted = this.idleLifetimeMs === null && this.lifetime === null;
        if (this.run === null) this.measureLifetime(now);
        break;
      case 'stop':
        this.stopped = true;
        this.abandon();
        this.lifetime?.close();
        this.lifetime = null;
        break;
    }
    this.afterRun(now);
  }

  poll(): Output<DetectEvent> {
    return this.out.next(Math.min(this.retryAt, this.run?.nextAt() ?? NEVER, this.lifetime?.nextAt() ?? NEVER));
  }

  profile(now: Instant): NatProfile {
    const all = this.observations.concat(this.run?.observations() ?? []);
    const { lastPortAt, ...known } = this.infer(all, this.localAddresses());
    const findings = this.run === null ? this.findings : merged(this.findings, this.run.findings());
    const newest = all.reduce(
      (latest, { sentAt, observed }) => (observed === null ? latest : Math.max(latest, sentAt)),
      -NEVER,
    );
    const profile: NatProfile = {
      ...UNKNOWN_PROFILE,
      ...known,
      lastPortAgeMs: lastPortAt === null ? null : Math.max(0, now - lastPortAt),
      type: findings.blocked ? 'blocked' : known.type,
      confidence: findings.blocked ? BLOCKED_CONFIDENCE : known.confidence,
      filtering: findings.filtering,
      hairpin: findings.hairpin,
      poisonable: findings.poisonable,
      natHops: known.type === 'public' ? 0 : findings.natHops,
      idleLifetimeMs: this.idleLifetimeMs,
      quota: blockQuota(known.allocator),
      portMapping: this.portMapping.report,
      ipv6: ipv6Of(this.localAddresses(), this.ipv6Works || known.external.some((one) => familyOf(one) === 6)),
      ageMs: newest === -NEVER ? 0 : Math.max(0, now - newest),
    };
    return { ...profile, layers: layersOf(profile, this.portMapping.router), verdict: verdictOf(profile) };
  }

  /** Of this computer's interfaces. */
  private localAddresses(): readonly string[] {
    return this.network?.addresses ?? [];
  }

  private begin(now: Instant): void {
    const sources = this.rotation.usable(now);
    this.retryAt = NEVER;
    this.wanted = sources.length === 0;
    const addresses = new Set(sources.map(({ group }) => group)).size;
    // One address is enough to begin with; the servers that rest are asked as soon as they have rested.
    if (addresses < 2) this.awaitServers(now, addresses);
    if (addresses === 0) return;
    this.keep(now);
    this.abandon();
    this.observations = trimmed(now, this.observations);
    this.rotation.used(now, sources);
    const cooling = this.rotation.cooling(now);
    if (cooling.length > 0) this.out.event({ ev: 'cooling', cooling });
    this.log('detection started', { sources: sources.length, addresses });
    this.run = new Run(now, sources, {
      ...this.config,
      infer: (observations) => this.infer(observations, this.localAddresses()),
      out: this.out,
      nextRequest: () => this.nextRequest++,
    });
  }

  /** Sees to it that the run starts, or is repeated with more addresses, by itself (S3). */
  private awaitServers(now: Instant, addresses: number): void {
    const restedAt = this.rotation.restedAt(now);
    if (addresses > 0 && (restedAt === null || this.completing)) return;
    this.completing = addresses > 0;
    this.retryAt = restedAt ?? NEVER;
    const seconds = Math.ceil((this.retryAt - now) / 1000);
    const resting = addresses === 0 ? 'all STUN servers are resting' : 'the STUN servers are resting';
    const text = restedAt === null ? 'nobody to ask yet' : `${resting}, going on in ${seconds} s`;
    this.out.event({ ev: 'waiting', text, until: this.retryAt });
  }

  /** Tells what the run has brought, once after each step of it. */
  private afterRun(now: Instant): void {
    const news = this.run?.takeNews() ?? null;
    if (news === null) return;
    if (this.run!.over) this.findings = merged(this.findings, this.run!.findings());
    for (const line of news.log) this.log(line.what, line.data);
    if (news.profile) this.tell(now, this.run!.final);
    if (this.run!.over) {
      this.keep(now);
      this.run = null;
      this.measureLifetime(now);
    }
  }

  /** Behind a NAT that has answered, and once: the knowledge lasts as long as the network. */
  private measureLifetime(now: Instant): void {
    const { type, allocator } = this.profile(now);
    if (!this.lifetimeWanted || this.observations.length === 0 || type === 'public' || type === 'blocked') return;
    const source = this.rotation.witness(
      this.observations.flatMap(({ observed, target }) => (observed ? [target] : [])),
    );
    if (source === null) return;
    this.lifetimeWanted = false;
    const { sockets, family } = this.config;
    this.lifetime = lifetimeRun(now, {
      ...{ source, sockets, family, out: this.out, nextRequest: () => this.nextRequest++ },
      portsMove: allocator.kind !== 'preserve',
    });
  }

  private afterLifetime(now: Instant): void {
    if (this.lifetime === null || !this.lifetime.done) return;
    this.idleLifetimeMs = this.lifetime.idleLifetimeMs;
    this.lifetime.close();
    this.lifetime = null;
    this.log('idle lifetime measured', { ms: this.idleLifetimeMs });
    if (this.idleLifetimeMs !== null) this.tell(now, true);
  }

  private keep(now: Instant): void {
    if (this.run === null) return;
    const seen = this.run.observations();
    const before = renumbered(this.observations, seen) ? [] : this.observations;
    this.observations = trimmed(now, [...before, ...seen]);
  }

  private abandon(): void {
    this.run?.close();
    this.run = null;
  }

  private changeNetwork(now: Instant, network: LocalNetwork): void {
    const before = this.network;
    this.network = network;
    if (before === null || sameNetwork(before, network)) return;
    const known = this.run !== null || this.observations.length > 0 || this.wanted;
    this.abandon();
    this.observations = [];
    this.lifetime?.close();
    this.lifetime = null;
    this.idleLifetimeMs = null;
    this.lifetimeWanted = this.lifetimeAsked;
    this.findings = NOTHING_FOUND;
    this.portMapping = { report: UNTESTED, router: null };
    this.ipv6Works = false;
    this.log('network changed', { addresses: network.addresses.length });
    if (known) this.begin(now);
  }

  private probes(): readonly ProbeResult[] {
    const all = this.observations.concat(this.run?.observations() ?? []);
    return all.map(({ target, localPort, observed }) => ({ destination: target, localPort, seenAs: observed }));
  }

  private tell(now: Instant, final: boolean): void {
    this.out.event({ ev: 'profile', profile: this.profile(now), final, probes: this.probes() });
  }

  private log(what: string, data: LogData): void {
    this.out.event({ ev: 'log', what, data });
  }
}

/** Nobody answered at least eight questions: almost certainly the way out is shut, rarely are all sources dead. */
const BLOCKED_CONFIDENCE = 0.97;

/** What a run could not test it does not make unknown again; and another port getting in is no news where another address did. */
function merged(before: RunFindings, now: RunFindings): RunFindings {
  const weaker =
    now.filtering === 'unknown' || (now.filtering === 'adf' && !now.addressTested && before.filtering === 'eif');
  return {
    ...now,
    filtering: weaker ? before.filtering : now.filtering,
    hairpin: now.hairpin === 'untested' ? before.hairpin : now.hairpin,
    poisonable: now.poisonable === 'untested' ? before.poisonable : now.poisonable,
    natHops: now.natHops ?? before.natHops,
  };
}

function trimmed(now: Instant, observations: readonly Observation[]): readonly Observation[] {
  return observations
    .filter(({ sentAt }) => now - sentAt <= DETECT_LIMITS.observationMsMax)
    .slice(-DETECT_LIMITS.observationsMax);
}

/** None of the old external addresses among many new ones: the line was renumbered, the old samples are of another NAT. */
function renumbered(before: readonly Observation[], after: readonly Observation[]): boolean {
  const old = new Set(before.map(({ observed }) => observed?.address));
  const fresh = after.filter(({ observed }) => observed !== null);
  return fresh.length >= 4 && fresh.every(({ observed }) => !old.has(observed!.address));
}

function sameNetwork(left: LocalNetwork, right: LocalNetwork): boolean {
  const addresses = (network: LocalNetwork) => [...network.addresses].sort().join(' ');
  return left.gateway === right.gateway && addresses(left) === addresses(right);
}
