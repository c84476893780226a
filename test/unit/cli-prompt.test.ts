/** What is asked at a terminal, and files that are given: sentences for people. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { promptSecret, webhookFault } from '../../src/cli/testing.ts';
import { webhookSchema } from '../../src/master/index.ts';

function typing(keys: readonly string[]) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true });
  const abort = new AbortController();
  const asked = promptSecret('Password: ', abort.signal, { input, output });
  for (const key of keys) input.write(key);
  return { asked, abort, shown: () => String(output.read() ?? '') };
}

test('a password is taken as it is typed, and nothing of it is shown', async () => {
  const one = typing(['hunter', '3', '\u007f', '2\r']);
  expect(await one.asked).toBe('hunter2');
  expect(one.shown()).toBe('Password: \n');
});

test('Escape, the end of the input and a stop take none', async () => {
  expect(await typing(['abc\u001b']).asked).toBeNull();
  expect(await typing(['\u0004']).asked).toBeNull();
  const stopped = typing(['ab']);
  stopped.abort.abort();
  expect(await stopped.asked).toBeNull();
});

test.each([
  [{}, 'it is a list of entries, like [{"url": "https://…"}]'],
  [['x'], 'entry 1 is no {"url": "https://…"} with fields of its own'],
  [[{ url: 'ftp://example.org' }], 'entry 1: "url" takes a whole address that begins with https:// or http://'],
  [
    [{ url: 'https://example.org' }, { url: 'https://example.org', body: 'xml' }],
    'entry 2: "body" takes json, discord or telegram',
  ],
  [
    [{ url: 'https://example.org', events: ['listed'] }],
    'entry 1: "events" takes a list of host.listed, host.gone, alert, ban and test',
  ],
])('the fault of webhooks like %j is a sentence', (document, sentence) => {
  const parsed = webhookSchema.array().safeParse(document);
  expect(parsed.success).toBe(false);
  expect(webhookFault(parsed.error?.issues[0])).toBe(sentence);
});
