import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, type LabNat, openLab, Puppet } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const PORT = { left: 41_000, right: 42_000 } as const;
/** Hops from one host to the other: own NAT, core, far NAT. With this TTL and more a datagram arrives. */
const ARRIVING_TTL = 4;
const LAST_TTL = 6;
const UDP_HEADER_BYTES = 8;

/** Counts at the entry of a box which datagrams came by, told apart by their length, and with which TTL. */
const WATCH = `nft -f - <<'RULES'
table ip watch {
  set seen {
    typeof udp length . ip ttl
    flags dynamic
    size 100
  }
  chain in {
    type filter hook prerouting priority raw;
    udp dport ${PORT.right} update @seen { udp length . ip ttl }
  }
}
RULES`;

describeUnless(labMissing(), 'the driver on a real kernel', () => {
  let lab: Lab;
  let left: Puppet;
  let right: Puppet;
  let nats: { readonly left: LabNat; readonly right: LabNat };

  beforeAll(async () => {
    lab = await openLab();
    nats = { left: await lab.nat('natleft', 'home-router'), right: await lab.nat('natright', 'home-router') };
    left = new Puppet(await lab.hostBehind(nats.left, 'left'));
    right = new Puppet(await lab.hostBehind(nats.right, 'right'));
    await nats.left.shell(WATCH);
    await nats.right.shell(WATCH);
    await lab.atCore(WATCH);
    await left.open('s', PORT.left);
    await right.open('s', PORT.right);
  });
  afterAll(() => lab.close());

  async function seenAt(shell: (script: string) => Promise<string>): Promise<Map<number, number>> {
    const { nftables } = JSON.parse(await shell('nft -j list set ip watch seen')) as {
      nftables: {
        set?: { elem: ({ concat: [number, number] } | { elem: { val: { concat: [number, number] } } })[] };
      }[];
    };
    const elements = nftables.flatMap((entry) => entry.set?.elem ?? []);
    return new Map(
      elements.map((entry) => {
        const [length, ttl] = 'concat' in entry ? entry.concat : entry.elem.val.concat;
        return [length - UDP_HEADER_BYTES, ttl];
      }),
    );
  }

  test('a datagram with TTL k dies at hop k, and the next one has the usual TTL again', async () => {
    // Two programs send: nothing of the left one may come before the right NAT has a mapping.
    right.send('s', nats.left.external, PORT.left, 'opens the way in; dropped by the left NAT');
    await expect.poll(() => nats.right.shell('conntrack -L -p udp 2>/dev/null')).toContain(`dport=${PORT.left}`);
    for (let ttl = 1; ttl <= LAST_TTL; ttl++) {
      left.send('s', nats.right.external, PORT.right, 'k'.repeat(ttl), ttl);
      left.send('s', nats.right.external, PORT.right, 'n'.repeat(100 + ttl));
    }
    await Promise.all(Array.from({ length: LAST_TTL }, (_, index) => right.received('n'.repeat(101 + index))));
    for (let ttl = ARRIVING_TTL; ttl <= LAST_TTL; ttl++) await right.received('k'.repeat(ttl));
    await right.settled();

    const atOwnNat = await seenAt(nats.left.shell);
    const atCore = await seenAt((script) => lab.atCore(script));
    const atFarNat = await seenAt(nats.right.shell);
    const limited = Array.from({ length: LAST_TTL }, (_, index) => index + 1);
    const from = (ttl: number): [number, number][] => limited.filter((k) => k >= ttl).map((k) => [k, k - ttl + 1]);
    const usual = (ttl: number): [number, number][] => limited.map((k) => [100 + k, ttl]);
    const ordered = (seen: Map<number, number>): [number, number][] => [...seen].sort(([a], [b]) => a - b);
    expect(ordered(atOwnNat)).toEqual([...from(1), ...usual(64)]);
    expect(ordered(atCore)).toEqual([...from(2), ...usual(63)]);
    expect(ordered(atFarNat)).toEqual([...from(3), ...usual(62)]);
    const arrived = limited.filter((ttl) => right.hasReceived('k'.repeat(ttl)));
    expect(arrived).toEqual(limited.filter((ttl) => ttl >= ARRIVING_TTL));
  });
});
