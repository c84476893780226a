import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CryptoSuite, toHex } from '../../src/core/index.ts';
import { ConnectionKeys, maskSequence, SECURE_LIMITS, unmaskSequence } from '../../src/core/testing.ts';
import { nodeCrypto as suite } from '../../src/node/index.ts';

const HEADER = Uint8Array.of(0xd8);
const PHASE = 2 ** 32;
const { phaseMs, phaseDatagramsMax, connectionWindow } = SECURE_LIMITS;

function pair(crypto: CryptoSuite = suite): readonly [ConnectionKeys, ConnectionKeys] {
  const [a, b] = [Uint8Array.from({ length: 32 }, (_, i) => i), Uint8Array.from({ length: 32 }, (_, i) => 255 - i)];
  return [
    new ConnectionKeys(crypto, { send: a, receive: b }, 0),
    new ConnectionKeys(crypto, { send: b, receive: a }, 0),
  ];
}

interface Sent {
  readonly sequence: number;
  readonly packet: Uint8Array;
}

/** Header and one byte, sealed. */
function sealed(keys: ConnectionKeys, text: number): Uint8Array {
  const packet = new Uint8Array(HEADER.length + 1 + 16);
  packet.set(HEADER);
  packet[HEADER.length] = text;
  keys.seal(packet, HEADER.length, 1);
  return packet;
}

function send(keys: ConnectionKeys, now: number, text = 7): Sent {
  const sequence = keys.next(now);
  return { sequence, packet: sealed(keys, text) };
}

/** What a copy on a second path is: the number just after, whatever the time. */
function copy(keys: ConnectionKeys, text = 7): Sent {
  const { sequence } = keys;
  return { sequence, packet: sealed(keys, text) };
}

const opens = (keys: ConnectionKeys, { sequence, packet }: Sent): boolean =>
  keys.open(sequence, packet, HEADER.length) !== null;

/** As if so many datagrams had been sent: nobody waits for 2^30. */
function wind(keys: ConnectionKeys, sequence: number): void {
  Object.assign(keys, { nextSequence: sequence });
}

test('a datagram opens once, by the other side, under its own sequence and header', () => {
  const [left, right] = pair();
  const sent = send(left, 0);
  expect(right.open(sent.sequence + 1, sent.packet, 1)).toBeNull();
  expect(right.open(sent.sequence, Uint8Array.of(1, ...sent.packet.subarray(1)), 1)).toBeNull();
  expect(right.open(sent.sequence, Uint8Array.of(...HEADER, ...sent.packet.subarray(2)), 1)).toBeNull();
  expect(right.open(sent.sequence, new Uint8Array(16), 1)).toBeNull();
  expect(opens(left, sent), 'reflected to its sender').toBe(false);
  expect(right.open(sent.sequence, sent.packet, 1)).toEqual(Uint8Array.of(7));
  expect(opens(right, sent)).toBe(false);
});

test('whatever is lost, repeated and late, over many phases: a content is taken once, and what is within the window is not lost', () => {
  const step = fc.record({
    /** Of an hour that passes before it. */
    hours: fc.constantFrom(0, 0, 0, 0.3, 1),
    copied: fc.boolean(),
    lost: fc.boolean(),
    /** How many datagrams overtake it: fewer than there are in a phase before the next but one. */
    late: fc.integer({ min: 0, max: 3 }),
    again: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80 }), (steps) => {
      const [left, right] = pair();
      let now = 0;
      const way: { readonly at: number; readonly sent: Sent; readonly content: number }[] = [];
      steps.forEach(({ hours, copied, lost, late, again }, i) => {
        now += hours * phaseMs;
        const first = send(left, now);
        const datagrams = copied ? [first, copy(left)] : [first];
        datagrams.forEach((sent, n) => {
          // The first datagram of each phase arrives: a phase that is lost as a whole is an hour of silence.
          const opening = sent.sequence % PHASE === 0;
          if (lost && n === 0 && !opening) return;
          way.push({ at: i + (opening ? 0 : late), sent, content: first.sequence });
          if (again) way.push({ at: i + late + 2, sent, content: first.sequence });
        });
      });
      const expected = new Set(way.map(({ content }) => content));
      let phase = 0;
      const opened = new Set<number>();
      const taken: number[] = [];
      for (const { sent, content } of [...way].sort((one, other) => one.at - other.at)) {
        const number = Math.floor(sent.sequence / PHASE);
        const isOpen = opens(right, sent);
        // By hand: once each, of this phase, the one before, the one after.
        expect(isOpen).toBe(!opened.has(sent.sequence) && number >= phase - 1 && number <= phase + 1);
        if (!isOpen) {
          if (number < phase - 1 && !opened.has(sent.sequence)) expected.delete(content);
          continue;
        }
        opened.add(sent.sequence);
        phase = Math.max(phase, number);
        if (right.take(content)) taken.push(content);
      }
      expect(new Set(taken).size, 'twice').toBe(taken.length);
      for (const content of expected) expect(taken).toContain(content);
    }),
  );
});

test('a phase begins after an hour, and not before', () => {
  const [left, right] = pair();
  expect(send(left, 1_000).sequence).toBe(0);
  expect(send(left, 1_000 + phaseMs - 1).sequence).toBe(1);
  const later = send(left, 1_000 + phaseMs);
  expect(later.sequence).toBe(PHASE);
  expect(opens(right, later)).toBe(true);
  expect(send(left, 1_000 + 2 * phaseMs - 1).sequence).toBe(PHASE + 1);
  expect(send(left, 1_000 + 9 * phaseMs).sequence, 'one at a time, however long nothing was sent').toBe(2 * PHASE);
});

test('a phase begins after as many datagrams as one may have, and not before', () => {
  const [left, right] = pair();
  wind(left, phaseDatagramsMax - 2);
  const last = [send(left, 0), send(left, 0)];
  expect(last.map(({ sequence }) => sequence)).toEqual([phaseDatagramsMax - 2, phaseDatagramsMax - 1]);
  const first = send(left, 0);
  expect(first.sequence).toBe(PHASE);
  expect(opens(right, first)).toBe(true);
  expect(
    last.every((sent) => opens(right, sent)),
    'those under way arrive in the new phase',
  ).toBe(true);
  expect(send(left, 0).sequence).toBe(PHASE + 1);
});

test('no phase begins between a content and its copy', () => {
  const [left, right] = pair();
  const first = send(left, 0);
  wind(left, phaseDatagramsMax - 1);
  const original = send(left, 0);
  const second = copy(left);
  expect(second.sequence).toBe(original.sequence + 1);
  expect(opens(right, second) && right.take(second.sequence - 1), 'the copy comes first').toBe(true);
  expect(opens(right, original), 'its way is alive').toBe(true);
  expect(right.take(original.sequence), 'and its content was there').toBe(false);
  expect(opens(right, first), 'older than the window').toBe(false);
});

test('a copy that claims a content before the first, or of a phase that nobody is in, has none', () => {
  const [left, right] = pair();
  expect(right.take(-1)).toBe(false);
  expect(right.take(PHASE)).toBe(false);
  for (let hour = 0; hour < 3; hour++) expect(opens(right, send(left, hour * phaseMs))).toBe(true);
  expect(right.take(2 * PHASE - 1), 'the last number of the phase before').toBe(true);
  expect(right.take(2 * PHASE - 1)).toBe(false);
  expect(right.take(PHASE - 1)).toBe(false);
});

test('the key of a phase is forgotten by its sender, and does not follow from the next one', () => {
  const used: string[] = [];
  const spy: CryptoSuite = {
    ...suite,
    aeadKey: (bytes) => {
      used.push(toHex(bytes));
      return suite.aeadKey(bytes);
    },
  };
  const [left] = pair(spy);
  send(left, 0);
  const former = used.at(-2) as string;
  expect(former, 'the first key of the sender').toBe(toHex(Uint8Array.from({ length: 32 }, (_, i) => 255 - i)));
  for (let hour = 1; hour < 4; hour++) send(left, hour * phaseMs);
  const later = used.slice(-3);
  expect(new Set([...later, ...used.slice(0, 4)]).size, 'each phase has a key of its own').toBe(5);
  const kept = Object.values(left).filter((value) => value instanceof Uint8Array && value.length === 32);
  expect([...new Set(kept.map(toHex))]).toEqual([later.at(-1)]);
});

test('the receiver takes the phase before and the phase after, and no further one', () => {
  const [left, right] = pair();
  const phases = Array.from({ length: 5 }, (_, hour) => [send(left, hour * phaseMs), copy(left), copy(left)] as const);
  const at = (phase: number, n: number): Sent => (phases[phase] as readonly Sent[])[n] as Sent;
  expect(opens(right, at(2, 0)), 'two ahead').toBe(false);
  expect(opens(right, at(1, 0)), 'one ahead').toBe(true);
  expect(opens(right, at(0, 0)), 'the one before').toBe(true);
  expect(opens(right, at(2, 0))).toBe(true);
  expect(opens(right, at(0, 1)), 'two behind').toBe(false);
  expect(opens(right, at(1, 1))).toBe(true);
  expect(opens(right, at(4, 0)), 'two ahead').toBe(false);
});

test('forged datagrams of any phase change nothing and leave nothing behind', () => {
  let derived = 0;
  const counting: CryptoSuite = {
    ...suite,
    macKey: (bytes) => {
      derived++;
      return suite.macKey(bytes);
    },
  };
  const [left, right] = pair(counting);
  const late = send(left, 0);
  const sent = send(left, 0);
  expect(opens(right, sent)).toBe(true);
  const before = derived;
  const forged = new Uint8Array(64);
  for (let n = 0; n < 1_000; n++) {
    for (const phase of [0, 1, 2, 3, 1_000, 2 ** 21 - 1]) expect(right.open(phase * PHASE + n, forged, 1)).toBeNull();
  }
  expect(derived - before, 'one derivation, that of the next phase').toBeLessThanOrEqual(2);
  expect(opens(right, late), 'the window has not moved').toBe(true);
  const next = send(left, phaseMs);
  expect(opens(right, next), 'the next phase begins as ever').toBe(true);
  expect(opens(right, next)).toBe(false);
  expect(opens(right, late)).toBe(false);
});

test('16,384 datagrams may overtake one, and no more', () => {
  for (const [overtaken, expected] of [
    [connectionWindow - 1, true],
    [connectionWindow, false],
  ] as const) {
    const [left, right] = pair();
    const first = send(left, 0);
    wind(left, first.sequence + overtaken);
    expect(opens(right, send(left, 0))).toBe(true);
    expect(opens(right, first)).toBe(expected);
  }
});

test('10^5 labels of a direction differ, the other direction has others, and both sides agree on them', () => {
  const [left, right] = pair();
  const labels = new Set<string>();
  const masks = new Set<string>();
  const count = 50_000;
  for (let n = 0; n < count; n++) {
    for (const keys of [left, right]) {
      const { label, mask } = keys.sendLabel(n);
      labels.add(toHex(label));
      masks.add(toHex(mask));
    }
  }
  expect(labels.size).toBe(2 * count);
  expect(masks.size).toBe(2 * count);
  for (const n of [0, 1, 77, 2 ** 32 - 1]) {
    expect(right.receiveLabel(n)).toEqual(left.sendLabel(n));
    expect(left.receiveLabel(n)).toEqual(right.sendLabel(n));
    expect(toHex(left.sendLabel(n).label)).not.toBe(toHex(left.sendLabel(n).mask));
    expect([left.sendLabel(n).label.length, left.sendLabel(n).mask.length]).toEqual([8, 8]);
  }
});

test('labels stay the same over phases, so that a way needs no new one', () => {
  const [left, right] = pair();
  const before = left.sendLabel(3);
  for (let hour = 0; hour < 3; hour++) expect(opens(right, send(left, hour * phaseMs))).toBe(true);
  expect(left.sendLabel(3)).toEqual(before);
  expect(right.receiveLabel(3)).toEqual(before);
});

test('a masked sequence comes back, and what no sender can mean is none', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(bytes(8), fc.nat(2 ** 31), fc.nat(2 ** 21 - 1), bytes(8), (mask, low, high, other) => {
      const sequence = high * PHASE + low;
      const masked = new Uint8Array(8);
      maskSequence(mask, sequence, masked);
      expect(unmaskSequence(mask, masked)).toBe(sequence);
      expect(unmaskSequence(mask, Uint8Array.of(...masked, 1, 2, 3)), 'what follows is not looked at').toBe(sequence);
      expect(unmaskSequence(mask, Uint8Array.of(9, 9, 9, ...masked), 3)).toBe(sequence);
      expect(unmaskSequence(mask, masked, 1)).toBeNull();
      const foreign = unmaskSequence(mask, other);
      expect(foreign === null || (Number.isSafeInteger(foreign) && foreign >= 0)).toBe(true);
    }),
  );
  const zero = new Uint8Array(8);
  expect(unmaskSequence(zero, Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0)), '2^53').toBeNull();
  expect(unmaskSequence(zero, Uint8Array.of(0, 0x1f, 255, 255, 255, 255, 255, 255))).toBe(2 ** 53 - 1);
});
