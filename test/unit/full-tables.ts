/** A masterserver whose tables tests fill: its machine with rooms that strangers are put straight into, and the office with its HTTP before it. */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { expect } from 'vitest';
import type { Endpoint, TableState } from '../../src/core/index.ts';
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

/** Any address of one /48: another /64 each time. */
let next64 = 0;
export const ipv6 = (): string => `2001:db8:77:${(next64++ & 0xffff).toString(16)}::1`;

export let w: World;
let office: Office;
let store: Store;
let connections: HttpConnections;
let tunnels: Tunnels;
let server: Server;

export const machine = (): MasterMachine & Rooms => w.master.machine as unknown as MasterMachine & Rooms;
export const tables = (): readonly TableState[] => [...machine().tables(), ...front()];
const front = () => [...office.tables(), ...connections.tables(), ...tunnels.tables()];
export const stateOf = (name: string): TableState => tables().find((table) => table.name === name) as TableState;

export function openTables(): void {
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
}
export function closeTables(): void {
  tunnels.close();
  office.close();
  store.close();
}

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
export function connect(address: string): PassThrough {
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

export const fetchFrom = (path: string, address: string) =>
  office.app.request(path, { headers: { host: '127.0.0.1:8420', 'x-forwarded-for': address } });

/** How strangers fill each table, so many entries of one address; by its name. */
export const fill: Readonly<Record<string, (address: string) => unknown>> = {
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
export function joinsGoTo(one: Participant): void {
  crowdHost = machine().registry.find(one.key.publicKey) as HostEntry;
}

/** Virtual time until `done`. */
function took(act: () => void, done: () => boolean): number {
  const at = w.net.now;
  act();
  for (let step = 0; step < 2_000 && !done(); step++) w.net.run(5);
  expect(done()).toBe(true);
  return w.net.now - at;
}

export interface Pair {
  readonly host: Participant;
  readonly client: Participant;
  readonly sid: Uint8Array;
  readonly ms: number;
}

/** An honest host comes and registers, an honest client comes, lists and joins it, and is answered. */
export function honest(name: string, network: number): Pair {
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
