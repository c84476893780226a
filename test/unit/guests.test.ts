/** What a host remembers of its friends, and what a device is known by, on disks that are not as they should be. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PEER_LIMITS } from '../../src/core/index.ts';
import { deviceSecret, guestBook, type KeptBan } from '../../src/node/index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sallyport-guests-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const MALLORY: KeptBan = { ban: { by: 'friend', friend: '00112233' }, name: 'Mallory', at: 1_700_000_000_000 };
const NETWORK: KeptBan = { ban: { by: 'network', network: 'ff'.repeat(16) }, name: 'Mallory', at: 1_700_000_000_001 };

test('bans, addresses and the secret are there the next time, for the owner only; a ban said twice is one', () => {
  const path = join(folder, 'deep', 'host-1.guests.json');
  const book = guestBook(path);
  for (const ban of [MALLORY, NETWORK, { ...MALLORY, at: 5 }]) expect(book.addBan(ban)).toBe(true);
  book.keepAddress('00112233', '127.77.1.2');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const again = guestBook(path);
  expect(again.bans).toEqual([NETWORK, { ...MALLORY, at: 5 }]);
  expect([...again.addresses]).toEqual([['00112233', '127.77.1.2']]);
  expect(again.secret).toEqual(book.secret);
  again.liftBan(NETWORK.ban);
  expect(guestBook(path).bans).toEqual([{ ...MALLORY, at: 5 }]);
});

test('a book that somebody has damaged is an error that names it, and nothing is written over it', () => {
  const path = join(folder, 'host-1.guests.json');
  guestBook(path).addBan(MALLORY);
  const whole = readFileSync(path, 'utf8');
  const damages = [
    whole.slice(0, -20),
    '',
    'null',
    '[]',
    whole.replace('"v": 1', '"v": 2'),
    whole.replace('"bans": [', '"bans": ["x",'),
    whole.replace('"by": "friend"', '"by": "fiend"'),
    whole.replace(/"secret": "[^"]+"/, '"secret": "AA"'),
  ];
  for (const damaged of damages) {
    expect(damaged).not.toBe(whole);
    writeFileSync(path, damaged);
    expect(() => guestBook(path)).toThrow(path);
    expect(readFileSync(path, 'utf8')).toBe(damaged);
  }
});

test('a disk that takes nothing is told of, and the ban holds until the program ends', () => {
  const noFolder = join(folder, 'file');
  writeFileSync(noFolder, '');
  const problems: string[] = [];
  const first = deviceSecret(join(noFolder, 'state'), (problem) => problems.push(problem));
  expect(first).toHaveLength(32);
  expect(problems).toEqual([expect.stringContaining('device.key')]);
  const book = guestBook(join(folder, 'host-1.guests.json'));
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  expect(book.addBan(MALLORY)).toBe(false);
  expect(book.bans).toEqual([MALLORY]);
});

test('the secret of a device is made once and never replaced', () => {
  const secret = deviceSecret(folder, expect.unreachable);
  expect(deviceSecret(folder, expect.unreachable)).toEqual(secret);
  expect(statSync(join(folder, 'device.key')).mode & 0o777).toBe(0o600);
  writeFileSync(join(folder, 'device.key'), 'broken');
  expect(() => deviceSecret(folder, expect.unreachable)).toThrow('device.key');
});

test('as many bans as there may be are kept and read again', () => {
  const path = join(folder, 'host-1.guests.json');
  const bans = Array.from({ length: PEER_LIMITS.bannedMax + 1 }, (_, n): KeptBan => {
    return { ban: { by: 'network', network: n.toString(16).padStart(32, '0') }, name: '\u{1f600}'.repeat(16), at: n };
  });
  const book = guestBook(null);
  for (const ban of bans) book.addBan(ban);
  expect(book.bans).toHaveLength(PEER_LIMITS.bannedMax);
  const document = { v: 1, secret: 'A'.repeat(22), bans: book.bans.map(({ ban, ...more }) => ({ ...ban, ...more })) };
  writeFileSync(path, JSON.stringify({ ...document, addresses: {} }, null, 2));
  expect(guestBook(path).bans).toEqual(bans.slice(1));
});
