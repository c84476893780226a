/**
 * Design §3, trap 1, on a real kernel: sender -> r1 -> r2 -> receiver, each a network namespace. A packet with TTL k must die at
 * hop k, and the next packet must have the system's TTL again (77 here, so that a hard-coded 64 would show).
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SENDER = fileURLToPath(new URL('../../dist/test/lab/fixtures/ttl-sender.js', import.meta.url));

const SERIES = [1, 'default', 2, 'default', 3, 1, 1, 'default', 2, 2, 2, 'default', 'default', 3, 1, 2, 'default'];
const count = (ttl: number | string): number => SERIES.filter((entry) => entry === ttl).length;

/** Builds the chain in namespaces of its own, which vanish with the shell; prints one line of figures at the end. */
const SCRIPT = `
set -eu
mount -t tmpfs tmpfs /run 2>/dev/null || true
for ns in a r1 r2 b; do ip netns add $ns; ip -n $ns link set lo up
  ip netns exec $ns sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0; done
link() { ip link add $2 netns $1 type veth peer name $4 netns $3; ip -n $1 link set $2 up; ip -n $3 link set $4 up; }
link a e0 r1 e0; link r1 e1 r2 e0; link r2 e1 b e0
addr() { ip -n $1 addr add $3.$4/24 dev $2; ip -n $1 addr add $5::$4/64 dev $2 nodad; }
addr a e0 10.1.0 1 fd01; addr r1 e0 10.1.0 2 fd01
addr r1 e1 10.2.0 1 fd02; addr r2 e0 10.2.0 2 fd02
addr r2 e1 10.3.0 1 fd03; addr b e0 10.3.0 2 fd03
for ns in r1 r2; do ip netns exec $ns sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; done
ip -n a route add default via 10.1.0.2; ip -n a -6 route add default via fd01::2
ip -n r1 route add 10.3.0.0/24 via 10.2.0.2; ip -n r1 -6 route add fd03::/64 via fd02::2
ip -n b route add default via 10.3.0.1; ip -n b -6 route add default via fd03::1
ip netns exec a sysctl -qw net.ipv4.ip_default_ttl=77 net.ipv6.conf.default.hop_limit=77 net.ipv6.conf.e0.hop_limit=77
ip netns exec b nft -f - <<NFT
table inet t {
chain c {
  type filter hook input priority 0
  udp dport 9000 ip ttl 75 counter comment "back4"
  udp dport 9000 ip ttl 1 counter comment "three4"
  udp dport 9000 ip6 hoplimit 75 counter comment "back6"
  udp dport 9000 ip6 hoplimit 1 counter comment "three6"
  udp dport 9000 counter comment "all"
}
}
NFT
ip netns exec a "$NODE" "$SENDER" 10.3.0.2 9000 $SERIES >&2
ip netns exec a "$NODE" "$SENDER" fd03::2 9000 $SERIES >&2
sleep 0.2
for ns in r1 r2; do
  ip netns exec $ns awk -v ns=$ns '/^Ip:/ { if (!seen++) { for (i = 1; i <= NF; i++) if ($i == "InHdrErrors") col = i } else print ns "v4", $col }' /proc/net/snmp
  ip netns exec $ns awk -v ns=$ns '$1 == "Ip6InHdrErrors" { print ns "v6", $2 }' /proc/net/snmp6
done
ip netns exec b nft list chain inet t c | sed -n 's/.*packets \\([0-9]*\\).*comment "\\(.*\\)".*/\\2 \\1/p'
`;

function namespacesWork(): boolean {
  try {
    execFileSync('unshare', ['-Urnm', 'sh', '-c', 'mount -t tmpfs tmpfs /run && ip netns add x && nft list tables'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!namespacesWork())('TTL on a real kernel', () => {
  test('a TTL-k packet dies at hop k and the next packet has the system default again', () => {
    const text = execFileSync('unshare', ['-Urnm', 'sh', '-c', SCRIPT], {
      env: { ...process.env, NODE: process.execPath, SENDER, SERIES: SERIES.join(' ') },
      encoding: 'utf8',
    });
    const figures = Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]),
    );
    expect(figures).toEqual({
      r1v4: count(1),
      r1v6: count(1),
      r2v4: count(2),
      r2v6: count(2),
      three4: count(3),
      three6: count(3),
      back4: count('default'),
      back6: count('default'),
      all: 2 * (count(3) + count('default')),
    });
  });
});
