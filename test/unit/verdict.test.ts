import { describe, expect, test } from 'vitest';
import type { NatProfile } from '../../src/core/index.ts';
import { ipv6Of, layersOf, UNKNOWN_ALLOCATOR, UNKNOWN_PROFILE, verdictOf } from '../../src/core/testing.ts';

const profile = (fields: Partial<NatProfile>): NatProfile => ({
  ...UNKNOWN_PROFILE,
  samples: 12,
  external: ['203.0.113.9'],
  ...fields,
});
const allocator = (kind: NatProfile['allocator']['kind']) => ({ ...UNKNOWN_ALLOCATOR, kind });

describe('the verdict', () => {
  test.each([
    ['open', profile({ type: 'public', mapping: 'eim', filtering: 'eif' })],
    ['open', profile({ type: 'cone', mapping: 'eim', filtering: 'eif' })],
    [
      'open',
      profile({
        type: 'port-sensitive',
        mapping: 'apdm',
        portMapping: { ...UNKNOWN_PROFILE.portMapping, external: { address: '203.0.113.9', port: 1 } },
      }),
    ],
    ['moderate', profile({ type: 'public', mapping: 'eim', filtering: 'apdf' })],
    ['moderate', profile({ type: 'cone', mapping: 'eim', filtering: 'apdf' })],
    ['moderate', profile({ type: 'port-sensitive', mapping: 'apdm', allocator: allocator('step') })],
    ['strict', profile({ type: 'port-sensitive', mapping: 'apdm', allocator: allocator('random') })],
    ['strict', profile({ type: 'blocked' })],
  ] as const)('%s', (verdict, known) => expect(verdictOf(known)).toBe(verdict));
});

test('layers: the router’s own address tells, and nothing else does', () => {
  expect(layersOf(profile({ type: 'public' }), null)).toBe(0);
  expect(layersOf(profile({ type: 'cone' }), '203.0.113.9')).toBe(1);
  expect(layersOf(profile({ type: 'cone' }), '100.64.1.2')).toBe(2);
  expect(layersOf(profile({ type: 'cone', natHops: 1 }), null)).toBeNull();
  expect(layersOf(profile({ type: 'cone', natHops: 3 }), null)).toBeNull();
});

test('no global IPv6 address is no IPv6; with one it is open, until somebody has answered over it', () => {
  expect(ipv6Of(['192.168.1.2', 'fd00::1'], false)).toBe('no');
  expect(ipv6Of(['192.168.1.2', '2001:db8::1'], false)).toBe('untested');
  expect(ipv6Of(['192.168.1.2', '2001:db8::1'], true)).toBe('yes');
  expect(ipv6Of([], false)).toBe('untested');
});
