/** How the life of mappings is found out, with a server that sends its answers to a witness and one that does not. */

import { expect, test } from 'vitest';
import { type Endpoint, requestNumbers, type SocketId } from '../../src/core/index.ts';
import { Asker, canaries, type MappingSource, PLAN_LIMITS, type Send, watchedMs } from '../../src/core/testing.ts';

const SERVER: Endpoint = { address: '192.0.2.1', port: 3478 };
const OTHER: Endpoint = { address: '192.0.2.2', port: 3478 };
const WITNESS_PORT = 9;
const ASSUMED_MS = 35_000;
/** What they say comes so late at most. */
const SAID_MS = 1_000;

/** A server whose question and answer are three bytes: the request, the port that it answers to (0: the asker's), the port seen. */
const sourceAt = (target: Endpoint): MappingSource => ({
  target,
  kind: 'stun',
  answersFrom: ['same'],
  request: (_now, request) => Uint8Array.of(request, 0),
  requestTo: (_now, request, port) => Uint8Array.of(request, port),
  answer: (_from, bytes) => ({ request: bytes[0]!, observed: { address: '203.0.113.1', port: bytes[2]! } }),
});

/**
 * Runs for four minutes behind a NAT that forgets what nobody answers after `unansweredMs`. `asked`: sockets that have asked for
 * themselves, at a server that never answers.
 */
function watched(unansweredMs: number, redirects: boolean) {
  const last = new Map<SocketId, { port: number; at: number }>();
  const open = new Set<SocketId>();
  const answers: { socket: SocketId; bytes: Uint8Array }[] = [];
  const asked: SocketId[] = [];
  let ports = WITNESS_PORT;
  let opened = 0;
  let now = 0;
  const mapped = (socket: SocketId): number => {
    const before = last.get(socket);
    const port = before !== undefined && now - before.at < unansweredMs ? before.port : ports++;
    last.set(socket, { port, at: now });
    return port;
  };
  const send: Send = (socket, target, bytes) => {
    if (target === OTHER) asked.push(socket);
    const port = mapped(socket);
    const to = bytes[1] === 0 ? socket : redirects && bytes[1] === WITNESS_PORT ? 1 : null;
    if (to !== null && target === SERVER)
      answers.push({ socket: to, bytes: Uint8Array.of(bytes[0]!, bytes[1]!, port) });
  };
  const watch = canaries({
    source: sourceAt(SERVER),
    plainSource: () => sourceAt(OTHER),
    asker: new Asker(send, requestNumbers()),
    open() {
      open.add(++opened);
      return opened;
    },
    close: (socket) => void open.delete(socket),
    room: () => null,
  });
  let most = 0;
  for (let socket = 1; socket <= opened; socket++) watch.socket(0, socket, true);
  const known: number[] = [];
  for (now = 0; now <= 240_000; now += 20) {
    watch.run(now);
    most = Math.max(most, open.size);
    for (const { socket, bytes } of answers.splice(0)) expect(watch.datagram(now, socket, SERVER, bytes)).toBe(true);
    if (now % 1_000 === 0) known.push(watchedMs(watch, ASSUMED_MS));
  }
  return { watch, most, asked, open, known };
}

test('the life of mappings that nobody answers is found, whatever that of answered ones, and then all sockets are closed', () => {
  for (const [unansweredMs, found] of [
    [10_000, 10_000],
    [15_000, 20_000],
    [30_000, 30_000],
    [35_000, 35_000],
    [40_000, 45_000],
    [60_000, 60_000],
    [65_000, 65_000],
    [120_000, 125_000],
    [200_000, 205_000],
    [350_000, 355_000],
  ] as const) {
    const { watch, most, asked, open, known } = watched(unansweredMs, true);
    // One of the lives that are common; and no mapping that has lived for as long as is assumed at that time lives on.
    expect(watchedMs(watch, ASSUMED_MS)).toBe(found);
    for (const [second, ms] of known.entries())
      if (1_000 * second >= ms + SAID_MS) expect(ms).toBeGreaterThanOrEqual(unansweredMs);
    expect(most).toBe(PLAN_LIMITS.canariesMax);
    expect(asked).toEqual([]);
    expect(open.size).toBe(0);
  }
});

test('where the answers do not come to the witness, the sockets ask for themselves', () => {
  const { asked, watch } = watched(30_000, false);
  expect(asked).toEqual([2, 3, 4, 5, 6]);
  expect(watchedMs(watch, ASSUMED_MS)).toBe(ASSUMED_MS);
});
