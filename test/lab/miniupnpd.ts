/** Debian's miniupnpd on a router of the lab. */
import type { Lab, LabHost, LabNat, LabProcess, NatPreset } from '../../lab/index.ts';
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

export type OpeningProtocol = 'pcp' | 'natPmp' | 'upnp';

export interface OpeningRouter {
  readonly nat: LabNat;
  readonly host: LabHost;
  /** Is a port open for this host? */
  mapped(): Promise<boolean>;
  /** As after a cut of power: rules and mappings are gone, and the clock begins anew. So long it has no line; `meanwhile` that. */
  restart(options?: { readonly offMs?: number; readonly meanwhile?: () => Promise<void> }): Promise<void>;
}

/** A home whose router opens ports by one protocol alone, and asks for no renewal for an hour. */
export async function openingRouter(
  lab: Lab,
  { name, nat: preset, protocol }: { name: string; nat: NatPreset; protocol: OpeningProtocol },
): Promise<OpeningRouter> {
  const nat = await lab.nat(name, preset);
  const host = await lab.hostBehind(nat, `${name}host`);
  const file = `/run/lab/${name}`;
  const lines = ['min_lifetime=3', 'max_lifetime=3600'];
  await nat.shell(
    `cat > ${file}.conf <<'END'\n${configuration(lines, { upnp: protocol === 'upnp' })}END\nnft -f - <<'END'\ntable inet filter {
  ${forwarding()}
  chain speaks {
    type filter hook input priority 0; policy accept;
    ${protocol === 'pcp' ? '' : 'udp dport 5351 @th,64,8 2 drop'}
    ${protocol === 'upnp' ? 'udp dport 5351 drop' : ''}
  }
}\nEND`,
  );
  let router = await startMiniupnpd(lab, nat, file);
  return {
    nat,
    host,
    mapped: async () => (await nat.shell('nft list chain inet filter prerouting_miniupnpd')).includes('dnat'),
    async restart({ offMs = 0, meanwhile } = {}) {
      router.signal('SIGKILL');
      await router.exited;
      await nat.shell(
        `rm -f ${file}.pid; nft flush chain inet filter miniupnpd; nft flush chain inet filter prerouting_miniupnpd`,
      );
      await nat.shell(
        'nft add table inet off; nft "add chain inet off none { type filter hook prerouting priority -300; policy drop; }"; conntrack -F 2>&1',
      );
      await meanwhile?.();
      await new Promise((resolve) => setTimeout(resolve, offMs));
      await nat.shell('conntrack -F 2>&1; nft delete table inet off');
      router = await startMiniupnpd(lab, nat, file);
    },
  };
}
