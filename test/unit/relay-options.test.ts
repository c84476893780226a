/** What an operator says of relays, and what docs/operating.md says of it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RELAY_LIMITS } from '../../src/core/index.ts';
import { partOfQuotas, RELAY_QUOTAS, readQuotas, readRelayAt } from '../../src/master/testing.ts';

test('quotas are told by name, in bytes with units of thousand', () => {
  expect(readQuotas([])).toEqual({});
  expect(readQuotas(['pair=64k', 'total=1G', 'host-day=2T', 'host-pairs=5'])).toEqual({
    ...{ pairBytesPerSecond: 64_000, totalBytesPerSecond: 1e9, hostBytesPerDay: 2e12, pairsPerHost: 5 },
  });
  for (const wrong of [
    'pair',
    'pair=',
    'pair=-1',
    'pair=0',
    'pair=1.5k',
    'pair=1kB',
    'toString=1',
    'PAIR=1',
    'pair=1 k',
  ])
    expect(() => readQuotas([wrong]), wrong).toThrow();
  expect(() => readQuotas(['pairs=200'])).toThrow();
  expect(readQuotas(['pairs=200', 'address-pairs=100', 'network-pairs=200'])).toMatchObject({ pairsMax: 200 });
});

test('each of N relays of a fleet forwards its part of what anybody may send in a day, and what is its own is whole', () => {
  for (const given of [{}, { hostBytesPerDay: 7e9, pairsPerHost: 5 }])
    for (const relays of [1, 2, 3, 8]) {
      const whole = { ...RELAY_LIMITS.quotas, ...given };
      const part = { ...RELAY_LIMITS.quotas, ...partOfQuotas(given, relays) };
      for (const name of ['addressBytesPerDay', 'networkBytesPerDay', 'hostBytesPerDay'] as const) {
        expect(relays * part[name]).toBeLessThanOrEqual(whole[name]);
        expect(relays * part[name]).toBeGreaterThan(whole[name] - relays);
      }
      const { addressBytesPerDay, networkBytesPerDay, hostBytesPerDay } = whole;
      expect({ ...part, addressBytesPerDay, networkBytesPerDay, hostBytesPerDay }).toEqual(whole);
    }
});

test('docs/operating.md has every quota with what it is without being told', () => {
  const page = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  for (const [name, quota] of Object.entries(RELAY_QUOTAS)) {
    const [names = '', , values = ''] =
      rows
        .find((row) => row.includes(`\`${name}\``))
        ?.split('|')
        .slice(1) ?? [];
    const at = [...names.matchAll(/`([a-z-]+)`/g)].findIndex(([, one]) => one === name);
    const value = [...values.matchAll(/`(\w+)`/g)][at]?.[1];
    expect(readQuotas([`${name}=${value}`]), name).toEqual({ [quota]: RELAY_LIMITS.quotas[quota] });
  }
});

test('a relay elsewhere is named with its region and its addresses, which have one port', () => {
  expect(readRelayAt('far, us, 198.51.100.9:8455,[2001:db8::9]:8455')).toEqual({
    ...{ name: 'far', region: 'us', addresses: ['198.51.100.9', '2001:db8::9'], port: 8455 },
  });
  expect(readRelayAt('far,,198.51.100.9:1')).toMatchObject({ region: '' });
  for (const wrong of [
    ...['far', 'far,eu', ',eu,198.51.100.9:1', 'far,eu,example.org:1', 'far,eu,198.51.100.9:0', 'far,eu,198.51.100.9'],
    ...['far,eu,198.51.100.9:1,198.51.100.8:2', `${'a'.repeat(25)},eu,198.51.100.9:1`, 'a\u202eb,eu,198.51.100.9:1'],
  ])
    expect(() => readRelayAt(wrong), wrong).toThrow();
});
