/** Whose address counts where a proxy says whom it was asked by. */
import { describe, expect, test } from 'vitest';
import { createCallers, isProxyName } from '../../src/master/testing.ts';

describe('the address of a caller', () => {
  test('is that of the other end, and what it says of others counts only from a proxy that is named, or of this computer', () => {
    const callers = createCallers(['192.0.2.1', '10.1.0.0/16', '2001:db8::/32']);
    const said = (peer: string, forwarded?: string) => callers.addressOf(peer, forwarded);
    expect(said('203.0.113.5', '198.51.100.7')).toBe('203.0.113.5');
    for (const proxy of [
      '127.0.0.1',
      '::1',
      '::ffff:127.0.0.1',
      '192.0.2.1',
      '::ffff:192.0.2.1',
      '10.1.9.9',
      '2001:db8::9',
    ])
      expect(said(proxy, '198.51.100.7'), proxy).toBe('198.51.100.7');
    for (const other of ['192.0.2.2', '10.2.0.1', '2001:db9::1', '']) expect(said(other, '198.51.100.7')).toBe(other);
  });

  test('is the last one that is no proxy: what stands before it anybody may have written', () => {
    const { addressOf } = createCallers(['192.0.2.1']);
    expect(addressOf('127.0.0.1', '8.8.8.8, 203.0.113.5')).toBe('203.0.113.5');
    expect(addressOf('127.0.0.1', '8.8.8.8, 203.0.113.5, 192.0.2.1')).toBe('203.0.113.5');
    expect(addressOf('127.0.0.1', '203.0.113.5, 198.51.100.7, 192.0.2.1')).toBe('198.51.100.7');
  });

  test('is the proxy itself where it says nothing that is an address', () => {
    const { addressOf } = createCallers();
    for (const forwarded of [undefined, '', 'unknown', '300.1.1.1', 'evil', '203.0.113.5:80'])
      expect(addressOf('127.0.0.1', forwarded)).toBe('127.0.0.1');
    expect(addressOf(undefined, undefined)).toBe('127.0.0.1');
  });
});

test('a proxy is an address or a network, and nothing else', () => {
  for (const good of ['192.0.2.1', '10.0.0.0/8', '::1', '2001:db8::/32', '0.0.0.0/0'])
    expect(isProxyName(good), good).toBe(true);
  for (const bad of [
    '',
    'proxy.example.org',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '::/129',
    '1.2.3.4/',
    '1.2.3.4/-1',
  ])
    expect(isProxyName(bad), bad).toBe(false);
});
