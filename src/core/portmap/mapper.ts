/**
 * The machine that asks the home router for an open port: PCP and NAT-PMP itself, UPnP through the driver (it is HTTP). What a
 * router claims counts for nothing: a mapping is reported only after a packet has come in through it (`proof.ts`), and only as long as
 * packets do: it is proven anew every ten seconds. A router that has started again, or lost the mapping otherwise, is asked anew.
 * A router that lies, hangs or answers nonsense costs a few packets and nobody's time: what is found is told when it is found.
 */

import { type Endpoint, familyOf, sameEndpoint } from '../address.ts';
import { equalBytes } from '../bytes.ts';
import { type Instant, type Machine, NEVER, type Output, type SocketId, type SocketOutcome } from '../contract.ts';
import { assert } from '../errors.ts';
import { outputs } from '../machine.ts';
import type { LogData } from '../model/log.ts';
import type { LocalNetwork } from '../model/network.ts';
import type { PortMappingReport, Tested } from '../nat/profile.ts';
import type { MappingSource } from '../sources/source.ts';
import { Chores } from './chores.ts';
import { Epoch } from './epoch.ts';
import type { MapCommand, MapEvent, MapperConfig } from './interface.ts';
import { PORTMAP_LIMITS } from './limits.ts';
import { GATEWAY_PORT, natPmpAddressRequest, natPmpMapRequest, parseNatPmp } from './natpmp.ts';
import { ownAddressTowards, parsePcp, pcpAnnounceRequest, pcpEpochOf, pcpMapRequest } from './pcp.ts';
import { claimStateOf, type Gate, MAPPER_PHASES, type Phase, type PortClaim, type Protocol } from './phases.ts';
import { PORT_PROOF_INTERVAL_MS, PortProof } from './proof.ts';
import { untested } from './untested.ts';

export function createPortMapper(config: MapperConfig): Machine<MapCommand, MapEvent> {
  return new PortMapper(config);
}

const OF_A_CLAIM = ['renew', 'expire', 'prove'] as const;

class PortMapper implements Machine<MapCommand, MapEvent> {
  private readonly config: MapperConfig;
  private readonly out = outputs<MapEvent>();
  private readonly chores = new Chores({
    ask: () => this.ask(),
    renew: (now) => this.renew(now),
    expire: (now) => this.lose(now),
    prove: (now) => this.prove(now),
    again: (now) => this.again(now),
  });
  private expiresAt: Instant = NEVER;
  private readonly family: 4 | 6;
  private readonly nonce: Uint8Array;
  private readonly lifetimeSeconds: number;
  private phase: Phase = { in: 'unmapped' };
  private gate: Gate = { is: 'none' };
  private network: LocalNetwork | null = null;
  private target: { readonly socket: SocketId; readonly port: number } | null = null;
  /** Who can be asked to prove a claim. */
  private sources: readonly MappingSource[] = [];
  private readonly redirecting = new WeakSet<MappingSource>();
  private supported: Record<Protocol, Tested>;
  private router: string | null = null;
  private epoch = new Epoch();
  /** Since the last mapping that was proven. */
  private failures = 0;
  private told = '';

  constructor(config: MapperConfig) {
    this.config = config;
    this.family = config.family ?? 4;
    this.supported = untested(this.family);
    this.nonce = config.crypto.randomBytes(12);
    this.lifetimeSeconds = config.lifetimeSeconds ?? PORTMAP_LIMITS.lifetimeSeconds;
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    const gateway = this.gateway();
    const isGate = this.gate.is !== 'none' && socket === this.gate.socket;
    if (isGate && gateway !== null && sameEndpoint(from, gateway)) this.hearGateway(now, bytes);
    else if (isGate || socket === this.target?.socket) this.hearProof(now, socket, from, bytes);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    if (this.gate.is !== 'opening' || socket !== this.gate.socket) return;
    const { witness } = this.gate;
    if (!outcome.ok) this.out.close(witness);
    this.gate = outcome.ok ? { is: 'open', socket, witness, askedAt: now, tries: 0 } : { is: 'none' };
    // By UPnP, before there was a socket to have it proven.
    if (this.phase.in === 'claimed') this.believe(now, this.phase.claim);
    this.ask();
  }

  handleTimeout(now: Instant): void {
    this.chores.run(now);
  }

  handleCommand(now: Instant, command: MapCommand): void {
    if (this.phase.in === 'stopped') return;
    switch (command.do) {
      case 'network':
        if (command.network.gateway !== this.network?.gateway || this.moved(command.network)) this.forget(now);
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
        else if (this.claim?.by === 'upnp') this.lose(now);
        this.tell();
        return;
      case 'again':
        if (this.phase.in === 'proven') return;
        this.forget(now);
        this.tell();
        break;
      case 'look':
        // What is under way was asked on the line of before.
        if (this.phase.in === 'proven') this.check(now, { ...this.phase, proof: null });
        else if (this.chores.has('again')) this.chores.set('again', now);
        return;
      case 'stop':
        this.remove();
        return;
    }
    this.begin();
  }

  poll(): Output<MapEvent> {
    return this.out.next(this.chores.next());
  }

  private enter(phase: Phase, data: LogData = {}): void {
    const from = this.phase.in;
    assert(phase.in in MAPPER_PHASES[from], `a mapper goes from ${from} to ${phase.in}`);
    this.phase = phase;
    if (from === 'proven' && phase.in === 'proven') return;
    this.out.event({ ev: 'log', what: 'port-mapper', data: { from, to: phase.in, ...data } });
  }

  private get claim(): PortClaim | null {
    return this.phase.in === 'claimed' || this.phase.in === 'proven' ? this.phase.claim : null;
  }

  /** Once both the gateway and the port are known. */
  private begin(): void {
    if (this.target === null || this.network === null || this.gate.is !== 'none') return;
    if (this.supported.upnp === 'untested') this.out.event({ ev: 'upnp', op: 'map', ...this.wish(this.target.port) });
    if (this.gateway() !== null) this.openGate();
  }

  private openGate(): void {
    if (this.gate.is !== 'none') return;
    const { sockets } = this.config;
    this.gate = { is: 'opening', socket: sockets.next(), witness: sockets.next() };
    // A firewall of IPv6 opens for the address that asks, and of those that a computer has another one may be used towards the router.
    for (const socket of [this.gate.witness, this.gate.socket]) {
      if (this.family === 4) this.out.open(socket, 4);
      else this.out.open(socket, 6, 0, this.ownAddress());
    }
  }

  private ask(): void {
    const { gate, supported } = this;
    if (gate.is !== 'open' || this.gateway() === null) return;
    if (gate.tries >= PORTMAP_LIMITS.askAfterMs.length) {
      this.concludeSilence();
      return;
    }
    gate.tries++;
    // Silent to PCP but not to NAT-PMP: it has never heard of PCP.
    if (gate.tries > PORTMAP_LIMITS.pcpTries && supported.natPmp === 'yes' && supported.pcp === 'untested') {
      supported.pcp = 'no';
      this.tell();
    }
    if (supported.pcp === 'untested') this.sendPcp(this.lifetimeSeconds);
    if (supported.natPmp === 'untested') this.send(natPmpAddressRequest());
    // NAT-PMP maps only where PCP does not, so that the router holds one mapping of ours and not two.
    if (supported.pcp === 'no' && this.claim === null && this.family === 4) this.sendNatPmp(this.lifetimeSeconds);
    const waiting = supported.pcp === 'untested' || supported.natPmp === 'untested' || this.claim === null;
    if (waiting)
      this.chores.set('ask', gate.askedAt + (PORTMAP_LIMITS.askAfterMs[gate.tries] ?? PORTMAP_LIMITS.giveUpMs));
  }

  private concludeSilence(): void {
    if (this.supported.pcp === 'untested') this.supported.pcp = 'no';
    if (this.supported.natPmp === 'untested') this.supported.natPmp = 'no';
    this.tell();
  }

  private hearGateway(now: Instant, bytes: Uint8Array): void {
    if (this.target === null) return;
    const epoch = this.claim?.by === 'pcp' ? pcpEpochOf(bytes) : null;
    if (epoch !== null && this.restarted(now, epoch)) return;
    const pcp = parsePcp(bytes);
    if (pcp !== null) {
      const ours = pcp.internalPort === this.target.port && equalBytes(pcp.nonce, this.nonce);
      if (!ours) return;
      this.supported.pcp = pcp.result === 0 ? 'yes' : 'no';
      if (pcp.result === 0) this.mapped(now, 'pcp', pcp.external, pcp.externalPort, pcp.lifetimeSeconds);
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
    const answer = this.family === 4 ? parseNatPmp(bytes) : null;
    if (answer !== null && this.claim?.by === 'natPmp' && this.restarted(now, answer.epochSeconds)) return;
    if (answer?.kind === 'address') {
      this.supported.natPmp = answer.result === 0 ? 'yes' : 'no';
      if (answer.result === 0 && answer.address !== '0.0.0.0') this.router = answer.address;
      if (this.supported.pcp === 'no') this.useNatPmp(now);
    } else if (answer?.kind === 'map' && answer.result === 0 && answer.internalPort === this.target?.port) {
      this.supported.natPmp = 'yes';
      this.mapped(now, 'natPmp', this.router ?? '0.0.0.0', answer.externalPort, answer.lifetimeSeconds);
    }
  }

  private useNatPmp(now: Instant): void {
    if (this.supported.natPmp === 'no' || this.claim !== null) return;
    this.sendNatPmp(this.lifetimeSeconds);
    const tries = this.gate.is === 'open' ? this.gate.tries : 0;
    if (!this.chores.has('ask') && tries < PORTMAP_LIMITS.askAfterMs.length) this.chores.set('ask', now + 500);
  }

  private mapped(now: Instant, by: Protocol, address: string, port: number, lifetimeSeconds: number): void {
    if (this.family === 4 && address !== '0.0.0.0') this.router = address;
    if (port === 0) return;
    const lifeMs =
      1000 * Math.min(PORTMAP_LIMITS.lifetimeSeconds, Math.max(PORTMAP_LIMITS.lifetimeSecondsMin, lifetimeSeconds));
    // RFC 6886 §3.3, RFC 6887 §11.2.1: renew at half of the life.
    this.chores.set('renew', now + lifeMs / 2);
    this.chores.set('expire', now + lifeMs);
    this.expiresAt = now + lifeMs;
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
    this.openGate();
    const shut =
      this.phase.in === 'claimed' && this.phase.shut && sameEndpoint(this.phase.claim.external, claim.external);
    this.enter({ in: 'claimed', claim, proof: this.proofOf(claim), shut }, { by: claim.by, port: claim.external.port });
    this.prove(now);
  }

  private proofOf({ external }: PortClaim): PortProof {
    const { gate, redirecting, target } = this;
    const [helper, witness] = gate.is === 'open' ? [gate.socket, gate.witness] : [0, 0];
    return new PortProof({
      ...{ send: this.out.transmit, requests: this.config.requests, own: this.network?.addresses ?? [], redirecting },
      ...{ helper, witness, mapped: target?.socket ?? 0, port: external.port },
      sources: helper === 0 ? [] : this.sources,
    });
  }

  /** One more question, or what has come of those before it. */
  private prove(now: Instant): void {
    const { phase } = this;
    if (phase.in === 'proven') this.check(now, phase);
    else if (phase.in === 'claimed' && phase.proof.ask(now)) this.chores.set('prove', now + PORT_PROOF_INTERVAL_MS);
    else if (phase.in === 'claimed') this.doubt(now, phase.claim, phase.proof);
  }

  /**
   * Not proven: shut further out, as behind two routers, or nobody could tell, and none was there at all while a router gets its line back.
   * Whether that has started again it says itself, which is all that is known where there is nobody to ask.
   */
  private doubt(now: Instant, claim: PortClaim, { shut, heard }: PortProof): void {
    const { checkMs, againMs, againSeldomMs, againOften } = PORTMAP_LIMITS;
    const alone = this.sources.length === 0;
    const often = !alone && !heard && ++this.failures < againOften;
    this.phase = { in: 'claimed', claim, proof: this.proofOf(claim), shut };
    this.tell();
    this.askEpoch(claim);
    this.chores.set('prove', now + (alone ? checkMs : often ? againMs : againSeldomMs));
  }

  /** Is it open still? Nobody may be there to ask just now: then it holds. */
  private check(now: Instant, phase: Phase & { readonly in: 'proven' }): void {
    const proof = phase.proof ?? this.proofOf(phase.claim);
    if (phase.proof === null) {
      this.enter({ ...phase, proof });
      this.askEpoch(phase.claim);
    }
    if (proof.ask(now)) this.chores.set('prove', now + PORT_PROOF_INTERVAL_MS);
    else if (proof.shut) this.lose(now);
    else this.rest(now, { ...phase, proof: null });
  }

  private rest(now: Instant, phase: Phase & { readonly in: 'proven' }): void {
    this.enter(phase, { by: phase.claim.by, port: phase.seen.port });
    this.chores.set('prove', now + PORTMAP_LIMITS.checkMs);
  }

  private hearProof(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    const { phase } = this;
    if ((phase.in !== 'claimed' && phase.in !== 'proven') || phase.proof === null) return;
    const seen = phase.proof.receive(now, socket, from, bytes);
    if (seen === null) return;
    this.failures = 0;
    this.rest(now, { in: 'proven', claim: phase.claim, seen, proof: null });
    this.tell();
  }

  private askEpoch({ by }: PortClaim): void {
    if (by === 'natPmp') this.send(natPmpAddressRequest());
    else if (by === 'pcp') this.send(pcpAnnounceRequest(this.ownAddress()));
  }

  /** The router has started again since its last answer, and has forgotten what it was told. */
  private restarted(now: Instant, epochSeconds: number): boolean {
    if (!this.epoch.lost(now, epochSeconds)) return false;
    this.lose(now);
    this.chores.set('again', now);
    return true;
  }

  /** What a router has once said to be open is asked for anew, until it says so again. */
  private again(now: Instant): void {
    if (this.phase.in !== 'unmapped') return;
    this.restart();
    this.failures++;
    this.chores.set(
      'again',
      now + (this.failures < PORTMAP_LIMITS.againOften ? PORTMAP_LIMITS.againMs : PORTMAP_LIMITS.againSeldomMs),
    );
    this.begin();
  }

  private renew(now: Instant): void {
    if (this.claim === null || this.claim.by === 'upnp') return;
    this.sendMap(this.claim.by, this.lifetimeSeconds);
    // Again at three quarters, seven eighths, ... of the life.
    const left = this.expiresAt - now;
    if (left > 4_000) this.chores.set('renew', now + left / 2);
  }

  private lose(now: Instant): void {
    this.chores.clear(...OF_A_CLAIM);
    if (this.claim !== null) {
      this.chores.set('again', now + PORTMAP_LIMITS.againMs / 3);
      this.enter({ in: 'unmapped' });
    }
    this.tell();
  }

  /** Another gateway, or the same one asked anew: nothing that was said holds. */
  private forget(now: Instant): void {
    if (this.claim !== null) this.lose(now);
    this.chores.clear('again');
    this.failures = 0;
    this.restart();
  }

  private restart(): void {
    this.closeGate();
    this.supported = untested(this.family);
    this.router = null;
    this.epoch = new Epoch();
  }

  private closeGate(): void {
    if (this.gate.is !== 'none') for (const socket of [this.gate.socket, this.gate.witness]) this.out.close(socket);
    this.gate = { is: 'none' };
    this.chores.clear('ask');
  }

  /** RFC 6886 §3.4, RFC 6887 §15: a life of zero. Sent twice, for nobody will be here to repeat it. */
  private remove(): void {
    const { claim, target } = this;
    if (claim !== null && claim.by !== 'upnp') for (let i = 0; i < 2; i++) this.sendMap(claim.by, 0);
    if (target !== null && this.supported.upnp !== 'no')
      this.out.event({ ev: 'upnp', op: 'unmap', ...this.wish(target.port) });
    this.closeGate();
    this.chores.clear(...OF_A_CLAIM, 'again');
    this.enter({ in: 'stopped' });
  }

  private sendMap(by: 'natPmp' | 'pcp', lifetimeSeconds: number): void {
    if (by === 'pcp') this.sendPcp(lifetimeSeconds);
    else this.sendNatPmp(lifetimeSeconds);
  }

  private sendPcp(lifetimeSeconds: number): void {
    if (this.target === null) return;
    const client = this.ownAddress();
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

  /** As the gateway sees it. */
  private ownAddress(): string {
    if (this.family === 6) return this.network?.addresses[0] ?? '::';
    return ownAddressTowards(this.network?.gateway ?? '0.0.0.0', this.network?.addresses ?? []);
  }

  private gateway(): Endpoint | null {
    const address = this.network?.gateway ?? null;
    if (address === null || familyOf(address) !== this.family) return null;
    return this.family === 6 && this.network?.addresses.length === 0 ? null : { address, port: GATEWAY_PORT };
  }

  /** A firewall of IPv6 is open for one address, and not for that which came after it. */
  private moved({ addresses }: LocalNetwork): boolean {
    return this.family === 6 && addresses.join() !== this.network?.addresses.join();
  }

  private wish(port: number): { readonly port: number; readonly address?: string } {
    return this.family === 4 ? { port } : { port, address: this.ownAddress() };
  }

  private tell(): void {
    const { phase } = this;
    const external = phase.in === 'proven' ? phase.seen : null;
    const report: PortMappingReport = { ...this.supported, claim: claimStateOf(phase), external };
    const told = { report, router: this.router, claimed: this.claim?.external ?? null };
    const text = JSON.stringify(told);
    if (text === this.told) return;
    this.told = text;
    this.out.event({ ev: 'port-mapping', ...told });
  }
}
