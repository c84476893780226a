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

  const searching = one('client');
  searching.hear(10, OTHER_SOCKET, PEER, 9, { nominate: true });
  searching.machine.probe(20, SOCKET, PEER, null);
  searching.hear(40, SOCKET, PEER, searching.sent.at(-1)!.seq, { reply: true });
  expect(searching.sent.at(-1)).toMatchObject({ nominate: true });
  expect(searching.machine.proof()).toMatchObject({ socket: SOCKET });
});

test('a nomination that nobody answers is said twelve times, each pause 1.6 times the one before, and then given up', () => {
  const { sent, hear, machine } = one('client');
  machine.probe(0, SOCKET, PEER, null);
  hear(20, SOCKET, PEER, sent[0]!.seq, { reply: true });
  const times = [20];
  while (machine.next() < 60_000) {
    const [now, before] = [machine.next(), sent.length];
    machine.timeout(now);
    if (sent.length > before) times.push(now);
  }
  expect(times).toHaveLength(PROVE_LIMITS.nominationsMax);
  expect(sent.slice(1).every(({ nominate, reply }) => nominate && !reply)).toBe(true);
  const pauses = times.slice(1).map((time, n) => time - times[n]!);
  for (const [n, pause] of pauses.entries()) expect(pause).toBeCloseTo(40 * 1.6 ** n, 6);
  expect(machine.next()).toBe(Number.POSITIVE_INFINITY);
  machine.timeout(120_000);
  expect(sent).toHaveLength(PROVE_LIMITS.nominationsMax + 1);
});

test('a nomination goes on when some other probe is answered, and ends when it is', () => {
  const { sent, hear, machine } = one('client');
  machine.probe(0, SOCKET, PEER, null);
  machine.probe(5, SOCKET, { ...PEER, port: 6_000 }, null);
  hear(20, SOCKET, PEER, sent[0]!.seq, { reply: true });
  hear(30, SOCKET, { ...PEER, port: 6_000 }, sent[1]!.seq, { reply: true });
  expect(machine.next()).toBe(60);
  expect(machine.proof()).toEqual({ socket: SOCKET, remote: PEER, rttMs: 20 });
  hear(50, SOCKET, PEER, sent[2]!.seq, { reply: true });
  expect(machine.next()).toBe(Number.POSITIVE_INFINITY);
});

test('a client that has no proof nominates nobody, whatever time it is', () => {
  const { sent, machine } = one('client');
  machine.timeout(1_000);
  expect(sent).toEqual([]);
  machine.probe(1_000, SOCKET, PEER, null);
  machine.timeout(60_000);
  expect(sent).toHaveLength(1);
});

test('probes are numbered one after the other, from behind the number they begin with', () => {
  const { sent, machine } = one('client');
  for (let n = 0; n < 3; n++) machine.probe(0, SOCKET, PEER, null);
  expect(sent.map(({ seq }) => seq)).toEqual([1, 2, 3]);
});

test('a round trip is the time since the very probe that was answered', () => {
  const { sent, hear, machine } = one('client');
  machine.probe(100, SOCKET, PEER, null);
  machine.probe(130, SOCKET, PEER, null);
  hear(140, SOCKET, PEER, sent[1]!.seq, { reply: true });
  expect(machine.proof()?.rttMs).toBe(10);
});

test('a reply from another port of the peer has that port probed, at the rate of answers', () => {
  const { sent, hear, machine } = one('client');
  machine.probe(0, SOCKET, PEER, null);
  const { seq } = sent[0]!;
  const elsewhere = { ...PEER, port: PEER.port + 1 };
  hear(40, SOCKET, elsewhere, seq, { reply: true });
  expect(sent.at(-1)).toMatchObject({ to: elsewhere, reply: false });
  // Its answers are used up by whoever asks without end: no more of these either.
  for (let n = 0; n < PROVE_LIMITS.answerRate.burst; n++) hear(41, SOCKET, PEER, 1_000 + n);
  const before = sent.length;
  hear(41, SOCKET, { ...PEER, port: PEER.port + 2 }, seq, { reply: true });
  expect(sent).toHaveLength(before);
});

test('of the paths that it has proven a host remembers 256', () => {
  for (const [count, remembered] of [
    [256, true],
    [257, false],
  ] as const) {
    const { sent, hear, machine } = one('host');
    for (let n = 0; n < count; n++) {
      const to = { ...PEER, port: 1_000 + n };
      machine.probe(n * 100, SOCKET, to, null);
      hear(n * 100 + 10, SOCKET, to, sent.at(-1)!.seq, { reply: true });
    }
    hear(60_000, SOCKET, { ...PEER, port: 1_000 + count - 1 }, 1, { nominate: true });
    expect(machine.proof() !== null).toBe(remembered);
  }
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
