import { expect, test } from 'vitest';
import {
  type Endpoint,
  endpointKey,
  type Instant,
  type Output,
  outputs,
  payloadBytesMax,
  seededCrypto,
} from '../../src/core/index.ts';
import { agenda, Connection, type ConnectionEvent, SecureSession } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';

/** Park and Miller's minimal generator: enough for jitter and loss. */
function lehmer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

type PathEvent = ConnectionEvent | { readonly ev: 'message'; readonly bytes: Uint8Array; readonly channel: number };

type Command =
  | { readonly do: 'send'; readonly bytes: Uint8Array; readonly channel?: number }
  | { readonly do: 'leave'; readonly reason: Parameters<Connection['leave']>[1] }
  | { readonly do: 'nudge' };

/** One end of a connection with what it needs around it, and its queue of outputs. */
interface End {
  readonly remote: Endpoint;
  readonly rttMs: number;
  handleDatagram(now: Instant, socket: number, from: Endpoint, bytes: Uint8Array): void;
  handleTimeout(now: Instant): void;
  /** What is done with it: `send`, `leave`, `nudge`. */
  act(what: (connection: Connection) => void): void;
  poll(): Output<PathEvent>;
}

function endOf(config: Omit<ConstructorParameters<typeof Connection>[1], 'agenda'>): End {
  const out = outputs<PathEvent>();
  const alarms = agenda();
  const connection = new Connection(
    0,
    { ...config, agenda: alarms },
    {
      transmit: (socket, to, bytes) => out.transmit(socket, to, bytes),
      message: (bytes, channel) => out.event({ ev: 'message', bytes, channel }),
      event: (_now, event) => out.event(event),
      free: () => {},
    },
  );
  return {
    get remote() {
      return connection.current.remote;
    },
    get rttMs() {
      return connection.current.rttMs;
    },
    handleDatagram: (now, socket, from, bytes) => connection.datagram(now, socket, from, bytes),
    handleTimeout: (now) => alarms.run(now),
    act: (what) => what(connection),
    poll: () => out.next(alarms.next()),
  };
}

/** Two ends of a path, `left` and `right`, in virtual time, 10 ms apart; `drop` and `rewrite` stand between them. */
function pair() {
  const suite = seededCrypto('path', nodeCrypto);
  const [up, down, sid] = [1, 2, 4].map((n) => new Uint8Array(n === 4 ? 8 : 32).fill(n)) as Uint8Array[];
  const at = {
    left: { address: '198.51.100.1', port: 1000 } as Endpoint,
    right: { address: '203.0.113.2', port: 2000 } as Endpoint,
  };
  const float = lehmer(1);
  const random = { float, int: (low: number, high: number) => low + Math.floor(float() * (high - low + 1)) };
  const make = (name: 'left' | 'right'): End => {
    const session = new SecureSession(suite, {
      send: (name === 'left' ? up : down) as Uint8Array,
      receive: (name === 'left' ? down : up) as Uint8Array,
    });
    const remote = name === 'left' ? at.right : at.left;
    const proven = { kind: 'direct', socket: 1, remote, rttMs: 20 } as const;
    return endOf({ crypto: suite, random, session, sid: sid as Uint8Array, proven });
  };
  const ends = { left: make('left'), right: make('right') };
  const flying: { at: Instant; from: Endpoint; to: Endpoint; bytes: Uint8Array }[] = [];
  const events: { left: PathEvent[]; right: PathEvent[] } = { left: [], right: [] };
  const sent: { at: Instant; from: Endpoint; to: Endpoint; bytes: Uint8Array }[] = [];
  const world = { now: 0, drop: (_from: 'left' | 'right') => false };
  const until = { left: 0, right: 0 };

  function drain(name: 'left' | 'right'): void {
    for (;;) {
      const output = ends[name].poll();
      if (output.kind === 'wait') {
        until[name] = output.until;
        return;
      }
      if (output.kind === 'event') events[name].push(output.event);
      if (output.kind !== 'transmit') continue;
      const datagram = { from: at[name], to: output.to, bytes: output.bytes };
      sent.push({ ...datagram, at: world.now });
      if (!world.drop(name)) flying.push({ at: world.now + 10, ...datagram });
    }
  }

  function run(untilMs: Instant): void {
    for (;;) {
      const next = Math.min(until.left, until.right, ...flying.map((d) => d.at));
      if (next > untilMs) break;
      world.now = Math.max(world.now, next);
      for (const d of flying.filter((one) => one.at <= world.now)) {
        flying.splice(flying.indexOf(d), 1);
        const name = endpointKey(d.to) === endpointKey(at.left) ? 'left' : 'right';
        if (endpointKey(d.to) !== endpointKey(at[name])) continue;
        ends[name].handleDatagram(world.now, 1, d.from, d.bytes);
        drain(name);
      }
      for (const name of ['left', 'right'] as const) {
        if (until[name] > world.now) continue;
        ends[name].handleTimeout(world.now);
        drain(name);
      }
    }
    world.now = untilMs;
  }

  function command(name: 'left' | 'right', what: Command): void {
    ends[name].act((connection) => {
      if (what.do === 'send') connection.send(world.now, what.bytes, what.channel ?? 0);
      else if (what.do === 'leave') connection.leave(world.now, what.reason);
      else connection.nudge(world.now);
    });
    drain(name);
  }
  drain('left');
  drain('right');
  return { ends, at, events, sent, world, run, command, flying };
}

const kinds = (events: readonly PathEvent[]) => events.map((event) => event.ev).filter((ev) => ev !== 'rtt');
const text = (event: PathEvent | undefined) => (event?.ev === 'message' ? [...event.bytes] : null);

test('what is sent arrives, once, sealed and 34 bytes longer', () => {
  const { run, command, events, sent } = pair();
  command('left', { do: 'send', bytes: Uint8Array.of(1, 2, 3) });
  run(15);
  expect(text(events.right[0])).toEqual([1, 2, 3]);
  expect(sent[0]?.bytes).toHaveLength(3 + 34);
  expect(sent[0]?.bytes[0]).toBe(0xd8);
});

test('a channel arrives as the channel it was sent on, and an unknown kind is ignored', () => {
  const { command, run, events } = pair();
  for (const channel of [0, 1, 15, 16]) command('left', { do: 'send', bytes: Uint8Array.of(channel), channel });
  run(100);
  const got = events.right.filter((event) => event.ev === 'message');
  expect(got.map((event) => [event.channel, event.bytes[0]])).toEqual([
    [0, 0],
    [1, 1],
    [15, 15],
  ]);
});

test('a datagram that comes twice is taken once', () => {
  const { run, command, events, ends, sent, at, world } = pair();
  command('left', { do: 'send', bytes: Uint8Array.of(9) });
  run(15);
  ends.right.handleDatagram(world.now, 1, at.left, (sent[0] as { bytes: Uint8Array }).bytes);
  run(30);
  expect(kinds(events.right)).toEqual(['message']);
});

test('an idle path sends something at least each 6 s and lives for an hour', () => {
  const { run, events, ends, sent, at } = pair();
  run(3_600_000);
  expect(kinds(events.left)).toEqual([]);
  const fromLeft = sent.filter((d) => d.from === at.left).map((d) => d.at);
  const gaps = fromLeft.map((time, i) => time - (fromLeft[i - 1] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(6_100);
  expect(ends.left.rttMs).toBe(20);
});

test('a path survives a quarter of an hour of 20 % loss each way', () => {
  const { run, events, world } = pair();
  const float = lehmer(12345);
  world.drop = () => float() < 0.2;
  run(900_000);
  expect(kinds(events.left)).not.toContain('over');
  expect(kinds(events.right)).not.toContain('over');
});

test('a path without answers falls silent within 10 s and is over 30 s after the last answer', () => {
  const { run, events, world } = pair();
  run(20_000);
  world.drop = () => true;
  run(32_000);
  expect(kinds(events.left)).toEqual(['silent']);
  run(56_000);
  expect(events.left.at(-1)).toEqual({ ev: 'over', reason: 'consent' });
});

test('a path that is used falls silent within 6 s, and is heard of again within 2 s when it recovers', () => {
  const { run, command, events, world } = pair();
  run(20_000);
  world.drop = () => true;
  for (let at = 20_000; at < 26_000; at += 50) {
    command('left', { do: 'send', bytes: Uint8Array.of(1) });
    run(at + 50);
  }
  expect(events.left.filter(({ ev }) => ev === 'silent')).toEqual([{ ev: 'silent', silent: true }]);
  world.drop = () => false;
  for (let at = 26_000; at < 28_000; at += 50) {
    command('left', { do: 'send', bytes: Uint8Array.of(1) });
    run(at + 50);
  }
  expect(events.left.at(-1)).toMatchObject({ ev: 'rtt' });
  expect(events.left.filter(({ ev }) => ev === 'silent').at(-1)).toEqual({ ev: 'silent', silent: false });
});

test('the other side learns at once that we leave, though one datagram is lost', () => {
  const { run, command, events, world } = pair();
  let n = 0;
  world.drop = () => n++ === 0;
  command('left', { do: 'leave', reason: 'kicked' });
  run(15);
  expect(events.right).toEqual([{ ev: 'over', reason: 'kicked' }]);
});

test('a path moves to a new address only after that address has answered', () => {
  const { run, command, events, at, ends } = pair();
  const moved = { address: '198.51.100.1', port: 7777 };
  at.left = moved;
  command('left', { do: 'nudge' });
  run(1);
  expect(ends.right.remote.port).toBe(1000);
  run(100);
  expect(kinds(events.right)).toEqual(['moved']);
  expect(ends.right.remote).toEqual(moved);
});

test('a stolen datagram played back from elsewhere moves nothing', () => {
  const { run, command, events, ends, sent, world } = pair();
  const thief = { address: '192.0.2.66', port: 6666 };
  // Once from before the original arrived, once as a replay.
  command('left', { do: 'send', bytes: Uint8Array.of(1) });
  const stolen = (sent[0] as { bytes: Uint8Array }).bytes;
  ends.right.handleDatagram(world.now, 1, thief, stolen);
  ends.right.handleDatagram(world.now, 1, thief, stolen);
  command('right', { do: 'send', bytes: Uint8Array.of(2) });
  run(20_000);
  expect(ends.right.remote).toEqual({ address: '198.51.100.1', port: 1000 });
  expect(kinds(events.right)).toEqual(['message']);
  const toThief = sent.filter((d) => endpointKey(d.to) === endpointKey(thief));
  expect(toThief.length).toBeLessThanOrEqual(3);
});

test('a datagram that comes late from elsewhere is taken, and nobody is asked there', () => {
  const { run, command, events, sent, at, world, ends, flying } = pair();
  const elsewhere: Endpoint = { address: '192.0.2.9', port: 9 };
  command('left', { do: 'send', bytes: Uint8Array.of(1) });
  // On another way, where a NAT in between gives another source, it takes longer than the one after it.
  const late = flying.pop()!;
  command('left', { do: 'send', bytes: Uint8Array.of(2) });
  run(15);
  const before = sent.length;
  ends.right.handleDatagram(world.now, 1, elsewhere, late.bytes);
  run(60_000);
  expect(events.right.flatMap((event) => text(event) ?? [])).toEqual([2, 1]);
  expect(sent.slice(before).filter(({ to }) => endpointKey(to) === endpointKey(elsewhere))).toEqual([]);
  expect(ends.right.remote).toEqual(at.left);
});

test('a message that does not fit one frame is reported, not cut', () => {
  const { run, command, events, sent } = pair();
  const limit = payloadBytesMax({ address: '203.0.113.2', port: 1 });
  expect(limit).toBe(1438);
  expect(payloadBytesMax({ address: '2001:db8::1', port: 1 })).toBe(1418);
  command('left', { do: 'send', bytes: new Uint8Array(limit) });
  command('left', { do: 'send', bytes: new Uint8Array(limit + 1) });
  run(15);
  expect(events.left).toEqual([{ ev: 'too-large', bytes: limit + 1, payloadBytesMax: limit }]);
  expect(kinds(events.right)).toEqual(['message']);
  expect(sent[0]?.bytes).toHaveLength(1472);
});

test('changed, cut and foreign datagrams do nothing', () => {
  const { command, ends, sent, at, world } = pair();
  command('left', { do: 'send', bytes: Uint8Array.of(1, 2, 3, 4) });
  const good = (sent[0] as { bytes: Uint8Array }).bytes;
  for (let i = 0; i < good.length; i++) {
    const bad = good.slice();
    bad[i] = (bad[i] as number) ^ 1;
    ends.right.handleDatagram(world.now, 1, at.left, bad);
    ends.right.handleDatagram(world.now, 1, at.left, good.slice(0, i));
  }
  expect(ends.right.poll().kind).toBe('wait');
  ends.right.handleDatagram(world.now, 1, at.left, good);
  expect(ends.right.poll().kind).toBe('event');
});
