/**
 * NAT behaviours as nftables rules for a real kernel NAT. Terms as in RFC 4787: EIM/ADM/APDM mapping, EIF/ADF/APDF filtering.
 * Linux by itself filters APDF (a conntrack entry belongs to one remote endpoint); the two more open kinds are made with
 * a map from the external port to the internal endpoint, filled as packets go out.
 */

import { type NatBehaviour as AnyBehaviour, PORTS_ALL, PORTS_PF, type PortRange } from '../src/sim/index.ts';

/** The rules of the simulator's `Allocation` that the kernel has, or that can be made of its rules. */
export type Allocation =
  /** Keep the local port if the 5-tuple is free, else random. What most home routers do. */
  | 'preserve'
  /** A port of the range at random: for each destination endpoint, or for each destination address. */
  | { readonly random: PortRange }
  /** Random start in the range, then the same port for the same source. Keep it clear of ephemeral ports. */
  | { readonly scan: PortRange }
  /** The next port of one counter for each destination endpoint. */
  | { readonly step: 1; readonly range: PortRange };

/** The part of the simulator's `NatBehaviour` that rules for a Linux kernel can show, in the same words. Packet scripts use only this part. */
export interface NatBehaviour
  extends Required<Pick<AnyBehaviour, 'filtering' | 'unsolicited' | 'sessionsMax' | 'udpBlocked'>> {
  readonly mapping: 'endpoint-independent' | 'address' | 'address-and-port';
  readonly allocation: Allocation;
  /** The word of nftables for a random port of all; since Linux 5.0 both draw anew for each destination endpoint. */
  readonly drawnBy: 'random' | 'fully-random';
  readonly hairpin: 'none' | 'external-source';
  /** In whole seconds, as the kernel has them. */
  readonly timeouts: { readonly unrepliedMs: number; readonly establishedMs: number };
}

const LINUX: NatBehaviour = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port',
  allocation: 'preserve',
  drawnBy: 'fully-random',
  unsolicited: 'drop',
  hairpin: 'none',
  timeouts: { unrepliedMs: 30_000, establishedMs: 120_000 },
  sessionsMax: Number.POSITIVE_INFINITY,
  udpBlocked: false,
};
const SYMMETRIC = { ...LINUX, mapping: 'address-and-port' } as const;
const TABLE: PortRange = { low: 22_500, high: 26_595 };

/** Named behaviours; the letter in the comment is the population class of docs/reference/nat-model.md §3. */
export const NAT_PRESETS = {
  /** P1 */
  'full-cone': { ...LINUX, filtering: 'endpoint-independent', hairpin: 'external-source' },
  /** P2 */
  'address-cone': { ...LINUX, filtering: 'address' },
  /** P3: Linux CPE (OpenWrt and the like). */
  'home-router': LINUX,
  /** P3 that refuses with ICMP, as OpenWrt does. */
  'home-router-reject': { ...LINUX, unsolicited: 'reject' },
  /** P4: the poisonable one. */
  'home-router-accept': { ...LINUX, unsolicited: 'accept' },
  /** Carrier rule "SNAT to a range": random, but endpoint-independent. */
  'range-cone': { ...LINUX, allocation: { scan: { low: 20_000, high: 30_000 } } },
  /** S1 */
  'address-sensitive': { ...LINUX, mapping: 'address', allocation: { random: TABLE } },
  /** S2 */
  step: { ...SYMMETRIC, allocation: { step: 1, range: TABLE } },
  /** S4 */
  random: { ...SYMMETRIC, allocation: { random: PORTS_ALL }, drawnBy: 'random' },
  'fully-random': { ...SYMMETRIC, allocation: { random: PORTS_ALL } },
  /** S5: the range of pf. */
  pf: { ...SYMMETRIC, allocation: { random: PORTS_PF } },
  /** S6: one block of a carrier NAT. */
  'block-512': { ...SYMMETRIC, allocation: { random: { low: 20_480, high: 20_991 } } },
  /** X */
  'udp-blocked': { ...LINUX, udpBlocked: true },
} as const satisfies Record<string, NatBehaviour>;

export type NatPreset = keyof typeof NAT_PRESETS;

/**
 * The expression that turns a number into a port of the range, as a table: nft would take a bare number for a port in the wrong byte
 * order. At most 4096 ports, because an unprivileged user's netlink message holds no larger table.
 */
function portTable(range: PortRange): string {
  const ports = Array.from({ length: range.high - range.low + 1 }, (_, index) => `${index} : ${range.low + index}`);
  return `mod ${ports.length} map { ${ports.join(', ')} }`;
}

function sourceRule({ mapping, allocation, drawnBy }: NatBehaviour, external: string): string {
  if (allocation === 'preserve') return 'masquerade';
  const within = ({ low, high }: PortRange) => `snat to ${external}:${low}-${high}`;
  if ('scan' in allocation) return within(allocation.scan);
  if ('step' in allocation) return `snat to ${external} : numgen inc ${portTable(allocation.range)}`;
  // ADM: the kernel does not remember a port for each destination address, so a hash of the address and the source gives the same one again.
  if (mapping === 'address')
    return `snat to ${external} : jhash ip saddr . udp sport . ip daddr ${portTable(allocation.random)}`;
  const { low, high } = allocation.random;
  return low === PORTS_ALL.low && high === PORTS_ALL.high
    ? `masquerade ${drawnBy}`
    : `${within(allocation.random)} random`;
}

/** Chains that remember who uses which external port, for filtering more open than conntrack's and for hairpin. */
function openFilterRules(nat: NatBehaviour, external: string): string {
  if (nat.filtering === 'address-and-port' && nat.hairpin === 'none') return '';
  const life = `flags dynamic, timeout; timeout ${nat.timeouts.establishedMs / 1000}s; size 65535;`;
  const inbound = {
    'endpoint-independent': 'iifname "wan" dnat to udp dport map @owner',
    address: 'iifname "wan" udp dport . ip saddr @contacted dnat to udp dport map @owner',
    'address-and-port': '',
  }[nat.filtering];
  const hairpin =
    nat.hairpin === 'external-source' ? `iifname "lan" ip daddr ${external} dnat to udp dport map @owner` : '';
  return `
  map owner { type inet_service : ipv4_addr . inet_service; ${life} }
  set contacted { type inet_service . ipv4_addr; ${life} }
  chain remember {
    type filter hook postrouting priority srcnat + 10;
    oifname "wan" ip protocol udp ct direction original update @owner { ct reply proto-dst : ct original ip saddr . ct original proto-src }
    oifname "wan" ip protocol udp ct direction original update @contacted { ct reply proto-dst . ip daddr }
  }
  chain inbound {
    type nat hook prerouting priority dstnat;
    ${inbound}
    ${hairpin}
  }`;
}

/** The whole rule set of one NAT box whose devices are called `wan` and `lan`. */
export function natRules(nat: NatBehaviour, external: string, lan: string): string {
  const sessions = Number.isFinite(nat.sessionsMax)
    ? `iifname "lan" ct state new ct count over ${nat.sessionsMax} drop`
    : '';
  const blocked = nat.udpBlocked ? 'meta l4proto udp drop' : '';
  return `
table ip nat {${openFilterRules(nat, external)}
  chain outbound {
    type nat hook postrouting priority srcnat;
    oifname "lan" ip saddr ${lan} ct status dnat snat to ${external}
    oifname "wan" meta l4proto udp ${sourceRule(nat, external)}
    oifname "wan" masquerade
  }
}
table ip filter {
  chain input {
    type filter hook input priority 0;
    iifname "wan" ct state established,related accept
    iifname "wan" ${nat.unsolicited}
  }
  chain transit {
    type filter hook forward priority 0; policy drop;
    ${blocked}
    ${sessions}
    iifname "lan" accept
    ct state established,related accept
    ct status dnat accept
  }
}`;
}
