/**
 * A NAT as a small object that takes the time: `outbound(packet, now)` and `inbound(packet, now)` say what becomes of a packet.
 * It knows nothing of links or clocks. `createNat` puts one or several translators side by side and adds hairpinning.
 */
import type { Endpoint } from '../../core/index.ts';
import { type Packet, withFrom } from '../packet.ts';
import type { SimRandom } from '../random.ts';
import { type FullBehaviour, type NatBehaviour, withDefaults } from './behaviour.ts';
import { Translator } from './translator.ts';

export type NatDrop =
  | 'udp-blocked'
  | 'table-full'
  | 'quota-full'
  | 'ports-exhausted'
  | 'mapping-rate'
  | 'unsolicited'
  | 'hairpin'
  | 'icmp-unrelated';

export type NatResult =
  /** Goes on, translated: outwards from `outbound`, inwards from `inbound`. */
  | { readonly kind: 'forward'; readonly packet: Packet }
  /** From inside to the outside address of the box and back in. */
  | { readonly kind: 'hairpin'; readonly packet: Packet }
  /** `answer`: the box tells the sender by ICMP. */
  | { readonly kind: 'drop'; readonly why: NatDrop; readonly answer: 'port-unreachable' | 'prohibited' | null };

export interface NatStats {
  readonly mappings: number;
  readonly mappingsPeak: number;
  readonly mappingsMade: number;
  readonly sessions: number;
}

export interface Nat {
  readonly behaviour: FullBehaviour;
  readonly addresses: readonly string[];
  owns(address: string): boolean;
  outbound(packet: Packet, now: number): NatResult;
  inbound(packet: Packet, now: number): NatResult;
  /** A port forwarded by hand or by UPnP/PCP: open to everybody, for ever. */
  forwardPort(externalPort: number, internal: Endpoint): void;
  /** A port that a program had it open is shut again. */
  closePort(externalPort: number): void;
  /** "DMZ", "exposed host": what belongs to no mapping goes to this internal address, same port. */
  exposeHost(internalAddress: string): void;
  /** Power cycle: every mapping is gone. */
  reboot(): void;
  /** The provider hands out another address: old mappings are gone with the old one. */
  readdress(addresses: readonly string[]): void;
  stats(now: number): NatStats;
}

export interface NatOptions {
  readonly behaviour: NatBehaviour;
  /** One for each of `balancedBoxes` x `addresses`. */
  readonly addresses: readonly string[];
  readonly random: SimRandom;
}

export function addressesNeeded(behaviour: NatBehaviour): number {
  return (behaviour.addresses ?? 1) * (behaviour.balancedBoxes ?? 1);
}

export function createNat(options: NatOptions): Nat {
  return new NatDevice(options);
}

class NatDevice implements Nat {
  readonly behaviour: FullBehaviour;
  readonly #boxes: Translator[] = [];
  #addresses: readonly string[] = [];

  constructor(options: NatOptions) {
    this.behaviour = withDefaults(options.behaviour);
    for (let box = 0; box < this.behaviour.balancedBoxes; box++) {
      this.#boxes.push(new Translator(this.behaviour, options.random.fork(`box${box}`)));
    }
    this.readdress(options.addresses);
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  owns(address: string): boolean {
    return this.#addresses.includes(address);
  }

  outbound(packet: Packet, now: number): NatResult {
    const parity = (packet.from.port + packet.to.port) % this.#boxes.length;
    const result = (this.#boxes[parity] as Translator).outbound(packet, now);
    if (result.kind !== 'forward' || !this.owns(packet.to.address)) return result;
    if (this.behaviour.hairpin === 'none') return { kind: 'drop', why: 'hairpin', answer: null };
    const back = this.inbound(result.packet, now);
    if (back.kind !== 'forward') return back;
    const source = this.behaviour.hairpin === 'internal-source' ? packet.from : back.packet.from;
    return { kind: 'hairpin', packet: withFrom(back.packet, source) };
  }

  inbound(packet: Packet, now: number): NatResult {
    for (const box of this.#boxes) if (box.owns(packet.to.address)) return box.inbound(packet, now);
    // Without translation the destination is the host behind the box itself.
    return (this.#boxes[0] as Translator).inbound(packet, now);
  }

  forwardPort(externalPort: number, internal: Endpoint): void {
    for (const box of this.#boxes) box.forwardPort(externalPort, internal);
  }

  closePort(externalPort: number): void {
    for (const box of this.#boxes) box.forwards.close(externalPort);
  }

  exposeHost(internalAddress: string): void {
    for (const box of this.#boxes) box.exposeHost(internalAddress);
  }

  reboot(): void {
    for (const box of this.#boxes) box.clear();
  }

  readdress(addresses: readonly string[]): void {
    this.#addresses = addresses;
    const each = this.behaviour.addresses;
    for (const [index, box] of this.#boxes.entries()) {
      box.clear();
      box.addresses = addresses.slice(index * each, (index + 1) * each);
    }
  }

  stats(now: number): NatStats {
    const all = this.#boxes.map((box) => box.stats(now));
    const sum = (of: (stats: NatStats) => number): number => all.reduce((total, stats) => total + of(stats), 0);
    return {
      mappings: sum((s) => s.mappings),
      mappingsPeak: sum((s) => s.mappingsPeak),
      mappingsMade: sum((s) => s.mappingsMade),
      sessions: sum((s) => s.sessions),
    };
  }
}
