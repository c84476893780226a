/**
 * The machine that asks the home router for an open port: PCP and NAT-PMP itself, UPnP through the driver (it is HTTP). What a
 * router claims counts for nothing: a mapping is reported only after a packet that no filter would have let in came through it.
 * A router that lies, hangs or answers nonsense costs a few packets and no time, for nobody waits for this machine.
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
import { outputs, timers } from '../machine.ts';
import type { LogData } from '../model/log.ts';
import type { LocalNetwork } from '../model/network.ts';
import type { Filtering, PortMappingReport, Tested } from '../nat/profile.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { MappingSource } from '../sources/source.ts';
import { PORTMAP_LIMITS } from './limits.ts';
import { GATEWAY_PORT, natPmpAddressRequest, natPmpMapRequest, parseNatPmp } from './natpmp.ts';
import { parsePcp, pcpMapRequest } from './pcp.ts';

export type MapCommand =
  | { readonly do: 'network'; readonly network: LocalNetwork }
  /** Open this socket's port to everybody. The socket stays the caller's; `port` is its local one. */
  | { readonly do: 'map'; readonly socket: SocketId; readonly port: number }
  /** Who can prove it, and what is known of the filter: where it lets in other ports of an address, only another address is proof. */
  | { readonly do: 'witnesses'; readonly sources: readonly MappingSource[]; readonly filtering: Filtering }
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
  /** Asked for, in seconds; an hour unless a test says otherwise. */
  readonly lifetimeSeconds?: number;
}

export function createPortMapper(config: MapperConfig): Machine<MapCommand, MapEvent> {
  return new PortMapper(config);
}

type Protocol = 'upnp' | 'natPmp' | 'pcp';
type Timer = 'ask' | 'renew' | 'expire' | 'prove';

/** RFC 6886 §3.1: 250 ms, doubling; four tries are enough for a router in the same room. */
const ASK_AFTER_MS = [0, 250, 750, 1_750] as const;
const PCP_TRIES = 2;
const GIVE_UP_MS = 2_750;
const LIFETIME_SECONDS = 3_600;
/** Routers are believed down to this, so that a silly one does not make us hurry. */
const LIFETIME_SECONDS_MIN = 4;
const PROOFS_MAX = 4;
const PROOF_INTERVAL_MS = 400;

class PortMapper implements Machine<MapCommand, MapEvent> {
  private readonly config: MapperConfig;
  private readonly out = outputs<MapEvent>();
  private readonly timers = timers<Timer>();
  private readonly nonce: Uint8Array;
  private readonly lifetimeSeconds: number;
  private network: LocalNetwork | null = null;
  private target: { socket: SocketId; port: number } | null = null;
  private witnesses: { sources: readonly MappingSource[]; filtering: Filtering } = {
    sources: [],
    filtering: 'unknown',
  };
  /** The socket that speaks with the gateway, and whether it is bound. */
  private gate: { socket: SocketId; bound: boolean } | null = null;
  private tries = 0;
  private askedAt: Instant = 0;
  private supported: Record<Protocol, Tested> = { upnp: 'untested', natPmp: 'untested', pcp: 'untested' };
  private router: string | null = null;
  /** What the router says it has opened, not believed yet. */
  private claimed: { by: Protocol; external: Endpoint } | null = null;
  private proven: Endpoint | null = null;
  private proofs = 0;
  private proofRequest = 1;
  private told = '';

  constructor(config: MapperConfig) {
    this.config = config;
    this.nonce = config.crypto.randomBytes(12);
    this.lifetimeSeconds = config.lifetimeSeconds ?? LIFETIME_SECONDS;
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (socket === this.gate?.socket) this.hearGateway(now, from, bytes);
    else if (socket === this.target?.socket) this.hearWitness(from, bytes);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    if (socket !== this.gate?.socket) return;
    this.gate = outcome.ok ? { socket, bound: true } : null;
    if (outcome.ok) this.ask(now);
  }

  handleTimeout(now: Instant): void {
    for (const timer of this.timers.due(now)) {
      if (timer === 'ask') this.ask(now);
      else if (timer === 'renew') this.renew(now);
      else if (timer === 'prove') this.prove(now);
      else this.lose();
    }
  }

  handleCommand(now: Instant, command: MapCommand): void {
    switch (command.do) {
      case 'network':
        if (command.network.gateway !== this.network?.gateway) this.forget();
        this.network = command.network;
        break;
      case 'map':
        this.target = { socket: command.socket, port: command.port };
        break;
      case 'witnesses':
        this.witnesses = command;
        if (this.claimed !== null && this.proven === null) this.startProof(now);
        return;
      case 'upnp':
        this.supported.upnp = command.works ? 'yes' : 'no';
        if (command.external !== null) this.claim(now, 'upnp', command.external);
        else if (this.claimed?.by === 'upnp') this.lose();
        this.tell();
        return;
      case 'again':
        if (this.proven !== null) return;
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

  /** Once both the gateway and the port are known. */
  private begin(): void {
    if (this.target === null || this.network === null || this.gate !== null) return;
    if (this.supported.upnp === 'untested') this.out.event({ ev: 'upnp', op: 'map', port: this.target.port });
    const { gateway } = this.network;
    if (gateway === null || familyOf(gateway) !== 4) return;
    this.tries = 0;
    this.gate = { socket: this.config.sockets.next(), bound: false };
    this.out.open(this.gate.socket, 4);
  }

  private ask(now: Instant): void {
    const gateway = this.gateway();
    if (gateway === null || this.gate?.bound !== true || this.target === null) return;
    if (this.tries === 0) this.askedAt = now;
    if (this.tries >= ASK_AFTER_MS.length) {
      this.concludeSilence();
      return;
    }
    this.tries++;
    // Silent to PCP but not to NAT-PMP: it has never heard of PCP.
    if (this.tries > PCP_TRIES && this.supported.natPmp === 'yes' && this.supported.pcp === 'untested') {
      this.supported.pcp = 'no';
      this.tell();
    }
    if (this.supported.pcp === 'untested') this.sendPcp(this.lifetimeSeconds);
    if (this.supported.natPmp === 'untested') this.out.transmit(this.gate.socket, gateway, natPmpAddressRequest());
    // NAT-PMP maps only where PCP does not, so that the router holds one mapping of ours and not two.
    if (this.supported.pcp === 'no' && this.claimed === null) this.sendNatPmp(this.lifetimeSeconds);
    const waiting = Object.values({ ...this.supported, upnp: 'yes' }).includes('untested') || this.claimed === null;
    if (waiting) this.timers.set('ask', this.askedAt + (ASK_AFTER_MS[this.tries] ?? GIVE_UP_MS));
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
    if (this.supported.natPmp === 'no' || this.claimed !== null) return;
    this.sendNatPmp(this.lifetimeSeconds);
    if (this.timers.at('ask') === NEVER && this.tries < ASK_AFTER_MS.length) this.timers.set('ask', now + 500);
  }

  private granted(now: Instant, by: Protocol, address: string, port: number, lifetimeSeconds: number): void {
    if (address !== '0.0.0.0') this.router = address;
    if (port === 0) return;
    const lifeMs = 1000 * Math.min(LIFETIME_SECONDS, Math.max(LIFETIME_SECONDS_MIN, lifetimeSeconds));
    // RFC 6886 §3.3, RFC 6887 §11.2.1: renew at half of the life.
    this.timers.set('renew', now + lifeMs / 2);
    this.timers.set('expire', now + lifeMs);
    this.claim(now, by, { address, port });
  }

  private claim(now: Instant, by: Protocol, external: Endpoint): void {
    const renewed = this.claimed?.by === by && sameEndpoint(this.claimed.external, external);
    if (renewed || (this.claimed !== null && this.claimed.by !== by)) return;
    this.claimed = { by, external };
    this.proven = null;
    this.log('router claims a mapping', { by, port: external.port });
    this.startProof(now);
  }

  private startProof(now: Instant): void {
    this.proofs = 0;
    this.prove(now);
  }

  /** Asks a witness, through the mapped socket, for an answer from somewhere we have never sent to. */
  private prove(now: Instant): void {
    if (this.claimed === null || this.proven !== null || this.target === null || this.proofs >= PROOFS_MAX) return;
    const { sources, filtering } = this.witnesses;
    const wanted = filtering === 'apdf' ? (['other-address', 'other-port'] as const) : (['other-address'] as const);
    const answerFrom = wanted.find((from) => sources.some((source) => source.answersFrom.includes(from)));
    const able = sources.filter((source) => answerFrom !== undefined && source.answersFrom.includes(answerFrom));
    const witness = able[this.proofs % Math.max(1, able.length)];
    if (witness === undefined || answerFrom === undefined) return;
    this.proofs++;
    const request = PORTMAP_LIMITS.portMapRequestFirst + this.proofRequest++;
    this.out.transmit(this.target.socket, witness.target, witness.request(now, request, answerFrom));
    this.timers.set('prove', now + PROOF_INTERVAL_MS);
  }

  private hearWitness(from: Endpoint, bytes: Uint8Array): void {
    if (this.claimed === null || this.proven !== null) return;
    for (const source of this.witnesses.sources) {
      const answer = source.answer(from, bytes);
      if (answer === null || answer.request < PORTMAP_LIMITS.portMapRequestFirst) continue;
      // Proven is what was seen: the claimed port, at the address that the outside sees.
      if (answer.observed.port !== this.claimed.external.port) return;
      this.proven = answer.observed;
      this.timers.clear('prove');
      this.log('mapping proven from outside', { by: this.claimed.by, port: answer.observed.port });
      this.tell();
      return;
    }
  }

  private renew(now: Instant): void {
    if (this.claimed?.by === 'pcp') this.sendPcp(this.lifetimeSeconds);
    else if (this.claimed?.by === 'natPmp') this.sendNatPmp(this.lifetimeSeconds);
    else return;
    // Again at three quarters, seven eighths, ... of the life.
    const left = this.timers.at('expire') - now;
    if (left > 4_000) this.timers.set('renew', now + left / 2);
  }

  private lose(): void {
    this.claimed = null;
    this.proven = null;
    for (const timer of ['renew', 'expire', 'prove'] as const) this.timers.clear(timer);
    this.tell();
  }

  /** Another gateway, or the same one asked anew: nothing that was said holds. */
  private forget(): void {
    if (this.gate !== null) this.out.close(this.gate.socket);
    this.gate = null;
    this.supported = { upnp: 'untested', natPmp: 'untested', pcp: 'untested' };
    this.router = null;
    this.timers.clear('ask');
    if (this.claimed !== null) this.lose();
  }

  /** RFC 6886 §3.4, RFC 6887 §15: a life of zero. Sent twice, for nobody will be here to repeat it. */
  private remove(): void {
    for (let i = 0; i < 2; i++) {
      if (this.claimed?.by === 'pcp') this.sendPcp(0);
      if (this.claimed?.by === 'natPmp') this.sendNatPmp(0);
    }
    if (this.target !== null && this.supported.upnp !== 'no') {
      this.out.event({ ev: 'upnp', op: 'unmap', port: this.target.port });
    }
    if (this.gate !== null) this.out.close(this.gate.socket);
    this.gate = null;
    this.target = null;
    this.claimed = null;
    for (const timer of ['ask', 'renew', 'expire', 'prove'] as const) this.timers.clear(timer);
  }

  private sendPcp(lifetimeSeconds: number): void {
    const gateway = this.gateway();
    if (gateway === null || this.gate === null || this.target === null || this.network === null) return;
    const { nonce, target } = this;
    const externalPort = lifetimeSeconds === 0 ? 0 : (this.claimed?.external.port ?? target.port);
    const client = ownAddressTowards(gateway.address, this.network.addresses);
    const request = { nonce, client, internalPort: target.port, externalPort, lifetimeSeconds };
    this.out.transmit(this.gate.socket, gateway, pcpMapRequest(request));
  }

  private sendNatPmp(lifetimeSeconds: number): void {
    const gateway = this.gateway();
    if (gateway === null || this.gate === null || this.target === null) return;
    const externalPort = lifetimeSeconds === 0 ? 0 : (this.claimed?.external.port ?? this.target.port);
    this.out.transmit(this.gate.socket, gateway, natPmpMapRequest(this.target.port, externalPort, lifetimeSeconds));
  }

  private gateway(): Endpoint | null {
    const address = this.network?.gateway ?? null;
    return address === null ? null : { address, port: GATEWAY_PORT };
  }

  private tell(): void {
    const report: PortMappingReport = { ...this.supported, external: this.proven };
    const text = JSON.stringify([report, this.router]);
    if (text === this.told) return;
    this.told = text;
    this.out.event({ ev: 'port-mapping', report, router: this.router });
  }

  private log(what: string, data: LogData): void {
    this.out.event({ ev: 'log', what, data });
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
