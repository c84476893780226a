/** Attacks at a host by those who join it. */
import { hosting, joinHost, MASTER, participant, stage } from './build.mjs';

const ready = (setup, people) =>
  setup.world.runUntil(() => people.every((one) => one.all('ready').length > 0), { limitMs: 30_000 });

/** 10: knocks that never become a path. */
export function silentKnocks(build) {
  const setup = stage(build, 'knocks');
  const host = hosting(setup, 'host', { playersMax: 8 });
  // They speak with the master only, so that no path comes up.
  const silent = Array.from({ length: 10 }, (_, n) =>
    participant(setup, `silent ${n}`, { muteTo: ({ address }) => address !== MASTER }),
  );
  const friend = participant(setup, 'friend');
  ready(setup, [...silent, friend]);
  for (const [n, one] of silent.entries()) joinHost(one, n + 1, host.own.publicKey);
  setup.world.run(5_000);
  joinHost(friend, 100, host.own.publicKey, null, 20_000);
  const met = setup.world.runUntil(() => friend.all('path').length > 0, { limitMs: 20_000 });
  const why = friend.all('join-failed').at(-1)?.failure ?? 'no answer';
  return {
    worked: !met,
    counted: `an honest friend beside ten silent ones ${met ? 'comes in' : `does not come in (${why})`}`,
  };
}

/** 11: passwords tried out from three addresses for a minute. */
export function passwordGuesses(build) {
  const setup = stage(build, 'passwords');
  const host = hosting(setup, 'host', { password: 'right' });
  const guessers = Array.from({ length: 12 }, (_, n) => participant(setup, `guesser ${n}`));
  ready(setup, guessers);
  let [number, wrong] = [0, 0];
  const reasons = new Set();
  const seen = guessers.map(() => 0);
  for (const guesser of guessers) joinHost(guesser, ++number, host.own.publicKey, `wrong ${number}`, 5_000);
  for (let ms = 0; ms < 60_000; ms += 100) {
    setup.world.run(100);
    for (const [n, guesser] of guessers.entries()) {
      const failed = guesser.all('join-failed');
      if (failed.length === seen[n]) continue;
      seen[n] = failed.length;
      reasons.add(failed.at(-1).failure);
      if (failed.at(-1).failure === 'PASSWORD') wrong++;
      joinHost(guesser, ++number, host.own.publicKey, `wrong ${number}`, 5_000);
    }
  }
  return { worked: wrong > 120, counted: `${wrong} guesses were answered in a minute (${[...reasons].join(', ')})` };
}

/** 14: is a friend who joins twice the same to the host? */
export function newKeyEachTime(build) {
  const setup = stage(build, 'ban');
  const host = hosting(setup, 'host');
  const device = build.nodeCrypto.randomBytes(32);
  const friends = ['once', 'twice'].map((name) => participant(setup, name));
  ready(setup, friends);
  const ids = [];
  for (const [n, friend] of friends.entries()) {
    friend.running.command({
      ...{
        do: 'join',
        join: n + 1,
        code: null,
        hostKey: host.own.publicKey,
        password: null,
        name: 'Eve',
        timeoutMs: 0,
        device,
      },
    });
    setup.world.runUntil(() => host.all('path').length > n, { limitMs: 20_000 });
    ids.push(host.all('path').at(-1)?.friend);
  }
  return {
    worked: ids[0] !== ids[1],
    counted: `two runs of one friend's program are ${ids[0] === ids[1] ? 'one friend' : 'two friends'} to the host, which a ban goes by`,
  };
}
