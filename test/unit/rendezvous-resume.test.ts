/** Coming back by a ticket, without a Diffie-Hellman (docs/reference/security.md §3.1, RESUME), and what nobody can make of a ticket. */
import { describe, expect, test } from 'vitest';
import { type KeyPair, LIMITS, MASTER_LIMITS, WIRE, WIRE_LIMITS } from '../../src/core/index.ts';
import {
  DOOR,
  MASTER_ADDRESS,
  masterEvents,
  type Packet,
  REGISTER,
  testCrypto,
  testRandom,
  world,
} from './rendezvous-net.ts';

const HOST_IP = '203.0.113.5';
const VICTIM = '192.0.2.222';
const HOUR = 3_600_000;

const resumes = ({ bytes }: Packet): boolean => bytes[0] === WIRE.hello && ((bytes[2] as number) & 4) !== 0;

/** The same resumption as whoever has recorded it may send it. */
function withoutCookie(packet: Packet): Packet {
  const bytes = packet.bytes.slice();
  bytes[2] = 4;
  return { ...packet, bytes: bytes.fill(0, 4, 28) };
}

/** A host, and a master that was killed and has just started again. */
function restarted(options: Parameters<typeof world>[0] = {}) {
  const w = world(options);
  const host = w.participant('host', HOST_IP).start();
  host.get(REGISTER);
  w.restartMaster('second');
  return { w, host };
}

describe('after a restart of the master', () => {
  test('all hosts are back within 13 s without one Diffie-Hellman, and each can register', () => {
    const w = world();
    const hosts = Array.from({ length: 40 }, (_, i) => w.participant(`host ${i}`, `203.0.${i}.5`).start());
    for (const host of hosts) host.get(REGISTER);
    w.restartMaster('second');
    w.net.run(13_000);
    for (const host of hosts) expect(host.get(REGISTER).type).toBe('registered');
    expect(w.counters()).toMatchObject({ handshakes: 0, resumptions: 40, sessions: 40, hosts: 40 });
    expect(w.net.ledger.worst).toBeLessThan(1);
    for (const accept of w.net.sent.filter(({ bytes }) => bytes[0] === WIRE.accept))
      expect(accept.bytes.length).toBeLessThanOrEqual(WIRE_LIMITS.acceptBytesMax);
  });

  test('a resumed session gives way to one with a Diffie-Hellman within the hour, and nobody is told of a loss', () => {
    const { w, host } = restarted();
    w.net.run(13_000);
    expect(w.counters()).toMatchObject({ handshakes: 0, resumptions: 1 });
    const told = host.states.length;
    w.net.run(HOUR);
    expect(w.counters()).toMatchObject({ handshakes: 1, resumptions: 1 });
    expect(host.states.slice(told)).toEqual(['up']);
    // That one has a ticket again.
    w.restartMaster('third');
    w.net.run(13_000);
    expect(w.counters()).toMatchObject({ handshakes: 0, resumptions: 1 });
  });

  test('under load it still needs no Diffie-Hellman', () => {
    const { w, host } = restarted();
    // Half-made sessions of strangers who never answer.
    w.net.hook = (packet) => (packet.to.address.startsWith('10.') ? [] : [packet]);
    const half = MASTER_LIMITS.pendingMax / 2 + 1;
    w.net.run(500);
    for (let i = 0; i < half; i++) {
      w.participant(`stranger ${i}`, `10.0.${i >> 5}.${i & 31}`).do({ do: 'start' });
      if (i % 60 === 59) w.net.run(300);
    }
    w.net.run(2_000);
    const toHost = w.net.sent.filter(({ to, from }) => to.address === HOST_IP && from.port === DOOR.port);
    expect(toHost.map(({ bytes }) => bytes[0])).toEqual([WIRE.accept, WIRE.retry, WIRE.accept]);
    expect(host.states.at(-1)).toBe('up');
    expect(w.counters().resumptions).toBe(1);
  });

  test.each([
    ['the keys of its tickets are gone', { keys: [] }],
    ['it has other keys for the same day', { keys: 'other' }],
  ])('%s: one round trip later a HELLO with the same cookie gets in', (_name, { keys }) => {
    const w = world();
    const host = w.participant('host', HOST_IP).start();
    const epoch = Math.floor((1_700_000_000_000 + w.net.now) / LIMITS.ticketMs);
    w.restartMaster('second', [], keys === 'other' ? [{ epoch, key: new Uint8Array(32).fill(9) }] : []);
    w.net.run(13_000);
    expect(host.states.at(-1)).toBe('up');
    expect(w.counters()).toMatchObject({ handshakes: 1, resumptions: 0, dropped: { 'ticket-refused': 1 } });
    const hellos = w.net.sent.filter(({ from, bytes }) => from.address === HOST_IP && bytes[0] === WIRE.hello);
    expect(hellos.map(({ bytes }) => bytes[2])).toEqual([0, 2, 5, 1]);
  });

  test('a ticket that is lost on its way is not shown again: the HELLO after it has the same cookie, and brings another', () => {
    const { w, host } = restarted();
    w.net.hook = (packet) => (resumes(packet) ? [] : [packet]);
    w.net.run(13_000);
    expect(host.states).toEqual(['connecting', 'up', 'MASTER_UNREACHABLE', 'up']);
    expect(w.counters()).toMatchObject({ handshakes: 1, resumptions: 0 });
    expect(w.net.sent.filter(resumes)).toHaveLength(1);
  });

  test('while the master is away no ticket is spent', () => {
    const w = world();
    const host = w.participant('host', HOST_IP).start();
    w.net.hook = (packet) => (packet.to.address === MASTER_ADDRESS ? [] : [packet]);
    w.net.run(60_000);
    expect(w.net.sent.filter(resumes)).toEqual([]);
    w.net.hook = (packet) => [packet];
    w.restartMaster('second');
    w.net.run(13_000);
    expect(host.states.at(-1)).toBe('up');
    expect(w.counters()).toMatchObject({ handshakes: 0, resumptions: 1 });
  });
});

describe('a chain of resumptions', () => {
  test('ends by a Diffie-Hellman within the hour, however often the network changes', () => {
    const { w, host } = restarted();
    w.net.run(13_000);
    for (let i = 0; i < 9; i++) {
      host.do({ do: 'nudge' });
      w.net.run(HOUR / 9);
    }
    expect(w.counters().resumptions).toBeGreaterThan(5);
    expect(w.counters().handshakes).toBe(1);
  });

  test('ends at the master a day after the Diffie-Hellman that it began with', () => {
    let later = 0;
    const w = world({ wallClock: () => 1_700_000_000_000 + later });
    const host = w.participant('host', HOST_IP).start();
    for (let hours = 1; hours <= 25; hours++) {
      later = hours * HOUR;
      host.do({ do: 'nudge' });
      w.net.run(200);
      expect(host.states.at(-1)).toBe('up');
      expect(w.counters().dropped['ticket-refused'] ?? 0).toBe(hours > 24 ? 1 : 0);
    }
  });
});

describe('a ticket', () => {
  test('is good for a day: the participant does not show it later, and the master refuses it', () => {
    for (const [shift, refused] of [
      [0, 0],
      [LIMITS.ticketMs + HOUR, 1],
    ] as const) {
      let clock = (): number => 0;
      const { w, host } = restarted({ wallClock: () => 1_700_000_000_000 + clock() });
      clock = () => w.net.now + shift;
      if (shift === 0) {
        // Away for longer than a day by its own clock.
        host.node.alive = false;
        w.net.run(LIMITS.ticketMs + HOUR);
        host.node.alive = true;
      }
      w.net.run(15_000);
      expect(host.states.at(-1)).toBe('up');
      expect(w.counters().resumptions).toBe(0);
      expect(w.counters().dropped['ticket-refused'] ?? 0).toBe(refused);
    }
  });

  test('its key is a new one each day, and the one before still counts', () => {
    let clock = 0;
    const w = world({ wallClock: () => 1_700_000_000_000 + clock });
    const keys = () => masterEvents(w.master).flatMap((event) => (event.ev === 'ticket-keys' ? [event.keys] : []));
    for (let day = 0; day < 3; day++) {
      w.participant(`guest ${day}`, `198.18.0.${day + 1}`).start();
      clock += LIMITS.ticketMs;
    }
    const [first, second, third] = keys();
    expect([first?.length, second?.length, third?.length]).toEqual([1, 2, 2]);
    expect(second?.[1]).toEqual(first?.[0]);
    expect(third?.[1]).toEqual(second?.[0]);
    expect(new Set(keys().map(([key]) => String(key?.key))).size).toBe(3);
  });

  test('of a banned host brings it to the same refusal', () => {
    let banned = false;
    const policy = {
      announce: (_k: unknown, _f: unknown, it: never) => (banned ? ('BANNED' as const) : it),
      admit: () => null,
    };
    const { w, host } = restarted({ policy });
    banned = true;
    w.net.run(13_000);
    expect(w.counters().resumptions).toBe(1);
    expect(host.get(REGISTER)).toMatchObject({ type: 'failed', failure: 'BANNED' });
    expect(w.counters().hosts).toBe(0);
  });

  test('of a master with another identity is refused, though its keys are the same', () => {
    const options: { identity?: KeyPair } = {};
    const w = world(options);
    const host = w.participant('host', HOST_IP).start();
    options.identity = testCrypto('another').keyPair();
    w.restartMaster('second');
    w.net.run(13_000);
    expect(host.states).toEqual(['connecting', 'up', 'MASTER_UNREACHABLE', 'MASTER_KEY_MISMATCH']);
    expect(w.counters().resumptions).toBe(0);
  });

  test('not one changed byte of a resumption is taken', () => {
    const { w, host } = restarted();
    w.net.hook = (packet) => (resumes(packet) ? [] : [packet]);
    for (let i = 0; i < 100 && !w.net.sent.some(resumes); i++) w.net.run(100);
    host.node.alive = false;
    const { bytes } = withoutCookie(w.net.sent.find(resumes) ?? expect.unreachable());
    const { handshakes } = w.counters();
    w.net.hook = (packet) => [packet];
    for (let at = 28; at < 512; at += 1) {
      const forged = bytes.slice();
      forged[at] = (forged[at] as number) ^ 0x20;
      w.net.inject({ from: { address: `10.${at >> 8}.${at & 255}.1`, port: 9 }, to: DOOR, bytes: forged });
    }
    w.net.run(100);
    expect(w.counters()).toMatchObject({ handshakes, resumptions: 0, dropped: { 'ticket-refused': 484 } });
  });
});

describe('a resumption played again', () => {
  test('makes, revives and moves no session, and brings nobody more than it brought', () => {
    const { w, host } = restarted();
    w.net.run(13_000);
    host.get(REGISTER);
    const recorded = w.net.sent.filter((packet) => packet.to.address === MASTER_ADDRESS);
    const seen = () => [w.counters().sessions, w.counters().hosts, masterEvents(w.master).length, host.events.length];
    const before = seen();
    const random = testRandom(5);
    for (const packet of recorded.map((one) => ({ one, at: random.float() })).sort((a, b) => a.at - b.at)) {
      w.net.inject(packet.one);
      w.net.inject({ ...packet.one, from: { address: VICTIM, port: 7 } });
      w.net.run(50);
    }
    expect(seen()).toEqual(before);
    expect(w.net.ledger.proven.has(VICTIM)).toBe(false);
    // At another master of the same folder, which has not seen its time stamp: one answer each, and no session of it.
    w.restartMaster('third');
    host.node.alive = false;
    for (const packet of recorded) w.net.inject(packet);
    w.net.run(10_000);
    expect(w.counters()).toMatchObject({ sessions: 0, hosts: 0 });
    expect(w.net.ledger.worst).toBeLessThan(1);
  });

  test('is asked for a cookie where its session is known', () => {
    const { w, host } = restarted();
    w.net.run(13_000);
    const played = w.net.sent.filter(resumes).at(-1) as Packet;
    w.net.run(10_000);
    const before = w.net.sent.length;
    // Its cookie is good at its own address only.
    w.net.inject({ ...played, from: { address: VICTIM, port: 5 } });
    w.net.inject({ ...withoutCookie(played), from: { address: VICTIM, port: 5 } });
    w.net.run(30);
    const toVictim = w.net.sent.slice(before).filter(({ to }) => to.address === VICTIM);
    expect(toVictim.map(({ bytes }) => bytes[0])).toEqual([WIRE.retry]);
    expect(host.states.at(-1)).toBe('up');
  });
});
