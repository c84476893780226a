import { expect, test } from 'vitest';
import { limitsFor, NATURES } from '../../bench/plans.ts';
import { adviceText, nextText } from '../../src/agent/index.ts';

import {
  adviceFor,
  changeBetween,
  oddsNextMinute,
  type Plan,
  planFor,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';

const plan = (client: keyof typeof NATURES, host: keyof typeof NATURES): Plan => {
  const [left, right] = [NATURES[client]!, NATURES[host]!];
  return planFor(left, right, limitsFor(left, right));
};
const PLAIN = { profile: { ...UNKNOWN_PROFILE, external: ['203.0.113.9'] }, candidates: [] };
const IPV6 = {
  ...PLAIN,
  candidates: [{ kind: 'ipv6', endpoint: { address: '2001:db8::1', port: 1 } } as const],
};
const CARRIER = { ...PLAIN, profile: { ...PLAIN.profile, layers: 2 } };
const HARD = plan('random, all ports', 'random, all ports');

test.each([
  ['neither has IPv6', PLAIN, PLAIN, /^What helps.*either router; use IPv6 on both sides\. Attempts go on/],
  ['only the host has IPv6', PLAIN, IPV6, /IPv6: the host has it, you do not\./],
  ['only we have IPv6', IPV6, PLAIN, /IPv6: you have it, the host does not\./],
  ['a carrier over us', CARRIER, PLAIN, /forward one UDP port on the host's router;/],
  ['a carrier over the host', PLAIN, CARRIER, /forward one UDP port on your router;/],
  ['carriers over both', CARRIER, CARRIER, /ask either provider for a public IPv4 address;/],
])('what helps is said of the side that it concerns: %s', (_name, own, peer, words) => {
  expect(adviceText(adviceFor(HARD, own, peer))).toMatch(words);
});

test('IPv6 that both have is no advice: it was tried', () => {
  expect(adviceFor(HARD, IPV6, IPV6).map(({ help }) => help)).toEqual(['port-mapping']);
});

test('where UDP does not pass it is said on which side', () => {
  expect(adviceFor(plan('blocked', 'easy'), PLAIN, PLAIN)).toEqual([{ help: 'other-network', side: 'own' }]);
  expect(adviceFor(plan('easy', 'blocked'), PLAIN, PLAIN)).toEqual([{ help: 'other-network', side: 'peer' }]);
  expect(adviceFor(plan('blocked', 'blocked'), PLAIN, PLAIN)).toEqual([{ help: 'other-network', side: 'both' }]);
});

const VPN = (vpn: 'some' | 'all', type: 'cone' | 'port-sensitive' | 'blocked') => ({
  ...PLAIN,
  profile: { ...PLAIN.profile, vpn, type },
});
const ROUTER_HARD = { ...PLAIN, profile: { ...PLAIN.profile, type: 'port-sensitive' } } as const;
const EASY = { ...PLAIN, profile: { ...PLAIN.profile, type: 'cone' } } as const;

test('a VPN whose network is the hard one is named first, on its side, and no router behind it', () => {
  expect(adviceFor(HARD, ROUTER_HARD, VPN('all', 'port-sensitive'))).toMatchObject([
    { help: 'vpn-off', side: 'peer' },
    { help: 'port-mapping', side: 'own' },
    { help: 'ipv6' },
  ]);
  expect(adviceFor(HARD, VPN('all', 'port-sensitive'), VPN('all', 'port-sensitive'))[0]).toEqual({
    help: 'vpn-off',
    side: 'either',
  });
  const blocked = adviceFor(plan('blocked', 'easy'), VPN('all', 'blocked'), EASY);
  expect(blocked.map(({ help, side }) => `${help} ${side}`)).toEqual(['vpn-off own', 'other-network own']);
});

test('a VPN beside two easy networks that do not meet is named; one beside a hard router is not, nor one that is easy itself', () => {
  const helps = (...sides: Parameters<typeof adviceFor> extends [Plan, infer Own, infer Peer] ? [Own, Peer] : never) =>
    adviceFor(HARD, ...sides).map(({ help, side }) => `${help} ${side}`);
  expect(helps(EASY, VPN('some', 'cone'))).toContain('vpn-off peer');
  expect(helps(VPN('some', 'cone'), EASY)).toContain('vpn-off own');
  expect(helps(VPN('some', 'port-sensitive'), EASY).join()).not.toContain('vpn-off');
  expect(helps(VPN('all', 'cone'), ROUTER_HARD).join()).not.toContain('vpn-off');
  expect(helps(EASY, EASY).join()).not.toContain('vpn-off');
});

test('two easy networks that do not meet are not called to their routers first; where one takes an early packet amiss it may be that', () => {
  const first = (own: typeof EASY, peer: typeof EASY) => adviceFor(HARD, own, peer)[0]?.help;
  expect(first(EASY, EASY)).toBe('between');
  expect(adviceText(adviceFor(HARD, EASY, EASY))).toMatch(
    /^What helps, best first: look for a firewall or a VPN between you/,
  );
  expect(first(EASY, { ...EASY, profile: { ...EASY.profile, poisonable: 'yes' } } as typeof EASY)).toBe('port-mapping');
  expect(adviceFor(HARD, ROUTER_HARD, EASY)[0]?.help).toBe('port-mapping');
});

test('a plan of five minutes keeps a part of its promise within one', () => {
  expect(HARD.durationMs).toBe(300_000);
  expect((1 - oddsNextMinute(HARD)) ** 5).toBeCloseTo(1 - HARD.expected, 10);
  const short = plan('easy', 'random, all ports');
  expect(oddsNextMinute(short)).toBe(short.expected);
});

test('what an attempt changes is said in words, not in the names of the planner', () => {
  const known = plan('easy', 'easy');
  const step = plan('easy', 'step 5/s');
  const random = plan('random, all ports', 'random, all ports');
  expect(nextText(changeBetween(known, known))).toBe('known again from new source ports and with another TTL');
  expect(nextText(changeBetween(known, step))).toBe(
    "window: known did not meet, now taking the host's network for new ports in steps of 1, 5 a second for others",
  );
  expect(nextText(changeBetween(random, plan('block of 512', 'random, pf')))).toBe(
    "lattice again, now taking your network for random ports from 33792 to 34303 and the host's network for random ports from 50001 to 65535",
  );
  for (const name of Object.keys(NATURES)) {
    expect(nextText(changeBetween(known, plan('easy', name)))).not.toMatch(/APDM|ADM|EIM|easy/);
  }
});
