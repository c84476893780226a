/** The streams of a connection by themselves: frames, windows, ends, and what a hostile side can do with them. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  agenda,
  ConnectionStreams,
  Ranges,
  Reader,
  readFrame,
  readVarint,
  STREAM_LIMITS,
  type StreamEvent,
  Writer,
  writeVarint,
} from '../../src/core/testing.ts';

/** One end, whose other side is written by hand. */
function end(opens = false, takes: (service: number) => boolean = () => true) {
  const events: StreamEvent[] = [];
  const sent: Uint8Array[] = [];
  const alarms = agenda();
  const streams = new ConnectionStreams(
    0,
    20,
    { agenda: alarms, opens, takes },
    {
      room: () => 1_200,
      transmit: (_now, body) => sent.push(body.slice()),
      event: (_now, event) => events.push(event),
    },
  );
  let number = 0;
  return {
    ...{ streams, events, sent, alarms },
    get: (bytes: readonly number[] | Uint8Array, now = 1) =>
      streams.receive(now, Uint8Array.from([...varint(number++), ...bytes])),
    /** Frames that went out, acknowledgements apart. */
    frames: () => sent.flatMap(framesOf).filter(({ frame }) => frame !== 'ack'),
  };
}

function varint(value: number): number[] {
  return [...writeVarint(new Writer(8), value).done()];
}

function framesOf(body: Uint8Array) {
  const reader = new Reader(body);
  readVarint(reader);
  const frames = [];
  while (reader.left > 0) frames.push(readFrame(reader) ?? expect.unreachable('a frame that is none'));
  return frames;
}

/** A stream frame with offset and length; `fin`: its last bytes. */
function bytesFrame(stream: number, offset: number, bytes: readonly number[], fin = false): number[] {
  return [0x0e | (fin ? 1 : 0), ...varint(stream), ...varint(offset), ...varint(bytes.length), ...bytes];
}
const reset = (stream: number, code: number, size: number) => [
  0x04,
  ...varint(stream),
  ...varint(code),
  ...varint(size),
];
const ack = (largest: number) => [0x02, ...varint(largest), 0, 0, 0, 0, 0, 0, ...varint(largest)];
const failure = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.ev === 'streams-failed' ? [event.error] : []))[0] ?? null;

describe('integers and frames', () => {
  test.each([
    [37, [0x25]],
    [15_293, [0x7b, 0xbd]],
    [494_878_333, [0x9d, 0x7f, 0x3e, 0x7d]],
  ])('%i is written as in RFC 9000 appendix A.1', (value, bytes) => {
    expect(varint(value)).toEqual(bytes);
    expect(readVarint(new Reader(Uint8Array.from(bytes)))).toBe(value);
  });

  test('what does not fit 53 bits is malformed', () => {
    const reader = new Reader(new Uint8Array(8).fill(0xff));
    expect([readVarint(reader), reader.ok]).toEqual([0, false]);
  });

  test('sets of numbers agree with a plain set', () => {
    const step = fc.record({ add: fc.boolean(), start: fc.nat(60), length: fc.nat(12) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(60), (steps, from) => {
        const ranges = new Ranges();
        const plain = new Set<number>();
        for (const { add, start, length } of steps) {
          if (add) ranges.add(start, start + length);
          else ranges.remove(start, start + length);
          for (let n = start; n < start + length; n++) add ? plain.add(n) : plain.delete(n);
        }
        const numbers = Array.from({ length: 80 }, (_, n) => n);
        expect(numbers.filter((n) => ranges.has(n))).toEqual(numbers.filter((n) => plain.has(n)));
        for (const [n, run] of ranges.runs.entries())
          expect(run.start).toBeGreaterThan(n === 0 ? -1 : (ranges.runs[n - 1]?.end ?? 0));
        const gaps = ranges.without(from, 80).flatMap(({ start, end }) => numbers.slice(start, end));
        expect(gaps).toEqual(numbers.filter((n) => n >= from && !plain.has(n)));
      }),
    );
  });
});

describe('a stream', () => {
  test('its first byte names the service, the rest is the application’s, in order whatever came first', () => {
    const { get, events } = end();
    get(bytesFrame(0, 3, [30, 40], true));
    get(bytesFrame(0, 0, [5, 10]));
    get(bytesFrame(0, 1, [10, 20]));
    expect(events.map(({ ev }) => ev)).toEqual(['stream-opened', ...Array(3).fill('stream-data'), 'stream-ended']);
    expect(events[0]).toEqual({ ev: 'stream-opened', stream: 0, service: 5 });
    expect(events.flatMap((event) => (event.ev === 'stream-data' ? [...event.bytes] : []))).toEqual([10, 20, 30, 40]);
  });

  test('a small write goes at once, without waiting for more', () => {
    const { streams, frames } = end(true);
    streams.obey(1, { do: 'stream-open', stream: 7, service: 2 });
    streams.obey(2, { do: 'stream-write', stream: 7, bytes: Uint8Array.of(9) });
    expect(frames()).toEqual([
      { frame: 'stream', stream: 0, offset: 0, bytes: Uint8Array.of(2), fin: false },
      { frame: 'stream', stream: 0, offset: 1, bytes: Uint8Array.of(9), fin: false },
    ]);
  });

  test('its end is one direction: the other side still writes', () => {
    const { streams, events, get } = end(true);
    streams.obey(1, { do: 'stream-open', stream: 0, service: 2 });
    streams.obey(1, { do: 'stream-end', stream: 0 });
    get(bytesFrame(0, 0, [1, 2]));
    expect(events).toEqual([{ ev: 'stream-data', stream: 0, bytes: Uint8Array.of(1, 2) }]);
    get(ack(1));
    get(bytesFrame(0, 2, [], true));
    expect(events.slice(1).map(({ ev }) => ev)).toEqual(['stream-ended', 'stream-closed']);
  });

  test('a service that takes none is refused, and the friend hears so', () => {
    const host = end(false, (service) => service === 1);
    host.get(bytesFrame(0, 0, [2, 1, 1]));
    expect(host.events).toEqual([]);
    expect(host.frames()).toEqual([
      { frame: 'reset', stream: 0, code: 1, size: 0 },
      { frame: 'stop', stream: 0, code: 1 },
    ]);
    const friend = end(true);
    friend.streams.obey(1, { do: 'stream-open', stream: 4, service: 2 });
    friend.get(reset(0, 1, 0));
    expect(friend.events).toEqual([{ ev: 'stream-reset', stream: 4, why: 'refused' }]);
  });

  test('a reset ends both directions, and a code of no name is an ordinary one', () => {
    const { get, events, frames, streams } = end();
    get(bytesFrame(0, 0, [1]));
    get(reset(0, 99, 1));
    expect(events.slice(1)).toEqual([{ ev: 'stream-reset', stream: 0, why: 'reset' }]);
    expect(frames()).toContainEqual({ frame: 'reset', stream: 0, code: 99, size: 0 });
    streams.obey(2, { do: 'stream-write', stream: 0, bytes: Uint8Array.of(1) });
    expect(frames().filter(({ frame }) => frame === 'stream')).toEqual([]);
  });

  test('with the connection every stream ends', () => {
    const { streams, events } = end(true);
    streams.obey(1, { do: 'stream-open', stream: 0, service: 2 });
    streams.close(2);
    streams.obey(3, { do: 'stream-open', stream: 1, service: 2 });
    expect(events).toEqual([
      { ev: 'stream-reset', stream: 0, why: 'lost' },
      { ev: 'stream-reset', stream: 1, why: 'lost' },
    ]);
  });
});

describe('a sender', () => {
  const { packetThresholdMax, sentPacketsMax } = STREAM_LIMITS;
  /** All up to `before` have come, and those from `from` to `largest`. */
  const ackWithGap = (before: number, from: number, largest: number) => [
    ...[0x02, ...varint(largest), 0, 0, 0, 0, 0, ...varint(1), ...varint(largest - from)],
    ...[...varint(from - before - 2), ...varint(before)],
  ];
  const writer = () => {
    const made = end(true);
    made.streams.obey(1, { do: 'stream-open', stream: 0, service: 1 });
    return {
      ...made,
      write: (now: number, bytes: number) =>
        made.streams.obey(now, { do: 'stream-write', stream: 0, bytes: new Uint8Array(bytes) }),
      times: (offset: number) =>
        made.frames().filter((frame) => frame.frame === 'stream' && frame.offset === offset).length,
    };
  };

  test('learns from datagrams that overtake each other, but takes one for lost after so many at the most', () => {
    const { get, write, times } = writer();
    for (let n = 1; n <= 250; n++) write(1 + 0.004 * n, 1);
    // One that 150 have overtaken is lost, and comes after all: so much of a lead would be asked for now, without a limit.
    get([0x02, ...varint(150), 0, 0, 0, 0, 0, 0, ...varint(149)], 2);
    expect(times(0)).toBe(2);
    get(ack(150), 2);
    get(ackWithGap(150, 152, 151 + packetThresholdMax - 1), 2);
    expect(times(151)).toBe(1);
    get(ackWithGap(150, 152, 151 + packetThresholdMax), 2);
    expect(times(151)).toBe(2);
  });

  test('has so many datagrams under way at most, however small they are, and rests until one has come', () => {
    const { get, write, sent, alarms } = writer();
    let now = 1;
    // The window of bytes is to have room for more than as many small ones.
    for (let round = 0; round < 10; round++) {
      write(now, 60_000);
      for (const until = now + 20; now < until; now++) alarms.run(now);
      get(ack(sent.length - 1), now);
    }
    for (; alarms.next() <= now + 20; now++) alarms.run(now);
    get(ack(sent.length - 1), now);
    const before = sent.length;
    for (let n = 0; n < sentPacketsMax + 500; n++) write(now + 0.002 * n, 1);
    now += 0.002 * (sentPacketsMax + 500);
    alarms.run(now);
    expect(sent.length - before).toBe(sentPacketsMax);
    expect(alarms.next() - now).toBeGreaterThan(5);
    get(ack(before + 99), now);
    expect(sent.length - before).toBeGreaterThan(sentPacketsMax);
  });
});

describe('a hostile side', () => {
  const { streamWindowBytes, connectionWindowBytes, streamsMax, piecesMax } = STREAM_LIMITS;

  test('writes no more of one stream than was allowed', () => {
    const { get, events } = end();
    get(bytesFrame(0, streamWindowBytes - 1, [1]));
    expect(failure(events)).toBeNull();
    get(bytesFrame(0, streamWindowBytes, [1]));
    expect(failure(events)).toBe('flowControl');
  });

  test('writes no more of all streams than was allowed', () => {
    const { get, events } = end();
    get(bytesFrame(0, streamWindowBytes - 1, [1]));
    get(bytesFrame(1, streamWindowBytes - 1, [1]));
    expect(failure(events)).toBeNull();
    expect(2 * streamWindowBytes).toBe(connectionWindowBytes);
    get(bytesFrame(2, 0, [1]));
    expect(failure(events)).toBe('flowControl');
  });

  test('gets no further window for what the application has not taken', () => {
    const { get, events, streams, frames } = end();
    const piece = new Array<number>(1_000).fill(1);
    for (let n = 0; n < 600; n++) get(bytesFrame(0, 1_000 * n, piece));
    expect(frames()).toEqual([]);
    streams.obey(2, { do: 'stream-consumed', stream: 0, bytes: 600_000 });
    expect(frames().map(({ frame }) => frame)).toEqual(['max-data', 'max-stream-data']);
    expect(failure(events)).toBeNull();
  });

  test('opens no more streams at once than there may be, and none at the friend', () => {
    const host = end();
    host.get(bytesFrame(streamsMax - 1, 0, [1]));
    expect(failure(host.events)).toBeNull();
    host.get(bytesFrame(streamsMax, 0, [1]));
    expect(failure(host.events)).toBe('streamLimit');
    const friend = end(true);
    friend.get(bytesFrame(0, 0, [1]));
    expect(failure(friend.events)).toBe('streamState');
  });

  test('opens further ones when others are over', () => {
    const { get, frames, streams, sent } = end();
    get(bytesFrame(0, 0, [1], true));
    streams.obey(1, { do: 'stream-end', stream: 0 });
    get(ack(sent.length - 1));
    expect(frames()).toContainEqual({ frame: 'max-streams', streams: streamsMax + 1 });
  });

  test('opens and resets without end: the places of those that are over come back at a pace', () => {
    const { get, events, frames, sent, alarms } = end();
    const { openRate, openRoomMs } = STREAM_LIMITS;
    const opened = () => events.filter(({ ev }) => ev === 'stream-opened').length;
    let next = 0;
    // All that is allowed, in each of two seconds; acknowledged at once.
    const openAll = (now: number): void => {
      const allowed = frames().reduce<number>(
        (most, one) => (one.frame === 'max-streams' ? one.streams : most),
        streamsMax,
      );
      for (; next < allowed; next++) get([...bytesFrame(next, 0, [1]), ...reset(next, 0, 1)], now);
      get(ack(sent.length - 1), now);
    };
    for (let now = 1; now <= 2_000; now += 10) {
      alarms.run(now);
      openAll(now);
    }
    expect(failure(events)).toBeNull();
    // The places that there are, those of the burst, and 256 a second; and nobody waits for ever.
    const most = streamsMax + openRate.burst + 2 * openRate.perSecond;
    expect(opened()).toBeLessThanOrEqual(most);
    expect(opened()).toBeGreaterThan(most - openRate.perSecond * ((2 * openRoomMs) / 1_000) - 2);
  });

  test('widens its window many times in one datagram: streams are looked at once', () => {
    const { get, streams, events } = end();
    for (let n = 0; n < streamsMax; n++) get(bytesFrame(n, 0, [1]));
    const adds = vi.spyOn(Set.prototype, 'add');
    const widen = Array.from({ length: 100 }, (_, n) => [0x10, ...varint(connectionWindowBytes + n + 1)]).flat();
    get(widen);
    const looked = adds.mock.calls.length;
    adds.mockRestore();
    expect(looked).toBeLessThan(2 * streamsMax);
    // And what it allowed last holds.
    for (let n = 0; n < 3; n++) {
      get([0x11, ...varint(n), ...varint(2 * connectionWindowBytes)]);
      streams.obey(2, { do: 'stream-write', stream: n, bytes: new Uint8Array(1_000) });
    }
    expect(failure(events)).toBeNull();
  });

  test('has its confetti kept up to a number of pieces; what is beyond counts as lost', () => {
    const { get, events, sent } = end();
    for (let n = 0; n < piecesMax + 50; n++) get(bytesFrame(0, 2 * n + 1, [1]));
    const acked = sent.flatMap(framesOf).findLast((frame) => frame.frame === 'ack');
    expect(acked?.frame === 'ack' ? acked.ranges[0]?.to : null).toBeLessThan(piecesMax);
    // The friend sends it again, and that goes through.
    for (let n = 0; n < piecesMax + 50; n++) get(bytesFrame(0, 2 * n, [1, 1]));
    const bytes = events.reduce((sum, event) => sum + (event.ev === 'stream-data' ? event.bytes.length : 0), 0);
    expect(bytes).toBeGreaterThan(2 * piecesMax);
  });

  test('leaves gaps in its numbers: so many runs are remembered, fewer are said, and what is older is not taken again', () => {
    const { streams, sent, events } = end();
    const { heardRangesMax, ackRangesMax } = STREAM_LIMITS;
    const numbered = (number: number, offset: number) =>
      streams.receive(1, Uint8Array.from([...varint(number), ...bytesFrame(0, offset, [1])]));
    for (let n = 0; n < 4 * heardRangesMax; n++) numbered(2 * n, n);
    const acks = sent.flatMap(framesOf).flatMap((frame) => (frame.frame === 'ack' ? [frame.ranges.length] : []));
    expect(Math.max(...acks)).toBe(ackRangesMax);
    const taken = events.length;
    // It lies below all that is remembered: it counts as taken, whatever it holds.
    numbered(1, 4 * heardRangesMax);
    expect(events.length).toBe(taken);
    numbered(8 * heardRangesMax + 1, 4 * heardRangesMax);
    expect(events.length).toBe(taken + 1);
  });

  test.each([
    ['a byte behind the end', [bytesFrame(0, 0, [1, 2], true), bytesFrame(0, 2, [3])], 'finalSize'],
    ['another end', [bytesFrame(0, 0, [1, 2], true), bytesFrame(0, 0, [1], true)], 'finalSize'],
    ['a reset short of what came', [bytesFrame(0, 0, [1, 2]), reset(0, 0, 1)], 'finalSize'],
    ['a frame of no kind', [[0x3f]], 'frameEncoding'],
    ['a frame that is cut', [[0x04, 0x00]], 'frameEncoding'],
    ['an acknowledgement of what was never sent', [ack(40)], 'protocolViolation'],
  ] as const)('ends the streams by %s', (_what, bodies, error) => {
    const { get, events, sent } = end();
    for (const body of bodies) get(body);
    expect(failure(events)).toBe(error);
    expect(sent.flatMap(framesOf).map(({ frame }) => frame)).toContain('close');
    const before = events.length;
    get(bytesFrame(1, 0, [1]));
    expect(events.length).toBe(before);
  });

  test('says that it is over, and all streams are', () => {
    const { get, events, streams } = end(true);
    streams.obey(1, { do: 'stream-open', stream: 3, service: 1 });
    get([0x1c, 0x03]);
    expect(events).toEqual([
      { ev: 'stream-reset', stream: 3, why: 'lost' },
      { ev: 'streams-failed', error: 'flowControl', by: 'other' },
    ]);
  });

  test('sends any bytes whatever: nothing is thrown, and nothing grows beyond its limits', () => {
    const small = fc.oneof(fc.nat(8), fc.nat(3_000), fc.maxSafeNat());
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => [...bytes]),
      fc
        .tuple(fc.nat(8), small, fc.array(fc.nat(255), { maxLength: 20 }), fc.boolean())
        .map(([stream, offset, bytes, fin]) => bytesFrame(stream, offset, bytes, fin)),
      fc.tuple(small, small, small).map(([stream, code, size]) => reset(stream, code, size)),
      fc
        .tuple(fc.constantFrom(0x05, 0x10, 0x11, 0x12), small, small)
        .map(([type, a, b]) => [type, ...varint(a), ...varint(b)]),
      fc.nat(12).map(ack),
      fc
        .tuple(small, small, fc.array(small, { maxLength: 6 }))
        .map(([largest, count, values]) => [
          0x02,
          ...varint(largest),
          0,
          1,
          2,
          3,
          4,
          ...varint(count),
          ...values.flatMap(varint),
        ]),
    );
    fc.assert(
      fc.property(fc.boolean(), fc.array(fc.array(frame, { maxLength: 4 }), { maxLength: 40 }), (opens, bodies) => {
        const { get, streams, events, alarms } = end(opens);
        if (opens) streams.obey(0, { do: 'stream-open', stream: 0, service: 1 });
        for (const [n, body] of bodies.entries()) {
          get(body.flat(), n);
          alarms.run(n + 0.5);
        }
        const open = events.filter(({ ev }) => ev === 'stream-opened').length;
        expect(open).toBeLessThanOrEqual(2 * streamsMax);
      }),
      { numRuns: 300 },
    );
  });
});
