/** A relay that does not do what it should with the sealed datagrams of a connection: the worst that it can do is to lose them. */
import { expect, test } from 'vitest';
import { DIRECT, type Flying, lehmer, pair, RELAY, SIDES } from './connection-pair.ts';

const OTHER = { left: 'right', right: 'left' } as const;
const PLAY_MS = 5_000;
/** Where the label of a datagram stands. */
const LABEL = [1, 9] as const;

/** Everything that it saw of two others who play over it, by the end that it was for. */
function recorded(): readonly Flying[] {
  const others = pair([RELAY], 11);
  const seen: Flying[] = [];
  others.world.forward = (one) => {
    seen.push(one);
    return [one];
  };
  others.add(RELAY);
  others.play(2_000);
  return seen;
}

type Trick = (one: Flying, random: () => number, seen: readonly Flying[]) => readonly Flying[];
const foreign = recorded();
const some = <One>(list: readonly One[], random: () => number): One => list[Math.floor(random() * list.length)]!;

const TRICKS: Readonly<Record<string, Trick>> = {
  drops: (one, random) => (random() < 0.05 ? [] : [one]),
  'delays and reorders': (one, random) => [{ ...one, at: one.at + random() * 80 }],
  repeats: (one, random) => [one, one, { ...one, at: one.at + random() * 30 }, { ...one, at: one.at + 2_000 }],
  'plays back what it has seen': (one, random, seen) => [one, { ...some(seen, random), at: one.at }],
  'gives back what an end has sent': (one) => [one, { ...one, to: one.from, from: one.to }],
  'swaps pairs': (one, random) => [one, { ...one, bytes: some(foreign, random).bytes }],
  'puts the label of one pair before what another has sealed': (one, random) => {
    const bytes = some(foreign, random).bytes.slice();
    bytes.set(one.bytes.subarray(...LABEL), LABEL[0]);
    return [one, { ...one, bytes }];
  },
  'changes bits': (one, random) => {
    const bytes = one.bytes.slice();
    const at = Math.floor(random() * bytes.length);
    bytes[at] = bytes[at]! ^ (1 << Math.floor(random() * 8));
    return [one, { ...one, bytes }];
  },
  cuts: (one, random) => [one, { ...one, bytes: one.bytes.slice(0, Math.floor(random() * one.bytes.length)) }],
};

const LOST: Readonly<Record<string, number>> = { drops: 0.1 };

test.each(Object.entries(TRICKS))(
  'a relay that %s gives nobody what was not sent to it, and nothing twice',
  (name, trick) => {
    const { add, play, ends, events, numbers, counted, world } = pair([RELAY]);
    const random = lehmer(7);
    const seen: Flying[] = [];
    add(RELAY);
    play(500);
    world.forward = (one) => {
      seen.push(one);
      return trick(one, random, seen);
    };
    play(PLAY_MS);
    for (const side of SIDES) {
      const heard = numbers(side);
      const sent = counted[OTHER[side]];
      expect(new Set(heard).size).toBe(heard.length);
      expect(heard.every((n) => n < sent)).toBe(true);
      // The last are on their way.
      expect(heard.length).toBeGreaterThan((sent - 20) * (1 - (LOST[name] ?? 0)));
      expect(events[side].filter(({ ev }) => ev === 'over')).toEqual([]);
      expect(ends[side].connection.current?.kind).toBe('relay');
    }
  },
);

test('a relay that stops forwarding, or forwards one way only, costs a second way nothing', () => {
  for (const deaf of [SIDES, ['left']] as const) {
    const { add, play, numbers, counted, world } = pair([DIRECT, RELAY]);
    add(RELAY);
    play(3_000);
    world.drop = (side, socket) => socket === RELAY.socket && (deaf as readonly string[]).includes(side);
    play(10_000);
    for (const side of SIDES) expect(numbers(side).length).toBeGreaterThan(counted[OTHER[side]] - 20);
  }
});
