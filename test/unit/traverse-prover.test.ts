/** What counts as a proof of a path, and for whom a prover does anything at all. */
import { expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/index.ts';
import { PROVE_LIMITS, Prover, probeCodec } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';

const SID = new Uint8Array(16).fill(1);
const KEY = new Uint8Array(32).fill(2);
const PEER: Endpoint = { address: '203.0.113.5', port: 5_000 };
const STRANGER: Endpoint = { address: '192.0.2.66', port: 5_000 };
const [SOCKET, OTHER_SOCKET] = [1, 2];

/** A prover, what it has sent, and the peer's own way of writing and reading. */
function one(role: 'client' | 'host') {
  const peer = probeCodec(role === 'client' ? 'host' : 'client', SID, KEY, nodeCrypto);
  const sent: { socket: number; to: Endpoint; reply: boolean; nominate: boolean; seq: number }[] = [];
  const machine = new Prover({
    ...{ role, codec: probeCodec(role, SID, KEY, nodeCrypto), firstSeq: 0 },
    allows: (_now, address) => address === PEER.address,
    transmit: (socket, to, bytes) => sent.push({ socket, to, ...peer.decode(bytes)! }),
    answer: (_now, socket, to, bytes) => sent.push({ socket, to, ...peer.decode(bytes)! }),
  });
  const hear = (
    now: number,
    socket: number,
    from: Endpoint,
    seq: number,
    what: { reply?: true; nominate?: true } = {},
  ) => machine.datagram(now, socket, from, peer.encode({ reply: false, nominate: false, ...what, seq }));
  /** Lets time pass; what was sent meanwhile. */
  const until = (end: number) => {
    const before = sent.length;
    while (machine.next() <= end) machine.timeout(machine.next());
    return sent.slice(before);
  };
  return { machine, sent, hear, until };
}

test('a true probe from an address that no permit names is not answered, and nothing goes there', () => {
  for (const role of ['client', 'host'] as const) {
    const { machine, sent, hear } = one(role);
    expect(hear(0, SOCKET, STRANGER, 1, { nominate: true })).toBe(false);
    expect(sent).toEqual([]);
    expect(machine.heard()).toBe(0);
  }
});

test('a reply proves a path only on the socket that asked, from the endpoint that was asked', () => {
  const { machine, sent, hear } = one('client');
  machine.probe(0, SOCKET, PEER, null);
  const { seq } = sent[0]!;
  hear(40, OTHER_SOCKET, PEER, seq, { reply: true });
  expect(machine.proof()).toBeNull();
  hear(40, SOCKET, { ...PEER, port: PEER.port + 1 }, seq, { reply: true });
  expect(machine.proof()).toBeNull();
  hear(40, SOCKET, PEER, seq + 100, { reply: true });
  expect(machine.proof()).toBeNull();
  hear(50, SOCKET, PEER, seq, { reply: true });
  expect(machine.proof()).toEqual({ socket: SOCKET, remote: PEER, rttMs: 50 });
});

test('a host follows the nomination of its client, and only with a proof of its own on that very path', () => {
  const { machine, sent, hear } = one('host');
  machine.probe(0, SOCKET, PEER, null);
  const { seq } = sent[0]!;
  hear(40, OTHER_SOCKET, PEER, 7, { nominate: true });
  hear(41, SOCKET, PEER, seq, { reply: true });
  expect(machine.proof(), 'proven is one path, nominated another').toBeNull();
  const back = sent.find(({ socket, reply }) => socket === OTHER_SOCKET && !reply)!;
  hear(80, OTHER_SOCKET, PEER, back.seq, { reply: true });
  expect(machine.proof()).toMatchObject({ socket: OTHER_SOCKET, remote: PEER });
});

test('a client chooses: what its host nominates makes it send nothing more', () => {
  const { machine, sent, hear, until } = one('client');
  machine.probe(0, SOCKET, PEER, null);
  hear(20, SOCKET, PEER, sent[0]!.seq, { reply: true });
  const nomination = sent.at(-1)!;
  expect(nomination).toMatchObject({ reply: false, nominate: true });
  hear(40, SOCKET, PEER, nomination.seq, { reply: true });
  expect(until(60_000)).toEqual([]);
  hear(61_000, OTHER_SOCKET, PEER, 9, { reply: true, nominate: true });
  expect(until(120_000)).toEqual([]);
  expect(machine.proof()).toMatchObject({ socket: SOCKET });
});

test('a nomination that nobody answers is repeated for some seconds, and then given up', () => {
  const { sent, hear, machine, until } = one('client');
  machine.probe(0, SOCKET, PEER, null);
  hear(20, SOCKET, PEER, sent[0]!.seq, { reply: true });
  const repeated = until(60_000);
  expect(repeated.length).toBe(PROVE_LIMITS.nominationsMax - 1);
});

test(`of more than ${PROVE_LIMITS.probesOutstandingMax} probes under way the oldest is forgotten`, () => {
  const { machine, sent, hear } = one('client');
  for (let n = 0; n <= PROVE_LIMITS.probesOutstandingMax; n++) machine.probe(0, SOCKET, { ...PEER, port: 1 + n }, null);
  const [oldest, second] = sent as [(typeof sent)[0], (typeof sent)[0]];
  hear(40, SOCKET, oldest.to, oldest.seq, { reply: true });
  expect(machine.proof()).toBeNull();
  hear(40, SOCKET, second.to, second.seq, { reply: true });
  expect(machine.proof()).toMatchObject({ remote: second.to });
});

test('a peer that probes without end gets so many answers, and probes back at a limited number of endpoints', () => {
  const { sent, hear } = one('host');
  const { burst, perSecond } = PROVE_LIMITS.answerRate;
  for (let n = 0; n < 5_000; n++) hear(n, SOCKET, { ...PEER, port: 1 + n }, n);
  const replies = sent.filter(({ reply }) => reply);
  expect(replies.length).toBeGreaterThanOrEqual(burst);
  expect(replies.length).toBeLessThanOrEqual(burst + 5 * perSecond + 1);
  expect(sent.length - replies.length).toBeLessThanOrEqual(PROVE_LIMITS.heardMax);
});

test('one endpoint that probes fast is probed back every 60 ms at most', () => {
  const { sent, hear } = one('host');
  for (let n = 0; n < 100; n++) hear(n, SOCKET, PEER, n);
  expect(sent.filter(({ reply }) => !reply)).toHaveLength(2);
});
