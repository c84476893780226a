import { expect, test } from 'vitest';
import { parseAnnouncement } from '../../src/agent/lan.ts';

const from = { address: '192.168.1.7' };
const say = (value: unknown): string => `sallyport-lan 1 ${JSON.stringify(value)}`;

test('an announcement of the local network is read, its code normalized and its name cleaned', () => {
  const heard = parseAnnouncement(say({ code: 'k7tq9-rbwhm', name: 'Ana\u001b[31m', game: 'luanti' }), from);
  expect(heard).toEqual({
    code: 'K7TQ9RBWHM',
    name: expect.not.stringContaining('\u001b'),
    game: 'luanti',
    address: '192.168.1.7',
  });
});

test.each([
  ['another program', 'hello'],
  ['another version', 'sallyport-lan 2 {}'],
  ['no JSON', 'sallyport-lan 1 {'],
  ['a code that is none', say({ code: 'AAAA', name: '', game: '' })],
  ['fields of another type', say({ code: 7, name: {}, game: [] })],
  ['more than fits', say({ code: 'K7TQ9RBWHM', name: 'x'.repeat(600), game: '' })],
])('%s is not heard', (_name, text) => {
  expect(parseAnnouncement(text, from)).toBeNull();
});
