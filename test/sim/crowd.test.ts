/** Many people behind one address who start at once, as when the power or the provider comes back. */
import { expect, test } from 'vitest';
import { NATS } from '../../src/sim/index.ts';
import { type Participant, peers } from './peers.ts';

/** When its first session came up, in milliseconds after `from`; null: never. */
function upMs({ log }: Participant, from: number): number | null {
  const up = log.find(({ event }) => event.ev === 'link' && event.state === 'up');
  return up === undefined ? null : up.at - from;
}

for (const [people, seed, withinMs] of [
  [40, 'a', 2_000],
  [200, 'a', 2_000],
  [200, 'b', 1],
  [200, 'c', 200],
] as const)
  test(`${people} people behind one address who start within ${withinMs} ms are all in within 15 s, and told nothing untrue (${seed})`, () => {
    const setup = peers({ seed: `crowd ${people} ${seed}` });
    const { world } = setup;
    const nat = world.nat(NATS.linux);
    const began = world.now;
    const random = world.random('starts');
    const crowd = Array.from({ length: people }, (_, n) => ({
      one: setup.participant(`one${n}`, nat, {}, false),
      at: began + random.float() * withinMs,
    })).sort((a, b) => a.at - b.at);
    let stranger: { readonly one: Participant; readonly at: number } | null = null;
    for (const { one, at } of crowd) {
      world.run(at - world.now);
      one.command({ do: 'start' });
      if (stranger !== null || at < began + withinMs / 2) continue;
      stranger = { one: setup.participant('stranger', NATS.linux), at: world.now };
    }
    world.run(15_000 - (world.now - began));
    const late = crowd.filter(({ one }) => upMs(one, began) === null);
    expect(late.length).toBe(0);
    for (const { one } of crowd)
      expect(one.all('link').map(({ failure }) => failure)).not.toContain('MASTER_UNREACHABLE');
    expect(stranger === null ? null : upMs(stranger.one, stranger.at)).toBeLessThan(1_000);
  });
