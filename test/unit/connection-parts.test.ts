import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CONNECTION_LIMITS, toHex } from '../../src/core/index.ts';
import { type Parted, Parts } from '../../src/core/testing.ts';

const { partsMax, partsMs, partBytesMin, partedMax, partedBytesMax, partedBytesSumMax } = CONNECTION_LIMITS;
/** What a body may have on a path of 1,200 bytes: without header (17), kind (1) and tag (16). */
const ROOM = 1_166;

/** Bytes that differ along the way, so that a part in a wrong place is seen. */
const sample = (length: number, salt = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) + salt) & 0xff);

const split = (parts: Parts, bytes: Uint8Array, lane = 3, room = ROOM): readonly Uint8Array[] => {
  const bodies = parts.split(lane, bytes, room);
  if (bodies === null) return expect.unreachable('it fits in parts');
  return bodies;
};

/** Each with the fields at will. */
const part = (message: number, index: number, count: number, lane: number, bytes: Uint8Array): Uint8Array =>
  Uint8Array.of(message >> 8, message, index, count, lane, ...bytes);

test('a datagram of any size up to that of UDP comes out as it went in, in any order', () => {
  const size = fc.oneof(
    fc.integer({ min: partBytesMin + 1, max: partedBytesMax }),
    fc.constantFrom(1_167, partedBytesMax),
  );
  const room = fc.integer({ min: ROOM, max: 1_438 });
  fc.assert(
    fc.property(size, room, fc.nat(255), fc.infiniteStream(fc.nat(1_000)), (length, roomBytes, lane, order) => {
      const bytes = sample(length);
      const bodies = split(new Parts(), bytes, lane, roomBytes);
      expect(bodies.length).toBeLessThanOrEqual(partsMax);
      for (const body of bodies) expect(body.length).toBeLessThanOrEqual(roomBytes);
      const receiver = new Parts();
      const shuffled = bodies.map((body) => ({ body, by: order.next().value as number })).sort((a, b) => a.by - b.by);
      const out = shuffled.map(({ body }) => receiver.take(0, body));
      expect(out.slice(0, -1).every((one) => one === null)).toBe(true);
      expect(out.at(-1)?.lane).toBe(lane);
      expect(Buffer.compare(out.at(-1)!.bytes, bytes)).toBe(0);
      expect(receiver.waitingBytes).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('many datagrams under way at once, some parts lost and some twice: what is complete comes out once, the rest never', () => {
  const message = fc.record({ length: fc.integer({ min: 1_200, max: 9_000 }), lost: fc.option(fc.nat(7)) });
  const order = fc.infiniteStream(fc.nat(1_000));
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 20 }), order, (messages, stream) => {
      const [sender, receiver] = [new Parts(), new Parts()];
      const way = messages.flatMap(({ length, lost }, n) => {
        const bodies = split(sender, sample(length, n), n);
        return bodies.filter((_, index) => index !== lost).map((body) => ({ body, by: stream.next().value as number }));
      });
      way.sort((a, b) => a.by - b.by);
      const out = way.flatMap(({ body }) => receiver.take(0, body) ?? []);
      const whole = messages.flatMap(({ length, lost }, n) =>
        lost === null || lost >= Math.ceil(length / (ROOM - 5)) ? [{ lane: n, bytes: sample(length, n) }] : [],
      );
      const text = (all: readonly Parted[]): string[] => all.map(({ lane, bytes }) => `${lane} ${toHex(bytes)}`).sort();
      expect(text(out)).toEqual(text(whole));
      receiver.expire(partsMs);
      expect(receiver.waitingBytes).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('what needs more than 64 parts, is larger than UDP, or has no room is not split', () => {
  const parts = new Parts();
  expect(parts.split(0, sample(partedBytesMax + 1), 1_438)).toBeNull();
  expect(parts.split(0, sample(64 * 600 + 1), 605)).toBeNull();
  expect(parts.split(0, sample(64 * 600), 605)).toHaveLength(64);
  expect(parts.split(0, sample(1_000), partBytesMin + 4)).toBeNull();
});

test('numbers of messages begin anew after 65,536, and an unfinished one of before is none of the new', () => {
  const [sender, receiver] = [new Parts(), new Parts()];
  const [first] = split(sender, sample(2_000, 1));
  expect(receiver.take(0, first!)).toBeNull();
  Object.assign(sender, { nextMessage: 65_535 });
  expect(split(sender, sample(2_000))[0]!.subarray(0, 2)).toEqual(Uint8Array.of(255, 255));
  const bodies = split(sender, sample(2_000, 2));
  expect(bodies[0]!.subarray(0, 2)).toEqual(first!.subarray(0, 2));
  const out = bodies.map((body) => receiver.take(partsMs, body));
  expect(out.at(-1)).toEqual({ lane: 3, bytes: sample(2_000, 2) });
});

test('parts wait for a second and not longer', () => {
  for (const [late, whole] of [
    [partsMs - 1, true],
    [partsMs, false],
  ] as const) {
    const receiver = new Parts();
    const [first, second] = split(new Parts(), sample(2_000));
    expect(receiver.take(5, first!)).toBeNull();
    expect(receiver.take(5 + late, second!) !== null).toBe(whole);
  }
});

test('parts that cannot be are dropped, and change nothing of a message under way', () => {
  const receiver = new Parts();
  const bodies = split(new Parts(), sample(3_000));
  expect(bodies).toHaveLength(3);
  receiver.take(0, bodies[0]!);
  const before = receiver.waitingBytes;
  const some = sample(partBytesMin);
  const wrong = [
    new Uint8Array(0),
    bodies[1]!.subarray(0, 4),
    part(0, 3, 3, 3, some),
    part(0, 255, 3, 3, some),
    part(9, 0, 0, 3, some),
    part(9, 0, 1, 3, some),
    part(9, 0, partsMax + 1, 3, some),
    part(9, 0, 255, 3, some),
    part(9, 0, 2, 3, some.subarray(1)),
    part(9, 1, 2, 3, new Uint8Array(0)),
  ];
  for (const body of wrong) expect(receiver.take(0, body)).toBeNull();
  expect(receiver.waitingBytes).toBe(before);
  receiver.take(0, bodies[1]!);
  expect(receiver.take(0, bodies[2]!)?.bytes).toEqual(sample(3_000));
});

test('a message whose parts disagree about their count or lane begins anew', () => {
  for (const [count, lane] of [
    [3, 3],
    [2, 4],
  ] as const) {
    const receiver = new Parts();
    receiver.take(0, part(7, 0, 2, 3, sample(500)));
    expect(receiver.take(0, part(7, 1, count, lane, sample(400, 1)))).toBeNull();
    expect(receiver.waitingBytes).toBe(400);
    expect(receiver.take(0, part(7, 0, count, lane, sample(400, 2))) === null).toBe(count === 3);
  }
});

test('parts of different sizes overlap nothing: they are no message', () => {
  const receiver = new Parts();
  for (const size of [499, 501]) {
    receiver.take(0, part(1, 0, 3, 0, sample(500)));
    receiver.take(0, part(1, 1, 3, 0, sample(size)));
    expect(receiver.take(0, part(1, 2, 3, 0, sample(10)))).toBeNull();
  }
  receiver.take(0, part(2, 0, 2, 0, sample(500)));
  expect(receiver.take(0, part(2, 1, 2, 0, sample(501))), 'a last part is not larger').toBeNull();
  expect(receiver.waitingBytes).toBe(0);
});

test('parts that together exceed UDP are no message', () => {
  const receiver = new Parts();
  const size = 1_100;
  const out = Array.from({ length: 64 }, (_, index) => receiver.take(0, part(1, index, 64, 0, sample(size))));
  expect(64 * size).toBeGreaterThan(partedBytesMax);
  expect(out.every((one) => one === null)).toBe(true);
  expect(receiver.waitingBytes).toBe(0);
});

test('a part that comes twice is taken once, and the first counts', () => {
  const receiver = new Parts();
  receiver.take(0, part(1, 0, 2, 0, sample(300)));
  receiver.take(0, part(1, 0, 2, 0, sample(300, 9)));
  expect(receiver.waitingBytes).toBe(300);
  expect(receiver.take(0, part(1, 1, 2, 0, sample(1)))?.bytes).toEqual(Uint8Array.of(...sample(300), ...sample(1)));
});

test('what was taken does not change with the buffer it came in', () => {
  const receiver = new Parts();
  const [first, second] = split(new Parts(), sample(2_000));
  receiver.take(0, first!);
  first!.fill(0);
  expect(receiver.take(0, second!)?.bytes).toEqual(sample(2_000));
});

test('messages that are never finished are bounded in number and bytes, and the oldest give way', () => {
  const receiver = new Parts();
  const [small, large] = [sample(partBytesMin), sample(1_100)];
  for (let message = 0; message < 10_000; message++) {
    receiver.take(0, part(message, 0, 64, 0, small));
    expect(receiver.waitingBytes).toBeLessThanOrEqual(partedMax * partBytesMin);
  }
  receiver.expire(partsMs);
  expect(receiver.waitingBytes).toBe(0);
  for (let message = 0; message < 50; message++) {
    for (let index = 0; index < 63; index++) receiver.take(0, part(message, index, 64, 0, large));
    expect(receiver.waitingBytes).toBeLessThanOrEqual(partedBytesSumMax);
  }
  const bodies = split(new Parts(), sample(60_000));
  const out = bodies.map((body) => receiver.take(0, Uint8Array.of(0xff, 0xff, ...body.subarray(2))));
  expect(out.at(-1)?.bytes, 'the newest is finished beside all that').toEqual(sample(60_000));
});

test('any bytes in any order are harmless', () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc
      .tuple(fc.nat(3), fc.nat(4), fc.nat(5), fc.nat(1), fc.integer({ min: 250, max: 262 }))
      .map(([message, index, count, lane, length]) => part(message, index, count, lane, sample(length))),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(body, fc.nat(400)), { maxLength: 200 }), (bodies) => {
      const receiver = new Parts();
      let now = 0;
      for (const [bytes, after] of bodies) {
        now += after;
        const out = receiver.take(now, bytes);
        if (out !== null) expect(out.bytes.length).toBeLessThanOrEqual(partedBytesMax);
        expect(receiver.waitingBytes).toBeGreaterThanOrEqual(0);
        expect(receiver.waitingBytes).toBeLessThanOrEqual(partedBytesSumMax);
      }
      receiver.expire(now + partsMs);
      expect(receiver.waitingBytes).toBe(0);
    }),
  );
});
