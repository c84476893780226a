/** Pushes to somebody who may have left: what goes to an address that does not answer, and that honest ones still get theirs. */
import { describe, expect, test } from 'vitest';
import { MASTER_LIMITS, NEVER, utf8Encode } from '../../src/core/index.ts';
import type { Request } from '../../src/core/testing.ts';
import { type Participant, REGISTER, stolenSession, type World, world } from './rendezvous-net.ts';

const HOST_IP = '203.0.113.5';
/** Header, frame, token and tag, and what IPv4 and UDP add. */
const CHALLENGE_BYTES = 42;
const WIRE_BYTES = 28;

function pair(options: Parameters<typeof world>[0] = {}): { w: World; host: Participant; client: Participant } {
  const w = world(options);
  const host = w.participant('host', HOST_IP).start();
  host.get(REGISTER);
  return { w, host, client: w.participant('client', '198.18.0.9').start() };
}

const joinOf = (host: Participant, n: number): Request => {
  const sid = new Uint8Array(16).fill(n);
  return { type: 'join', hidden: false, sid, hostKey: host.key.publicKey, handshake: utf8Encode('x'.repeat(880)) };
};

/** The session as its link has it. */
/** Sizes of what the master has sent to the host's address since. */
function sizes(w: World, since: number): number[] {
  return w.net.sent.slice(since).flatMap(({ to, bytes }) => (to.address === HOST_IP ? [bytes.length] : []));
}

const wireBytes = (found: readonly number[]): number => found.reduce((sum, bytes) => sum + bytes + WIRE_BYTES, 0);

/** The participant is gone from its address, which belongs to somebody else now. */
function leaves(host: Participant): void {
  host.node.alive = false;
}

describe('whoever has left its address', () => {
  test('gets no more bytes sent there than those who ask for it pay, and what it has sent itself', () => {
    const { w, host, client } = pair();
    const itself = w.net.sent.filter(({ from }) => from.address === HOST_IP).map(({ bytes }) => bytes.length);
    leaves(host);
    const since = w.net.sent.length;
    const before = w.net.sent.length;
    for (let n = 1; n <= 60; n++) {
      client.ask(joinOf(host, n), client.socket());
      w.net.run(1_000);
    }
    const paid = w.net.sent
      .slice(before)
      .flatMap(({ from, bytes }) => (from.address === '198.18.0.9' ? [bytes.length] : []));
    const hit = sizes(w, since);
    expect(hit.length).toBeGreaterThan(5);
    expect(wireBytes(hit)).toBeLessThan(wireBytes(paid));
    expect(wireBytes(hit)).toBeLessThan(2.93 * wireBytes(itself) + 9 * 1_228);
  });

  test('one push to it is sent twice, however long it stays silent; the rest are challenges, and these end', () => {
    const { w, host, client } = pair();
    leaves(host);
    const since = w.net.sent.length;
    client.get(joinOf(host, 1), client.socket());
    w.net.run(9_000);
    const hit = sizes(w, since);
    expect(hit.filter((bytes) => bytes > CHALLENGE_BYTES)).toHaveLength(1 + MASTER_LIMITS.pushRepeatsUnheardMax);
    expect(hit.length).toBeLessThanOrEqual(2 + MASTER_LIMITS.challengesUnheardMax);
  });

  test('after 10 s it gets challenges only, eight in all, whatever is asked for', () => {
    const { w, host, client } = pair();
    leaves(host);
    w.net.run(MASTER_LIMITS.pushSilentMs + 2_000);
    const since = w.net.sent.length;
    for (let n = 1; n <= 40; n++) {
      client.ask(joinOf(host, n), client.socket());
      w.net.run(1_000);
    }
    const hit = sizes(w, since);
    expect(hit.length).toBeGreaterThan(0);
    expect(hit.length).toBeLessThanOrEqual(MASTER_LIMITS.challengesUnheardMax);
    expect(hit.every((bytes) => bytes === CHALLENGE_BYTES)).toBe(true);
  });

  test('and goes on speaking from elsewhere, with the source of what it has left, gets no large answers there', () => {
    const { w, host } = pair();
    // It is somewhere else now, sends with its old address, and hears nothing of what is sent there. An honest link would give up.
    leaves(host);
    const session = stolenSession(host);
    const from = { address: HOST_IP, port: host.portOf(host.link.socket) };
    let id = 1_000;
    const asks = (seconds: number): number => {
      const since = w.net.sent.length;
      for (let n = 0; n < 10 * seconds; n++) {
        const bytes = session.request(id++, { type: 'list', after: '', game: '' }, host.link.socket, host.link.socket);
        w.net.inject({ from, to: session.control, bytes });
        w.net.run(100);
      }
      expect(sizes(w, since)).toHaveLength(10 * seconds);
      return Math.max(...sizes(w, since));
    };
    expect(asks(5)).toBeGreaterThan(CHALLENGE_BYTES);
    // The newest stamp that it has heard counts until there are two newer ones.
    asks((2 * MASTER_LIMITS.stampMs + MASTER_LIMITS.pushSilentMs) / 1_000);
    expect(asks(20)).toBe(CHALLENGE_BYTES);
  });
});

describe('an honest host', () => {
  test.each([2_000, 10_000])(
    'that speaks each %i ms gets every offer, also on a line that loses a fifth each way',
    (pingMs) => {
      const { w, host, client } = pair();
      let state = 1;
      const lost = (): boolean => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32 < 0.2;
      };
      // As on a crowded master: of its echoes only one in so many gets through.
      let echoAt = w.net.now;
      w.net.hook = (packet) => {
        const own = [packet.from.address, packet.to.address].includes(HOST_IP);
        if (!own) return [packet];
        if (packet.from.address === HOST_IP && packet.bytes.length === 64 + 17 + 16) {
          if (w.net.now < echoAt) return [packet];
          echoAt = w.net.now + pingMs;
        }
        return lost() ? [] : [packet];
      };
      const offers = new Set<number>();
      for (let n = 1; n <= 40; n++) {
        client.ask(joinOf(host, n), client.socket());
        w.net.run(8_000);
        for (const push of host.pushes) if (push.type === 'offer') offers.add(push.sid[0] as number);
        client.ask(doneOf(n));
      }
      expect(offers.size).toBe(40);
    },
  );

  test('that was silent for 10 s gets an offer one round trip later than otherwise', () => {
    const { w, host, client } = pair();
    leaves(host);
    w.net.run(MASTER_LIMITS.pushSilentMs + 2_000);
    host.node.alive = true;
    host.node.until = NEVER;
    const at = w.net.now;
    client.ask(joinOf(host, 1), client.socket());
    while (host.pushes.length === 0 && w.net.now < at + 5_000) w.net.run(1);
    // JOIN, challenge, its answer, offer: 10 ms each.
    expect(w.net.now - at).toBeLessThanOrEqual(4 * 10 + 1);
  });
});

function doneOf(n: number): Request {
  return {
    ...{ type: 'done', sid: new Uint8Array(16).fill(n), outcome: 'aborted', path: null, clientNat: 'cone' },
    ...{ hostNat: 'public', family: 4, method: '', attempts: 0, elapsedMs: 0, packetsSent: 0 },
  };
}
