import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type WebhookConfig, webhookSchema } from '../../src/master/index.ts';
import { bodyFor, createWebhooks, openStore, type WebhookMessage } from '../../src/master/testing.ts';

interface Call {
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
  readonly at: number;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** A real receiver on loopback; `answers` are its status codes, the last one for ever. */
function receiver(...answers: readonly number[]) {
  return receiverTo('', ...answers);
}

/** The same, which names another place with each answer. */
async function receiverTo(
  location: string,
  ...answers: readonly number[]
): Promise<{ url: string; calls: Call[]; until(n: number): Promise<void> }> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      const status = answers[Math.min(calls.length, answers.length - 1)] ?? 200;
      calls.push({ body, headers: request.headers, at: performance.now() });
      response.writeHead(status, location === '' ? {} : { location }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  const until = async (n: number): Promise<void> => {
    for (let i = 0; calls.length < n && i < 500; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(calls.length).toBeGreaterThanOrEqual(n);
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, calls, until };
}

function start(
  hook: Partial<WebhookConfig> & { readonly url: string },
  timing = { intervalMs: 5, muteMs: 0, retryMs: 5 },
  store = openStore({ file: ':memory:', onProblem: (problem) => expect.unreachable(problem) }),
  wall = 1_800_000_000_000,
) {
  const results: string[] = [];
  let now = 1000;
  const webhooks = createWebhooks({
    hooks: [webhookSchema.parse(hook)],
    store,
    onDelivery: (kind, result) => results.push(`${kind} ${result}`),
    now: () => now,
    wallClock: () => wall,
    timing,
  });
  cleanups.push(() => webhooks.close());
  const advance = (ms: number): void => {
    now += ms;
  };
  return { webhooks, results, advance, store };
}
const listed = (subject: string, title = 'New server: Ana'): WebhookMessage => ({
  kind: 'host.listed',
  subject,
  title,
  fields: { game: 'luanti' },
});

test('a receiver that sends on to another place is not followed there', async () => {
  const within = await receiver(200);
  const to = await receiverTo(within.url, 307, 200);
  const { webhooks, results } = start({ url: to.url });
  webhooks.send(listed('a'));
  await to.until(2);
  await expect.poll(() => results).toHaveLength(2);
  expect(within.calls).toEqual([]);
});

test('a message arrives signed over its time and body', async () => {
  const to = await receiver(200);
  start({ url: to.url, secret: 'shared' }).webhooks.send(listed('a'));
  await to.until(1);
  const [call] = to.calls;
  const [, at, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(call?.headers['x-sallyport-signature'])) ?? [];
  expect(digest).toBe(createHmac('sha256', 'shared').update(`${at}.${call?.body}`).digest('hex'));
  expect(JSON.parse(call?.body ?? '')).toEqual({
    v: 1,
    event: 'host.listed',
    at: Number(at),
    title: 'New server: Ana',
    fields: { game: 'luanti' },
  });
});

test('the same host is told once a day', async () => {
  const to = await receiver(200);
  const { webhooks, advance } = start({ url: to.url });
  for (let i = 0; i < 5; i += 1) webhooks.send(listed('a'));
  webhooks.send(listed('b'));
  await to.until(2);
  advance(24 * 3_600_000 + 1);
  webhooks.send(listed('a'));
  await to.until(3);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(to.calls).toHaveLength(3);
});

test('what another node of a fleet has told is not told again, after a restart neither', async () => {
  const to = await receiver(200);
  const [first, second] = [start({ url: to.url }), start({ url: to.url })];
  first.webhooks.send(listed('a'));
  second.webhooks.note(first.webhooks.told());
  second.webhooks.send(listed('a'));
  start({ url: to.url }, undefined, second.store).webhooks.send(listed('a'));
  second.webhooks.send(listed('b'));
  await to.until(2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(to.calls).toHaveLength(2);
  first.advance(24 * 3_600_000 + 1);
  expect(first.webhooks.told()).toEqual([]);
});

test('hosts that return after a restart are told neither in the first 20 s nor later', async () => {
  const to = await receiver(200);
  const { webhooks, advance } = start({ url: to.url }, { intervalMs: 5, muteMs: 20_000, retryMs: 5 });
  for (let i = 0; i < 100; i += 1) webhooks.send(listed(`host ${i}`));
  advance(20_001);
  webhooks.send(listed('host 7'));
  webhooks.send(listed('a new one'));
  await to.until(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(to.calls).toHaveLength(1);
});

test('a failing receiver is tried again, a refusing one is not, and the queue is bounded', async () => {
  const failing = await receiver(500, 429, 200);
  const first = start({ url: failing.url });
  first.webhooks.send(listed('a'));
  await failing.until(3);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(first.results).toEqual(['host.listed retry', 'host.listed retry', 'host.listed ok']);
  const refusing = await receiver(404);
  const second = start({ url: refusing.url });
  second.webhooks.send(listed('a'));
  await refusing.until(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(second.results).toEqual(['host.listed failed']);
  expect(refusing.calls).toHaveLength(1);
  const slow = start({ url: refusing.url }, { intervalMs: 60_000, muteMs: 0, retryMs: 5 });
  for (let i = 0; i < 10_000; i += 1) slow.webhooks.send(listed(`host ${i}`));
  expect(slow.webhooks.counts().queued).toBeLessThanOrEqual(500);
  expect(slow.results.filter((result) => result.endsWith('dropped')).length).toBeGreaterThanOrEqual(9_400);
});

test('calls keep their distance', async () => {
  const to = await receiver(200);
  const { webhooks } = start({ url: to.url }, { intervalMs: 60, muteMs: 0, retryMs: 5 });
  for (let i = 0; i < 5; i += 1) webhooks.send(listed(`host ${i}`));
  await to.until(5);
  const gaps = to.calls.slice(1).map(({ at }, i) => at - (to.calls[i]?.at ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(45);
});

test('Discord and Telegram bodies let no markup, mention or link of a name through', () => {
  const hostile = listed('a', 'New server: @everyone <b>x</b> [y](http://e.invalid) `z` *w*');
  const discord = JSON.stringify(bodyFor({ body: 'discord' }, hostile, 0));
  expect(discord).toContain('"allowed_mentions":{"parse":[]}');
  expect(discord).not.toContain('@everyone');
  expect(discord).toContain('\\\\[y\\\\]\\\\(');
  const telegram = bodyFor({ body: 'telegram', chat: '-100' }, hostile, 0) as { text: string; chat_id: string };
  expect(telegram.chat_id).toBe('-100');
  expect(telegram.text).toContain('&lt;b&gt;x&lt;/b&gt;');
  expect(telegram.text.match(/<[^>]+>/g)).toEqual(['<b>', '</b>']);
});

test('what was told before a restart is not told again after it, however late; a day later it is', async () => {
  const to = await receiver(200);
  const timing = { intervalMs: 5, muteMs: 0, retryMs: 5 };
  const at = 1_800_000_000_000;
  const { webhooks, store } = start({ url: to.url }, timing);
  webhooks.send(listed('a', 'first'));
  await to.until(1);
  webhooks.close();
  const hour = 3_600_000;
  const again = start({ url: to.url }, timing, store, at + hour).webhooks;
  again.send(listed('a', 'again'));
  again.send(listed('b', 'other'));
  await to.until(2);
  start({ url: to.url }, timing, store, at + 25 * hour).webhooks.send(listed('a', 'tomorrow'));
  await to.until(3);
  const titles = to.calls.map(({ body }) => (JSON.parse(body) as { readonly title: string }).title);
  expect(titles).toEqual(['first', 'other', 'tomorrow']);
});
