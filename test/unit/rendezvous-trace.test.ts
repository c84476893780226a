/**
 * What somebody who records everything can make of it who watches two networks: nothing of a participant on the one is found again on
 * the other, but what every participant's datagrams have. And clocks: none has to be right.
 */
import { describe, expect, test } from 'vitest';
import { MASTER_LIMITS, WIRE } from '../../src/core/index.ts';
import { MASTER_ADDRESS, type Packet, type Participant, REGISTER, type World, world } from './rendezvous-net.ts';

const HOME = '203.0.113.5';
const AWAY = '198.18.7.9';
/** What the recorder looks for: shorter strings turn up twice by chance, and so does a counter among zeros beside one chance byte. */
const LINK_BYTES = 8;
const LINK_BYTES_NOT_ZERO = 6;

/** Everything that this address has sent and got, from the `first` packet on. */
function recorded(w: World, address: string, first = 0): readonly Packet[] {
  return w.net.sent.slice(first).filter(({ from, to }) => from.address === address || to.address === address);
}

function strings(packets: readonly Packet[]): Set<string> {
  const found = new Set<string>();
  for (const { bytes } of packets) {
    const text = String.fromCharCode(...bytes);
    for (let at = 0; at + LINK_BYTES <= text.length; at++) {
      const part = text.slice(at, at + LINK_BYTES);
      if (part.replaceAll('\0', '').length >= LINK_BYTES_NOT_ZERO) found.add(part);
    }
  }
  return found;
}

/** Strings of both networks that tell who it is: those that a stranger's datagrams have as well do not. */
function links(w: World, before: readonly Packet[], after: readonly Packet[]): string[] {
  const stranger = w.participant('stranger', '192.0.2.77').start();
  for (let i = 0; i < 3; i++) w.net.run(20_000);
  stranger.get(REGISTER);
  stranger.do({ do: 'nudge' });
  w.net.run(60_000);
  const common = strings(recorded(w, '192.0.2.77'));
  const there = strings(before);
  return [...strings(after)].filter((text) => there.has(text) && !common.has(text)).map((text) => hex(text));
}

function hex(text: string): string {
  return [...text].map((letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

/** Heartbeats, probes, an echo now and then: a session as it is. */
function live(w: World, host: Participant): void {
  host.get(REGISTER);
  for (const source of host.link.sources.slice(0, 3)) {
    const from = { address: host.node.address, port: host.portOf(host.link.socket) };
    const bytes = source.request(w.net.now, 5, 'same');
    w.net.sent.push({ from, to: source.target, bytes });
    w.net.inject({ from, to: source.target, bytes });
  }
  w.net.run(20_000);
}

describe('a recorder on two networks', () => {
  test('finds nothing that links a participant before and after it has moved', () => {
    const w = world();
    const host = w.participant('host', HOME).start();
    live(w, host);
    const before = recorded(w, HOME);
    host.node.address = AWAY;
    host.do({ do: 'nudge' });
    w.net.run(1_000);
    live(w, host);
    expect(host.states).toEqual(['connecting', 'up', 'up']);
    const after = recorded(w, AWAY);
    expect(before.length).toBeGreaterThan(20);
    expect(after.length).toBeGreaterThan(20);
    expect(after.some(resumes)).toBe(true);
    expect(links(w, before, after)).toEqual([]);
  });

  test('nor across a restart of the master and two resumptions, one on each network', () => {
    const w = world();
    const host = w.participant('host', HOME).start();
    live(w, host);
    w.restartMaster('second');
    w.net.run(13_000);
    live(w, host);
    const before = recorded(w, HOME);
    // The computer sleeps and wakes elsewhere; the master has been started again meanwhile.
    host.node.address = AWAY;
    host.do({ do: 'nudge' });
    w.restartMaster('third');
    w.net.run(13_000);
    live(w, host);
    expect(w.counters()).toMatchObject({ handshakes: 0, resumptions: 1, sessions: 1 });
    expect(links(w, before, recorded(w, AWAY))).toEqual([]);
  });

  test('and a ticket is shown once, whatever is lost and however often the network changes', () => {
    const w = world({ addresses: [MASTER_ADDRESS] });
    const host = w.participant('host', HOME).start();
    // On every second network a ticket goes out and nothing comes back any more.
    let [silent, showed] = [false, false];
    w.net.hook = (packet) => {
      showed ||= resumes(packet);
      return silent && showed ? [] : [packet];
    };
    for (let i = 0; i < 40; i++) {
      [silent, showed] = [i % 2 === 0, false];
      host.node.address = `198.18.${i}.9`;
      host.do({ do: 'nudge' });
      w.net.run(i % 3 === 0 ? 40 : 9_000);
    }
    const shown = w.net.sent.filter(resumes).map(({ bytes }) => hex(String.fromCharCode(...bytes.subarray(60, 196))));
    expect(shown.length).toBeGreaterThan(10);
    expect(new Set(shown).size).toBe(shown.length);
  });

  test('an address that changes unannounced keeps its CID no longer than the master needs to say so', () => {
    const w = world();
    const host = w.participant('host', HOME).start();
    live(w, host);
    const before = recorded(w, HOME);
    host.node.address = AWAY;
    w.net.run(3_000);
    const moved = w.net.sent.length;
    live(w, host);
    expect(links(w, before, recorded(w, AWAY, moved))).toEqual([]);
  });
});

describe('a clock that is wrong', () => {
  const CLOCKS = [0, 1, 3_600_000, 2 ** 53 - 1, 1_700_000_000_000 + 86_400_000];

  test('whatever it says, its participant is in one round trip later', () => {
    for (const time of CLOCKS) {
      const w = world();
      const host = w.participant('host', HOME, { wallClock: () => time });
      host.do({ do: 'start' });
      w.net.run(200);
      expect(host.states).toEqual(['connecting', 'up']);
      expect(host.get(REGISTER).type).toBe('registered');
      expect(retriesTo(w, HOME)).toBe(1);
      // A resumption is no dearer for it.
      const sent = w.net.sent.length;
      host.do({ do: 'nudge' });
      w.net.run(200);
      expect(host.states).toEqual(['connecting', 'up', 'up']);
      expect(retriesTo(w, HOME, sent)).toBe(1);
      expect(w.counters().resumptions).toBe(1);
    }
  });

  test('times of 2^53 by however many keys make nobody else wait: a full table of them asks no honest HELLO for a cookie', () => {
    const w = world();
    const taken = MASTER_LIMITS.helloTimesMax;
    Object.assign(MASTER_LIMITS, { helloTimesMax: 8 });
    try {
      for (let i = 0; i < 64; i++) {
        const stranger = w.participant(`stranger ${i}`, `198.18.${i}.1`, { wallClock: () => 2 ** 53 - 1 });
        stranger.do({ do: 'start' });
        w.net.run(100);
        expect(stranger.states.at(-1)).toBe('up');
        stranger.do({ do: 'close' });
      }
      const sent = w.net.sent.length;
      for (let i = 0; i < 32; i++) w.participant(`honest ${i}`, `203.0.${i}.5`).start();
      for (let i = 0; i < 32; i++) expect(retriesTo(w, `203.0.${i}.5`, sent)).toBe(0);
    } finally {
      Object.assign(MASTER_LIMITS, { helloTimesMax: taken });
    }
  });

  test('a HELLO of yesterday gets no session from a master that has forgotten everything', () => {
    const w = world();
    const host = w.participant('host', HOME).start();
    const hello = w.net.sent.find(({ bytes }) => bytes[0] === WIRE.hello) ?? expect.unreachable();
    host.node.alive = false;
    w.net.run(24 * 3_600_000);
    w.restartMaster('second');
    const sent = w.net.sent.length;
    w.net.inject(hello);
    w.net.run(100);
    expect(w.net.sent.slice(sent).map(({ bytes }) => bytes[0])).toEqual([WIRE.retry]);
  });
});

function resumes({ bytes }: Packet): boolean {
  return bytes[0] === WIRE.hello && ((bytes[2] as number) & 4) !== 0;
}

function retriesTo(w: World, address: string, first = 0): number {
  return w.net.sent.slice(first).filter(({ to, bytes }) => to.address === address && bytes[0] === WIRE.retry).length;
}
