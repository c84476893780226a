/** A relay in the simulated internet, and two ends behind NATs that would never meet. */
import { expect, test } from 'vitest';
import {
  type Endpoint,
  type Machine,
  type Output,
  RelayMachine,
  relayKeys,
  type SocketId,
  seededCrypto,
} from '../../src/core/index.ts';
import { agenda, Binder, type BinderEvent, mintGrant, type RelayGrant } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { createWorld, NATS } from '../../src/sim/index.ts';

const crypto = seededCrypto('sim relay', nodeCrypto);
const KEYS = relayKeys(crypto, new Uint8Array(32), new Uint8Array(32).fill(1));
const SOCKET: SocketId = 1;

type EndEvent = BinderEvent | { readonly ev: 'got'; readonly number: number };

/** One end: bound over its one socket, sends a numbered datagram every 50 ms, tells the numbers that come. */
class End implements Machine<'network', EndEvent> {
  sent = 0;
  private readonly relay: Endpoint;
  private readonly grant: RelayGrant;
  private readonly out: Output<EndEvent>[] = [{ kind: 'socket', op: 'open', socket: SOCKET, family: 4, port: 0 }];
  private readonly agenda = agenda();
  private binder: Binder | null = null;

  constructor(relay: Endpoint, grant: RelayGrant) {
    this.relay = relay;
    this.grant = grant;
  }

  handleSocket(now: number): void {
    const transmit = (to: Endpoint, bytes: Uint8Array) =>
      void this.out.push({ kind: 'transmit', socket: SOCKET, to, bytes });
    this.binder = new Binder(now, {
      ...{ crypto, relay: this.relay, grant: this.grant, transmit },
      at: (instant, run) => this.agenda.at(instant, run),
      tell: (_now, event) => void this.out.push({ kind: 'event', event }),
    });
    this.beat(now);
  }

  private beat(now: number): void {
    const bytes = new Uint8Array(60);
    bytes[0] = 0xd8;
    new DataView(bytes.buffer).setUint32(1, this.sent++);
    if (this.binder?.bound) this.out.push({ kind: 'transmit', socket: SOCKET, to: this.relay, bytes });
    this.agenda.at(now + 50, (later) => this.beat(later));
  }

  handleDatagram(now: number, _socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (this.binder?.datagram(now, from, bytes)) return;
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
    this.out.push({ kind: 'event', event: { ev: 'got', number } });
  }

  handleCommand(now: number): void {
    this.binder?.network(now);
  }

  handleTimeout(now: number): void {
    this.agenda.run(now);
  }

  poll(): Output<EndEvent> {
    return this.out.shift() ?? { kind: 'wait', until: this.agenda.next() };
  }
}

test('two hosts behind NATs that draw a random port for each destination play over a relay, and go on after a change of address', () => {
  const world = createWorld({ seed: 16, delayMs: 20, replay: 'test/sim/relay.test.ts, seed 16' });
  const server = world.server();
  const relay = new RelayMachine({
    ...{ crypto, keys: KEYS, wallClock: () => 1_700_000_000_000 + world.now },
    ...{ addresses: [server.address], port: 8455 },
  });
  server.run(relay).command({ do: 'start' });
  world.run(10);
  const at = { address: server.address, port: 8455 };
  const pair = { sid: new Uint8Array(16), clientKey: new Uint8Array(32).fill(2), hostKey: new Uint8Array(32).fill(3) };
  const hosts = world.pairBehind(NATS.pf, NATS.pf);
  const told: EndEvent[][] = [[], []];
  const ends = (['client', 'host'] as const).map((side, n) =>
    hosts[n]!.run(new End(at, mintGrant(crypto, KEYS, pair, { side, expiresAt: 1_700_000_060 })), {
      onEvent: (event) => void told[n]!.push(event),
    }),
  );
  const numbers = (n: number): number[] => told[n]!.flatMap((event) => (event.ev === 'got' ? [event.number] : []));
  expect(world.runUntil(() => numbers(0).length > 0 && numbers(1).length > 0, { limitMs: 500 })).toBe(true);
  world.run(5 * 60_000);
  for (const n of [0, 1]) {
    const got = numbers(n);
    expect(new Set(got).size).toBe(got.length);
    expect(got.at(-1)! - got[0]!).toBe(got.length - 1);
  }
  // At night the provider gives the client another address; the token is minutes old.
  world.readdress(world.gateways[0]!);
  ends[0]!.command('network');
  const before = numbers(1).length;
  world.run(400);
  expect(numbers(1).length - before).toBeGreaterThan(2);
  expect(relay.relay.counters()).toMatchObject({ pairs: 1, ends: 2, whole: 1 });
  for (const events of told) expect(events.filter(({ ev }) => ev === 'lost' || ev === 'token-needed')).toEqual([]);
});
