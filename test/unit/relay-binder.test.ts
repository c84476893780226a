/** The participant's half: getting bound at a relay, staying so, coming back; and the round trips to several. */
import { describe, expect, test } from 'vitest';
import { type Endpoint, RELAY_LIMITS } from '../../src/core/index.ts';
import { agenda, Binder, type BinderEvent, type RelayGrant, RelayMeter, readRelay } from '../../src/core/testing.ts';
import { crypto, data, RelayNet, type Sent } from './relay-net.ts';

const RELAY: Endpoint = { address: '198.51.100.7', port: 8455 };
const RTT = 40;

/** A binder at a socket whose datagrams take 20 ms to the relay, and 20 ms back. */
class Desk {
  now = 1_000_000;
  net: RelayNet = new RelayNet();
  from: Endpoint = { address: '198.18.0.1', port: 1 };
  cut = false;
  readonly told: BinderEvent[] = [];
  /** Whoever is told that the way is lost wants it no more. */
  gaveUp = false;
  readonly agenda = agenda();
  readonly types: string[] = [];
  readonly binder: Binder;

  constructor(grant: RelayGrant | null | undefined = undefined) {
    this.binder = new Binder(this.now, {
      ...{ crypto, relay: RELAY, grant: grant === undefined ? this.net.grant(1, 'client') : grant },
      at: (instant, run) => this.agenda.at(instant, run),
      tell: (now, event) => {
        this.told.push(event);
        if (this.gaveUp && event.ev === 'lost') this.binder.stop(now);
      },
      transmit: (to, bytes) => {
        expect(to).toEqual(RELAY);
        this.types.push(readRelay(bytes)!.type);
        if (!this.cut) this.agenda.at(this.now + RTT / 2, () => this.arrive(bytes));
      },
    });
  }

  private arrive(bytes: Uint8Array): void {
    this.net.pass(this.now - this.net.now);
    this.bring(this.net.give(this.from, bytes));
  }

  bring(sent: readonly Sent[]): void {
    for (const { to, bytes } of sent) {
      if (to.address !== this.from.address || to.port !== this.from.port) continue;
      this.agenda.at(this.now + RTT / 2, (now) => void this.binder.datagram(now, RELAY, bytes));
    }
  }

  run(ms: number): void {
    const end = this.now + ms;
    while (this.agenda.next() <= end) {
      this.now = Math.max(this.now, this.agenda.next());
      this.agenda.run(this.now);
    }
    this.now = end;
    this.net.pass(end - this.net.now);
  }
}

describe('a binding', () => {
  test('is there after two round trips, kept each 20 s, and knows its round trip', () => {
    const desk = new Desk();
    desk.run(2 * RTT);
    expect(desk.told).toEqual([{ ev: 'bound', other: false }]);
    expect(desk.binder.rttMs).toBe(RTT);
    desk.run(10 * 60_000);
    expect(desk.types.slice(0, 2)).toEqual(['ask', 'bind']);
    expect(new Set(desk.types.slice(2))).toEqual(new Set(['keep']));
    expect(desk.types.length - 2).toBe(29);
    expect(desk.told).toHaveLength(1);
    expect(desk.net.relay.counters().ends).toBe(1);
  });

  test('is told at once that the other end has come, and at the next KEEP that it has gone', () => {
    const desk = new Desk();
    desk.run(100);
    const host = { address: '203.0.113.1', port: 2 };
    desk.bring(desk.net.give(host, desk.net.bindBytes(host, desk.net.grant(1, 'host'))));
    desk.run(RTT);
    expect(desk.told).toEqual([
      { ev: 'bound', other: false },
      { ev: 'bound', other: true },
    ]);
    desk.run(90_000);
    expect(desk.told.slice(2)).toEqual([{ ev: 'bound', other: false }]);
  });

  test('comes back from a new address within two round trips, once it is told that the network has changed', () => {
    const desk = new Desk();
    desk.run(300_000);
    desk.from = { address: '198.51.100.99', port: 9 };
    desk.binder.network(desk.now);
    desk.run(2 * RTT);
    expect(desk.binder.bound).toBe(true);
    expect(desk.told).toEqual([
      { ev: 'bound', other: false },
      { ev: 'bound', other: false },
    ]);
    expect(desk.net.relay.counters()).toMatchObject({ pairs: 1, ends: 1 });
  });

  test('that a NAT has moved unnoticed comes back within three round trips, once asked whether it is there', () => {
    const desk = new Desk();
    desk.run(1_000);
    desk.from = { ...desk.from, port: 7_777 };
    desk.binder.check(desk.now);
    desk.run(3 * RTT);
    expect(desk.binder.bound).toBe(true);
    expect(desk.told).toEqual([
      { ev: 'bound', other: false },
      { ev: 'lost', why: 'expired' },
      { ev: 'bound', other: false },
    ]);
  });

  test('asks for a new token where the relay was started anew and its own is old, and binds with that', () => {
    const desk = new Desk();
    desk.run(300_000);
    desk.net = new RelayNet();
    desk.net.now = desk.now;
    desk.binder.check(desk.now);
    desk.run(4 * RTT);
    expect(desk.told.slice(1)).toEqual([{ ev: 'lost', why: 'expired' }, { ev: 'token-needed' }]);
    desk.binder.grant(desk.now, desk.net.grant(1, 'client'));
    desk.run(2 * RTT);
    expect(desk.told.at(-1)).toEqual({ ev: 'bound', other: false });
  });

  test('without a token asks for one, and for nothing else meanwhile', () => {
    const desk = new Desk(null);
    desk.run(60_000);
    expect(desk.told).toEqual([{ ev: 'token-needed' }]);
    expect(desk.types).toEqual([]);
    desk.binder.grant(desk.now, desk.net.grant(1, 'client'));
    desk.run(2 * RTT);
    expect(desk.binder.bound).toBe(true);
  });

  test('to a relay that is away says so after 2.75 s, and goes on trying each 5 s', () => {
    const desk = new Desk();
    desk.run(100);
    desk.cut = true;
    desk.binder.check(desk.now);
    desk.run(2_760);
    expect(desk.told.slice(1)).toEqual([{ ev: 'lost', why: 'silent' }]);
    desk.run(60_000);
    expect(desk.told).toHaveLength(2);
    desk.cut = false;
    desk.run(10_000);
    expect(desk.told.at(-1)).toEqual({ ev: 'bound', other: false });
    expect(desk.types.length).toBeLessThan(50);
  });

  test('that is stopped by whoever is told that it is lost asks nothing more', () => {
    for (const startedAnew of [false, true]) {
      const desk = new Desk();
      desk.run(300_000);
      desk.gaveUp = true;
      if (startedAnew) {
        desk.net = new RelayNet();
        desk.net.now = desk.now;
      } else desk.cut = true;
      desk.binder.check(desk.now);
      desk.run(2_760);
      expect(desk.told.slice(1)).toEqual([{ ev: 'lost', why: startedAnew ? 'expired' : 'silent' }]);
      const before = desk.types.length;
      desk.run(60_000);
      expect(desk.types).toHaveLength(before);
    }
  });

  test('that was refused because its host has enough rests and tries again', () => {
    const desk = new Desk();
    desk.net = new RelayNet({ quotas: { pairsPerHost: 0 } });
    desk.run(RTT * 2);
    expect(desk.told).toEqual([{ ev: 'lost', why: 'full' }]);
    desk.run(60_000);
    expect(desk.types.length).toBeLessThan(30);
    desk.binder.stop(desk.now);
    const before = desk.types.length;
    desk.run(60_000);
    expect(desk.types).toHaveLength(before);
  });

  test('believes nobody but its relay, and no answer to what it has not asked', () => {
    const desk = new Desk();
    desk.cut = true;
    const stranger = { address: '192.0.2.1', port: 1 };
    const forged = [
      Uint8Array.of(0xd9, 2, ...new Uint8Array(24)),
      Uint8Array.of(0xd9, 4, ...new Uint8Array(25).fill(1)),
      Uint8Array.of(0xd9, 5, ...new Uint8Array(9)),
    ];
    for (const bytes of forged) {
      expect(desk.binder.datagram(desk.now, stranger, bytes)).toBe(false);
      expect(desk.binder.datagram(desk.now, RELAY, bytes)).toBe(true);
    }
    expect(desk.binder.datagram(desk.now, RELAY, data())).toBe(false);
    expect(desk.told).toEqual([]);
    expect(desk.binder.bound).toBe(false);
  });
});

test('the round trips to several relays: each is asked three times, the least counts, one that is silent has none', () => {
  const relays = [10, 60, 35].map((rttMs, n) => ({ rttMs, net: new RelayNet(), at: { ...RELAY, port: 9_000 + n } }));
  const silent = { ...RELAY, port: 9_999 };
  const from = { address: '198.18.0.1', port: 1 };
  const clock = agenda();
  let now = 1_000_000;
  const measured: number[] = [];
  let asks = 0;
  const meter: RelayMeter = new RelayMeter({
    ...{ crypto, measured: (at) => void measured.push(at - 1_000_000) },
    at: (instant, run) => clock.at(instant, run),
    transmit: (to, bytes) => {
      asks++;
      const relay = relays.find(({ at }) => at.port === to.port);
      // The first two answers are late.
      const lateMs = asks <= 8 ? 15 : 0;
      const answers = relay?.net.give(from, bytes) ?? [];
      for (const { bytes: answer } of answers)
        clock.at(now + relay!.rttMs + lateMs, (at) => expect(meter.datagram(at, to, answer)).toBe(true));
    },
  });
  meter.measure(now, [...relays.map(({ at }) => at), silent]);
  while (clock.next() < now + 10_000) {
    now = clock.next();
    clock.run(now);
  }
  expect(relays.map(({ at }) => meter.rttMs(at))).toEqual([10, 60, 35]);
  expect(meter.rttMs(silent)).toBeNull();
  expect(asks).toBe(4 * RELAY_LIMITS.meterAsks);
  expect(measured).toEqual([3 * RELAY_LIMITS.meterAskMs + RELAY_LIMITS.meterWaitMs]);
});
