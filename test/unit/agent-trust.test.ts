/** Whom the library trusts, and when: pins, links, and a host whose code is another's. A machine that is played by the test. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostKeyFile } from '../../src/agent/index.ts';
import { identityOf } from '../../src/agent/open.ts';
import { MachineAgent } from '../../src/agent/testing.ts';
import {
  formatHostLink,
  type ListEntry,
  type Machine,
  NEVER,
  type PeerCommand,
  type PeerEvent,
  parseMasterLink,
} from '../../src/core/index.ts';
import { UNKNOWN_PROFILE } from '../../src/core/testing.ts';
import { guestBook, hostPins, knownFriends } from '../../src/node/index.ts';

const LINK = parseMasterLink(`sallyport://192.0.2.1:8430/#${'B'.repeat(42)}A`);
if ('problem' in LINK) throw new Error(LINK.problem);
const CODE = 'K7TQ9RBWXM';
const [KEY, OTHER] = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(9)];
const ENTRY = { name: 'Arena', game: 'quake', code: CODE, address: null } as ListEntry;
const FOUND: PeerEvent = { ev: 'found', join: 1, hostKey: KEY, entry: ENTRY };
const NETWORKS: PeerEvent = {
  ev: 'networks',
  join: 1,
  own: UNKNOWN_PROFILE,
  peer: UNKNOWN_PROFILE,
  relayedOnly: false,
};
const ENDED: PeerEvent = { ev: 'join-failed', join: 1, failure: 'GAVE_UP', detail: null };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-trust-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function played(
  answer: (command: PeerCommand) => readonly PeerEvent[],
  commands: PeerCommand[],
): Machine<PeerCommand, PeerEvent> {
  const events: PeerEvent[] = [];
  return {
    handleDatagram: () => {},
    handleSocket: () => {},
    handleTimeout: () => {},
    handleCommand(_now, command) {
      commands.push(command);
      events.push(...answer(command));
      if (command.do === 'close') events.push({ ev: 'closed' });
    },
    poll() {
      const event = events.shift();
      return event === undefined ? { kind: 'wait', until: NEVER } : { kind: 'event', event };
    },
  };
}

function agentOf(answer: (command: PeerCommand) => readonly PeerEvent[], parts: Partial<MachineAgent['parts']> = {}) {
  if ('problem' in LINK) return expect.unreachable();
  const commands: PeerCommand[] = [];
  const agent = new MachineAgent({
    ...{ machine: played(answer, commands), master: { key: LINK.key, addresses: ['192.0.2.1'], port: 8430 } },
    ...{
      masterLink: LINK,
      pins: hostPins(folder),
      friends: knownFriends(null),
      guests: guestBook(null),
      device: () => new Uint8Array(32).fill(5),
      gateway: null,
      findGateway: async () => null,
      ownKey: () => new Uint8Array(32),
      onClosed: () => {},
    },
    ...{ deriveCode: async () => CODE, newIdentity: () => null, onHosting: () => {} },
    ...parts,
  });
  return { agent, commands };
}

test('a host is pinned only when the host has answered the handshake, not when the master has named its key', async () => {
  const pins = hostPins(folder);
  const named = agentOf((command) => (command.do === 'join' ? [FOUND, ENDED] : []));
  await expect(named.agent.join(CODE)).rejects.toMatchObject({ code: 'GAVE_UP' });
  await named.agent.close();
  expect([pins.get(LINK.key, CODE), pins.names(LINK.key).size]).toEqual([null, 0]);
  const proven = agentOf((command) => (command.do === 'join' ? [FOUND, NETWORKS, ENDED] : []));
  await expect(proven.agent.join(CODE)).rejects.toMatchObject({ code: 'GAVE_UP' });
  await proven.agent.close();
  expect(pins.get(LINK.key, CODE)).toEqual(KEY);
  expect(pins.names(LINK.key)).toEqual(new Map([['Arena', KEY]]));
});

test('a link with another key than the pinned one of its code stops before anything is asked, until a person takes it', async () => {
  hostPins(folder).set(LINK.key, { code: CODE, name: 'Arena', hostKey: KEY });
  const link = formatHostLink({ master: LINK, code: CODE, hostKey: OTHER });
  const { agent, commands } = agentOf((command) =>
    command.do === 'join'
      ? [
          { ...FOUND, hostKey: OTHER, join: command.join } as PeerEvent,
          { ...NETWORKS, join: command.join } as PeerEvent,
          { ...ENDED, join: command.join } as PeerEvent,
        ]
      : [],
  );
  const error = await agent.join(link).catch((failure: unknown) => failure);
  // What, why and what next.
  expect(error).toMatchObject({
    code: 'HOST_KEY_CHANGED',
    message: expect.stringContaining('another key'),
    hint: expect.stringContaining('acceptNewKey'),
  });
  expect(commands.some((command) => command.do === 'join')).toBe(false);
  await expect(agent.join(link, { acceptNewKey: true })).rejects.toMatchObject({ code: 'GAVE_UP' });
  expect(hostPins(folder).get(LINK.key, CODE)).toEqual(OTHER);
  expect(hostPins(folder).names(LINK.key).get('Arena')).toEqual(OTHER);
  await agent.close();
});

test('a join brings the pinned key and the known names, and a pinned key costs no derivation', async () => {
  hostPins(folder).set(LINK.key, { code: CODE, name: 'Arena', hostKey: KEY });
  let derived = 0;
  const { agent, commands } = agentOf(
    (command) => (command.do === 'join' ? [{ ev: 'derive', key: KEY }] : command.do === 'derived' ? [ENDED] : []),
    { deriveCode: async () => String(++derived) },
  );
  await expect(agent.join(CODE)).rejects.toMatchObject({ code: 'GAVE_UP' });
  expect(commands).toContainEqual(
    expect.objectContaining({ do: 'join', hostKey: KEY, known: new Map([['Arena', KEY]]) }),
  );
  expect(commands).toContainEqual({ do: 'derived', key: KEY, code: CODE });
  expect(derived).toBe(0);
  await agent.close();
});

const UP: readonly PeerEvent[] = [
  { ev: 'link', state: 'up', failure: null, rttMs: 1 },
  { ev: 'ready', profile: UNKNOWN_PROFILE },
];

test('a host that has never hosted draws another key where its code is taken; one that has is told so', async () => {
  const commands: PeerCommand[] = [];
  const taken = (command: PeerCommand): readonly PeerEvent[] =>
    command.do === 'start' ? UP : command.do === 'host' ? [{ ev: 'hosting-failed', failure: 'CODE_TAKEN' }] : [];
  const free = (command: PeerCommand): readonly PeerEvent[] =>
    command.do === 'start'
      ? UP
      : command.do === 'host'
        ? [{ ev: 'hosting', code: CODE, hostKey: OTHER, hostId: 'x', page: '' }]
        : [];
  const told: string[] = [];
  const fresh = agentOf(taken, { newIdentity: () => played(free, commands), onHosting: (code) => told.push(code) });
  const hosting = await fresh.agent.host({ onPath: () => {} });
  expect([hosting.code, ...told]).toEqual([CODE, CODE]);
  await fresh.agent.close();
  const used = agentOf(taken);
  await expect(used.agent.host({ onPath: () => {} })).rejects.toMatchObject({ code: 'CODE_TAKEN' });
  await used.agent.close();
  // Whoever answers so for ever, gets a bounded number of keys.
  let drawn = 0;
  const again = () => {
    drawn += 1;
    return played(taken, commands);
  };
  const liar = agentOf(taken, { newIdentity: again });
  await expect(liar.agent.host({ onPath: () => {} })).rejects.toMatchObject({ code: 'CODE_TAKEN' });
  expect(drawn).toBe(3);
  await liar.agent.close();
});

test('a master that begins to lie while friends play ends the hosting with CODE_MISMATCH', async () => {
  const { agent } = agentOf((command) =>
    command.do === 'start'
      ? UP
      : command.do === 'host'
        ? [{ ev: 'hosting', code: CODE, hostKey: OTHER, hostId: 'x', page: '' }]
        : command.do === 'announce'
          ? [{ ev: 'hosting-failed', failure: 'CODE_MISMATCH' }]
          : [],
  );
  const hosting = await agent.host({ onPath: () => {} });
  const failed = new Promise((resolve) => hosting.on('failed', resolve));
  hosting.announce({}, 1);
  expect(await failed).toMatchObject({ code: 'CODE_MISMATCH' });
  await agent.close();
});

test('a key file is replaced while nobody knows the key, the old one kept; never after it has hosted', () => {
  const file = hostKeyFile(folder, '30000');
  const first = identityOf(file);
  const before = first.secret();
  expect(first.renew()).toBe(true);
  expect(first.secret()).not.toEqual(before);
  expect(existsSync(`${file}.taken`)).toBe(true);
  first.keep(CODE);
  const kept = readFileSync(file, 'utf8');
  expect(first.renew()).toBe(false);
  first.lock?.release();
  const second = identityOf(file);
  expect(second.secret()).toEqual(first.secret());
  expect(second.renew()).toBe(false);
  expect(readFileSync(file, 'utf8')).toBe(kept);
  second.lock?.release();
  // A marker that is no JSON stands for nothing known, and still nothing is lost.
  writeFileSync(`${file}.code`, 'garbage');
  const third = identityOf(file);
  expect(third.renew()).toBe(true);
  expect(readFileSync(`${file}.taken`, 'utf8')).toBe(kept);
  third.lock?.release();
});
