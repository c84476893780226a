/** NATs one meets, by the name of the gear; sources in docs/reference/nat-model.md §2.1, repeated here in a word each. */
import { PORTS_IPFW, PORTS_PF } from './allocation.ts';
import type { NatBehaviour } from './behaviour.ts';

/** Linux 6.x MASQUERADE: keeps the port while the 5-tuple is free, 30 s unreplied, 120 s once a stream is 2 s old. */
const LINUX: NatBehaviour = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port',
  allocation: 'preserve',
  overloading: true,
  timeouts: { unrepliedMs: 30_000, establishedMs: 120_000, establishedAfterMs: 2_000, refreshedBy: 'both' },
};

export const NATS = {
  /** OpenWrt, Asus, MikroTik and most others; the WAN side drops strangers. */
  linux: LINUX,
  /** OpenWrt's default firewall answers strangers by ICMP; no state is left behind. */
  linuxReject: { ...LINUX, unsolicited: 'reject' },
  /** WAN input accepted: an early stranger takes the 5-tuple away (docs/reference/nat-model.md §2.2). */
  linuxAccept: { ...LINUX, unsolicited: 'accept' },
  /** `--random-fully`: kube-proxy, some firewalls. */
  linuxRandom: {
    ...LINUX,
    mapping: 'address-and-port',
    allocation: { random: { low: 1024, high: 65_535 } },
  },
  /** OpenBSD, FreeBSD and macOS sharing, pfSense, OPNsense: first/single/multiple 60/30/60 s. */
  pf: {
    mapping: 'address-and-port',
    filtering: 'address-and-port',
    allocation: { random: PORTS_PF },
    overloading: true,
    timeouts: { unrepliedMs: 30_000, establishedMs: 60_000 },
  },
  /** libalias: the port where free, else 32768-65535. */
  ipfw: {
    mapping: 'address-and-port',
    filtering: 'address-and-port',
    allocation: { preserve: 'random', range: PORTS_IPFW },
    overloading: true,
    timeouts: { unrepliedMs: 60_000, establishedMs: 60_000 },
  },
  /** The RFC 4787 ideal, as "NAT1" home lines and consoles' "open" have it. */
  fullCone: {
    mapping: 'endpoint-independent',
    filtering: 'endpoint-independent',
    allocation: 'preserve',
    timeouts: { unrepliedMs: 60_000, establishedMs: 300_000 },
  },
  addressRestricted: {
    mapping: 'endpoint-independent',
    filtering: 'address',
    allocation: 'preserve',
    timeouts: { unrepliedMs: 60_000, establishedMs: 180_000 },
  },
  /** FortiGate CGN: port blocks of 128, up to 8. */
  fortigate: {
    mapping: 'address-and-port',
    filtering: 'address-and-port',
    allocation: { block: { size: 128, order: 'random', blocksMax: 8 } },
    timeouts: { unrepliedMs: 300_000, establishedMs: 300_000 },
  },
  /** Juniper CGN default: sequential, shared by everybody. */
  juniper: {
    mapping: 'address-and-port',
    filtering: 'address-and-port',
    allocation: { step: 1 },
    background: { perSecond: 100, dispersion: 1.5 },
    timeouts: { unrepliedMs: 35_000, establishedMs: 65_000 },
  },
  /** A10 Thunder as deployed: UDP quota 500, hairpin on. */
  a10: {
    mapping: 'endpoint-independent',
    filtering: 'endpoint-independent',
    allocation: 'preserve',
    subscriberMappingsMax: 500,
    hairpin: 'external-source',
    timeouts: { unrepliedMs: 60_000, establishedMs: 300_000 },
  },
  /** AWS NAT gateway: symmetric, 350 s. */
  aws: {
    mapping: 'address-and-port',
    filtering: 'address-and-port',
    allocation: { random: { low: 1024, high: 65_535 } },
    overloading: true,
    timeouts: { unrepliedMs: 350_000, establishedMs: 350_000 },
  },
  /** Google Cloud NAT: symmetric, 64 ports for a machine, 30 s. */
  gcp: {
    mapping: 'address-and-port',
    filtering: 'address-and-port',
    allocation: { block: { size: 64, order: 'random', blocksMax: 1 } },
    timeouts: { unrepliedMs: 30_000, establishedMs: 30_000 },
  },
  /** Japanese MAP-E router: 15 stripes of 16 ports, port-saving NATs reuse them per destination. */
  mapE: {
    mapping: 'address-and-port',
    filtering: 'address-and-port',
    allocation: {
      random: Array.from({ length: 15 }, (_, i) => ({ low: 4096 * (i + 1) + 256, high: 4096 * (i + 1) + 271 })),
    },
    overloading: true,
    timeouts: { unrepliedMs: 30_000, establishedMs: 120_000 },
  },
  /** UDP does not pass. */
  blocked: {
    mapping: 'endpoint-independent',
    filtering: 'address-and-port',
    allocation: 'preserve',
    udpBlocked: true,
  },
} as const satisfies Record<string, NatBehaviour>;

/** The stateful firewall in front of IPv6 hosts (RFC 6092): no translation, answers only, 120 s. */
export const FIREWALL: NatBehaviour = {
  mapping: 'none',
  filtering: 'address-and-port',
  allocation: 'preserve',
  timeouts: { unrepliedMs: 30_000, establishedMs: 120_000 },
};
