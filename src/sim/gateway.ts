/** A NAT box between two realms: counts the TTL, asks the box what becomes of each packet, and sends the ICMP answers. */

import type { Nat, NatResult } from './nat/box.ts';
import type { Attachment, NetworkContext, Realm } from './network.ts';
import type { IcmpKind } from './packet.ts';
import { type Packet, withTtl } from './packet.ts';

export interface Gateway {
  readonly name: string;
  readonly nat: Nat;
  /** What stands in front of the IPv6 hosts behind this box. */
  readonly firewall6: Nat;
  /** The next box towards the internet. */
  readonly behind: Gateway | null;
  readonly inside: Realm;
  /** The side towards the internet. */
  readonly outer: Attachment;
  readonly inner: Attachment;
}

export interface GatewayParts {
  readonly name: string;
  readonly nat: Nat;
  readonly firewall6: Nat;
  readonly behind: Gateway | null;
  readonly inside: Realm;
  readonly context: NetworkContext;
  attachment(realm: Realm, side: 'outer' | 'inner', receive: (packet: Packet) => void): Attachment;
  readonly outside: Realm;
}

export function createGateway(parts: GatewayParts): Gateway {
  const { nat, firewall6, name, context, inside, outside } = parts;
  const boxFor = (packet: Packet): Nat => (packet.to.address.includes(':') ? firewall6 : nat);
  const outer = parts.attachment(outside, 'outer', (packet) => fromOutside(packet));
  const inner = parts.attachment(inside, 'inner', (packet) => fromInside(packet));

  function fromInside(packet: Packet): void {
    if (packet.ttl <= 1) {
      expired(packet, inner);
      return;
    }
    const hop = withTtl(packet, packet.ttl - 1);
    handle(hop, boxFor(hop).outbound(hop, context.now), inner, outer);
  }

  function fromOutside(packet: Packet): void {
    const result = boxFor(packet).inbound(packet, context.now);
    if (result.kind === 'forward' && packet.ttl <= 1) expired(packet, outer);
    else handle(packet, result, outer, inner, 1);
  }

  function handle(packet: Packet, result: NatResult, source: Attachment, onward: Attachment, hops = 0): void {
    if (result.kind === 'drop') {
      context.dropped(packet, name, result.why);
      if (result.answer !== null) answer(packet, result.answer, source);
      return;
    }
    const after = hops === 0 ? result.packet : withTtl(result.packet, result.packet.ttl - hops);
    context.forwarded(packet, after, name);
    const exit = result.kind === 'hairpin' ? inner : onward;
    exit.realm.send(exit, after);
  }

  function expired(packet: Packet, source: Attachment): void {
    context.dropped(packet, name, 'ttl');
    if (nat.behaviour.timeExceeded) answer(packet, 'time-exceeded', source);
  }

  function answer(packet: Packet, kind: IcmpKind, source: Attachment): void {
    if (packet.icmp !== null) return;
    const sender = source === outer ? (nat.addresses[0] ?? name) : name;
    source.realm.send(source, context.icmpFor(packet, kind, sender));
  }

  return { name, nat, firewall6, behind: parts.behind, inside, outer, inner };
}
