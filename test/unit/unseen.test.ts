/** Addresses that a master can't see: who may be tried on the strength of a claim, and with how much. */
import { expect, test } from 'vitest';
import {
  inferMapping,
  lanAddresses,
  type Observation,
  Purse,
  reachOf,
  UNKNOWN_PROFILE,
  unseenAddresses,
  usableCandidates,
} from '../../src/core/testing.ts';

const MASTER = '203.0.113.10';
const VICTIM = '198.51.100.66';
const claim = (address: string) => ({ kind: 'public', endpoint: { address, port: 40_000 } }) as const;
const at = (address: string, port = 40_000) => ({ address, port });
const NOBODY = { addresses: [] };

test('nobody is tried on a claim alone where the master sees the other side from outside', () => {
  const standing = { master: MASTER, seenAt: '203.0.113.20' };
  expect(unseenAddresses([at('203.0.113.30')], [claim(VICTIM)], standing)).toEqual([]);
  expect(unseenAddresses([at('203.0.113.30'), at('10.0.0.1')], [claim(VICTIM)], standing)).toEqual([]);
  expect(usableCandidates([at('203.0.113.30')], [claim(VICTIM)], NOBODY, [], standing)).toHaveLength(1);
});

test('whom the master sees in its own network is tried at the master’s address, whatever is claimed, at the port that was seen', () => {
  const standing = { master: MASTER, seenAt: '203.0.113.20' };
  expect(unseenAddresses([at('192.168.1.50')], [claim(VICTIM)], standing)).toEqual([MASTER]);
  const usable = usableCandidates([at('192.168.1.50', 5_555)], [claim(VICTIM)], NOBODY, [], standing);
  expect(usable.map(({ endpoint }) => endpoint)).toEqual([at(MASTER, 5_555), at('192.168.1.50', 5_555)]);
});

test('a claim counts where the master sees both at local addresses: two addresses at most, a few packets in all', () => {
  const standing = { master: MASTER, seenAt: '172.17.0.1' };
  const claims = [VICTIM, '198.51.100.67', '198.51.100.68', '10.0.0.9'].map(claim);
  const unseen = unseenAddresses([at('172.17.0.1')], claims, standing);
  expect(unseen).toEqual([VICTIM, '198.51.100.67']);
  const purse = new Purse(0, NOBODY, { reach: (one) => reachOf(one, MASTER), few: unseen, awaited: [] });
  expect(purse.spend(0, VICTIM, 'search')).toBe('forbidden');
  let paid = 0;
  for (let n = 0; n < 1_000; n++) if (purse.spend(n, unseen[n % 2]!, 'answer') === 'paid') paid++;
  expect(paid).toBe(40);
});

test('one local address for both is no sign of one network where the master is on the Internet', () => {
  const permit = { addresses: [{ address: '172.17.0.1', probesMax: 9, probesPerSecondMax: 9, expiresInMs: 9_000 }] };
  const side = (address: string) => ({
    profile: UNKNOWN_PROFILE,
    candidates: [
      { kind: 'lan', endpoint: at(address) },
      { kind: 'reflexive', endpoint: at('172.17.0.1') },
    ] as const,
  });
  const sides = { own: side('192.168.1.2'), peer: side('192.168.1.3'), permit };
  expect(lanAddresses({ ...sides, master: MASTER })).toEqual([]);
  expect(lanAddresses({ ...sides, master: '172.17.0.2' })).toEqual(['192.168.1.3']);
});

const seen = (target: string, address: string, socket: number, port = 40_000 + socket, to = 3478): Observation => ({
  ...{ socket, localPort: 40_000 + socket, target: at(target, to), trusted: false, sentAt: 20 * socket },
  ...{ repeated: false, observed: at(address, port), roundTripMs: 10 },
});
const eight = Array.from({ length: 8 }, (_, i) => i);

const outside = eight.flatMap((i) =>
  [3478, 3479].map((to) => seen('198.51.100.1', '203.0.113.9', 20 + i, 40_020 + i, to)),
);

test('an observed private address never makes a profile public, and is no news where somebody outside has answered', () => {
  const inside = eight.map((i) => seen('192.168.1.10', '192.168.1.50', i));
  expect(inferMapping(inside, ['192.168.1.50'])).toMatchObject({ type: 'unknown' });
  expect(inferMapping([...inside, ...outside], ['192.168.1.50'])).toMatchObject({
    ...{ type: 'port-preserving-cone', external: ['203.0.113.9'] },
  });
});

test('what a proxy has rewritten is no sample at all', () => {
  const rewritten = eight.map((i) => seen(MASTER, '172.17.0.1', i, 50_000 + 37 * i));
  expect(inferMapping(rewritten, ['192.168.1.50'])).toMatchObject({ samples: 0, type: 'unknown', external: [] });
  expect(inferMapping([...rewritten, ...outside], ['192.168.1.50'])).toMatchObject({ type: 'port-preserving-cone' });
});
