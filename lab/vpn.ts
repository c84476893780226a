/**
 * A VPN in a lab: WireGuard's program for kernels without it (Debian's wireguard-go, which needs /dev/net/tun), a server with a public address
 * that masks what comes out of the tunnel as any of them does, and a client whose routes lead through it as `wg-quick` makes them.
 */
import type { Lab, LabHost } from './topology.ts';

/** What goes through the tunnel: everything, by rules as `wg-quick` has them, or these networks alone. */
export type VpnRoutes = 'all' | readonly string[];

export interface Vpn {
  /** The client's address in the tunnel. */
  readonly address: string;
  up(routes: VpnRoutes): Promise<void>;
  down(): Promise<void>;
}

const PORT = 51_820;
const [SERVER, CLIENT] = ['10.8.0.1', '10.8.0.2'] as const;
/** Of what WireGuard itself sends, which has to go beside the tunnel. */
const MARK = '0xca6c';
const READY_MS = 10_000;

/** Starts both ends; nothing goes through the tunnel before `up`. */
export async function openVpn(lab: Lab, server: LabHost, client: LabHost): Promise<Vpn> {
  const folder = '/run/lab/vpn';
  await lab.sandbox.shell(
    [
      `mkdir -p ${folder} /run/wireguard`,
      `for one in ${server.name} ${client.name}; do wg genkey > ${folder}/$one; wg pubkey < ${folder}/$one > ${folder}/$one.pub; done`,
    ].join('\n'),
  );
  for (const { name } of [server, client])
    lab.sandbox.spawn(name, ['wireguard-go', '-f', `wg${name}`], { WG_PROCESS_FOREGROUND: '1' });
  const ready = `[ -S /run/wireguard/wg${server.name}.sock ] && [ -S /run/wireguard/wg${client.name}.sock ]`;
  await lab.sandbox.shell(`n=0; until ${ready}; do n=$((n+1)); [ $n -lt ${READY_MS / 100} ]; sleep 0.1; done`);
  const [there, here] = [`wg${server.name}`, `wg${client.name}`];
  const on = (host: LabHost, command: string): string => `ip netns exec ${host.name} ${command}`;
  await lab.sandbox.shell(
    [
      on(
        server,
        `wg set ${there} listen-port ${PORT} private-key ${folder}/${server.name} peer $(cat ${folder}/${client.name}.pub) allowed-ips ${CLIENT}/32`,
      ),
      `ip -n ${server.name} addr add ${SERVER}/24 dev ${there}; ip -n ${server.name} link set ${there} up`,
      on(server, 'sysctl -q -w net.ipv4.ip_forward=1'),
      on(
        server,
        `nft -f - <<'RULES'\ntable ip vpn { chain out { type nat hook postrouting priority 100; oifname "wan" ip saddr ${CLIENT} masquerade; }; }\nRULES`,
      ),
      on(
        client,
        `wg set ${here} fwmark ${MARK} private-key ${folder}/${client.name} peer $(cat ${folder}/${server.name}.pub) endpoint ${server.address}:${PORT} allowed-ips 0.0.0.0/0`,
      ),
    ].join('\n'),
  );
  // Each time anew, as wg-quick does: wireguard-go goes on sending from the address that it has sent from, though the computer has it no more.
  const pointed = on(
    client,
    `wg set ${here} peer $(cat ${folder}/${server.name}.pub) endpoint ${server.address}:${PORT}`,
  );
  const own = (words: string): string => `ip -n ${client.name} ${words}`;
  return {
    address: CLIENT,
    async up(routes) {
      const lead =
        routes === 'all'
          ? [
              own(`route add default dev ${here} table ${PORT}`),
              own(`rule add not fwmark ${MARK} table ${PORT}`),
              own('rule add table main suppress_prefixlength 0'),
            ]
          : routes.map((network) => own(`route add ${network} dev ${here}`));
      await lab.sandbox.shell(
        [pointed, own(`addr add ${CLIENT}/24 dev ${here}`), own(`link set ${here} up`), ...lead].join('\n'),
      );
    },
    async down() {
      await lab.sandbox.shell(
        [
          own(`rule del not fwmark ${MARK} table ${PORT} 2>/dev/null || true`),
          own('rule del table main suppress_prefixlength 0 2>/dev/null || true'),
          own(`link set ${here} down`),
          own(`addr flush dev ${here}`),
        ].join('\n'),
      );
    },
  };
}
