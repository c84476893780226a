/**
 * What a participant has to do with relays: how far each is, and the way of one connection through it. That way
 * has a socket of its own, because a relay knows an end by its endpoint alone.
 */
import { type Endpoint, familyOf } from '../../address.ts';
import type { Instant, SocketId, SocketOutcome } from '../../contract.ts';
import { assert } from '../../errors.ts';
import { Binder, type BinderEvent } from '../../relay/binder.ts';
import { RelayMeter } from '../../relay/meter.ts';
import type { RelayGrant, RelayPlace } from '../../wire/relay.ts';
import type { Alarm, KnownRelays, PeerContext } from '../base/context.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import {
  modeOfBoth,
  NO_RELAY,
  nearestRelay,
  type RelayDistance,
  type RelayId,
  type RelayMode,
  relayIdOf,
} from '../base/relay-choice.ts';

/** Farther than every relay that has answered. */
const FAR_MS = 0xffff;

/** The relays of the master, and how far they are: measured when they are named, and after a change of network. */
export class Relays implements KnownRelays {
  private readonly context: PeerContext;
  private readonly meter: RelayMeter;
  /** While it is measured. */
  private socket: SocketId | null = null;

  constructor(context: PeerContext) {
    this.context = context;
    this.meter = new RelayMeter({
      crypto: context.config.crypto,
      transmit: (to, bytes) => this.socket !== null && context.out.transmit(this.socket, to, bytes),
      at: (instant, run) => context.agenda.at(instant, run),
      measured: () => this.rest(),
    });
  }

  measure(_now: Instant): void {
    this.rest();
    const endpoints = this.places().map(({ at }) => at);
    if (endpoints.length === 0 || this.tunnelled) return;
    this.socket = this.context.open(this.context.family(), (now, outcome) => {
      if (outcome.ok) this.meter.measure(now, endpoints);
      else this.socket = null;
    });
  }

  /** False: it is not for this. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean {
    return socket === this.socket && this.meter.datagram(now, from, bytes);
  }

  /** All there are, as the other side is told. */
  distances(): readonly RelayDistance[] {
    const { config, masterRttMs } = this.context;
    const rttMs = (at: Endpoint): number => (this.tunnelled ? masterRttMs() : this.meter.rttMs(at)) ?? FAR_MS;
    return this.places().map(({ place, at }) => ({
      relay: relayIdOf(config.crypto, place),
      rttMs: Math.min(FAR_MS, Math.round(rttMs(at))),
    }));
  }

  /** The one that a host takes with a client; `NO_RELAY` where either side wants none. */
  choose(
    own: RelayMode,
    { mode, relays }: { readonly mode: RelayMode; readonly relays: readonly RelayDistance[] },
  ): RelayId {
    return modeOfBoth(own, mode) === 'never' ? NO_RELAY : nearestRelay(this.distances(), relays);
  }

  /** A direct path is there a round trip after the answer, and a relay three; only where they take no time at all the relay waits. */
  headStartMs(id: RelayId): number {
    const near = (this.distances().find(({ relay }) => relay === id)?.rttMs ?? 0) < PEER_LIMITS.relayNearMs;
    return near ? PEER_LIMITS.relayHeadStartMs : 0;
  }

  /** Null where the master has named none that is called so. */
  find(id: RelayId): { readonly place: RelayPlace; readonly at: Endpoint } | null {
    return this.places().find(({ place }) => relayIdOf(this.context.config.crypto, place) === id) ?? null;
  }

  /** Does everything of ours go over TLS? */
  get tunnelled(): boolean {
    return this.context.link.way === 'tls';
  }

  close(): void {
    this.rest();
  }

  private rest(): void {
    this.meter.stop();
    if (this.socket !== null) this.context.close(this.socket);
    this.socket = null;
  }

  /** With the address of each that our sockets reach; a tunnel leads to the master's own alone, which comes first. */
  private places(): readonly { readonly place: RelayPlace; readonly at: Endpoint }[] {
    const { link } = this.context;
    const family = this.context.family();
    const reachable = this.tunnelled ? link.relays.slice(0, 1) : link.relays;
    return reachable.flatMap((place) => {
      const address = place.addresses.find((one) => familyOf(one) === family);
      return address === undefined ? [] : [{ place, at: { address, port: place.port } }];
    });
  }
}

export interface RelayedConfig {
  readonly relay: Endpoint;
  readonly grant: RelayGrant;
  /** Datagrams reach the other end from here on, if it is there. Told again when that changes. */
  bound(now: Instant, socket: SocketId): void;
  lost(now: Instant, socket: SocketId): void;
  /** The tunnel could not be opened. */
  failed(now: Instant): void;
}

type Phase =
  | { readonly in: 'opening' | 'over' }
  /** The socket is open. Whether it is bound just now is the binder's. */
  | { readonly in: 'bound'; readonly binder: Binder };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const RELAYED_PHASES = {
  opening: {
    bound: 'its socket is open, and gets bound',
    over: 'its socket can not be opened, or its connection ends',
  },
  bound: { over: 'its connection ends, or its tunnel is broken' },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

/** The way of one connection through a relay, bound again by itself as long as the connection lives. */
export class Relayed {
  readonly socket: SocketId;
  /** Over TLS, where whatever comes is from the relay, because it leads nowhere else. */
  private readonly tunnel: boolean;
  private readonly context: PeerContext;
  private readonly config: RelayedConfig;
  private phase: Phase = { in: 'opening' };
  /** For a new token. */
  private request: Alarm | null = null;

  constructor(context: PeerContext, config: RelayedConfig) {
    this.context = context;
    this.config = config;
    const opened = (now: Instant, outcome: SocketOutcome): void => {
      if (this.phase.in === 'over') return;
      if (outcome.ok) {
        this.bind(now);
        return;
      }
      this.enter({ in: 'over' });
      if (this.tunnel) config.failed(now);
    };
    this.tunnel = context.relays.tunnelled;
    this.socket = this.tunnel ? context.openTunnel(opened) : context.open(familyOf(config.relay.address), opened);
  }

  datagram(now: Instant, from: Endpoint, bytes: Uint8Array): void {
    if (this.phase.in === 'bound') this.phase.binder.datagram(now, this.sourceOf(from), bytes);
  }

  sourceOf(from: Endpoint): Endpoint {
    return this.tunnel ? this.config.relay : from;
  }

  /** The addresses of this computer have changed. */
  network(now: Instant): void {
    if (this.phase.in === 'bound') this.phase.binder.network(now);
  }

  /** Nothing comes over it. */
  check(now: Instant): void {
    if (this.phase.in === 'bound') this.phase.binder.check(now);
  }

  stop(now: Instant): void {
    if (this.phase.in === 'over') return;
    this.end(now);
    this.context.close(this.socket);
  }

  /** The tunnel is no more: nothing can be said through it. */
  broken(now: Instant): void {
    if (this.phase.in !== 'over') this.end(now);
  }

  private end(now: Instant): void {
    this.request?.cancel();
    if (this.phase.in === 'bound') this.phase.binder.stop(now);
    this.enter({ in: 'over' });
  }

  private enter(phase: Phase): void {
    assert(
      phase.in in RELAYED_PHASES[this.phase.in],
      `a way through a relay goes from ${this.phase.in} to ${phase.in}`,
    );
    this.phase = phase;
  }

  private bind(now: Instant): void {
    const { config, out, agenda } = this.context;
    const binder = new Binder(now, {
      ...{ crypto: config.crypto, relay: this.config.relay, grant: this.config.grant },
      transmit: (to, bytes) => out.transmit(this.socket, to, bytes),
      at: (instant, run) => agenda.at(instant, run),
      tell: (at, event) => this.told(at, event),
    });
    this.enter({ in: 'bound', binder });
  }

  private told(now: Instant, event: BinderEvent): void {
    if (event.ev === 'bound') this.config.bound(now, this.socket);
    else if (event.ev === 'lost') this.config.lost(now, this.socket);
    else this.renew(now);
  }

  /** The relay does not know the pair any more, and the token is too old to begin it. */
  private renew(now: Instant): void {
    const { token } = this.config.grant;
    this.request?.cancel();
    this.request = this.context.request(now, { type: 'relay', token }, null, (at, response) => {
      if (response.type === 'granted' && this.phase.in === 'bound') this.phase.binder.grant(at, response.relay);
    });
  }
}
