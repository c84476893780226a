/** What a program remembers of others is so much and no more, and the newest stays. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  guestBook,
  hostPins,
  knownFriends,
  localPlaces,
  nodeCrypto,
  readDocument,
  writeDocument,
} from '../../src/node/index.ts';
import { NODE_LIMITS } from '../../src/node/testing.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sallyport-limits-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const many = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `one${n}`);

test('hosts that are pinned: who was joined longest ago is trusted anew', () => {
  const { publicKey } = nodeCrypto.keyPair();
  const master = new Uint8Array(32).fill(1);
  const pins = hostPins(folder, (problem) => expect.unreachable(problem));
  const { pinnedHostsMax } = NODE_LIMITS;
  const pin = (code: string) => pins.set(master, { code, name: '', hostKey: publicKey });
  for (const code of many(pinnedHostsMax)) pin(code);
  expect(pins.get(master, 'one0')).toEqual(publicKey);
  pin('LAST');
  expect([pins.get(master, 'one0'), pins.get(master, 'one1'), pins.get(master, 'LAST')]).toEqual([
    null,
    publicKey,
    publicKey,
  ]);
  expect(pins.all(master)).toHaveLength(pinnedHostsMax);
});

test('friends that were here: the one longest away counts as new again', () => {
  const friends = knownFriends(null);
  for (const friend of many(NODE_LIMITS.knownFriendsMax + 1)) friends.add(friend, 'Ann');
  expect(friends.all()).toHaveLength(NODE_LIMITS.knownFriendsMax);
  expect([friends.nameOf('one0'), friends.nameOf('one1')]).toEqual([null, 'Ann']);
});

test('places of hosts on this computer: the one longest away is drawn anew', () => {
  const all = many(NODE_LIMITS.localPlacesMax);
  writeDocument(join(folder, 'places.json'), {
    v: 1,
    hosts: Object.fromEntries(all.map((host) => [host, '127.77.0.1'])),
  });
  const places = localPlaces(folder);
  places.keep('another', '127.77.0.2');
  expect([places.of('one0'), places.of('one1'), places.of('another')]).toEqual([null, '127.77.0.1', '127.77.0.2']);
});

test('addresses of friends: the one longest away gets another', () => {
  const book = guestBook(null);
  for (const friend of many(NODE_LIMITS.friendAddressesMax + 1)) book.keepAddress(friend, '127.77.0.1');
  expect([book.addresses.size, book.addresses.has('one0'), book.addresses.has('one1')]).toEqual([
    NODE_LIMITS.friendAddressesMax,
    false,
    true,
  ]);
});

test('a file that is too large is not read, and named', () => {
  const path = join(folder, 'friends.json');
  const text = (bytes: number): string => JSON.stringify({ v: 1, x: 'x'.repeat(bytes - 14) });
  expect(text(100)).toHaveLength(100);
  writeFileSync(path, text(NODE_LIMITS.stateFileBytesMax));
  expect(readDocument(path)).not.toBeNull();
  writeFileSync(path, text(NODE_LIMITS.stateFileBytesMax + 1));
  expect(readDocument(path)).toBeNull();
});
