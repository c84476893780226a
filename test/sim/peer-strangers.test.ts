/** Strangers at a host's door (silent knocks, askers without end, guessed passwords), and a friend who wants in meanwhile. */
import { expect, test } from 'vitest';
import { PEER_LIMITS } from '../../src/core/index.ts';
import { DOOR_LIMITS } from '../../src/core/testing.ts';
import { type Host, NATS } from '../../src/sim/index.ts';
import { hostAndClient, hostCommand, joinCommand, type Participant, type Peers, peers } from './peers.ts';

const EASY = [NATS.linux, NATS.linux] as const;

/** Addresses in one /24 count as one network: the next ones are elsewhere. */
function elsewhere(setup: Peers): void {
  for (let n = 0; n < 256; n++) setup.world.publicAddress();
}

/** Every stranger is a participant with a key of its own; so many share a public address. */
function strangers(setup: Peers, addresses: number, each: number): Participant[] {
  const all: Participant[] = [];
  for (let a = 0; a < addresses; a++) {
    elsewhere(setup);
    const host: Host = setup.world.host({ name: `s${a}`, behind: NATS.linux });
    for (let n = 0; n < each; n++) all.push(setup.participant(`stranger ${a} ${n}`, host));
  }
  elsewhere(setup);
  setup.until(() => all.every((one) => one.last('ready') !== undefined), 20_000, 'the strangers are ready');
  return all;
}

/** How long a join takes, from the command to the path. */
function joinMs(
  setup: Peers,
  client: Participant,
  command: Parameters<typeof joinCommand>[0],
  limitMs = 10_000,
): number {
  const [before, at] = [client.all('path').length, setup.world.now];
  client.command(joinCommand(command));
  setup.until(() => client.all('path').length > before, limitMs, 'the friend is in');
  return setup.world.now - at;
}

test('silent knocks take no place: with eight of them at a host of eight, a friend comes in as quickly as without', () => {
  const took = [false, true].map((attacked) => {
    const setup = peers({ seed: 'silent knocks' });
    const { host, client, code } = hostAndClient(setup, EASY);
    const knockers = strangers(setup, 3, 8);
    host.command(hostCommand({ playersMax: 8 }));
    setup.world.run(500);
    if (attacked) {
      for (const knocker of knockers) knocker.command(joinCommand({ code, name: 'Nobody' }));
      // They have knocked, and from then on they are silent.
      setup.until(() => host.all('peer').length >= 16, 5_000, 'they have knocked');
      for (const knocker of knockers) knocker.running.stop();
    }
    const ms = joinMs(setup, client, { code });
    const inside = () => host.all('peer').some(({ name, state }) => name === 'Ann' && state === 'connected');
    setup.until(inside, 1_000, 'the host knows that the friend is in');
    return ms;
  });
  expect(took[1]).toBeLessThanOrEqual(2 * (took[0] as number));
});

test('the last place goes to whoever has its path first, and the other one is told FULL', () => {
  const setup = peers({ seed: 'last place' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const others = ['bea', 'cyd', 'dan'].map((name) => setup.participant(name, NATS.linux));
  setup.until(() => others.every((one) => one.last('ready') !== undefined), 3_000, 'ready');
  host.command(hostCommand({ playersMax: 1 }));
  setup.world.run(500);
  const all = [client, ...others];
  const idle = host.running.socketsOpen;
  for (const one of all) one.command(joinCommand({ code }));
  setup.world.run(5_000);
  const inside = all.filter((one) => one.last('path') !== undefined && one.last('path-lost') === undefined);
  expect(inside).toHaveLength(1);
  for (const one of all.filter((other) => !inside.includes(other))) {
    expect(one.last('join-failed')?.failure ?? one.last('path-lost')?.reason).toMatch(/FULL|full|kicked/);
  }
  expect(host.all('path')).toHaveLength(1);
  // Of those that were told FULL nothing is left open.
  expect(host.running.socketsOpen).toBeLessThanOrEqual(idle + 1);
});

test('strangers who knock where a person is asked make room for each other: a friend is asked about, whatever came before', () => {
  const setup = peers({ seed: 'askers' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const crowd = strangers(setup, 10, 14);
  host.command(hostCommand({}, null, true));
  setup.world.run(500);
  for (const [n, one] of crowd.entries()) {
    one.command(joinCommand({ code, name: `N${n}` }));
    if (n % 10 === 9) setup.world.run(600);
  }
  setup.world.run(10_000);
  // One question at a time; who waits for its own is shown, and may be answered too.
  const asked = () =>
    host.all('peer').filter(({ state, name }) => ['asking', 'waiting'].includes(state) && name === 'Ann').length;
  expect(crowd.filter((one) => one.last('join-failed') !== undefined)).toEqual([]);
  client.command(joinCommand({ code }));
  setup.until(() => asked() === 1, 4_000, 'the host is asked about the friend');
  // Those of the crowd come from few addresses: only the question that was open stands before hers.
  setup.until(() => client.last('stage')?.stage === 'queued', 1_000, 'the friend is told that it waits');
  expect(client.last('stage')?.why).toEqual({ because: 'host-asked-about-others', ahead: 1 });
  const { friend } = host.all('peer').find(({ name }) => name === 'Ann')!;
  host.command({ do: 'admit', friend, admit: true });
  setup.until(() => client.last('path') !== undefined, 15_000, 'the friend is in');
}, 60_000);

test('wrong passwords make their addresses wait, ever longer; the person is told; known and new friends wait for nobody', () => {
  const setup = peers({ seed: 'guesses' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const late = setup.participant('late', NATS.linux);
  const guessers = strangers(setup, 3, 6);
  host.command(hostCommand({ passwordNeeded: true, playersMax: 8 }, 'swordfish'));
  setup.world.run(500);
  const password = 'swordfish';
  const calm = joinMs(setup, client, { code, password });
  client.command({ do: 'leave', path: client.last('path')!.path });
  setup.world.run(1_000);
  // Every guesser tries again as soon as it is told that it was wrong.
  let join = 100;
  const minute = (): number => {
    const before = host.last('wrong-passwords')?.count ?? 0;
    const until = setup.world.now + 60_000;
    const tried = new Map<Participant, number>();
    while (setup.world.now < until) {
      for (const one of guessers) {
        const failed = one.all('join-failed').length;
        if (tried.get(one) === failed) continue;
        tried.set(one, failed);
        one.command(joinCommand({ join: join++, code, password: `guess ${join}` }));
      }
      setup.world.run(100);
    }
    setup.world.run(DOOR_LIMITS.guessesToldMs);
    return (host.last('wrong-passwords')?.count ?? 0) - before;
  };
  const guesses = [minute(), minute(), minute()];
  // 18 a second were 1,080 a minute.
  expect(guesses[0]).toBeLessThan(60);
  expect(guesses[2]).toBeLessThanOrEqual(12);
  expect(host.last('wrong-passwords')?.count).toBeGreaterThan(10);
  for (const friend of [client, late]) {
    expect(joinMs(setup, friend, { join: 5, code, password })).toBeLessThanOrEqual(2 * calm);
  }
}, 120_000);

test('somebody who mistypes three times waits for nothing, and one who shares an address with a guesser not for ever', () => {
  const setup = peers({ seed: 'mistyped' });
  const { host, client, code } = hostAndClient(setup, EASY);
  host.command(hostCommand({ passwordNeeded: true }, 'swordfish'));
  setup.world.run(500);
  for (const [n, password] of ['one', 'two', 'three'].entries()) {
    client.command(joinCommand({ join: 10 + n, code, password }));
    setup.until(() => client.all('join-failed').length === n + 1, 1_000, 'it was wrong');
    expect(client.last('join-failed')?.failure).toBe('PASSWORD');
  }
  expect(joinMs(setup, client, { join: 20, code, password: 'swordfish' })).toBeLessThan(
    DOOR_LIMITS.guessWaitMs + PEER_LIMITS.retryRestMs + 1_000,
  );
});
