/**
 * The machine that learns what this computer's NAT does (docs/reference/design.md §5), and the owner of that knowledge: whoever needs
 * the own profile asks for it anew (`OwnProfile`). A *run* samples mappings on fresh sockets and tests the filter; within two seconds
 * its profile is final. What takes longer or matters less (hops, poisoning, hairpin) is measured after that and refines it.
 */

import type { Endpoint } from '../address.ts';
import { familyOf } from '../address.ts';
import type { Instant, Machine, Output, SocketId, SocketIds, SocketOutcome } from '../contract.ts';
import { NEVER } from '../contract.ts';
import { assert } from '../errors.ts';
import { outputs } from '../machine.ts';
import type { LogData } from '../model/log.ts';
import { familyOn, type LocalNetwork, sameNetwork } from '../model/network.ts';
import { rememberingInference } from '../nat/infer.ts';
import { addressesOf, type Observation } from '../nat/observation.ts';
import { portSetOf } from '../nat/port-set.ts';
import { type NatProfile, type PortMappingReport, type ProbeResult, UNKNOWN_PROFILE } from '../nat/profile.ts';
import { blockQuota, ipv6Of, layersOf, verdictOf } from '../nat/verdict.ts';
import type { Random } from '../random.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { RequestNumbers } from '../sources/asker.ts';
import type { LifetimeWatch } from '../sources/lifetime.ts';
import { type Cooling, Rotation } from '../sources/rotation.ts';
import type { MappingSource } from '../sources/source.ts';
import { renumbered, trimmed } from './kept.ts';
import { idleLifetimeOf, idleWatch } from './lifetime.ts';
import { Run, type RunFindings } from './run.ts';

export type DetectCommand =
  /** Whom to ask; replaces the former list. */
  | { readonly do: 'sources'; readonly sources: readonly MappingSource[] }
  /** Servers that rest since an earlier run of the program. */
  | { readonly do: 'rests'; readonly rests: readonly Cooling[] }
  /**
   * Run now, or as soon as there is somebody to ask. While a run is under way, refinements included, no other begins; its profile is told
   * at once if it is final.
   */
  | { readonly do: 'detect' }
  /** A change of addresses or gateway forgets everything and runs again. */
  | { readonly do: 'network'; readonly network: LocalNetwork }
  /** What port mapping has found; `router` is the router's own external address where it told one. */
  | { readonly do: 'port-mapping'; readonly report: PortMappingReport; readonly router: string | null }
  /**
   * What else gets through on this network just now: UDP to the master, TLS to the master where its UDP got no answer, or the lookup of
   * names. The newest but for `dns`, which proves the least.
   */
  | { readonly do: 'passes'; readonly what: 'udp' | 'tls' | 'dns' }
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
  /** For one server at least to have rested (docs/seed.md S3), or to become known (`until` = NEVER): then a run starts by itself. */
  | { readonly ev: 'waiting'; readonly why: 'all-rest' | 'some-rest' | 'none-known'; readonly until: Instant }
  /** Keep this on disk and give it back as `rests`. */
  | { readonly ev: 'cooling'; readonly cooling: readonly Cooling[] }
  | { readonly ev: 'log'; readonly what: string; readonly data: LogData };

export interface DetectorConfig {
  readonly random: Random;
  readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  readonly sockets: SocketIds;
  readonly requests: RequestNumbers;
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
  silent: false,
};
const UNTESTED = UNKNOWN_PROFILE.portMapping;

/** When the run that completes one which had only one address to ask is due: an instant, or that it was had; null = none is needed. */
type Completion = Instant | 'had' | null;

type Phase =
  | { readonly in: 'idle'; readonly completion: Completion }
  /** For somebody to ask: `until` is when the first server has rested, NEVER where nobody is known. */
  | { readonly in: 'waiting'; readonly until: Instant }
  | { readonly in: 'running'; readonly run: Run; readonly completion: Completion }
  | { readonly in: 'stopped' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const DETECTOR_PHASES = {
  idle: {
    running: 'a detection is asked for, the network has changed, or the run that completes the last one is due',
    waiting: 'the same, and every server rests or none is known',
    stopped: 'the end',
  },
  waiting: {
    running: 'a server has rested or become known',
    waiting: 'asked for again, or on another network, and still nobody to ask',
    stopped: 'the end',
  },
  running: {
    idle: 'the run is over, refinements included, or what it has found holds no longer: the network is another',
    running: 'the run that completes this one is due',
    waiting: 'the same, and every server rests or none is known',
    stopped: 'the end',
  },
  stopped: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

/** How long idle mappings live, measured once on each network from the day that somebody has asked. */
type IdleLifetime =
  | { readonly is: 'unasked' | 'asked' }
  | { readonly is: 'watched'; readonly watch: LifetimeWatch }
  /** Null: it could not be measured. */
  | { readonly is: 'measured'; readonly ms: number | null };

class DetectorMachine implements Detector {
  private readonly config: DetectorConfig;
  private readonly out = outputs<DetectEvent>();
  private readonly rotation = new Rotation();
  private readonly infer = rememberingInference();
  private phase: Phase = { in: 'idle', completion: null };
  private idleLifetime: IdleLifetime = { is: 'unasked' };
  private observations: readonly Observation[] = [];
  private network: LocalNetwork | null = null;
  /** Of both families. */
  private offered: readonly MappingSource[] = [];
  private findings = NOTHING_FOUND;
  private portMapping: { report: PortMappingReport; router: string | null } = { report: UNTESTED, router: null };
  private ipv6Works = false;
  private passes: 'udp' | 'tls' | 'dns' | null = null;

  constructor(config: DetectorConfig) {
    this.config = config;
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (this.watch?.datagram(now, socket, from, bytes) === true) this.advanceWatch(now);
    this.run?.handleDatagram(now, socket, from, bytes);
    this.afterRun(now);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    this.watch?.socket(now, socket, outcome.ok);
    this.advanceWatch(now);
    this.run?.handleSocket(now, socket, outcome);
    this.afterRun(now);
  }

  handleTimeout(now: Instant): void {
    if (now >= this.beginsAt()) this.begin(now, this.phase.in === 'waiting' ? null : 'had');
    this.run?.handleTimeout(now);
    this.afterRun(now);
    this.advanceWatch(now);
  }

  handleCommand(now: Instant, command: DetectCommand): void {
    if (this.phase.in === 'stopped') return;
    switch (command.do) {
      case 'sources':
        this.offered = command.sources;
        this.offer();
        // Who was silent may have come back.
        if (this.phase.in === 'waiting' || (this.phase.in === 'idle' && this.findings.silent)) this.begin(now, null);
        else this.run?.offer(this.rotation.usable(now).filter(({ kind }) => kind === 'master'));
        break;
      case 'rests':
        this.rotation.restore(now, command.rests);
        break;
      case 'detect':
        if (this.run === null) this.begin(now, null);
        else if (this.run.final) this.tell(now, true);
        break;
      case 'network':
        this.changeNetwork(now, command.network);
        break;
      case 'port-mapping':
        this.portMapping = command;
        this.tellNews(now);
        break;
      case 'passes':
        if (command.what === this.passes || (command.what === 'dns' && this.passes !== null)) break;
        this.passes = command.what;
        if (this.findings.silent) this.tell(now, true);
        break;
      case 'ipv6':
        if (command.works === this.ipv6Works) break;
        this.ipv6Works = command.works;
        this.tellNews(now);
        break;
      case 'lifetime':
        if (this.watch === null && this.idleLifetimeMs === null) this.idleLifetime = { is: 'asked' };
        if (this.run === null) this.measureLifetime(now);
        break;
      case 'stop':
        this.run?.close();
        this.stopWatch();
        this.enter({ in: 'stopped' });
        break;
    }
    this.afterRun(now);
  }

  poll(): Output<DetectEvent> {
    return this.out.next(Math.min(this.beginsAt(), this.run?.nextAt() ?? NEVER, this.watch?.next() ?? NEVER));
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
      ...(this.blocked(findings) ? { type: 'blocked', confidence: BLOCKED_CONFIDENCE } : {}),
      filtering: findings.filtering,
      hairpin: findings.hairpin,
      poisonable: findings.poisonable,
      natHops: known.type === 'public' ? 0 : findings.natHops,
      idleLifetimeMs: this.idleLifetimeMs,
      quota: blockQuota(known.allocator),
      portSet: portSetOf(known.allocator, all),
      portMapping: this.portMapping.report,
      ipv6: ipv6Of(this.localAddresses(), this.ipv6Works || known.external.some((one) => familyOf(one) === 6)),
      vpn: this.network?.vpn ?? 'none',
      ageMs: newest === -NEVER ? 0 : Math.max(0, now - newest),
    };
    return { ...profile, layers: layersOf(profile, this.portMapping.router), verdict: verdictOf(profile) };
  }

  /**
   * Silence alone says nothing of this network: the master may be dead, its probe ports shut, or this computer offline. UDP is blocked
   * where something else gets through to the master, or where names do while neither the master nor a STUN server answers.
   */
  private blocked({ silent }: RunFindings): boolean {
    if (!silent || this.passes === null || this.passes === 'udp') return false;
    return this.passes === 'tls' || this.rotation.hasServers;
  }

  private enter(phase: Phase, data: LogData = {}): void {
    const from = this.phase.in;
    assert(phase.in in DETECTOR_PHASES[from], `a detector goes from ${from} to ${phase.in}`);
    this.phase = phase;
    this.log('detector', { from, to: phase.in, ...data });
  }

  private get run(): Run | null {
    return this.phase.in === 'running' ? this.phase.run : null;
  }

  private get watch(): LifetimeWatch | null {
    return this.idleLifetime.is === 'watched' ? this.idleLifetime.watch : null;
  }

  private get idleLifetimeMs(): number | null {
    return this.idleLifetime.is === 'measured' ? this.idleLifetime.ms : null;
  }

  private get family(): 4 | 6 {
    return familyOn(this.network, this.config.family);
  }

  /** Whoever can be asked by sockets of ours. */
  private offer(): void {
    this.rotation.offer(this.offered.filter(({ target }) => familyOf(target.address) === this.family));
  }

  /** Of this computer's interfaces. */
  private localAddresses(): readonly string[] {
    return this.network?.addresses ?? [];
  }

  /** When a run begins by itself. */
  private beginsAt(): Instant {
    const { phase } = this;
    if (phase.in === 'waiting') return phase.until;
    return phase.in !== 'stopped' && typeof phase.completion === 'number' ? phase.completion : NEVER;
  }

  /**
   * One address is enough to begin with; the servers that rest are asked as soon as they have rested (docs/seed.md S3), once for each wish.
   * `completion`: of the wish that this run is for.
   */
  private begin(now: Instant, completion: 'had' | null): void {
    const sources = this.rotation.usable(now);
    const addresses = addressesOf(sources).size;
    const restedAt = this.rotation.restedAt(now);
    this.keep(now);
    this.run?.close();
    if (addresses === 0) {
      this.enter({ in: 'waiting', until: restedAt ?? NEVER });
      const why = restedAt === null ? 'none-known' : 'all-rest';
      this.out.event({ ev: 'waiting', why, until: restedAt ?? NEVER });
      return;
    }
    const completed = addresses === 1 && completion === null ? restedAt : completion;
    if (typeof completed === 'number') this.out.event({ ev: 'waiting', why: 'some-rest', until: completed });
    this.observations = trimmed(now, this.observations);
    this.rotation.used(now, sources);
    const cooling = this.rotation.cooling(now);
    if (cooling.length > 0) this.out.event({ ev: 'cooling', cooling });
    const run = new Run(now, sources, {
      ...this.config,
      family: this.family,
      infer: (observations) => this.infer(observations, this.localAddresses()),
      out: this.out,
      log: (what, data) => this.log(what, data),
    });
    this.enter({ in: 'running', run, completion: completed }, { sources: sources.length, addresses });
  }

  /** Tells what the run has brought, once after each step of it. */
  private afterRun(now: Instant): void {
    if (this.phase.in !== 'running') return;
    const { run, completion } = this.phase;
    if (!run.takeNews()) return;
    if (run.over) this.findings = merged(this.findings, run.findings());
    this.tell(now, run.final);
    if (!run.over) return;
    this.keep(now);
    this.enter({ in: 'idle', completion });
    this.measureLifetime(now);
  }

  /** Behind a NAT that has answered, and once: the knowledge lasts as long as the network. */
  private measureLifetime(now: Instant): void {
    const { type, allocator } = this.profile(now);
    if (this.idleLifetime.is !== 'asked' || this.observations.length === 0) return;
    if (type === 'public' || type === 'blocked') return;
    const source = this.rotation.familiar(
      this.observations.flatMap(({ observed, target }) => (observed ? [target] : [])),
    );
    if (source === null) return;
    const watch = idleWatch({
      ...this.config,
      family: this.family,
      source,
      out: this.out,
      portsMove: allocator.kind !== 'preserve',
    });
    this.idleLifetime = watch === null ? { is: 'measured', ms: null } : { is: 'watched', watch };
  }

  private advanceWatch(now: Instant): void {
    const { watch } = this;
    if (watch === null) return;
    watch.run(now);
    if (!watch.done) return;
    const ms = idleLifetimeOf(watch);
    this.idleLifetime = { is: 'measured', ms };
    this.log('idle-lifetime-measured', { ms });
    if (ms !== null) this.tell(now, true);
  }

  private stopWatch(): void {
    if (this.watch === null) return;
    this.watch.stop();
    this.idleLifetime = { is: 'asked' };
  }

  /** What the run under way has seen stays, and older observations with it. */
  private keep(now: Instant): void {
    if (this.run === null) return;
    const seen = this.run.observations();
    const before = renumbered(this.observations, seen) ? [] : this.observations;
    this.observations = trimmed(now, [...before, ...seen]);
  }

  private changeNetwork(now: Instant, network: LocalNetwork): void {
    const before = this.network;
    this.network = network;
    this.offer();
    if (before === null || sameNetwork(before, network)) return;
    const known = this.phase.in !== 'idle' || this.observations.length > 0;
    if (this.run !== null) {
      this.run.close();
      this.enter({ in: 'idle', completion: null });
    }
    this.stopWatch();
    if (this.idleLifetime.is !== 'unasked') this.idleLifetime = { is: 'asked' };
    this.observations = [];
    this.findings = NOTHING_FOUND;
    this.portMapping = { report: UNTESTED, router: null };
    this.ipv6Works = false;
    this.passes = null;
    this.log('network-changed', { addresses: network.addresses.length });
    if (known) this.begin(now, null);
  }

  private probes(): readonly ProbeResult[] {
    const all = this.observations.concat(this.run?.observations() ?? []);
    return all.map(({ target, localPort, observed }) => ({ destination: target, localPort, seenAs: observed }));
  }

  private tell(now: Instant, final: boolean): void {
    this.out.event({ ev: 'profile', profile: this.profile(now), final, probes: this.probes() });
  }

  /** Something beside the samples has changed; before the first of them there is nothing to tell. */
  private tellNews(now: Instant): void {
    if (this.observations.length > 0) this.tell(now, this.run?.final ?? true);
  }

  private log(what: string, data: LogData): void {
    this.out.event({ ev: 'log', what, data });
  }
}

/** Nobody answered at least eight questions, and something else passes: almost certainly UDP is shut, rarely are all sources dead. */
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
