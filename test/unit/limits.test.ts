/**
 * Every table of the masterserver that strangers can fill, filled from a /48 and from 60 IPv4 addresses, each in a network of its own. Then
 * honest people come in, in at most twice the time. The tables name themselves (`tables()`); one that nobody here knows how to fill
 * fails the test. Other collections: `bounded.test.ts`.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Endpoint, MASTER_LIMITS, type TableState } from '../../src/core/index.ts';
import type { Joins } from '../../src/core/master/joins.ts';
import type { HostEntry, Registry } from '../../src/core/master/registry.ts';
import type { MasterSession } from '../../src/core/master/session.ts';
import type { Sessions } from '../../src/core/master/sessions.ts';
import type { MasterMachine } from '../../src/core/testing.ts';
import { createHttpConnections, type HttpConnections } from '../../src/master/http-connections.ts';
import type { Store } from '../../src/master/index.ts';
import {
  createCallers,
  createOffice,
  createTunnels,
  type Office,
  openStore,
  RelayWays,
  SERVER_LIMITS,
  type Tunnels,
} from '../../src/master/testing.ts';
import { nodeCrypto, TUNNEL_PATH, TUNNEL_PROTOCOL } from '../../src/node/index.ts';
import { ANNOUNCEMENT, type Participant, REGISTER, type World, world } from './rendezvous-net.ts';

/** Rooms of the machine that strangers are put straight into, or a hundred thousand handshakes would take a day. */
interface Rooms {
  readonly sessions: Sessions;
  readonly registry: Registry;
  readonly joins: Joins;
}

const IPV4 = Array.from({ length: 60 }, (_, n) => `60.${n}.1.9`);
/** Any address of one /48: another /64 each time. */
let next64 = 0;
const ipv6 = (): string => `2001:db8:77:${(next64++ & 0xffff).toString(16)}::1`;

let w: World;
let office: Office;
let store: Store;
let connections: HttpConnections;
let tunnels: Tunnels;
let server: Server;

const machine = (): MasterMachine & Rooms => w.master.machine as unknown as MasterMachine & Rooms;
const tables = (): readonly TableState[] => [...machine().tables(), ...front()];
const front = () => [...office.tables(), ...connections.tables(), ...tunnels.tables()];
const stateOf = (name: string): TableState => tables().find((table) => table.name === name) as TableState;

beforeAll(() => {
  store = openStore({ file: ':memory:', onProblem: (problem) => expect.unreachable(problem) });
  let policy: Office['policy'] | null = null;
  w = world({
    crypto: nodeCrypto,
    policy: {
      announce: (...asked) => (policy as Office['policy']).announce(...asked),
      admit: (...asked) => (policy as Office['policy']).admit(...asked),
      list: (query) => (policy as Office['policy']).list?.(query) ?? { entries: [], next: null },
      proven: (host) => policy?.proven?.(host) ?? false,
    },
  });
  office = createOffice({
    codes: {
      waitMs: (address) => machine().codeWaitMs(w.net.now, address),
      wrong: (address) => machine().wrongCode(w.net.now, address),
    },
    ...{ store, log: pino({ level: 'silent' }), wallClock: () => w.net.now, monotonic: () => performance.now() },
    ...{ domains: [], contact: null, hooks: [], webApp: null, link: () => '', command: () => {} },
    ...{ counters: () => null, onTokenUsed: () => {} },
  });
  policy = office.policy;
  connections = createHttpConnections(createCallers());
  server = createServer();
  connections.guard(server);
  tunnels = createTunnels(createCallers(), new RelayWays());
  tunnels.open(
    { kind: 'socket', op: 'open', socket: 1, family: 4, port: 0, through: 'tls' },
    { onDatagram: () => {}, onOutcome: () => {} },
  );
  tunnels.attach(server);
});
afterAll(() => {
  tunnels.close();
  office.close();
  store.close();
});

function session(address: string, confirmed: boolean): MasterSession {
  const { sessions } = machine();
  const cid = sessions.freshCid();
  const from: Endpoint = { address, port: 1024 + (next64 & 0xfff) };
  const keys = { send: randomBytes(32), receive: randomBytes(32) };
  // What a handshake would have shown.
  w.net.ledger.proven.add(address);
  const hello = { ephemeral: randomBytes(32), accept: new Uint8Array(1), time: 1, proven: true };
  sessions.addPending(w.net.now, { cid, key: randomBytes(32), keys, socket: 1, from }, hello);
  const number = cid.subarray(2).reduce((sum, byte) => sum * 256 + byte, 0);
  const made = sessions.find(number) as MasterSession;
  if (confirmed) sessions.confirm(w.net.now, made, from);
  return made;
}

function host(address: string, name = ''): HostEntry {
  const made = session(address, true);
  const beat = { announcement: { ...ANNOUNCEMENT, name }, players: 0, profile: null, generation: 0 };
  const code = `K7TQ${[...String(next64++).padStart(6, '0')].map((digit) => '6789BCDFGH'[Number(digit)]).join('')}`;
  const done = machine().registry.register(w.net.now, made, made.from, code, beat);
  return 'entry' in done ? done.entry : expect.unreachable(done.failure);
}

/** A connection as the server sees it; Node takes any duplex stream for one. */
function connect(address: string): PassThrough {
  const socket = Object.assign(new PassThrough(), {
    remoteAddress: address,
    remotePort: next64++,
    localPort: 8420,
    ...{ setTimeout: () => socket, setNoDelay: () => socket, setKeepAlive: () => socket, ref() {}, unref() {} },
  });
  server.emit('connection', socket);
  return socket;
}

/** A tunnel through a proxy of this computer. */
function tunnel(address: string): void {
  const socket = Object.assign(new PassThrough(), { remoteAddress: '127.0.0.1', setTimeout() {}, setNoDelay() {} });
  const headers = {
    ...{ upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13' },
    ...{ 'sec-websocket-key': Buffer.alloc(16).toString('base64'), 'sec-websocket-protocol': TUNNEL_PROTOCOL },
    'x-forwarded-for': address,
  };
  const request = { method: 'GET', url: TUNNEL_PATH, headers, socket };
  server.emit('upgrade', request, new PassThrough(), Buffer.alloc(0));
}

const fetchFrom = (path: string, address: string) =>
  office.app.request(path, { headers: { host: '127.0.0.1:8420', 'x-forwarded-for': address } });

/** How strangers fill each table, so many entries of one address; by its name. */
const fill: Readonly<Record<string, (address: string) => unknown>> = {
  sessions: (address) => session(address, true),
  pending: (address) => session(address, false),
  hosts: (address) => host(address),
  'away-codes': (address) => machine().registry.remove(w.net.now, host(address)),
  joins: (address) => {
    const { joins, registry } = machine();
    const made = session(address, false);
    const target = registry.of(crowdHost.session) as HostEntry;
    const request = {
      type: 'join',
      hidden: false,
      sid: randomBytes(16),
      hostKey: randomBytes(32),
      handshake: new Uint8Array(800),
    } as const;
    return joins.join(w.net.now, made, made.from, request, target);
  },
  names: (address) =>
    office.policy.announce(
      randomBytes(32),
      { address, port: 1 },
      { ...ANNOUNCEMENT, name: randomBytes(9).toString('hex') },
    ),
  'event-streams': (address) => fetchFrom('/api/v1/events', address),
  'http-connections': (address) => connect(address),
  tunnels: (address) => tunnel(address),
};
/** Whose host the strangers want to join. */
let crowdHost: HostEntry;

/** More than an address may have, and more than a /48 may have. */
const PER_ADDRESS: Readonly<Record<string, readonly [ipv4: number, ipv6: number]>> = {
  sessions: [530, 8_300],
  pending: [70, 140],
  hosts: [34, 70],
  'away-codes': [40, 2_150],
  joins: [280, 1_100],
  names: [40, 160],
  'event-streams': [20, 80],
  'http-connections': [70, 140],
  tunnels: [40, 80],
};

async function attack(name: string, part = 1): Promise<void> {
  const [each, wide] = PER_ADDRESS[name] as readonly [number, number];
  for (let n = 0; n < wide * part; n++) await fill[name]?.(ipv6());
  for (let n = 0; n < each * part; n++) for (const address of IPV4) await fill[name]?.(address);
}

/** Virtual time until `done`. */
function took(act: () => void, done: () => boolean): number {
  const at = w.net.now;
  act();
  for (let step = 0; step < 2_000 && !done(); step++) w.net.run(5);
  expect(done()).toBe(true);
  return w.net.now - at;
}

interface Pair {
  readonly host: Participant;
  readonly client: Participant;
  readonly sid: Uint8Array;
  readonly ms: number;
}

/** An honest host comes and registers, an honest client comes, lists and joins it, and is answered. */
function honest(name: string, network: number): Pair {
  const host = w.participant(`host of ${name}`, `203.0.113.${network}`);
  const client = w.participant(`client of ${name}`, `198.18.7.${network}`);
  const sid = randomBytes(16);
  const up = (one: Participant) => () => one.states.includes('up');
  let ms = took(() => host.do({ do: 'start' }), up(host));
  ms += took(() => client.do({ do: 'start' }), up(client));
  const ask = (one: Participant, request: Parameters<Participant['ask']>[0], type: string): void => {
    let ref = 0;
    ms += took(
      () => {
        ref = one.ask(request, request.type === 'join' ? one.socket() : null);
      },
      () => one.answerTo(ref) !== null,
    );
    expect(one.answerTo(ref)?.type, request.type).toBe(type);
  };
  const announcement = { ...ANNOUNCEMENT, name: `Arena of ${name}` };
  ask(host, REGISTER.type === 'register' ? { ...REGISTER, announcement } : REGISTER, 'registered');
  ask(client, { type: 'list', after: '', game: '' }, 'entries');
  ask(client, { type: 'join', hidden: false, sid, hostKey: host.key.publicKey, handshake: new Uint8Array(800) }, 'ok');
  ask(host, { type: 'answer', hidden: false, sid, handshake: new Uint8Array(800) }, 'ok');
  return { host, client, sid, ms };
}

test('the tables name themselves, and each of them is filled below', () => {
  const names = tables().map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.sort()).toEqual(Object.keys(fill).sort());
  for (const { max, perAddress } of tables()) expect(perAddress).toBeLessThanOrEqual(max / 2);
});

interface Places {
  readonly max: number;
  /** Of IPv4, then of IPv6 where that differs. */
  readonly caps: readonly { readonly narrow: number; readonly wide: number; readonly widest: number }[];
}

/** How many places a table has, and how many of them are one address's, its /24 or /48's and its /32's. Names are paced instead. */
const PLACES: Readonly<Record<string, Places>> = {
  sessions: { max: MASTER_LIMITS.sessionsMax, caps: [MASTER_LIMITS.sessionCaps] },
  pending: { max: MASTER_LIMITS.pendingMax, caps: [MASTER_LIMITS.pendingCaps] },
  hosts: { max: MASTER_LIMITS.sessionsMax, caps: [MASTER_LIMITS.hostCapsIpv4, MASTER_LIMITS.hostCapsIpv6] },
  'away-codes': { max: MASTER_LIMITS.awayCodesMax, caps: [MASTER_LIMITS.awayCodeCaps] },
  joins: { max: MASTER_LIMITS.joinsMax, caps: [MASTER_LIMITS.joinCaps] },
  'event-streams': { max: SERVER_LIMITS.eventStreamsMax, caps: [SERVER_LIMITS.eventStreamCaps] },
  'http-connections': { max: SERVER_LIMITS.httpConnectionsMax, caps: [SERVER_LIMITS.httpConnectionCaps] },
  tunnels: { max: SERVER_LIMITS.tunnelsMax, caps: [SERVER_LIMITS.tunnelCaps] },
};
/** What takes longer is left to the test of shares. */
const FILLED_MAX = 1_500;

describe('places', () => {
  beforeAll(() => {
    const { host } = honest('places', 2);
    crowdHost = machine().registry.find(host.key.publicKey) as HostEntry;
  });

  test.each(Object.keys(PLACES))(
    '%s has those that its limits say: of an address, of its network, of its provider',
    async (name) => {
      const { max, caps } = PLACES[name] as Places;
      const [four, six = four] = caps;
      expect(stateOf(name)).toMatchObject({ max, perAddress: four?.narrow });
      const at = Object.keys(PLACES).indexOf(name);
      const hex = (n: number): string => n.toString(16);
      const holders: readonly [cap: number | undefined, address: (n: number) => string][] = [
        [four?.narrow, () => `62.${at}.1.9`],
        [four?.wide, (n) => `62.${at}.2.${n % 250}`],
        [six?.narrow, (n) => `2001:${hex(0x1000 + at)}:1:1::${hex(n)}`],
        [six?.wide, (n) => `2001:${hex(0x2000 + at)}:1:${hex(n)}::1`],
        [six?.widest, (n) => `2001:${hex(0x3000 + at)}:${hex(n)}::1`],
      ];
      for (const [cap = 0, address] of holders) {
        if (cap > FILLED_MAX) continue;
        const before = stateOf(name);
        for (let n = 0; n < cap + 3; n++) await fill[name]?.(address(n));
        expect(stateOf(name).size - before.size, address(0)).toBe(Math.min(cap, max - before.size));
        expect(stateOf(name).evicted - before.evicted).toBe(3);
      }
    },
  );
});

describe('strangers from a /48 and from 60 addresses', () => {
  let calm: Pair;
  beforeAll(() => {
    calm = honest('calm', 1);
    crowdHost = machine().registry.find(calm.host.key.publicKey) as HostEntry;
  });

  for (const name of Object.keys(fill))
    test(`fill ${name}, and honest people come in, do what they want and keep it`, async () => {
      const before = stateOf(name);
      await attack(name);
      const full = stateOf(name);
      expect(full.size).toBeLessThanOrEqual(full.max);
      // Of each address at least one less than has come.
      const [each, wide] = PER_ADDRESS[name] as readonly [number, number];
      expect(full.size - before.size).toBeLessThan(60 * (each - 1) + wide);
      // It was reached: the largest holders have made room, or what is too fast has been held back.
      const paced = name === 'names' && full.size - before.size < 60 * 40;
      expect(full.evicted > before.evicted || paced).toBe(true);
      const network = 10 + Object.keys(fill).indexOf(name);
      const pair = honest(name, network);
      expect(pair.ms).toBeLessThanOrEqual(2 * calm.ms);
      const listed = await fetchFrom('/api/v1/servers', `198.18.7.${network}`);
      expect(listed.status).toBe(200);
      const stream = await fetchFrom('/api/v1/events', `198.18.7.${network}`);
      expect(stream.status).toBe(200);
      const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
      expect((await reader.read()).done).toBe(false);
      const connection = connect(`198.18.7.${network}`);
      // They go on, and take nothing away again.
      await attack(name, 0.3);
      const { joins, registry } = machine();
      expect(joins.find(pair.sid)).not.toBeNull();
      for (const one of [calm.host, pair.host]) expect(registry.find(one.key.publicKey)).not.toBeNull();
      for (const one of [pair.host, pair.client]) {
        const ref = one.ask({ type: 'echo' });
        w.net.run(100);
        expect(one.answerTo(ref)?.type).toBe('ok');
        expect(one.states).toEqual(['connecting', 'up']);
      }
      expect(connection.destroyed).toBe(false);
      const ended = await Promise.race([
        reader.read().then(({ done }) => done),
        new Promise((resolve) => setTimeout(resolve, 20, false)),
      ]);
      expect(ended).toBe(false);
    }, 120_000);

  test('wrong codes of a /48 are counted together, over the link and over HTTP, and nobody else waits for them', async () => {
    const client = w.participant('guesser', '2001:db8:99:1::1').start();
    let told = 0;
    for (let n = 0; n < 400; n++) {
      const response = await fetchFrom('/api/v1/servers/WWWW-WWWW', `2001:db8:99:${n.toString(16)}::1`);
      told += Number(response.status === 404);
      if (response.status !== 404) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(told).toBeLessThanOrEqual(81);
    expect(told).toBeGreaterThan(20);
    expect(client.get({ type: 'resolve', code: 'RRRRRRRR' })).toMatchObject({ failure: 'BUSY' });
    const other = w.participant('other', '198.18.9.9').start();
    expect(other.get({ type: 'resolve', code: 'RRRRRRRR' })).toMatchObject({ failure: 'CODE_UNKNOWN' });
    expect((await fetchFrom('/api/v1/servers/WWWW-WWWW', '198.18.9.9')).status).toBe(404);
    // A /32 has as many as twenty networks have, whatever it has of them.
    let wide = 0;
    for (let n = 0; n < 2_000; n++) {
      const response = await fetchFrom('/api/v1/servers/WWWW-WWWW', `2001:db9:${n.toString(16)}::1`);
      wide += Number(response.status === 404);
    }
    expect(wide).toBeLessThanOrEqual(321);
  });

  test('60 addresses that ask one host as often as they may leave its door to others', () => {
    const { client, host } = calm;
    const late = w.participant('late', '198.18.11.1').start();
    const people = IPV4.slice(0, 60).map((address, n) => w.participant(`asker ${n}`, address.replace('60.', '61.')));
    for (const one of people) one.do({ do: 'start' });
    w.net.run(3_000);
    const join = (one: Participant) =>
      one.ask(
        {
          type: 'join',
          hidden: false,
          sid: randomBytes(16),
          hostKey: host.key.publicKey,
          handshake: new Uint8Array(800),
        },
        one.socket(),
      );
    for (let second = 0; second < 12; second++) {
      for (const one of people) for (let n = 0; n < 2; n++) join(one);
      w.net.run(1_000);
    }
    // And once more just before: whatever had come back is taken.
    for (const one of people) join(one);
    w.net.run(50);
    expect(w.counters().limited['join-host'] ?? 0).toBeGreaterThan(100);
    for (const one of [late, client]) {
      const ref = join(one);
      w.net.run(200);
      expect(one.answerTo(ref)?.type).toBe('ok');
    }
  });
});
