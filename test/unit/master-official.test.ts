import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseLocated, readOfficialFolder, resolveOfficial } from '../../src/master/testing.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-official-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

test('S26: a folder of servers with traversal off gives list entries with addresses and reserves their names', async () => {
  const key = 'ab'.repeat(32);
  write(
    'eu.json',
    JSON.stringify({
      servers: [{ name: 'Official EU', game: 'luanti', address: '203.0.113.5:30000', key, playersMax: 32 }],
    }),
  );
  write(
    'us.json',
    JSON.stringify({
      servers: [{ name: 'Official US', address: 'localhost:30001' }],
      reservedNames: [{ name: 'Admin' }],
    }),
  );
  write('notes.txt', 'not read');
  const read = readOfficialFolder(folder);
  expect(read.errors).toEqual([]);
  expect(read.servers.map(({ address, traversal, record }) => [address, traversal, record.announcement.name])).toEqual([
    ['203.0.113.5:30000', 'off', 'Official EU'],
    ['localhost:30001', 'off', 'Official US'],
  ]);
  expect(read.reservedNames).toEqual([
    { name: 'Official EU', key },
    { name: 'Official US', key: null },
    { name: 'Admin', key: null },
  ]);
  const resolved = await resolveOfficial(read.servers);
  expect(resolved.map(({ address }) => address)).toEqual([
    '203.0.113.5:30000',
    expect.stringMatching(/^(127\.0\.0\.1|\[::1\]):30001$/),
  ]);
});

test('errors name file, line and field', () => {
  write(
    'a.json',
    `{
  "servers": [
    { "name": "Good", "address": "203.0.113.5:30000" },
    {
      "name": "Bad",
      "address": "203.0.113.5",
      "playersMax": "many",
      "colour": "red"
    },
    { "name": "No address" },
    { "name": "No key", "traversal": "on" },
    { "name": "Port", "address": "203.0.113.5:70000" }
  ]
}`,
  );
  write('b.json', '{\n  "servers": [\n    { "name": "x", }\n  ]\n}');
  write('c.json', '{\n  "servers": [');
  const { servers, errors } = readOfficialFolder(folder);
  expect(servers).toEqual([]);
  expect(errors).toEqual(
    expect.arrayContaining([
      'a.json:6: servers.1.address is not HOST:PORT (an IPv6 address in brackets)',
      expect.stringMatching(/^a\.json:7: servers\.1\.playersMax /),
      'a.json:8: servers.1.colour is not a known field',
      'a.json:10: servers.2.address is needed where traversal is off: players join it directly',
      'a.json:11: servers.3.key is needed where traversal is on: only the key tells the server from an imitation',
      'a.json:12: servers.4.address has a port outside 1-65535',
      expect.stringMatching(/^b\.json:3: /),
      expect.stringMatching(/^c\.json:2: /),
    ]),
  );
  expect(readOfficialFolder(join(folder, 'nowhere')).errors[0]).toMatch(/ENOENT/);
  mkdirSync(join(folder, 'd.json'));
  expect(readOfficialFolder(folder).errors.some((error) => error.startsWith('d.json: EISDIR'))).toBe(true);
});

test('lines of values are found through nesting, escapes and odd spacing', () => {
  const located = parseLocated('{"a\\"b":\n[1,\n{"c":\n\n"x,}]"\n},[\n2]],"d"\n:\n3}');
  if ('message' in located) throw new Error(located.message);
  expect(located.lineOf(['a"b'])).toBe(2);
  expect(located.lineOf(['a"b', 0])).toBe(2);
  expect(located.lineOf(['a"b', 1])).toBe(3);
  expect(located.lineOf(['a"b', 1, 'c'])).toBe(5);
  expect(located.lineOf(['a"b', 2, 0])).toBe(7);
  expect(located.lineOf(['d'])).toBe(9);
  expect(located.lineOf(['a"b', 1, 'missing'])).toBe(3);
});
