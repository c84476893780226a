/** A host's word about its game reaches the friend over any line, once, and the newest last. */
import { expect, test } from 'vitest';
import { type GameState, LIMITS } from '../../src/core/index.ts';
import { agenda, Game } from '../../src/core/testing.ts';
import { lehmer, pair } from './connection-pair.ts';

function told(setup: ReturnType<typeof pair>): readonly (readonly [number, GameState])[] {
  return setup.events.right.flatMap((event) => (event.ev === 'game' ? [[event.service, event.state] as const] : []));
}

function say(setup: ReturnType<typeof pair>, state: GameState, service = 0): void {
  setup.command('left', { do: 'game', service, state });
}

test('a change is told once, within the way there, and what has not changed is not said', () => {
  const setup = pair();
  say(setup, 'answers');
  setup.run(5_000);
  expect(told(setup)).toEqual([]);
  say(setup, 'absent', 3);
  setup.run(5_010);
  expect(told(setup)).toEqual([[3, 'absent']]);
  const before = setup.sent.length;
  say(setup, 'absent', 3);
  setup.run(5_100);
  expect(setup.sent.slice(before)).toHaveLength(0);
  setup.run(20_000);
  expect(told(setup)).toEqual([[3, 'absent']]);
  say(setup, 'answers', 3);
  setup.run(20_020);
  expect(told(setup).at(-1)).toEqual([3, 'answers']);
});

test('it arrives over a line that loses half of everything each way, and is said no more when it has been heard', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const setup = pair();
    const float = lehmer(seed * 7919);
    setup.world.drop = () => float() < 0.5;
    say(setup, 'silent');
    setup.run(8_000);
    expect([seed, told(setup)]).toEqual([seed, [[0, 'silent']]]);
  }
  const setup = pair();
  say(setup, 'silent');
  setup.run(1_000);
  const asked = setup.sent.filter(({ bytes }) => bytes.length === 40).length;
  expect(asked).toBe(2);
});

test('a host that changes its mind all the time is told of once a second, with its last word in the end', () => {
  const setup = pair();
  for (let n = 0; n <= 400; n++) {
    say(setup, n % 2 === 0 ? 'absent' : 'silent');
    setup.run(n * 25);
  }
  setup.run(15_000);
  expect(told(setup).length).toBeLessThanOrEqual(13);
  expect(told(setup).at(-1)).toEqual([0, 'absent']);
});

test('an old word that comes late changes nothing, and neither does an answer to it', () => {
  const setup = pair();
  setup.world.drop = (from) => from === 'left';
  say(setup, 'absent');
  setup.run(50);
  say(setup, 'answers');
  const words = setup.sent.filter(({ bytes }) => bytes.length === 40).map(({ bytes }) => bytes);
  setup.world.drop = () => false;
  const arrive = (bytes: Uint8Array | undefined): void =>
    setup.ends.right.handleDatagram(setup.world.now, 1, setup.at.left, bytes as Uint8Array);
  arrive(words.at(-1));
  arrive(words[0]);
  setup.run(10_000);
  expect(told(setup)).toEqual([]);
});

test('a word about a service that nobody can have, of a state that is none, or cut short is nothing', () => {
  const heard: unknown[] = [];
  const game = new Game(agenda(), { say: () => {}, heard: (_now, ...what) => heard.push(what) });
  const bodies = [
    [LIMITS.servicesMax, 1, 0, 0, 0, 1],
    [0, 9, 0, 0, 0, 1],
    [0, 1, 0, 0],
  ];
  for (const body of bodies) game.take(0, Uint8Array.from(body));
  expect(heard).toEqual([]);
  game.take(0, Uint8Array.from([0, 1, 0, 0, 0, 1]));
  expect(heard).toEqual([[0, 'absent']]);
});
