/**
 * The machine that asks the home router for an open port: PCP and NAT-PMP itself, UPnP through the driver (it is HTTP). What a
 * router claims counts for nothing: a mapping is reported only after a packet that no filter would have let in came through it.
 * A router that lies, hangs or answers nonsense costs a few packets and nobody's time: what is found is told when it is found.
 */

import { type Endpoint, familyOf, sameEndpoint } from '../address.ts';
import {
  type Instant,
  type Machine,
  NEVER,
  type Output,
  type SocketId,
  type SocketIds,
  type SocketOutcome,
} from '../contract.ts';
import { assert } from '../errors.ts';
import { outputs, timers } from '../machine.ts';
import type { LogData } from '../model/log.ts';
import type { LocalNetwork } from '../model/network.ts';
import type { OwnProfile, PortMappingReport, Tested } from '../nat/profile.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { Asker, type RequestNumbers } from '../sources/asker.ts';
import type { MappingSource } from '../sources/source.ts';
import { GATEWAY_PORT, natPmpAddressRequest, natPmpMapRequest, parseNatPmp } from './natpmp.ts';
import { parsePcp, pcpMapRequest } from './pcp.ts';

export type MapCommand =
  | { readonly do: 'network'; readonly network: LocalNetwork }
  /** Open this socket's port to everybody. The socket stays the caller's; `port` is its local one. */
  | { readonly do: 'map'; readonly socket: SocketId; readonly port: number }
  /** Who can be asked to prove it. Given again where the own filter turns out to be another: a proof under way begins anew. */
  | { readonly do: 'sources'; readonly sources: readonly MappingSource[] }
  /** What UPnP has come to; `external` null where it was refused or removed. */
  | { readonly do: 'upnp'; readonly works: boolean; readonly external: Endpoint | null }
  /** Ask the router once more, as after mapping has been switched on in it. What is proven stays. */
  | { readonly do: 'again' }
  | { readonly do: 'stop' };

export type MapEvent =
  /** `router`: its own external address, where it told one. */
  | { readonly ev: 'port-mapping'; readonly report: PortMappingReport; readonly router: string | null }
  /** The driver is asked to try UPnP for this internal port, or to remove what it made. */
  | { readonly ev: 'upnp'; readonly op: 'map' | 'unmap'; readonly port: number }
  | { readonly ev: 'log'; readonly what: string; readonly data: LogData };

export interface MapperConfig {
  readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  readonly sockets: SocketIds;
  readonly requests: RequestNumbers;
  readonly profile: OwnProfile;
  /** Asked for, in seconds; an hour unless a test says otherwise. */
  readonly lifetimeSeconds?: number;
}

export function createPortMapper(config: MapperConfig): Machine<MapCommand, MapEvent> {
  return new PortMapper(config);
}

type Protocol = 'upnp' | 'natPmp' | 'pcp';
type Timer = 'ask' | 'renew' | 'expire' | 'prove';

/** What a router says it has opened, and by which protocol. */
interface PortClaim {
  readonly by: Protocol;
  readonly external: Endpoint;
}

type Phase =
  | { readonly in: 'unmapped' }
  /** Not believed yet. `proof`: what sources were asked for it. */
  | { readonly in: 'claimed'; readonly claim: PortClaim; readonly proof: Asker }
  /** `seen`: the claimed port, at the address that the outside sees. */
  | { readonly in: 'proven'; readonly claim: PortClaim; readonly seen: Endpoint }
  | { readonly in: 'stopped' };

/** Which phase may follow which, and when. */
export const MAPPER_PHASES = {
  unmapped: {
    claimed: 'the router says that it has opened the port',
    stopped: 'the end',
  },
  claimed: {
    proven: 'a packet that no filter would have let in has come through',
    claimed: 'the router names another endpoint, or there are other sources to ask',
    unmapped: 'its life is over, the router takes it back, or is another one',
    stopped: 'the end: the router is asked to close the port',
  },
  proven: {
    claimed: 'the router names another endpoint',
    unmapped: 'its life is over, the router takes it back, or is another one',
    stopped: 'the end: the router is asked to close the port',
  },
  stopped: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

/** The socket that speaks with the gateway. */
type Gate =
  | { readonly is: 'none' }
  | { readonly is: 'opening'; readonly socket: SocketId }
  | { readonly is: 'open'; readonly socket: SocketId; readonly askedAt: Instant; tries: number };

/** RFC 6886 §3.1: 250 ms, doubling; four tries are enough for a router in the same room. */
const ASK_AFTER_MS = [0, 250, 750, 1_750] as const;
const PCP_TRIES = 2;
const GIVE_UP_MS = 2_750;
const LIFETIME_SECONDS = 3_600;
/** A shorter life is not believed: renewing it would keep us busy. */
const LIFETIME_SECONDS_MIN = 4;
const PROOFS_MAX = 4;
const PROOF_INTERVAL_MS = 400;
const UNTESTED = { upnp: 'untested', natPmp: 'untested', pcp: 'untested' } as const;

class PortMapper implements Machine<MapCommand, MapEvent> {
  private readonly config: MapperConfig;
  private readonly out = outputs<MapEvent>();
  private readonly timers = timers<Timer>();
  private readonly nonce: Uint8Array;
  private readonly lifetimeSeconds: number;
  private phase: Phase = { in: 'unmapped' };
  private gate: Gate = { is: 'none' };
  private network: LocalNetwork | null = null;
  private target: { readonly socket: SocketId; readonly port: number } | null = null;
  /** Who can be asked to prove a claim. */
  private sources: readonly MappingSource[] = [];
  private supported: Record<Protocol, Tested> = { ...UNTESTED };
  private router: string | null = null;
  private told = '';

  constructor(config: MapperConfig) {
    this.config = config;
    this.nonce = config.crypto.randomBytes(12);
    this.lifetimeSeconds = config.lifetimeSeconds ?? LIFETIME_SECONDS;
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (this.gate.is !== 'none' && socket === this.gate.socket) this.hearGateway(now, from, bytes);
    else if (socket === this.target?.socket) this.hearProof(now, from, bytes);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    if (this.gate.is !== 'opening' || socket !== this.gate.socket) return;
    this.gate = outcome.ok ? { is: 'open', socket, askedAt: now, tries: 0 } : { is: 'none' };
    this.ask();
  }

  handleTimeout(now: Instant): void {
    for (const timer of this.timers.due(now)) {
      if (timer === 'ask') this.ask();
      else if (timer === 'renew') this.renew(now);
      else if (timer === 'prove') this.prove(now);
      else this.lose();
    }
  }

  handleCommand(now: Instant, command: MapCommand): void {
    if (this.phase.in === 'stopped') return;
    switch (command.do) {
      case 'network':
        if (command.network.gateway !== this.network?.gateway) this.forget();
        this.network = command.network;
        break;
      case 'map':
        this.target = { socket: command.socket, port: command.port };
        break;
      case 'sources':
        this.sources = command.sources;
        if (this.phase.in === 'claimed') this.believe(now, this.phase.claim);
        return;
      case 'upnp':
        this.supported.upnp = command.works ? 'yes' : 'no';
        if (command.external !== null) this.claimed(now, { by: 'upnp', external: command.external });
        else if (this.claim?.by === 'upnp') this.lose();
        this.tell();
        return;
      case 'again':
        if (this.phase.in === 'proven') return;
        this.forget();
        this.tell();
        break;
      case 'stop':
        this.remove();
        return;
    }
    this.begin();
  }

  poll(): Output<MapEvent> {
    return this.out.next(this.timers.next());
  }

  private enter(phase: Phase, data: LogData = {}): void {
    const from = this.phase.in;
    assert(phase.in in MAPPER_PHASES[from], `a mapper goes from ${from} to ${phase.in}`);
    this.phase = phase;
    this.out.event({ ev: 'log', what: 'port mapper', data: { from, to: phase.in, ...data } });
  }

  private get claim(): PortClaim | null {
    return this.phase.in === 'claimed' || this.phase.in === 'proven' ? this.phase.claim : null;
  }

  /** Once both the gateway and the port are known. */
  private begin(): void {
    if (this.target === null || this.network === null || this.gate.is !== 'none') return;
    if (this.supported.upnp === 'untested') this.out.event({ ev: 'upnp', op: 'map', port: this.target.port });
    const { gateway } = this.network;
    if (gateway === null || familyOf(gateway) !== 4) return;
    this.gate = { is: 'opening', socket: this.config.sockets.next() };
    this.out.open(this.gate.socket, 4);
  }

  private ask(): void {
    const { gate, supported } = this;
    if (gate.is !== 'open') return;
    if (gate.tries >= ASK_AFTER_MS.length) {
      this.concludeSilence();
      return;
    }
    gate.tries++;
    // Silent to PCP but not to NAT-PMP: it has never heard of PCP.
    if (gate.tries > PCP_TRIES && supported.natPmp === 'yes' && supported.pcp === 'untested') {
      supported.pcp = 'no';
      this.tell();
    }
    if (supported.pcp === 'untested') this.sendPcp(this.lifetimeSeconds);
    if (supported.natPmp === 'untested') this.send(natPmpAddressRequest());
    // NAT-PMP maps only where PCP does not, so that the router holds one mapping of ours and not two.
    if (supported.pcp === 'no' && this.claim === null) this.sendNatPmp(this.lifetimeSeconds);
    const waiting = supported.pcp === 'untested' || supported.natPmp === 'untested' || this.claim === null;
    if (waiting) this.timers.set('ask', gate.askedAt + (ASK_AFTER_MS[gate.tries] ?? GIVE_UP_MS));
  }

  private concludeSilence(): void {
    if (this.supported.pcp === 'untested') this.supported.pcp = 'no';
    if (this.supported.natPmp === 'untested') this.supported.natPmp = 'no';
    this.tell();
  }

  private hearGateway(now: Instant, from: Endpoint, bytes: Uint8Array): void {
    const gateway = this.gateway();
    if (gateway === null || !sameEndpoint(from, gateway) || this.target === null) return;
    const pcp = parsePcp(bytes);
    if (pcp !== null) {
      const ours = pcp.internalPort === this.target.port && pcp.nonce.every((byte, i) => byte === this.nonce[i]);
      if (!ours) return;
      this.supported.pcp = pcp.result === 0 ? 'yes' : 'no';
      if (pcp.result === 0) this.granted(now, 'pcp', pcp.external, pcp.externalPort, pcp.lifetimeSeconds);
      else this.useNatPmp(now);
    } else this.hearNatPmp(now, bytes);
    this.tell();
  }

  private hearNatPmp(now: Instant, bytes: Uint8Array): void {
    // RFC 6887 appendix A: a router that only knows NAT-PMP answers PCP's version with "unsupported version".
    if (bytes.length >= 4 && bytes[0] === 0 && bytes[2] === 0 && bytes[3] === 1 && this.supported.pcp === 'untested') {
      this.supported.pcp = 'no';
      this.useNatPmp(now);
      return;
    }
    const answer = parseNatPmp(bytes);
    if (answer?.kind === 'address') {
      this.supported.natPmp = answer.result === 0 ? 'yes' : 'no';
      if (answer.result === 0 && answer.address !== '0.0.0.0') this.router = answer.address;
      if (this.supported.pcp === 'no') this.useNatPmp(now);
    } else if (answer?.kind === 'map' && answer.result === 0 && answer.internalPort === this.target?.port) {
      this.supported.natPmp = 'yes';
      this.granted(now, 'natPmp', this.router ?? '0.0.0.0', answer.externalPort, answer.lifetimeSeconds);
    }
  }

  private useNatPmp(now: Instant): void {
    if (this.supported.natPmp === 'no' || this.claim !== null) return;
    this.sendNatPmp(this.lifetimeSeconds);
    const tries = this.gate.is === 'open' ? this.gate.tries : 0;
    if (this.timers.at('ask') === NEVER && tries < ASK_AFTER_MS.length) this.timers.set('ask', now + 500);
  }

  private granted(now: Instant, by: Protocol, address: string, port: number, lifetimeSeconds: number): void {
    if (address !== '0.0.0.0') this.router = address;
    if (port === 0) return;
    const lifeMs = 1000 * Math.min(LIFETIME_SECONDS, Math.max(LIFETIME_SECONDS_MIN, lifetimeSeconds));
    // RFC 6886 §3.3, RFC 6887 §11.2.1: renew at half of the life.
    this.timers.set('renew', now + lifeMs / 2);
    this.timers.set('expire', now + lifeMs);
    this.claimed(now, { by, external: { address, port } });
  }

  /** The first protocol to open the port keeps it. */
  private claimed(now: Instant, claim: PortClaim): void {
    const before = this.claim;
    if (before !== null && (before.by !== claim.by || sameEndpoint(before.external, claim.external))) return;
    this.believe(now, claim);
  }

  /** As far as a claim is believed: enough to have it proven. */
  private believe(now: Instant, claim: PortClaim): void {
    const proof = new Asker(this.out.transmit, this.config.requests);
    this.enter({ in: 'claimed', claim, proof }, { by: claim.by, port: claim.external.port });
    this.prove(now);
  }

  /** Asks a source, through the mapped socket, for an answer from somewhere we have never sent to. */
  private prove(now: Instant): void {
    if (this.phase.in !== 'claimed' || this.target === null) return;
    const { proof } = this.phase;
    const { sources } = this;
    // Where the filter lets in other ports of an address, only another address is proof.
    const wanted =
      this.config.profile().filtering === 'apdf'
        ? (['other-address', 'other-port'] as const)
        : (['other-address'] as const);
    const answerFrom = wanted.find((from) => sources.some((source) => source.answersFrom.includes(from)));
    if (answerFrom === undefined || proof.questions.length >= PROOFS_MAX) return;
    const able = sources.filter((source) => source.answersFrom.includes(answerFrom));
    proof.ask(now, this.target.socket, able[proof.questions.length % able.length]!, answerFrom);
    this.timers.set('prove', now + PROOF_INTERVAL_MS);
  }

  private hearProof(now: Instant, from: Endpoint, bytes: Uint8Array): void {
    if (this.phase.in !== 'claimed' || this.target === null) return;
    const { claim, proof } = this.phase;
    const seen = proof.receive(now, this.target.socket, from, bytes)?.observed ?? null;
    if (seen === null || seen.port !== claim.external.port) return;
    this.timers.clear('prove');
    this.enter({ in: 'proven', claim, seen }, { by: claim.by, port: seen.port });
    this.tell();
  }

  private renew(now: Instant): void {
    if (this.claim === null || this.claim.by === 'upnp') return;
    this.sendMap(this.claim.by, this.lifetimeSeconds);
    // Again at three quarters, seven eighths, ... of the life.
    const left = this.timers.at('expire') - now;
    if (left > 4_000) this.timers.set('renew', now + left / 2);
  }

  private lose(): void {
    for (const timer of ['renew', 'expire', 'prove'] as const) this.timers.clear(timer);
    if (this.claim !== null) this.enter({ in: 'unmapped' });
    this.tell();
  }

  /** Another gateway, or the same one asked anew: nothing that was said holds. */
  private forget(): void {
    this.closeGate();
    this.supported = { ...UNTESTED };
    this.router = null;
    if (this.claim !== null) this.lose();
  }

  private closeGate(): void {
    if (this.gate.is !== 'none') this.out.close(this.gate.socket);
    this.gate = { is: 'none' };
    this.timers.clear('ask');
  }

  /** RFC 6886 §3.4, RFC 6887 §15: a life of zero. Sent twice, for nobody will be here to repeat it. */
  private remove(): void {
    const { claim, target } = this;
    if (claim !== null && claim.by !== 'upnp') for (let i = 0; i < 2; i++) this.sendMap(claim.by, 0);
    if (target !== null && this.supported.upnp !== 'no') this.out.event({ ev: 'upnp', op: 'unmap', port: target.port });
    this.closeGate();
    for (const timer of ['renew', 'expire', 'prove'] as const) this.timers.clear(timer);
    this.enter({ in: 'stopped' });
  }

  private sendMap(by: 'natPmp' | 'pcp', lifetimeSeconds: number): void {
    if (by === 'pcp') this.sendPcp(lifetimeSeconds);
    else this.sendNatPmp(lifetimeSeconds);
  }

  private sendPcp(lifetimeSeconds: number): void {
    if (this.target === null || this.network?.gateway == null) return;
    const client = ownAddressTowards(this.network.gateway, this.network.addresses);
    const mapping = { internalPort: this.target.port, externalPort: this.externalPort(lifetimeSeconds) };
    this.send(pcpMapRequest({ nonce: this.nonce, client, ...mapping, lifetimeSeconds }));
  }

  private sendNatPmp(lifetimeSeconds: number): void {
    if (this.target === null) return;
    this.send(natPmpMapRequest(this.target.port, this.externalPort(lifetimeSeconds), lifetimeSeconds));
  }

  /** To ask for: the one we have, else the local one; none where the mapping is to be removed. */
  private externalPort(lifetimeSeconds: number): number {
    return lifetimeSeconds === 0 ? 0 : (this.claim?.external.port ?? this.target?.port ?? 0);
  }

  private send(bytes: Uint8Array): void {
    const gateway = this.gateway();
    if (gateway !== null && this.gate.is === 'open') this.out.transmit(this.gate.socket, gateway, bytes);
  }

  private gateway(): Endpoint | null {
    const address = this.network?.gateway ?? null;
    return address === null ? null : { address, port: GATEWAY_PORT };
  }

  private tell(): void {
    const external = this.phase.in === 'proven' ? this.phase.seen : null;
    const report: PortMappingReport = { ...this.supported, external };
    const text = JSON.stringify([report, this.router]);
    if (text === this.told) return;
    this.told = text;
    this.out.event({ ev: 'port-mapping', report, router: this.router });
  }
}

/** Of our addresses the one in the gateway's network: most leading bits in common. */
function ownAddressTowards(gateway: string, addresses: readonly string[]): string {
  const bits = (address: string) =>
    address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  const common = (address: string) => {
    const [left, right] = [bits(address), bits(gateway)];
    let length = 0;
    while (length < 32 && left[length] === right[length]) length++;
    return length;
  };
  const fours = addresses.filter((address) => familyOf(address) === 4);
  return fours.toSorted((left, right) => common(right) - common(left))[0] ?? '0.0.0.0';
}
