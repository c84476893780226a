/** Debian's miniupnpd on a router of the lab. */
import type { Lab, LabNat, LabProcess } from '../../lab/index.ts';
import { hasProgram, labMissing } from '../support.ts';

export const miniupnpdMissing = labMissing() ?? (hasProgram('miniupnpd') ? null : 'miniupnpd is not installed');

/** Chains that it wants to be there. */
const CHAINS = `chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }`;

/** A router of IPv4: what is forwarded and translated goes through its chains. One that lies has no rule that leads there. */
export const forwarding = (lying = false): string => `${CHAINS}
  chain forward { type filter hook forward priority -10; policy accept; jump miniupnpd; }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; ${lying ? '' : 'jump prerouting_miniupnpd;'} }
  chain postrouting { type nat hook postrouting priority srcnat - 5; policy accept; jump postrouting_miniupnpd; }`;

/** A firewall of IPv6 lets in what was asked for, and what a pinhole is open for. `but`: a rule before those. */
export const firewall6 = (but = ''): string => `${CHAINS}
  chain transit6 {
    type filter hook forward priority 0; policy accept;
    meta nfproto ipv4 accept
    ct state established,related accept
    ${but}
    iifname "lan" accept
    meta l4proto icmpv6 accept
    jump miniupnpd
    drop
  }`;

/**
 * `address`: what it takes for its own outside; it refuses to work on those that the RFCs keep for tests. `more`: further lines.
 */
export function configuration(more: readonly string[], { address = '9.9.9.9', upnp = true } = {}): string {
  return `ext_ifname=wan
ext_ip=${address}
listening_ip=lan
enable_natpmp=yes
enable_upnp=${upnp ? 'yes' : 'no'}
secure_mode=yes
${more.map((line) => `${line}\n`).join('')}uuid=b040c6bc-da96-400f-8c55-bd1bddec5e46
allow 1024-65535 192.168.0.0/16 1024-65535
`;
}

/** Its files are `FILE.conf` and `FILE.pid`. */
export async function startMiniupnpd(lab: Lab, nat: LabNat, file: string): Promise<LabProcess> {
  const router = lab.sandbox.spawn(nat.name, ['miniupnpd', '-d', '-f', `${file}.conf`, '-P', `${file}.pid`]);
  await router.find(({ text }) => text.includes('Listening for NAT-PMP/PCP') || null, 20_000);
  return router;
}
