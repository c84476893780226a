/** What a master lets nobody do: spoofed sources, stale proofs, repeated credits, words of a session that does not host. */
import { describe, expect, test } from 'vitest';
import { type Endpoint, MASTER_LIMITS, WIRE } from '../../src/core/index.ts';
import {
  CONTROL_PROLOGUE,
  concat,
  FRAME,
  helloPayload,
  noiseInitiate,
  probeKey,
  probeSources,
  type Request,
  readAccept,
  readAcceptPayload,
  SecureSession,
  writeChallengeFrame,
  writeControlHeader,
  writeHello,
  writeRequestFrame,
} from '../../src/core/testing.ts';
import {
  DOOR,
  MASTER_ADDRESS,
  masterEvents,
  type Packet,
  type Participant,
  REGISTER,
  stolenSession,
  testCrypto,
  type World,
  world,
} from './rendezvous-net.ts';

const HOST_IP = '203.0.113.5';
const CLIENT_IP = '198.18.0.9';
const ELSEWHERE: Endpoint = { address: '192.0.2.222', port: 4_242 };
const SID = new Uint8Array(16).fill(7);
/** Header, frame, token, tag. */
const CHALLENGE_DATAGRAM_BYTES = 17 + 1 + 8 + 16;

function pair(): { w: World; host: Participant; client: Participant } {
  const w = world();
  const host = w.participant('host', HOST_IP).start();
  host.get(REGISTER);
  return { w, host, client: w.participant('client', CLIENT_IP).start() };
}

const joinOf = (host: Participant, handshake = Uint8Array.of(1)): Request => ({
  ...{ type: 'join', hidden: false, sid: SID, hostKey: host.key.publicKey, handshake },
});
const sentTo = (w: World, address: string): readonly Packet[] =>
  w.net.sent.filter(({ to, from }) => to.address === address && from.address === MASTER_ADDRESS);
const isControl = ({ from, bytes }: Packet): boolean => from.address !== MASTER_ADDRESS && bytes[0] === WIRE.control;

describe('where a session is', () => {
  test('whoever sends the first sealed packet from another address than that of the HELLO gets a small challenge, no session', () => {
    const w = world();
    w.net.hook = (packet) => (isControl(packet) ? [{ ...packet, from: ELSEWHERE }] : [packet]);
    const late = w.participant('late', CLIENT_IP).start();
    w.net.run(1_500);
    const hits = sentTo(w, ELSEWHERE.address);
    expect(hits.length).toBeGreaterThan(0);
    expect(hits.filter(({ bytes }) => bytes.length > CHALLENGE_DATAGRAM_BYTES)).toEqual([]);
    expect(w.counters().sessions).toBe(0);
    expect(late.states).not.toContain('up');
  });

  test('a challenge counts only where it is answered from the place that was asked', () => {
    const { w, host, client } = pair();
    host.node.address = '203.0.113.77';
    w.net.hook = (packet) =>
      isControl(packet) && packet.from.address === host.node.address && packet.bytes.length === CHALLENGE_DATAGRAM_BYTES
        ? [{ ...packet, from: ELSEWHERE }]
        : [packet];
    w.net.run(3 * MASTER_LIMITS.pingMs);
    client.get(joinOf(host), client.socket(), 2_000);
    // An answer of a challenge is as large as the challenge.
    expect(sentTo(w, host.node.address).some(({ bytes }) => bytes.length === CHALLENGE_DATAGRAM_BYTES)).toBe(true);
    expect(sentTo(w, ELSEWHERE.address)).toEqual([]);
  });

  test('a challenge that is answered wrongly, from the place that was asked, moves nothing', () => {
    const { w, host, client } = pair();
    const before = host.node.address;
    host.node.address = ELSEWHERE.address;
    // The thief has what the host seals, not what it can open: of the answer he only knows that it is there.
    w.net.hook = (packet) => (packet.to.address === ELSEWHERE.address ? [] : [packet]);
    const token = writeChallengeFrame(FRAME.challengeAnswer, new Uint8Array(8));
    const session = stolenSession(host);
    host.ask({ type: 'echo' });
    w.net.run(100);
    const from = { address: ELSEWHERE.address, port: host.portOf(host.link.socket) };
    w.net.inject({ from, to: session.control, bytes: session.seal(token) });
    w.net.run(100);
    client.ask(joinOf(host), client.socket());
    w.net.run(200);
    expect(sentTo(w, ELSEWHERE.address).every(({ bytes }) => bytes.length <= CHALLENGE_DATAGRAM_BYTES)).toBe(true);
    expect(sentTo(w, before).some(({ bytes }) => bytes.length > CHALLENGE_DATAGRAM_BYTES)).toBe(true);
  });

  test('an address that was left more than 30 s ago is in no permit', () => {
    const { w, host, client } = pair();
    const home = client.node.address;
    const join = joinOf(host);
    // It pays there, and its session stays at home.
    client.node.address = '198.18.0.77';
    client.get(join, client.socket(), 500);
    client.node.address = home;
    w.net.run(MASTER_LIMITS.proofMsMax + 4_000);
    client.get({ type: 'credit', sid: SID, n: 1 }, client.socket());
    expect(host.pushes).toMatchObject([
      { type: 'offer', permit: { addresses: [{ address: '198.18.0.77' }] } },
      { type: 'credited', permit: { addresses: [{ address: home }] } },
    ]);
  });
});

test('a datagram that was changed on the way, in whatever bit, does nothing', () => {
  const { w, host } = pair();
  const caught: Packet[] = [];
  w.net.hook = (packet) => {
    if (!isControl(packet)) return [packet];
    caught.push(packet);
    return [];
  };
  host.ask({ type: 'heartbeat', announcement: null, players: 5, profile: null });
  const { from, to, bytes } = caught[0] ?? expect.unreachable('the host has sent its heartbeat');
  const before = w.net.sent.length;
  const told = masterEvents(w.master).length;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    w.net.inject({ from, to, bytes: changed });
    // Within the rate of a session, so that it is not the limit that refuses.
    if (bit % 50 === 0) w.net.run(1_000 / MASTER_LIMITS.controlRate.perSecond);
  }
  w.net.run(100);
  expect(masterEvents(w.master).slice(told)).toEqual([]);
  expect(w.net.sent.slice(before).filter((packet) => packet.from.address === MASTER_ADDRESS)).toEqual([]);
  w.net.inject({ from, to, bytes });
  w.net.run(100);
  const [change] = masterEvents(w.master).slice(told);
  expect(change).toMatchObject({ ev: 'host', change: 'changed', host: { players: 5 } });
});

describe('two sessions with one key', () => {
  test('the one that does not host any more can neither speak for the host nor say its goodbye', () => {
    const w = world();
    const old = w.participant('host', HOST_IP).start();
    old.get(REGISTER);
    const fresh = w.participant('host again', '203.0.113.6', { key: old.key }).start();
    fresh.get(REGISTER);
    const beat: Request = { type: 'heartbeat', announcement: null, players: 7, profile: null };
    expect(old.get(beat)).toMatchObject({ type: 'failed', failure: 'HOST_REPLACED' });
    expect(old.pushes).toEqual([{ type: 'replaced' }]);
    old.get({ type: 'goodbye' });
    const told = masterEvents(w.master);
    expect(told.filter(({ ev }) => ev === 'host-gone')).toEqual([]);
    expect(told.flatMap((event) => (event.ev === 'host' ? [event.host.players] : []))).not.toContain(7);
    expect(w.counters().hosts).toBe(1);
    expect(fresh.get(beat)).toMatchObject({ type: 'ok' });
    fresh.get({ type: 'goodbye' });
    expect(w.counters().hosts).toBe(0);
  });
});

describe('what is paid for', () => {
  test('a credit that comes again, in another request, buys nothing again', () => {
    const { host, client } = pair();
    client.get(joinOf(host), client.socket());
    host.get({ type: 'answer', hidden: false, sid: SID, handshake: Uint8Array.of(2) }, host.socket());
    for (const n of [1, 2, 1, 2, 1]) expect(client.get({ type: 'credit', sid: SID, n }).type).toBe('ok');
    const bought = host.pushes.flatMap((push) =>
      push.type === 'credited' ? push.permit.addresses.map(({ probesMax }) => probesMax) : [],
    );
    expect(bought).toHaveLength(2);
    expect(new Set(bought).size).toBe(2);
  });

  test('a push that nobody acknowledges is sent twice, asked after for some seconds, and forgotten, whatever old stamps still come', () => {
    const { w, host, client } = pair();
    w.net.hook = (packet) => (packet.to.address === HOST_IP ? [] : [packet]);
    const before = w.net.sent.length;
    client.get(joinOf(host, new Uint8Array(600)), client.socket(), 30_000);
    const told = w.net.sent.slice(before).filter(({ to }) => to.address === HOST_IP);
    const offers = told.filter(({ bytes }) => bytes[0] === WIRE.control && bytes.length > 600);
    // The host goes on speaking, with stamps of before: so could whoever has left that address.
    expect(offers).toHaveLength(1 + MASTER_LIMITS.pushRepeatsUnheardMax);
    expect(w.counters().dropped['push-unanswered']).toBe(1);
  });
});

describe('the probe ports', () => {
  const answers = (w: World, from: Endpoint): number =>
    sentTo(w, from.address).filter(({ to, bytes }) => to.port === from.port && bytes[0] === WIRE.probeAnswer).length;

  test('answer one session at its rate, however many probes come at once', () => {
    const { w, host } = pair();
    const source = host.link.sources[0]!;
    const from = { address: HOST_IP, port: 5_555 };
    for (let n = 0; n < 2_000; n++)
      w.net.inject({ from, to: source.target, bytes: source.request(w.net.now, n, 'same') });
    w.net.run(1_000);
    expect(answers(w, from)).toBeGreaterThanOrEqual(MASTER_LIMITS.probeRate.burst);
    expect(answers(w, from)).toBeLessThanOrEqual(MASTER_LIMITS.probeRate.burst + MASTER_LIMITS.probeRate.perSecond);
  });

  test('answer nobody whose session is not confirmed', () => {
    const w = world();
    const from = { address: CLIENT_IP, port: 5_555 };
    const says = (to: Endpoint, bytes: Uint8Array): void => {
      w.net.inject({ from, to, bytes });
      w.net.run(50);
    };
    const crypto = testCrypto('whoever');
    const handshake = noiseInitiate(crypto, {
      ...{ prologue: CONTROL_PROLOGUE, own: crypto.keyPair(), remoteStatic: w.identity.publicKey },
      payload: helloPayload(1_700_000_000_000 + w.net.now),
    })!;
    says(DOOR, writeHello(handshake.message1, null, false));
    const { bytes } = w.net.sent.at(-1)!;
    const { payload, keys } = handshake.finish(readAccept(handshake.message1, bytes)!)!;
    const accept = readAcceptPayload(payload)!;
    const [source] = probeSources(MASTER_ADDRESS, accept, probeKey(crypto, keys.send, keys.receive));
    const ask = (n: number): void => says(source!.target, source!.request(w.net.now, n, 'same'));
    ask(1);
    expect(answers(w, from)).toBe(0);
    const session = new SecureSession(crypto, keys);
    const header = writeControlHeader(accept.cid, session.sequence);
    const echo = writeRequestFrame({ id: 1, via: false, stamp: 0, message: { type: 'echo' } });
    says({ address: MASTER_ADDRESS, port: accept.controlPort }, concat(header, session.seal(header, echo)));
    ask(2);
    expect(answers(w, from)).toBe(1);
  });

  test('alone answer probes, the door does not', () => {
    const { w, host } = pair();
    const from = { address: HOST_IP, port: 5_555 };
    const bytes = host.link.sources[0]!.request(w.net.now, 1, 'same');
    w.net.inject({ from, to: DOOR, bytes });
    w.net.run(100);
    expect(answers(w, from)).toBe(0);
  });
});
