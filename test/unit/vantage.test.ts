import { expect, test } from 'vitest';
import { MASTER_LIMITS } from '../../src/core/index.ts';
import { Vantage } from '../../src/core/testing.ts';

test('three participants at one local address and nobody elsewhere: the operator is told, once', () => {
  const vantage = new Vantage();
  const said = ['a', 'b', 'b', 'c', 'd'].map((key) => vantage.seen('172.17.0.1', key));
  expect(said).toEqual([undefined, undefined, undefined, ['172.17.0.1'], undefined]);
});

test('what was told is taken back when somebody comes from elsewhere after all, once', () => {
  const vantage = new Vantage();
  for (const key of ['a', 'b', 'c']) vantage.seen('172.17.0.1', key);
  const said = ['203.0.113.9', '203.0.113.9', '172.17.0.1'].map((address, n) => vantage.seen(address, `later ${n}`));
  expect(said).toEqual([null, undefined, undefined]);
});

test('one who comes from elsewhere shows that addresses get through, and a public address is nobody’s proxy', () => {
  const home = new Vantage();
  for (const [address, key] of [
    ['192.168.1.50', 'a'],
    ['203.0.113.9', 'b'],
    ['192.168.1.50', 'c'],
    ['192.168.1.50', 'd'],
    ['192.168.1.50', 'e'],
  ] as const)
    expect(home.seen(address, key)).toBeUndefined();
  const carrier = new Vantage();
  for (const key of ['a', 'b', 'c', 'd']) expect(carrier.seen('203.0.113.9', key)).toBeUndefined();
});

test.each([2, 3, MASTER_LIMITS.gatewaysMax])(
  'a balancer with %i gateways: told when three have come by each, with all of them',
  (gateways) => {
    const vantage = new Vantage();
    const addresses = Array.from({ length: gateways }, (_, n) => `10.0.0.${n + 2}`);
    const said = Array.from({ length: 3 * gateways }, (_, n) => vantage.seen(addresses[n % gateways]!, `key ${n}`));
    expect(said.filter((one) => one !== undefined)).toEqual([addresses]);
    expect(said.at(-1)).toEqual(addresses);
    expect(vantage.seen('198.51.100.1', 'from outside')).toBeNull();
  },
);

test('an evening of friends in one network, each at a computer of its own, is no balancer', () => {
  const vantage = new Vantage();
  for (let n = 0; n < 40; n += 1) expect(vantage.seen(`192.168.1.${2 + (n % 8)}`, `key ${n}`)).toBeUndefined();
});
