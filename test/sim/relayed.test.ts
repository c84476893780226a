/** Connections that go through a relay: at once, until a direct path is found, and again when that dies. */
import { expect, test } from 'vitest';
import type { PeerEvent } from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { openScene, type PairSide, type SceneOptions, type SimClassId } from '../../src/sim/index.ts';

interface Told {
  readonly at: number;
  readonly side: PairSide;
  readonly event: PeerEvent;
}

/** A host and a friend that joins it, with a relay beside the master. */
function scene(classes: readonly [SimClassId, SimClassId], options: Partial<SceneOptions> = {}) {
  const told: Told[] = [];
  const [clientClass, hostClass] = classes;
  const { world, peers } = openScene({
    ...{ clientClass, hostClass, seed: 'relayed', crypto: nodeCrypto, relay: true },
    lines: { delayMs: 20 },
    onEvent: (side, event, at) => told.push({ side, event, at }),
    ...options,
  });
  const all = <Ev extends PeerEvent['ev']>(side: PairSide, ev: Ev) =>
    told.flatMap((one) =>
      one.side === side && one.event.ev === ev ? [{ at: one.at, event: one.event as PeerEvent & { ev: Ev } }] : [],
    );
  const until = (done: () => boolean, limitMs: number): void => {
    const end = world.now + limitMs;
    while (!done() && world.now < end) world.run(5);
    if (!done()) expect.unreachable(told.map((one) => `${one.at} ${one.side} ${JSON.stringify(one.event)}`).join('\n'));
  };
  until(() => all('host', 'hosting').length > 0 && all('client', 'ready').length > 0, 5_000);
  const joined = world.now;
  const join = (relay?: 'never' | 'only'): void => {
    const code = all('host', 'hosting')[0]?.event.code ?? '';
    const more = relay === undefined ? {} : { relay };
    const nobody = { hostKey: null, password: null, name: 'Ann' };
    peers.client.command({ do: 'join', join: 1, code, ...nobody, timeoutMs: 0, ...more });
  };
  /** Numbers both ways, 128 a second. */
  const sent = { client: 0, host: 0 };
  const play = (ms: number): void => {
    for (const end = world.now + ms; world.now < end; world.run(1000 / 128))
      for (const side of ['client', 'host'] as const) {
        const path = all(side, 'path').at(-1)?.event.path;
        if (path === undefined) continue;
        const n = sent[side]++;
        peers[side].command({ do: 'send', path, bytes: Uint8Array.of(n >> 16, n >> 8, n) });
      }
  };
  const heard = (side: PairSide) =>
    all(side, 'message').map(({ at, event: { bytes } }) => ({
      at,
      n: ((bytes[0] as number) << 16) | ((bytes[1] as number) << 8) | (bytes[2] as number),
    }));
  return { world, peers, all, until, join, play, heard, sent, joined: () => joined };
}

test('a pair that finds no path for long is connected through the relay within 0.35 s, and told so', () => {
  const { all, until, join, joined } = scene(['S5', 'S5']);
  join();
  until(() => all('client', 'path').length > 0 && all('host', 'path').length > 0, 2_000);
  expect(all('client', 'path')[0]).toMatchObject({ event: { kind: 'relay', via: 'relay' } });
  expect(all('client', 'path')[0]!.at - joined()).toBeLessThan(350);
});
