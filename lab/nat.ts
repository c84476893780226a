/**
 * NAT behaviours as nftables rules for a real kernel NAT. Terms as in RFC 4787: EIM/ADM/APDM mapping, EIF/ADF/APDF filtering.
 * Linux by itself filters APDF (a conntrack entry belongs to one remote endpoint); the two more open kinds are made with
 * a map from the external port to the internal endpoint, filled as packets go out.
 */

/** How the external port of a new mapping is chosen. */
export type Allocation =
  /** Keep the local port if the 5-tuple is free, else random: EIM-like. What most home routers do. */
  | { readonly kind: 'preserve' }
  /** `random` and `fully-random` are the same since Linux 5.x: a new uniform port for each destination endpoint: APDM. */
  | { readonly kind: 'random' }
  | { readonly kind: 'fully-random' }
  /** Random start in the range, then the same port for the same source: EIM-like. Keep it clear of ephemeral ports. */
  | { readonly kind: 'range'; readonly low: number; readonly high: number }
  /** Uniform in the range for each destination endpoint: APDM in a block. */
  | { readonly kind: 'range-random'; readonly low: number; readonly high: number }
  /** The next port of one counter for each destination endpoint: APDM with delta 1. */
  | { readonly kind: 'step'; readonly low: number; readonly high: number }
  /** One port for each destination address: ADM. The kernel has no such rule; a hash stands in for the memory of one. */
  | { readonly kind: 'per-address'; readonly low: number; readonly high: number };

export interface NatBehaviour {
  readonly allocation: Allocation;
  readonly filtering: 'independent' | 'address' | 'address-and-port';
  /** What the router does with a packet from outside that belongs to no mapping; `accept` poisons tuples (nat-model 2.2). */
  readonly unsolicited: 'drop' | 'reject' | 'accept';
  /** Whether a packet from inside to the NAT's own external address is turned around. */
  readonly hairpin: boolean;
  /** Mappings die so long after the last packet; unreplied: nothing has come back yet. */
  readonly timeoutSeconds: { readonly unreplied: number; readonly replied: number };
  /** Sessions the router holds at most; null = as many as the kernel. */
  readonly sessionsMax: number | null;
  /** UDP does not pass at all (class X). */
  readonly udp: 'pass' | 'blocked';
}

const LINUX: NatBehaviour = {
  allocation: { kind: 'preserve' },
  filtering: 'address-and-port',
  unsolicited: 'drop',
  hairpin: false,
  timeoutSeconds: { unreplied: 30, replied: 120 },
  sessionsMax: null,
  udp: 'pass',
};

/** Named behaviours; the letter in the comment is the population class of nat-model section 3. */
export const NAT_PRESETS = {
  /** P1 */
  'full-cone': { ...LINUX, filtering: 'independent', hairpin: true },
  /** P2 */
  'address-cone': { ...LINUX, filtering: 'address' },
  /** P3: Linux CPE (OpenWrt and the like). */
  'home-router': LINUX,
  /** P3 that refuses with ICMP, as OpenWrt does. */
  'home-router-reject': { ...LINUX, unsolicited: 'reject' },
  /** P4: the poisonable one. */
  'home-router-accept': { ...LINUX, unsolicited: 'accept' },
  /** Carrier rule "SNAT to a range": random, but endpoint-independent. */
  'range-cone': { ...LINUX, allocation: { kind: 'range', low: 20_000, high: 30_000 } },
  /** S1 */
  'address-sensitive': { ...LINUX, allocation: { kind: 'per-address', low: 22_500, high: 26_595 } },
  /** S2 */
  step: { ...LINUX, allocation: { kind: 'step', low: 22_500, high: 26_595 } },
  /** S4 */
  random: { ...LINUX, allocation: { kind: 'random' } },
  'fully-random': { ...LINUX, allocation: { kind: 'fully-random' } },
  /** S5: the range of pf. */
  pf: { ...LINUX, allocation: { kind: 'range-random', low: 50_001, high: 65_535 } },
  /** S6: one block of a carrier NAT. */
  'block-512': { ...LINUX, allocation: { kind: 'range-random', low: 20_480, high: 20_991 } },
  /** X */
  'udp-blocked': { ...LINUX, udp: 'blocked' },
} as const satisfies Record<string, NatBehaviour>;

export type NatPreset = keyof typeof NAT_PRESETS;

/**
 * A number to a port of the range, of 4096 at most: an unprivileged user's netlink message takes no more. A table, because nft
 * would take a bare number for a port in the wrong byte order.
 */
function portTable(range: { readonly low: number; readonly high: number }): string {
  const ports = Array.from({ length: range.high - range.low + 1 }, (_, index) => `${index} : ${range.low + index}`);
  return `mod ${ports.length} map { ${ports.join(', ')} }`;
}

function sourceRule(allocation: Allocation, external: string): string {
  switch (allocation.kind) {
    case 'preserve':
      return 'masquerade';
    case 'random':
      return 'masquerade random';
    case 'fully-random':
      return 'masquerade fully-random';
    case 'range':
      return `snat to ${external}:${allocation.low}-${allocation.high}`;
    case 'range-random':
      return `snat to ${external}:${allocation.low}-${allocation.high} random`;
    case 'step':
      return `snat to ${external} : numgen inc ${portTable(allocation)}`;
    case 'per-address':
      return `snat to ${external} : jhash ip saddr . udp sport . ip daddr ${portTable(allocation)}`;
  }
}

/** Chains that remember who uses which external port, for filtering more open than conntrack's and for hairpin. */
function openFilterRules(nat: NatBehaviour, external: string): string {
  if (nat.filtering === 'address-and-port' && !nat.hairpin) return '';
  const life = `flags dynamic, timeout; timeout ${nat.timeoutSeconds.replied}s; size 65535;`;
  const inbound = {
    independent: 'iifname "wan" dnat to udp dport map @owner',
    address: 'iifname "wan" udp dport . ip saddr @contacted dnat to udp dport map @owner',
    'address-and-port': '',
  }[nat.filtering];
  const hairpin = nat.hairpin ? `iifname "lan" ip daddr ${external} dnat to udp dport map @owner` : '';
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
  const sessions = nat.sessionsMax === null ? '' : `iifname "lan" ct state new ct count over ${nat.sessionsMax} drop`;
  const blocked = nat.udp === 'blocked' ? 'meta l4proto udp drop' : '';
  return `
table ip nat {${openFilterRules(nat, external)}
  chain outbound {
    type nat hook postrouting priority srcnat;
    oifname "lan" ip saddr ${lan} ct status dnat snat to ${external}
    oifname "wan" meta l4proto udp ${sourceRule(nat.allocation, external)}
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
