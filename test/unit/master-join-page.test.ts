/** `/j/CODE` as it leaves the masterserver: the card for chats, the page for browsers without scripts, the downloads. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createLog,
  createOffice,
  type Office,
  openStore,
  readDownloads,
  SERVER_LIMITS,
} from '../../src/master/testing.ts';
import { hostRecord } from './master-records.ts';

let folder: string;
let office: Office;
let closeStore = (): void => {};
const wrong: string[] = [];
let waitMs = 0;

function start(downloads: string | null): void {
  const store = openStore({ file: join(folder, 'master.db'), onProblem: () => {} });
  closeStore = () => store.close();
  const offered = readDownloads(downloads);
  office = createOffice({
    codes: { waitMs: () => waitMs, wrong: (address) => wrong.push(address) },
    ...{ store, log: createLog('silent', process.stderr), wallClock: Date.now, monotonic: () => performance.now() },
    ...{
      domains: [],
      contact: 'Ana <ana@example.org>',
      hooks: [],
      webApp: null,
      link: () => 'sallyport://x:8430/#KEY',
    },
    ...{ command: () => {}, counters: () => null, onTokenUsed: () => {} },
    ...{ page: () => 'https://ms.example.org', downloads: () => offered },
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-join-page-'));
  wrong.length = 0;
  waitMs = 0;
});
afterEach(() => {
  office.close();
  closeStore();
  rmSync(folder, { recursive: true, force: true });
});

async function page(path: string): Promise<string> {
  const response = await office.app.request(path, { headers: { 'x-forwarded-for': '203.0.113.9' } });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
  return response.text();
}

function put(name: string): string {
  const host = hostRecord(1, {}, { name, public: false });
  office.event({ ev: 'host', change: 'new', host });
  office.directory.commit();
  return host.code;
}

test('a chat is shown a card with the name and the game, and neither key nor address stands anywhere', async () => {
  start(null);
  const code = put("Ana's world");
  const text = await page(`/j/${code}`);
  expect(text).toContain('<meta property="og:title" content="Join &#34;Ana&#39;s world&#34;" />');
  expect(text).toContain(`<meta property="og:url" content="https://ms.example.org/j/${code}" />`);
  expect(text).toMatch(/og:description" content="[^"]*from computer to computer, encrypted/);
  expect(text).not.toContain('sallyport://');
  expect(text).not.toMatch(/\d+\.\d+\.\d+\.\d+/);
});

test('what a host calls itself is text, in the card and on the page', async () => {
  start(null);
  const text = await page(`/j/${put('"><script>x</script>$&')}`);
  expect(text).not.toContain('<script>x');
  expect(text).toContain('&#34;&#62;&#60;script&#62;x');
});

test('without scripts the page says what this is, how to get in, and who runs it', async () => {
  const files = join(folder, 'files');
  mkdirSync(files);
  for (const name of ['sallyport-linux-x64', 'sallyport-windows-x64.exe', 'sallyport-linux-x64.sha256', '.hidden'])
    writeFileSync(join(files, name), name);
  start(files);
  const text = (await page(`/j/${put('Ana')}`)).replace(/^[\s\S]*<noscript>/, '');
  expect(text).toContain('no account, no router settings');
  expect(text).toContain('<a href="/downloads/sallyport-windows-x64.exe">');
  expect(text).not.toContain('sha256');
  expect(text).toContain("sallyport join 'ADDRESS'");
  expect(text).toContain('Ana &#60;ana@example.org&#62;');
  expect(text).not.toContain('npx');
});

test('downloads are the files of the folder and nothing else', async () => {
  const files = join(folder, 'files');
  mkdirSync(join(files, 'deeper'), { recursive: true });
  writeFileSync(join(files, 'sallyport-macos-arm64'), 'program');
  writeFileSync(join(folder, 'secret'), 'secret');
  start(files);
  const got = await office.app.request('/downloads/sallyport-macos-arm64');
  expect(got.headers.get('content-disposition')).toBe('attachment; filename="sallyport-macos-arm64"');
  expect(await got.text()).toBe('program');
  for (const name of ['..%2fsecret', '%2e%2e%2fsecret', 'deeper', '../secret', 'secret'])
    expect((await office.app.request(`/downloads/${name}`)).status, name).toBe(404);
  const info = (await (await office.app.request('/api/v1/master')).json()) as { downloads: { files: unknown[] } };
  expect(info.downloads.files).toMatchObject([{ system: 'macos', machine: 'arm64', bytes: 7 }]);
});

test('of a folder with very many files the first are offered', () => {
  const files = join(folder, 'files');
  mkdirSync(files);
  const { downloadsMax } = SERVER_LIMITS;
  // Names that would be no part of an address, or of a header, as they stand.
  for (const name of ['.hidden', 'a b.exe', 'a"b.exe', 'a;b.exe', '-rf']) writeFileSync(join(files, name), 'x');
  for (let n = 0; n <= downloadsMax; n++) writeFileSync(join(files, `file${String(n).padStart(3, '0')}`), 'x');
  start(files);
  const { files: offered } = readDownloads(files);
  expect(offered.map(({ name }) => name).slice(-1)).toEqual([`file${String(downloadsMax - 1).padStart(3, '0')}`]);
  expect(offered.every(({ name }) => /^file\d+$/.test(name))).toBe(true);
  expect(offered).toHaveLength(downloadsMax);
});

test('downloads are begun at a pace for each address, and others have theirs', async () => {
  const files = join(folder, 'files');
  mkdirSync(files);
  writeFileSync(join(files, 'sallyport-linux-x64'), 'program');
  start(files);
  const path = '/downloads/sallyport-linux-x64';
  const ask = (remoteAddress: string, method = 'GET') =>
    office.app.request(path, { method }, { incoming: { socket: { remoteAddress } } });
  const { burst } = SERVER_LIMITS.downloadRates.narrow;
  for (let n = 0; n < burst; n++) expect(await (await ask('203.0.113.9')).text()).toBe('program');
  const refused = await ask('203.0.113.9');
  expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);
  expect((await ask('203.0.113.9', 'HEAD')).status).toBe(200);
  expect((await ask('198.51.100.7')).status).toBe(200);
});

test('codes that are tried at the page count like all others, and nothing is told while one has to wait', async () => {
  start(null);
  const code = put('Ana');
  expect(await page('/j/K7TQ9RBWXM')).toContain('An invitation to play');
  expect(wrong).toEqual(['203.0.113.9']);
  waitMs = 5_000;
  expect(await page(`/j/${code}`)).not.toContain('Ana&');
  expect(await page(`/j/${code}`)).not.toContain('Join &#34;Ana');
});

test('an address elsewhere, or nothing at all, is offered as the operator says', async () => {
  start('https://example.org/get?x="y"');
  expect(await page(`/j/${put('Ana')}`)).toContain('href="https://example.org/get?x=%22y%22"');
  expect(() => readDownloads('/no/such/folder')).toThrow(/--downloads/);
  expect(() => readDownloads('https://')).toThrow(/--downloads/);
});
