/** The list that the app and the command get over their session with the master: what the web page shows, in pages that fit. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ListEntry, ListPage } from '../../src/core/index.ts';
import { serverSchema, serversPageSchema } from '../../src/master/api.ts';
import {
  createLog,
  createOffice,
  type Office,
  openStore,
  readOfficialFolder,
  SERVER_LIMITS,
} from '../../src/master/testing.ts';
import { hostRecord } from './master-records.ts';

let folder = '';
let office: Office;
let closeStore = (): void => {};
const NOW = 1_800_000_000_000;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-list-'));
  const store = openStore({ file: join(folder, 'master.db'), onProblem: () => {} });
  closeStore = () => store.close();
  office = createOffice({
    codes: { waitMs: () => 0, wrong: () => {} },
    ...{ store, log: createLog('silent', process.stderr), wallClock: () => NOW, monotonic: () => performance.now() },
    ...{ domains: [], contact: null, hooks: [], webApp: null, link: () => 'sallyport://127.0.0.1:8430/#KEY' },
    ...{ command: () => {}, counters: () => null, onTokenUsed: () => {} },
  });
});
afterEach(() => {
  office.close();
  closeStore();
  rmSync(folder, { recursive: true, force: true });
});

function put(...records: ReturnType<typeof hostRecord>[]): void {
  for (const host of records) office.event({ ev: 'host', change: 'new', host });
  office.directory.commit();
}

function officials(servers: readonly object[]): void {
  const config = join(folder, 'official');
  mkdirSync(config);
  writeFileSync(join(config, 'all.json'), JSON.stringify({ servers }));
  const read = readOfficialFolder(config);
  expect(read.errors).toEqual([]);
  office.official(read);
  office.directory.commit();
}

interface Asked {
  readonly game?: string;
  readonly from?: string;
  readonly perPage?: number;
}

function page(after: number, { game = '', from = '203.0.113.200', perPage = 3 }: Asked = {}): ListPage {
  let left = perPage;
  const told = office.policy.list?.({
    ...{ after, game, viewer: { address: from, rttMs: 0 } },
    fits: () => left-- > 0,
  });
  return told as ListPage;
}

function all(asked: Asked = {}): ListEntry[] {
  const entries: ListEntry[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const told: ListPage = page(after, asked);
    expect(told.entries.length).toBeLessThanOrEqual(asked.perPage ?? 3);
    entries.push(...told.entries);
    after = told.next;
  }
  return entries;
}

test('a session is told the very rows of GET /api/v1/servers, in their order: proofs, times, sections, official addresses', async () => {
  officials([{ name: 'Official', game: 'luanti', address: '203.0.113.5:30000', playersMax: 32 }]);
  put(hostRecord(1, { players: 3 }), hostRecord(2), hostRecord(3, { delta: null, natType: 'port-sensitive' }));
  office.tested(hostRecord(2).hostId, true);
  office.directory.commit();
  const response = await office.app.request('/api/v1/servers', { headers: { 'x-forwarded-for': '203.0.113.200' } });
  const { servers } = serversPageSchema.parse(await response.json());
  const entries = all();
  expect(entries).toEqual(servers);
  for (const entry of entries) expect(serverSchema.parse(entry)).toEqual(entry);
  expect(entries[0]).toMatchObject({ section: 'official', address: '203.0.113.5:30000', code: '', name: 'Official' });
  expect(entries.find(({ name }) => name === 'Server 2')).toMatchObject({ verifiedAt: NOW, firstSeenAt: NOW });
});

test('pages hold every public host once and no private one; neighbours of the asker come first and only once', () => {
  put(...Array.from({ length: 23 }, (_, n) => hostRecord(n, { players: n % 3 }, { public: n % 4 !== 0 })));
  const near = hostRecord(100, { observed: { address: '203.0.113.200', port: 1 } });
  put(near);
  const wanted = Array.from({ length: 23 }, (_, n) => n).filter((n) => n % 4 !== 0);
  const names = all().map(({ name }) => name);
  expect(names[0]).toBe('Server 100');
  expect([...names].sort()).toEqual([...wanted.map((n) => `Server ${n}`), 'Server 100'].sort());
  expect(all()[0]?.section).toBe('local');
  expect(all({ from: '203.0.113.201' }).every(({ section }) => section === 'community')).toBe(true);
});

test('a rare game is found without looking at more hosts at once than the limit says', () => {
  const count = 2 * SERVER_LIMITS.listScanMax + 10;
  put(...Array.from({ length: count }, (_, n) => hostRecord(n, {}, { game: n === count - 1 ? 'rare' : 'luanti' })));
  expect(page(0, { game: 'rare' }).next).toBe(SERVER_LIMITS.listScanMax);
  expect(all({ game: 'rare' }).map(({ game }) => game)).toEqual(['rare']);
});

test('a host that is held back from the list is told by its code alone', () => {
  put(hostRecord(1));
  const host = hostRecord(1);
  expect(all()).toHaveLength(1);
  const hidden = hostRecord(1, {}, { public: false });
  office.event({ ev: 'host', change: 'changed', host: hidden });
  office.directory.commit();
  expect(all()).toEqual([]);
  const viewer = { address: '203.0.113.200', rttMs: 0 };
  expect(office.policy.entry?.(host, viewer)).toMatchObject({ name: 'Server 1', firstSeenAt: NOW });
});

test('many official servers do not stand behind others for having no address of a player', () => {
  officials(Array.from({ length: 40 }, (_, n) => ({ name: `Official ${n}`, address: `203.0.113.5:${30_000 + n}` })));
  expect([...office.directory.listing.all()].some(({ crowded }) => crowded)).toBe(false);
});
