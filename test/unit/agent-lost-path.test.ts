/** The agent around a machine that only says what it is told to say. */
import { expect, test } from 'vitest';
import type { Path } from '../../src/agent/index.ts';
import { MachineAgent } from '../../src/agent/testing.ts';
import {
  type ListEntry,
  type Machine,
  NEVER,
  type PeerCommand,
  type PeerEvent,
  parseMasterLink,
} from '../../src/core/index.ts';
import { guestBook, knownFriends } from '../../src/node/index.ts';

const LINK = parseMasterLink(`sallyport://192.0.2.1:8430/#${'B'.repeat(42)}A`);
const CODE = 'K7TQ9RBWXM';
const PATH: PeerEvent = {
  ...{ ev: 'path', path: 1, join: 1, friend: '0011223344556677', instance: '', kind: 'direct', socket: 1 },
  ...{ local: { address: '0.0.0.0', port: 1 }, remote: { address: '192.0.2.2', port: 2 } },
  ...{ rttMs: 1, elapsedMs: 1, attempts: 1, packetsSent: 1, payloadBytesMax: 1_438, via: null, words: '' },
  services: [],
};
const LOST: PeerEvent = { ev: 'path-lost', path: 1, reason: 'consent', punchingAgain: true };

function agentOf(answer: (command: PeerCommand) => readonly PeerEvent[]) {
  if ('problem' in LINK) return expect.unreachable(LINK.problem);
  const commands: PeerCommand[] = [];
  const events: PeerEvent[] = [];
  const machine: Machine<PeerCommand, PeerEvent> = {
    handleDatagram: () => {},
    handleSocket: () => {},
    handleTimeout: () => {},
    handleCommand: (_now, command) => {
      commands.push(command);
      events.push(...answer(command));
    },
    poll: () => {
      const event = events.shift();
      return event === undefined ? { kind: 'wait', until: NEVER } : { kind: 'event', event };
    },
  };
  const agent = new MachineAgent({
    ...{
      machine,
      master: { key: LINK.key, addresses: ['192.0.2.1'], port: 8430 },
      masterLink: LINK,
      pins: null,
      friends: knownFriends(null),
      guests: guestBook(null),
      device: () => new Uint8Array(32).fill(5),
    },
    ...{ gateway: null, findGateway: async () => null, ownKey: () => new Uint8Array(32), onClosed: () => {} },
    ...{ deriveCode: async () => CODE, newIdentity: () => null, onHosting: () => {} },
  });
  return { agent, commands };
}

test('a path that is closed while it is punched again ends the join: nobody goes on looking for it', async () => {
  const { agent, commands } = agentOf(({ do: what }) => {
    if (what === 'join') return [PATH, LOST];
    return what === 'close' ? [{ ev: 'closed' }] : [];
  });
  const path: Path = await agent.join(CODE);
  await new Promise<void>((resolve) => path.once('lost', () => resolve()));
  path.close();
  expect(commands.at(-1)).toEqual({ do: 'abort', join: 1 });
  await agent.close();
});

test('whoever waits for a join hears what comes of its path in the very turn in which it is up', async () => {
  const { agent } = agentOf(({ do: what }) => {
    const message: PeerEvent = { ev: 'message', path: 1, bytes: Uint8Array.of(7), channel: 0 };
    const kicked: PeerEvent = { ev: 'path-lost', path: 1, reason: 'kicked', punchingAgain: false };
    if (what === 'join') return [PATH, message, kicked];
    return what === 'close' ? [{ ev: 'closed' }] : [];
  });
  const path: Path = await agent.join(CODE);
  const heard: unknown[] = [];
  path.on('message', (bytes) => heard.push(...bytes));
  await new Promise<void>((resolve) => path.on('close', (reason) => resolve(void heard.push(reason))));
  expect(heard).toEqual([7, 'kicked']);
  await agent.close();
});

const ENTRY: ListEntry = {
  ...{ hostId: 'A'.repeat(26), code: CODE, name: 'Arena', game: 'quake', map: '', mode: '', version: '' },
  ...{ players: 0, playersMax: 8, passwordNeeded: false, natType: 'cone', verdict: 'moderate', natDelta: 0 },
  ...{ section: 'community', pingEstimateMs: null, verifiedAt: null, firstSeenAt: 0, lastSeenAt: 0 },
  ...{ returning: false, address: null },
};
const FOUND: PeerEvent = { ev: 'found', join: 1, hostKey: new Uint8Array(32).fill(3), entry: ENTRY };
const MASTER_LOST: PeerEvent = { ev: 'link', state: 'lost', failure: 'MASTER_UNREACHABLE', rttMs: null };

test('a master that is lost ends a join that has not found its host yet, and none that has', async () => {
  const answer = (events: readonly PeerEvent[]) =>
    agentOf(({ do: what }) => (what === 'join' ? events : what === 'close' ? [{ ev: 'closed' }] : []));
  const early = answer([MASTER_LOST]);
  await expect(early.agent.join(CODE)).rejects.toMatchObject({ code: 'MASTER_UNREACHABLE' });
  expect(early.commands.at(-1)).toEqual({ do: 'abort', join: 1 });
  await early.agent.close();
  const later = answer([FOUND, MASTER_LOST, PATH]);
  expect((await later.agent.join(CODE)).kind).toBe('direct');
  expect(later.commands.map(({ do: what }) => what)).not.toContain('abort');
  await later.agent.close();
});
