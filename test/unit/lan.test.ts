import { expect, test } from 'vitest';
import type { KnownHost } from '../../src/agent/index.ts';
import { crowdedOut, formatAnnouncement, parseAnnouncement } from '../../src/agent/testing.ts';
import { toBase64Url, toHex } from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';

const from = { address: '192.168.1.7' };
const nobody = (): readonly KnownHost[] => [];
const say = (value: unknown): string => `sallyport-lan 2 ${JSON.stringify(value)}`;
const host = {
  public: false,
  code: 'K7TQ9RBWXM',
  name: 'Den of Ana',
  game: 'luanti',
  hostKey: nodeCrypto.randomBytes(32),
};

test('a public host is heard by everybody, its code normalized and its name cleaned', () => {
  const text = formatAnnouncement({ ...host, public: true, code: 'k7tq9-rbwxm', name: 'Ana\u001b[31m' });
  expect(parseAnnouncement(text, from, nobody)).toEqual({
    code: 'K7TQ9RBWXM',
    name: expect.not.stringContaining('\u001b'),
    game: 'luanti',
    address: '192.168.1.7',
  });
});

test('a private host is heard only by who has its key, by the name it is remembered by', () => {
  const text = formatAnnouncement(host);
  const other = { code: 'K7TQ9RBWXM', hostKey: nodeCrypto.randomBytes(32), name: 'who has only the code' };
  expect(parseAnnouncement(text, from, nobody)).toBeNull();
  expect(parseAnnouncement(text, from, () => [other])).toBeNull();
  const known = { code: host.code, hostKey: host.hostKey, name: 'Den' };
  expect(parseAnnouncement(text, from, () => [other, known])).toEqual({
    ...{ code: 'K7TQ9RBWXM', name: 'Den', game: '', address: '192.168.1.7' },
  });
  // One that is changed in any place is nobody's.
  const { nonce, mac } = JSON.parse(text.slice('sallyport-lan 2 '.length)) as { nonce: string; mac: string };
  for (const changed of [
    { nonce: mac, mac: nonce },
    { nonce, mac: mac.slice(0, -4) },
    { nonce, mac: '' },
    { nonce: '', mac },
  ])
    expect(parseAnnouncement(say(changed), from, () => [known])).toBeNull();
});

/** Every run of `length` symbols in a text. */
function runsOf(text: string, length: number): readonly string[] {
  return Array.from({ length: Math.max(0, text.length - length + 1) }, (_, i) => text.slice(i, i + length));
}

test('a private host says nothing that tells its code or name, nor that it is the same as a moment ago', () => {
  const said = Array.from({ length: 50 }, () => formatAnnouncement(host));
  const secrets = [host.code, 'K7TQ-9RBW', host.name, host.game, toBase64Url(host.hostKey), toHex(host.hostKey)];
  for (const text of said) for (const secret of secrets) expect(text.toLowerCase()).not.toContain(secret.toLowerCase());
  expect(new Set(said.map((text) => text.length)).size).toBe(1);
  // What all of them have in common is what they have in common with any other host: the frame.
  const another = formatAnnouncement({ ...host, hostKey: nodeCrypto.randomBytes(32), code: 'RBWK7TQ9' });
  const common = runsOf(said[0] ?? '', 5).filter((run) => said.every((text) => text.includes(run)));
  expect(common.filter((run) => !another.includes(run))).toEqual([]);
});

test('a private host of the same code with another key is not taken for the one that is known', () => {
  // A MAC under the code would fall to 20^8 guesses.
  const again = { ...host, hostKey: nodeCrypto.randomBytes(32) };
  const known = { code: host.code, hostKey: host.hostKey, name: '' };
  expect(parseAnnouncement(formatAnnouncement(again), from, () => [known])).toBeNull();
});

test.each([
  ['another program', 'hello'],
  ['another version', 'sallyport-lan 1 {"code":"K7TQ9RBWXM","name":"","game":""}'],
  ['no JSON', 'sallyport-lan 2 {'],
  ['a code that is none', say({ code: 'AAAA', name: '', game: '' })],
  ['fields of another type', say({ code: 7, name: {}, game: [] })],
  ['more than fits', say({ code: 'K7TQ9RBWXM', name: 'x'.repeat(600), game: '' })],
])('%s is not heard', (_name, text) => {
  expect(parseAnnouncement(text, from, nobody)).toBeNull();
});

test('a full list makes room for a further server, at the cost of the address that says most', () => {
  const said = (address: string, at: number) => ({ server: { address }, at });
  const flood = Array.from({ length: 63 }, (_, n) => said('192.168.1.66', 10 + n));
  const full = [said('192.168.1.7', 1), ...flood];
  expect(crowdedOut(full, '192.168.1.8')).toBe(flood[0]);
  // Who says most has no more than it has already.
  expect(crowdedOut(full, '192.168.1.66')).toBe(null);
  const scattered = Array.from({ length: 64 }, (_, n) => said(`192.168.2.${n}`, 100 - n));
  expect(crowdedOut(scattered, '192.168.1.8')).toBe(scattered[63]);
});
