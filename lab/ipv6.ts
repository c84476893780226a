/**
 * IPv6 in a lab beside IPv4, or instead of it. Every network has a /64 of its own; in front of a home its router lets in only what was
 * asked for, as RFC 6092 has it. A home of IPv6 alone may have a NAT64 (Debian's tayga): then its router is the lab's, IPv4 outside.
 */
import type { Lab, LabHost, LabNat } from './topology.ts';

/** `none`: IPv4 alone. `dual`: both. `only`: IPv6 alone. `nat64`: IPv6 alone, and the router translates. */
export type Ipv6Place = 'none' | 'dual' | 'only' | 'nat64';

export interface Ipv6Site {
  readonly host: LabHost;
  /** The router in front, null: a public host. */
  readonly nat: LabNat | null;
  readonly has: Ipv6Place;
}

/** What a NAT64 adds the IPv4 address to; of a network's own, because tayga refuses documentation addresses behind 64:ff9b::. */
export type Nat64Network = '2001:db8:64::/96' | '2001:db8:6464:1::/64' | '2001:db8:6400::/40';

/** ipv4only.arpa with each prefix, as the network's DNS64 would say it. */
const RECORDS: Readonly<Record<Nat64Network, string>> = {
  '2001:db8:64::/96': '2001:db8:64::c000:aa',
  '2001:db8:6464:1::/64': '2001:db8:6464:1:c0:0:aa00:0',
  '2001:db8:6400::/40': '2001:db8:64c0:0:aa::',
};

const networkOf = (n: number): string => `2001:db8:${n.toString(16)}`;

/** Gives the sites IPv6, each in a network of its own, and answers the addresses in the same order; empty where there is none. */
export async function giveIpv6(
  lab: Lab,
  sites: readonly Ipv6Site[],
  nat64: Nat64Network = '2001:db8:64::/96',
): Promise<readonly string[]> {
  const commands = ['ip netns exec core sysctl -q -w net.ipv6.conf.all.forwarding=1'];
  const addresses = sites.map(({ host, nat, has }, index) => {
    if (has === 'none') return '';
    const outer = `${networkOf(2 * index + 1)}:`;
    const inner = `${networkOf(2 * index + 2)}:`;
    const edge = nat?.name ?? host.name;
    commands.push(
      `ip -n core addr add ${outer}:1/64 dev ${edge} nodad`,
      `ip -n ${edge} addr add ${outer}:2/64 dev wan nodad`,
      `ip -n ${edge} route add default via ${outer}:1`,
    );
    if (nat === null) return `${outer}:2`;
    commands.push(
      `ip -n core route add ${inner}:/64 via ${outer}:2`,
      `ip netns exec ${edge} sysctl -q -w net.ipv6.conf.all.forwarding=1`,
      `ip -n ${edge} addr add ${inner}:1/64 dev lan nodad`,
      `ip netns exec ${edge} nft -f - <<'RULES'\n${FIREWALL}\nRULES`,
      `ip -n ${host.name} addr add ${inner}:2/64 dev lan0 nodad`,
      `ip -n ${host.name} route add default via ${inner}:1`,
    );
    if (has !== 'dual') commands.push(`ip -n ${host.name} -4 addr flush dev lan0`);
    if (has === 'nat64') commands.push(...translator(edge, index, nat64));
    return `${inner}:2`;
  });
  await lab.sandbox.shell(commands.join('\n'));
  return addresses;
}

const FIREWALL = `
table ip6 filter {
  chain transit {
    type filter hook forward priority 0; policy drop;
    iifname { "lan", "nat64" } accept
    ct state established,related accept
    meta l4proto icmpv6 accept
  }
}`;

/** tayga gives each IPv6 address an IPv4 address of its pool, and the router's NAT takes it from there. */
function translator(edge: string, index: number, prefix: Nat64Network): readonly string[] {
  const pool = `192.168.${200 + index}`;
  const folder = `/run/lab/tayga-${edge}`;
  const own = `${networkOf(2 * index + 1)}:64::1`;
  const configuration = ['tun-device nat64', `ipv4-addr ${pool}.1`, `ipv6-addr ${own}`, `prefix ${prefix}`];
  const run = `ip netns exec ${edge} tayga -c ${folder}/conf`;
  return [
    `mkdir -p ${folder}`,
    `printf '%s\\n' ${[...configuration, `dynamic-pool ${pool}.0/24`, `data-dir ${folder}`].map((line) => `'${line}'`).join(' ')} > ${folder}/conf`,
    `${run} --mktun > /dev/null`,
    `ip -n ${edge} link set nat64 up`,
    `ip -n ${edge} route add ${pool}.0/24 dev nat64`,
    `ip -n ${edge} route add ${prefix} dev nat64`,
    `ip netns exec ${edge} nft add rule ip filter transit iifname nat64 accept`,
    `${run} > /dev/null`,
  ];
}

/** Everybody in the lab resolves these names, and ipv4only.arpa as a DNS64 makes it: to be given once. */
export async function nameIn(lab: Lab, names: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const lines = Object.entries(names).flatMap(([name, addresses]) => addresses.map((one) => `${one} ${name}`));
  await lab.sandbox.shell(
    `printf '%s\\n' '127.0.0.1 localhost' ${lines.map((line) => `'${line}'`).join(' ')} > /run/lab/hosts; mount --bind /run/lab/hosts /etc/hosts`,
  );
}

export function recordOf(prefix: Nat64Network): string {
  return RECORDS[prefix];
}

/** A home whose computers take their addresses of IPv6 from what its router announces (dnsmasq), in place of what `giveIpv6` gave them. */
export interface Announced {
  /** The router has another prefix from now on, as after a night; nothing comes to the old one any more. */
  renumber(): Promise<void>;
}

/** `index`: the place of the site among those that `giveIpv6` was told of. */
export async function announceIpv6(lab: Lab, index: number, host: LabHost, nat: LabNat): Promise<Announced> {
  const [outer, inner] = [`${networkOf(2 * index + 1)}:`, `${networkOf(2 * index + 2)}:`];
  const fresh = `${networkOf(0x40 + index)}:`;
  const folder = `/run/lab/announce-${nat.name}`;
  const at = `ip -n ${host.name}`;
  await lab.sandbox.shell(
    [
      `mkdir -p ${folder}`,
      `${at} -6 route del default`,
      `${at} -6 addr flush dev lan0 scope global`,
      `ip netns exec ${host.name} sysctl -q -w net.ipv6.conf.lan0.accept_ra=2 net.ipv6.conf.lan0.autoconf=1`,
      `ip -n core route add ${fresh}:/64 via ${outer}:2`,
      [
        `ip netns exec ${nat.name} dnsmasq --port=0 --user=root --interface=lan --bind-interfaces --enable-ra`,
        `--ra-param=lan,4,600 --dhcp-range=::,constructor:lan,ra-only,64,600`,
        `--pid-file=${folder}/pid --dhcp-leasefile=${folder}/leases`,
      ].join(' '),
      // The address comes with the first announcement, and counts when nobody else was found to have it.
      `for n in $(seq 100); do ${at} -6 addr show dev lan0 scope global -tentative | grep -q inet6 && break; sleep 0.1; done`,
    ].join('\n'),
  );
  const router = `ip -n ${nat.name}`;
  return {
    async renumber() {
      await lab.sandbox.shell(
        [
          `${router} addr add ${fresh}:1/64 dev lan nodad`,
          `${router} addr del ${inner}:1/64 dev lan`,
          `ip -n core route del ${inner}:/64`,
        ].join('\n'),
      );
    },
  };
}
