import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MasterCommand } from '../../src/core/index.ts';
import {
  adminHostsSchema,
  auditSchema,
  banSchema,
  bansSchema,
  historySchema,
  overviewSchema,
  problemSchema,
  type ServersPage,
  serversPageSchema,
} from '../../src/master/api.ts';
import type { Store } from '../../src/master/index.ts';
import { createOffice, type Office, openStore, SERVER_LIMITS } from '../../src/master/testing.ts';
import { HOSTILE_NAMES } from '../vectors/hostile-names.ts';
import { hostRecord } from './master-records.ts';

let folder = '';
let store: Store;
let office: Office;
let commands: MasterCommand[] = [];
let logged = '';
let wall = 1_800_000_000_000;

const LOG_SINK = {
  write(line: string): void {
    logged += line;
  },
};

function startOffice(): void {
  store = openStore({ file: join(folder, 'state.db'), onProblem: (problem) => expect.unreachable(problem) });
  const log = pino({ base: null }, LOG_SINK);
  office = createOffice({
    codes: { waitMs: () => 0, wrong: () => {} },
    store,
    log,
    wallClock: () => wall,
    monotonic: () => performance.now(),
    domains: ['ms.example.org'],
    contact: null,
    hooks: [],
    webApp: null,
    link: () => 'sallyport://127.0.0.1:8430/#KEY',
    command: (command) => commands.push(command),
    counters: () => null,
    onTokenUsed: () => {},
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-http-'));
  commands = [];
  logged = '';
  wall = 1_800_000_000_000;
  startOffice();
});
afterEach(() => {
  office.close();
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A request as if from `from`, through a proxy on this machine. */
async function get(path: string, headers: Record<string, string> = {}, from = '203.0.113.200'): Promise<Response> {
  return office.app.request(path, { headers: { host: '127.0.0.1:8420', 'x-forwarded-for': from, ...headers } });
}
async function list(query = '', from?: string): Promise<ServersPage> {
  const response = await get(`/api/v1/servers${query}`, {}, from);
  expect(response.status).toBe(200);
  return serversPageSchema.parse(await response.json());
}
const bearer = (token = office.newToken ?? ''): Record<string, string> => ({ authorization: `Bearer ${token}` });
async function admin(method: string, path: string, body?: unknown): Promise<Response> {
  const headers = { host: '127.0.0.1:8420', 'content-type': 'application/json', ...bearer() };
  return office.app.request(`/api/v1/admin${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
function put(...records: ReturnType<typeof hostRecord>[]): void {
  for (const host of records) office.event({ ev: 'host', change: 'new', host });
  office.directory.commit();
}

test('a registered public host is in the list, with everything a player wants to know and no address', async () => {
  put(hostRecord(1, { players: 3 }), hostRecord(2, {}, { public: false }));
  const page = await list();
  expect(page.total).toBe(1);
  expect(page.servers[0]).toMatchObject({
    name: 'Server 1',
    players: 3,
    playersMax: 8,
    map: 'hills',
    mode: 'ctf',
    version: '5.9',
    natType: 'cone',
    section: 'community',
    address: null,
    pingEstimateMs: 20,
  });
  expect((await list('?rtt=15')).servers[0]?.pingEstimateMs).toBe(35);
});

test('an unlisted host is found by its code in any writing, and not by its id', async () => {
  const secret = hostRecord(2, {}, { public: false });
  put(secret);
  const spelt = `${secret.code.slice(0, 4)}-${secret.code.slice(4)}`.toLowerCase();
  expect((await get(`/api/v1/servers/${spelt}`)).status).toBe(200);
  expect((await get(`/api/v1/servers/${secret.hostId}`)).status).toBe(404);
  put(hostRecord(3));
  expect((await get(`/api/v1/servers/${hostRecord(3).hostId}`)).status).toBe(200);
});

test('pages cover 250 servers without gap or repetition', async () => {
  put(...Array.from({ length: 250 }, (_, n) => hostRecord(n, { players: n % 9 })));
  const seen: string[] = [];
  let query = '?limit=40';
  for (;;) {
    const page = await list(query);
    seen.push(...page.servers.map(({ hostId }) => hostId));
    if (page.next === null) break;
    query = `?limit=40&after=${page.next}`;
  }
  expect(seen).toHaveLength(250);
  expect(new Set(seen).size).toBe(250);
});

test('ETag, gzip, CORS and problem bodies', async () => {
  put(...Array.from({ length: 60 }, (_, n) => hostRecord(n)));
  const first = await get('/api/v1/servers', { 'accept-encoding': 'gzip', origin: 'https://elsewhere.example' });
  expect(first.headers.get('content-encoding')).toBe('gzip');
  expect(first.headers.get('access-control-allow-origin')).toBe('*');
  const unzipped = JSON.parse(gunzipSync(Buffer.from(await first.arrayBuffer())).toString()) as ServersPage;
  expect(unzipped.servers).toHaveLength(60);
  const etag = first.headers.get('etag') ?? '';
  const same = await get('/api/v1/servers', { 'if-none-match': etag });
  expect(same.status).toBe(304);
  put(hostRecord(99));
  expect((await get('/api/v1/servers', { 'if-none-match': etag })).status).toBe(200);
  const bad = await get('/api/v1/servers?limit=0');
  expect(bad.status).toBe(400);
  expect(bad.headers.get('content-type')).toBe('application/problem+json');
  expect(problemSchema.parse(await bad.json()).errors?.[0]?.field).toBe('limit');
  expect((await get('/api/v1/servers?after=nonsense')).status).toBe(400);
  expect(problemSchema.parse(await (await get('/nowhere')).json()).status).toBe(404);
});

test('more than 2 list requests a second, burst 20, are told to wait; another address is not', async () => {
  const { burst } = SERVER_LIMITS.httpRates.narrow;
  const answers = await Promise.all(Array.from({ length: 2 * burst }, () => get('/api/v1/servers', {}, '192.0.2.9')));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeLessThanOrEqual(burst);
  expect(refused.length).toBeGreaterThanOrEqual(burst - 2);
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect((await get('/api/v1/servers', {}, '192.0.3.9')).status).toBe(200);
});

test('who shares the address of a host finds it in the local section, first', async () => {
  put(hostRecord(1, { players: 5 }), hostRecord(2), hostRecord(3));
  const near = await list('', hostRecord(2).observed.address);
  expect(near.servers.map(({ section }) => section)).toEqual(['local', 'community', 'community']);
  expect(near.servers[0]?.name).toBe('Server 2');
  expect(near.sections).toEqual({ local: 1, official: 0, community: 2 });
  expect((await list()).sections).toEqual({ local: 0, official: 0, community: 3 });
});

test('changes are told as server-sent events', async () => {
  const response = await get('/api/v1/events');
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const reader = response.body?.getReader();
  const next = async (): Promise<string> => new TextDecoder().decode((await reader?.read())?.value);
  expect(await next()).toMatch(/^event: hello/);
  put(hostRecord(7));
  expect(await next()).toMatch(/^event: change\ndata: \{.*"Server 7"/);
  office.event({ ev: 'host-gone', host: hostRecord(7), reason: 'goodbye' });
  office.directory.commit();
  expect(await next()).toContain(`"gone":["${hostRecord(7).hostId}"]`);
  put(...Array.from({ length: 300 }, (_, n) => hostRecord(n)));
  expect(await next()).toMatch(/^event: reset/);
  await reader?.cancel();
});

interface OpenApi {
  readonly openapi: string;
  readonly components: { readonly schemas: Record<string, { readonly properties: Record<string, unknown> }> };
  readonly paths: Record<string, { readonly get: { readonly parameters: readonly { readonly name: string }[] } }>;
}

test('OpenAPI names every public field, parameter and route', async () => {
  const document = (await (await get('/api/v1/openapi.json')).json()) as OpenApi;
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining(['Server', 'ServersPage', 'Problem', 'Ban']),
  );
  expect(document.components.schemas.Server?.properties.natType).toEqual({ $ref: '#/components/schemas/NatType' });
  const names = document.paths['/api/v1/servers']?.get.parameters.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['game', 'q', 'sort', 'limit', 'after']));
  for (const path of Object.keys(document.paths)) {
    if (path.includes('{') || path.endsWith('test')) continue;
    expect((await get(path, bearer())).status, path).toBe(200);
  }
});

test('health: live at once, ready when the ports are bound, not ready while draining', async () => {
  expect((await get('/livez')).status).toBe(200);
  expect((await get('/readyz')).status).toBe(503);
  office.setReady(true);
  expect((await get('/readyz')).status).toBe(200);
  office.drain();
  expect((await get('/readyz')).status).toBe(503);
  expect(await (await get('/version')).json()).toMatchObject({ name: 'sallyport' });
});

test('pages carry a policy that runs no foreign script', async () => {
  for (const path of ['/', '/j/K7TQ9-RBWXM', '/admin']) {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'self'/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  }
});

test('admin: no token, a wrong token, a foreign page and a foreign name are refused', async () => {
  expect((await get('/api/v1/admin/overview')).status).toBe(401);
  expect((await get('/api/v1/admin/overview', bearer('guess'))).status).toBe(401);
  expect((await get('/api/v1/admin/overview', { ...bearer(), origin: 'https://evil.example' })).status).toBe(403);
  expect((await get('/api/v1/admin/overview', { ...bearer(), host: 'evil.example' })).status).toBe(421);
  expect(
    (await get('/api/v1/admin/overview', { ...bearer(), host: 'ms.example.org', origin: 'https://ms.example.org' }))
      .status,
  ).toBe(200);
  const wrong = await Promise.all(
    Array.from({ length: 30 }, () => get('/api/v1/admin/overview', bearer('x'), '192.0.2.7')),
  );
  expect(wrong.filter(({ status }) => status === 401).length).toBe(SERVER_LIMITS.adminFailureRates.narrow.burst);
  expect(wrong.some(({ status }) => status === 429)).toBe(true);
  expect((await get('/api/v1/admin/overview', bearer())).status).toBe(200);
});

test('the admin token is told once and kept only as a hash', () => {
  const token = office.newToken ?? '';
  expect(token.length).toBeGreaterThanOrEqual(32);
  office.close();
  store.close();
  startOffice();
  expect(office.newToken).toBeNull();
  expect(readFileSync(join(folder, 'state.db')).includes(token)).toBe(false);
});

test('a ban works at once: the host is evicted, its next announcement refused, and lifting ends it', async () => {
  const host = hostRecord(5, {}, { name: 'Cheap Gold 4 U' });
  put(host, hostRecord(6));
  const announce = () => office.policy.announce(host.hostKey, host.observed, host.announcement);
  expect(announce()).toMatchObject({ name: 'Cheap Gold 4 U' });
  for (const [kind, pattern] of [
    ['name', 'cheap*gold*'],
    ['key', host.hostId],
    ['cidr', '198.51.0.5/32'],
    ['host-address', host.hostId],
  ] as const) {
    commands = [];
    const made = await admin('POST', '/bans', { kind, pattern, reason: 'spam' });
    expect(made.status).toBe(201);
    const ban = banSchema.parse(await made.json());
    expect(commands).toEqual([{ do: 'evict', hostKey: host.hostKey }]);
    expect(announce()).toBe('BANNED');
    if (kind !== 'name') expect(office.policy.admit('join', host.hostKey, host.observed)).toBe('BANNED');
    expect(office.policy.admit('join', hostRecord(6).hostKey, hostRecord(6).observed)).toBeNull();
    expect((await admin('DELETE', `/bans/${ban.id}`)).status).toBe(204);
    expect(announce()).toMatchObject({ name: 'Cheap Gold 4 U' });
  }
  const audit = auditSchema.parse(await (await admin('GET', '/audit')).json());
  expect(audit.entries).toHaveLength(8);
  const taken = audit.entries.filter(({ detail }) => detail.startsWith('cidr addr-'));
  expect(taken).toHaveLength(2);
});

test('a ban ends by itself and outlives a restart until then', async () => {
  const host = hostRecord(5);
  await admin('POST', '/bans', { kind: 'key', pattern: host.hostId, expiresAt: wall + 60_000 });
  office.close();
  store.close();
  startOffice();
  expect(office.policy.admit('list', host.hostKey, host.observed)).toBe('BANNED');
  wall += 60_001;
  expect(office.policy.admit('list', host.hostKey, host.observed)).toBeNull();
});

test('a "not announced" rule takes a host off the list; its code still works', async () => {
  const host = hostRecord(5);
  put(host);
  await admin('POST', '/bans', { kind: 'name', pattern: 'Server ?', scope: 'unannounced' });
  office.directory.commit();
  expect((await list()).total).toBe(0);
  expect((await get(`/api/v1/servers/${host.code}`)).status).toBe(200);
  expect(office.policy.announce(host.hostKey, host.observed, host.announcement)).toMatchObject({ name: 'Server 5' });
  const hosts = adminHostsSchema.parse(await (await admin('GET', '/hosts?q=server')).json());
  expect(hosts.hosts[0]).toMatchObject({ hidden: true, listed: false });
  const { bans } = bansSchema.parse(await (await admin('GET', '/bans')).json());
  await admin('DELETE', `/bans/${bans[0]?.id}`);
  office.directory.commit();
  expect((await list()).total).toBe(1);
});

test('malformed rules name their field', async () => {
  for (const [kind, pattern] of [
    ['cidr', '300.1.1.1/8'],
    ['cidr', '10.0.0.0/33'],
    ['name', '**'],
    ['key', 'abc'],
    ['host-address', 'nobody'],
    ['planet', 'x'],
  ] as const) {
    const answer = await admin('POST', '/bans', { kind, pattern });
    expect(answer.status, pattern).toBe(400);
    expect(problemSchema.parse(await answer.json()).errors?.length).toBeGreaterThan(0);
  }
  expect(
    (await office.app.request('/api/v1/admin/bans', { method: 'POST', headers: bearer(), body: 'x'.repeat(20_000) }))
      .status,
  ).toBe(413);
});

test('a name belongs to the key that was listed under it first, look-alikes included', () => {
  const [first, second] = [hostRecord(1), hostRecord(2)];
  const announce = (who: typeof first, name: string, isPublic = true) =>
    office.policy.announce(who.hostKey, who.observed, { ...who.announcement, name, public: isPublic });
  expect(announce(first, "Ana's world")).toMatchObject({ name: "Ana's world" });
  expect(announce(second, 'АNАS WORLD')).toMatchObject({ name: expect.stringMatching(/^АNАS WORLD #[0-9a-f]{4}$/) });
  expect(announce(first, "Ana's world")).toMatchObject({ name: "Ana's world" });
  office.official({
    servers: [],
    reservedNames: [{ name: 'Official Arena', key: Buffer.from(first.hostKey).toString('hex') }],
    errors: [],
  });
  expect(announce(second, '0fficial-Arena')).toBe('REFUSED');
  expect(announce(first, 'Official Arena')).toMatchObject({ name: 'Official Arena' });
  wall += 8 * 24 * 3_600_000;
  expect(announce(second, "Ana's world")).toMatchObject({ name: "Ana's world" });
});

test('overview and history count joins and outcomes by pair of NATs', async () => {
  const report = {
    ev: 'report',
    clientNat: 'cone',
    hostNat: 'port-sensitive',
    family: 4,
    path: 'direct',
    outcome: 'path',
    method: 'x',
    attempts: 2,
    elapsedMs: 400,
    packetsSent: 9,
  } as const;
  office.event({ ev: 'join', hostId: null, result: 'offered' });
  office.event(report);
  office.event({ ...report, elapsedMs: 600, attempts: 4 });
  // Somebody who changes his mind at once, or is refused, has not tried.
  office.event({ ...report, outcome: 'aborted', path: null });
  office.event({ ...report, outcome: 'aborted', path: null, elapsedMs: 20_000 });
  const overview = overviewSchema.parse(await (await admin('GET', '/overview')).json());
  expect(overview).toMatchObject({ joinsPerMinute: 1, success: { paths: 2, failures: 1, medianMs: 600 } });
  expect(overview.pairs).toEqual([
    { clientNat: 'cone', hostNat: 'port-sensitive', paths: 2, failures: 1, meanMs: 500, meanAttempts: 3 },
  ]);
  const history = historySchema.parse(await (await admin('GET', '/history?hours=1')).json());
  expect(history.points.at(-1)).toMatchObject({ joins: 1, paths: 2, failures: 1 });
  const metrics = office.metrics();
  expect(metrics).toContain(
    'sallyport_traversals_total{client_nat="cone",host_nat="port-sensitive",family="4",path="direct",result="path"} 2',
  );
  expect(metrics).toContain('sallyport_traversal_duration_seconds_count 2');
  expect(metrics).toMatch(/^sallyport_joins_total\{result="offered"\} 1$/m);
});

test('the overview says that all come from one local address, since when, and no longer when one comes from elsewhere', async () => {
  const rewritten = async () => overviewSchema.parse(await (await admin('GET', '/overview')).json()).sourcesRewritten;
  expect(await rewritten()).toBeNull();
  office.event({ ev: 'sources-rewritten', addresses: ['172.17.0.1'] });
  expect(await rewritten()).toEqual({ addresses: ['172.17.0.1'], since: wall });
  expect(logged).toContain('docker-proxy');
  office.event({ ev: 'sources-rewritten', addresses: null });
  expect(await rewritten()).toBeNull();
});

test('the overview names the addresses whose probe ports are shut, and no longer those where a question came', async () => {
  const shut = async () => overviewSchema.parse(await (await admin('GET', '/overview')).json()).probePortsShut;
  expect(await shut()).toEqual([]);
  for (const address of ['198.51.100.7', '198.51.100.8', '198.51.100.7'])
    office.event({ ev: 'probe-ports', address, shut: true });
  expect(await shut()).toEqual(['198.51.100.8', '198.51.100.7'].map((address) => ({ address, since: wall })));
  expect(logged).toContain('none of their questions reaches the 16 probe ports');
  office.event({ ev: 'probe-ports', address: '198.51.100.8', shut: false });
  expect(await shut()).toEqual([{ address: '198.51.100.7', since: wall }]);
});

test('the list comes back after a restart, marked, and goes when its hosts stay away', async () => {
  put(hostRecord(1), hostRecord(2));
  office.close();
  store.close();
  wall += 3_000;
  startOffice();
  const back = await list();
  expect(back.servers.map(({ returning }) => returning)).toEqual([true, true]);
  put(hostRecord(1));
  wall += 66_000;
  office.directory.expire();
  office.directory.commit();
  const later = await list();
  expect(later.servers.map(({ name, returning }) => [name, returning])).toEqual([['Server 1', false]]);
});

test('a list that was written down too long ago is history: it is not shown, and its rows go', async () => {
  put(hostRecord(1), hostRecord(2));
  office.close();
  expect(store.snapshot().rows).toHaveLength(2);
  store.close();
  wall += SERVER_LIMITS.snapshotTrustMs + 1;
  startOffice();
  expect((await list()).servers).toEqual([]);
  office.close();
  expect(store.snapshot().rows).toEqual([]);
});

test('a proxy on this machine names the caller last; what the caller wrote before it is not believed', async () => {
  put(hostRecord(1), hostRecord(2));
  const [mine, victim] = [hostRecord(1).observed.address, hostRecord(2).observed.address];
  const near = async (from: string) => {
    const { servers } = await list('', from);
    return servers.flatMap(({ section, name }) => (section === 'local' ? [name] : []));
  };
  expect(await near(`${victim}, ${mine}`)).toEqual(['Server 1']);
  expect(await near(`${victim}, not-an-address`)).toEqual([]);
});

test('nobody but a proxy on this machine names the caller', async () => {
  put(hostRecord(1), hostRecord(2));
  const [mine, victim] = [hostRecord(1).observed.address, hostRecord(2).observed.address];
  const env = { incoming: { socket: { remoteAddress: mine } } };
  const headers = { host: '127.0.0.1:8420', 'x-forwarded-for': victim };
  const page = serversPageSchema.parse(await (await office.app.request('/api/v1/servers', { headers }, env)).json());
  expect(page.servers.flatMap(({ section, name }) => (section === 'local' ? [name] : []))).toEqual(['Server 1']);
});

test('a reader of live changes that falls too far behind is cut off', async () => {
  const slow = (await get('/api/v1/events')).body!.getReader();
  const quick = (await get('/api/v1/events')).body!.getReader();
  await quick.read();
  let told = 0;
  for (let round = 0; told < 2 * SERVER_LIMITS.eventBacklogBytesMax; round += 1) {
    put(...Array.from({ length: 100 }, (_, n) => hostRecord(n, { players: round % 8 })));
    told += (await quick.read()).value?.length ?? 0;
  }
  let [heard, over] = [0, false];
  const moment = () => new Promise<null>((resolve) => setTimeout(resolve, 1_000, null));
  for (let read = await slow.read(); !over; ) {
    heard += read.value?.length ?? 0;
    const next = await Promise.race([slow.read(), moment()]);
    if (next === null) break;
    [read, over] = [next, next.done];
  }
  expect(over).toBe(true);
  expect(heard).toBeLessThan(1.2 * SERVER_LIMITS.eventBacklogBytesMax);
  put(hostRecord(500));
  expect(new TextDecoder().decode((await quick.read()).value)).toContain('Server 500');
  await quick.cancel();
});

test('no body, event, metric or log line of all this has an address of a player', async () => {
  const hosts = Array.from({ length: 20 }, (_, n) => hostRecord(n));
  const stream = (await get('/api/v1/events')).body?.getReader();
  put(...hosts);
  let said = office.metrics();
  await admin('POST', '/bans', { kind: 'host-address', pattern: hosts[3]?.hostId });
  for (const path of ['/api/v1/servers', `/api/v1/servers/${hosts[1]?.code}`])
    said += await (await get(path, {}, hosts[1]?.observed.address)).text();
  for (const path of ['/overview', '/hosts', '/bans', '/audit', '/history'])
    said += await (await admin('GET', path)).text();
  for (let i = 0; i < 2; i += 1) said += new TextDecoder().decode((await stream?.read())?.value);
  await stream?.cancel();
  for (const host of hosts) office.event({ ev: 'host-gone', host, reason: 'expired' });
  said += logged;
  expect(said.length).toBeGreaterThan(10_000);
  for (const { observed } of hosts) expect(said.includes(observed.address), observed.address).toBe(false);
});

test('500 hostile names reach the list as short printable text', async () => {
  const names = HOSTILE_NAMES.slice(0, 500);
  const records = names.map((name, n) => {
    const host = hostRecord(n);
    const announcement = office.policy.announce(host.hostKey, host.observed, {
      ...host.announcement,
      name,
      map: name,
      game: name,
    });
    if (typeof announcement === 'string') throw new Error(announcement);
    return { ...host, announcement };
  });
  put(...records);
  const text = await (await get('/api/v1/servers?limit=500')).text();
  const page = serversPageSchema.parse(JSON.parse(text));
  expect(page.servers).toHaveLength(500);
  expect(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u.test(text)).toBe(false);
  expect(Math.max(...page.servers.map(({ name }) => [...name].length))).toBeLessThanOrEqual(48);
  expect(Math.min(...page.servers.map(({ name }) => [...name].length))).toBeGreaterThan(0);
});
