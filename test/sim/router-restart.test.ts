/**
 * A router that opens ports starts again while a strict friend plays through one of them. What a strict friend of a strict host has is that
 * port alone: it is mapped anew, the friend's game goes on, and a later strict friend gets in. `test/lab/router-restart.test.ts` is the same on kernels.
 */
import { expect, test } from 'vitest';
import { NATS } from '../../src/sim/index.ts';
import { openingRouter } from './opening-router.ts';
import { hostCommand, joinCommand, peers } from './peers.ts';

const CASES = (['natPmp', 'pcp'] as const).flatMap((speaks) =>
  [
    { off: 'no time', offMs: 0, moves: false },
    { off: '5 s', offMs: 5_000, moves: true },
    { off: '20 s', offMs: 20_000, moves: false },
    { off: '60 s', offMs: 60_000, moves: false },
  ].flatMap((how) => [1, 2, 3].map((seed) => ({ speaks, ...how, seed }))),
);

test.each(CASES)('$speaks, off for $off, another address $moves (seed $seed)', ({ speaks, offMs, moves, seed }) => {
  const setup = peers({ seed: `router-restart-${seed}` });
  const { world } = setup;
  const router = openingRouter(world, NATS.pf, speaks);
  const host = setup.participant('host', router.gateway);
  host.command({
    do: 'network',
    network: { addresses: host.host.addresses, families: [4], gateway: router.address },
  });
  host.command(hostCommand());
  const [friend, later] = ['friend', 'later'].map((name) => setup.participant(name, NATS.pf));
  const opened = () => host.last('profile')?.profile.portMapping.external ?? null;
  setup.until(() => opened() !== null && host.last('hosting') !== undefined, 8_000, 'the port is open');
  world.run(8_000 + seed * 777);
  friend!.command(joinCommand({ code: host.last('hosting')!.code }));
  setup.until(() => friend!.last('path') !== undefined, 10_000, 'the friend is in');
  expect(friend!.last('path')).toMatchObject({ kind: 'mapped' });
  let [heard, sent] = [0, 0];
  const play = () => {
    friend!.command({ do: 'send', path: friend!.last('path')!.path, bytes: Uint8Array.of(++sent & 0xff) });
    world.after(100, play);
  };
  play();
  world.run(3_000);
  heard = host.all('message').length;
  expect(heard).toBeGreaterThan(20);
  router.restart(offMs, moves);
  world.run(offMs);
  const backAt = world.now;
  setup.until(() => router.open.size > 0, 30_000, 'a port is open again');
  heard = host.all('message').length;
  setup.until(() => host.all('message').length > heard + 5, 30_000, 'the game goes on');
  const playsMs = world.now - backAt;
  later!.command(joinCommand({ code: host.last('hosting')!.code }));
  setup.until(() => later!.last('path') !== undefined, 10_000, 'the later friend is in');
  // Not only when the open port is looked at next, every ten seconds.
  expect(playsMs).toBeLessThan(4_000);
});
