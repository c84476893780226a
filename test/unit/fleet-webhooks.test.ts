/** Who tells the operator's channels of a host in a fleet: the first node of its code alone, late where it was away, and nobody twice. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { webhookSchema } from '../../src/master/index.ts';
import { createLog, createOffice, type ListedHost, openStore, SERVER_LIMITS } from '../../src/master/testing.ts';
import { hostRecord } from './master-records.ts';

const NOW = 1_800_000_000_000;
const ends: (() => unknown)[] = [];
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval'] }));
afterEach(async () => {
  vi.useRealTimers();
  for (const end of ends.splice(0).reverse()) await end();
});

async function receiver(): Promise<{ readonly url: string; readonly titles: string[] }> {
  const titles: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      titles.push((JSON.parse(body) as { title: string }).title);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, titles };
}

/** Whatever was sent has arrived. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

/** A node, and what another one tells of hosts: proven, and first seen so long ago. */
async function node({ isFirst }: { readonly isFirst: boolean }) {
  const { url, titles } = await receiver();
  const store = openStore({ file: ':memory:', onProblem: (problem) => expect.unreachable(problem) });
  const elsewhere = new Map<string, ListedHost>();
  const told: string[] = [];
  let now = 0;
  const office = createOffice({
    codes: { waitMs: () => 0, wrong: () => {} },
    ...{ store, log: createLog('silent', process.stderr), wallClock: () => NOW, monotonic: () => now },
    ...{ domains: [], contact: null, webApp: null, link: () => 'sallyport://127.0.0.1:8430/#KEY' },
    hooks: [webhookSchema.parse({ url })],
    ...{ command: () => {}, counters: () => null, onTokenUsed: () => {} },
    fleet: {
      hosts: {
        of(hostId) {
          const known = elsewhere.get(hostId);
          return known === undefined ? null : { ...known, silentMs: 0 };
        },
        ...{ tellOf: () => true, onChange: () => {}, whole: true },
      },
      ...{ onRules: () => {}, isFirst: () => isFirst, onTold: (key) => void told.push(key) },
      figures: () => ({ connected: true, nodes: 2, whole: true, hostsElsewhere: 0, registrations: 0, sessions: 0 }),
    },
  });
  ends.push(() => office.close());
  function hear(n: number, ageMs: number): string {
    const host = hostRecord(n);
    elsewhere.set(host.hostId, { host, firstSeenAt: NOW - ageMs, verifiedAt: NOW });
    office.directory.elsewhere(host.hostId);
    return host.hostId;
  }
  function register(n: number): void {
    const host = hostRecord(n);
    office.event({ ev: 'host', host, change: 'new' });
  }
  /** So many minutes later. */
  const pass = (minutes: number): void => {
    now += 60_000 * minutes;
    vi.advanceTimersByTime(60_000 * minutes);
  };
  return { office, titles, told, hear, register, pass };
}

test('a host that was proven while its first node was away is told of by that node when it is back, once', async () => {
  const { titles, told, hear, pass } = await node({ isFirst: true });
  const late = hear(1, 3_600_000);
  // Seen first so long ago that what was told of it is forgotten by now.
  hear(2, SERVER_LIMITS.webhookDedupeMs);
  pass(5);
  await expect.poll(() => titles).toEqual(['New server: Server 1']);
  expect(told).toEqual([`host.listed ${late}`]);
  pass(5);
  await settled();
  expect(titles).toHaveLength(1);
});

test('a host that another node has proven before it came to its first node is told of when that has proven it too, once', async () => {
  const { office, titles, told, hear, register, pass } = await node({ isFirst: true });
  pass(1);
  const hostId = hear(1, 500);
  register(1);
  office.tested(hostId, true);
  await expect.poll(() => titles).toEqual(['New server: Server 1']);
  expect(told).toEqual([`host.listed ${hostId}`]);
  office.tested(hostId, true);
  const second = await node({ isFirst: false });
  second.pass(1);
  second.hear(1, 500);
  second.register(1);
  second.office.tested(hostId, true);
  await settled();
  expect([titles.length, second.titles.length]).toEqual([1, 0]);
});

test('nor is one told of by a node that is not its first, or of which another has told', async () => {
  const second = await node({ isFirst: false });
  second.hear(1, 3_600_000);
  second.pass(5);
  const first = await node({ isFirst: true });
  first.office.webhooks.note([`host.listed ${hostRecord(1).hostId}`]);
  first.hear(1, 3_600_000);
  first.pass(5);
  await settled();
  expect([second.told, second.titles, first.told, first.titles]).toEqual([[], [], [], []]);
});
