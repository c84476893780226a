/** Networks that let no UDP out, in the simulated internet: the way to the master is TLS, with the delays and losses of the same lines. */
import { expect, test } from 'vitest';
import type { PeerEvent } from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { openScene, type PairScene, type PairSide, type SceneOptions } from '../../src/sim/index.ts';

interface Told extends PairScene {
  readonly events: Readonly<Record<PairSide, { readonly event: PeerEvent; readonly at: number }[]>>;
}

function open(options: Partial<SceneOptions>): Told {
  const events = { client: [], host: [] } as Record<PairSide, { event: PeerEvent; at: number }[]>;
  const seed = options.seed ?? 16;
  const scene = openScene({
    ...{ clientClass: 'X', hostClass: 'P3', seed, crypto: nodeCrypto, tls: true },
    replay: `openScene with seed ${seed} and ${JSON.stringify(options)} of test/sim/tunnel.test.ts`,
    onEvent: (side, event, at) => events[side].push({ event, at }),
    ...options,
  });
  return { ...scene, events };
}

const lastUp = ({ events }: Told, side: PairSide) =>
  events[side].findLast(({ event }) => event.ev === 'link' && event.state === 'up');

function wayOf(told: Told, side: PairSide): string | null {
  const up = lastUp(told, side)?.event;
  return up?.ev === 'link' ? (up.way ?? null) : null;
}

function join(told: Told): void {
  const hosting = told.peers.host.last.get('hosting');
  if (hosting?.ev !== 'hosting') throw new Error(`no code\n${told.world.replayText()}`);
  const { code } = hosting;
  told.peers.client.command({ do: 'join', join: 1, code, hostKey: null, password: null, name: 'client', timeoutMs: 0 });
}

test.each([
  ['X', 'P3', 'tls', 'udp'],
  ['P3', 'X', 'udp', 'tls'],
  ['X', 'X', 'tls', 'tls'],
] as const)(
  '%s and %s are introduced: the client comes by %s, the host by %s',
  (clientClass, hostClass, client, host) => {
    const told = open({ clientClass, hostClass });
    const { world, peers } = told;
    expect(
      world.runUntil(() => peers.host.last.has('hosting') && peers.client.last.has('ready'), { limitMs: 10_000 }),
    ).toBe(true);
    expect([wayOf(told, 'client'), wayOf(told, 'host')]).toEqual([client, host]);
    join(told);
    expect(world.runUntil(() => peers.client.last.has('networks'), { limitMs: 5_000 })).toBe(true);
    // The host has let it in: what is left is a way for datagrams.
    expect(peers.client.last.get('stage')).toMatchObject({ stage: 'punching' });
  },
);

test('the session is up five round trips after TLS began, and with loss it is up all the same', () => {
  const clean = open({ lines: { delayMs: 20 } });
  clean.world.runUntil(() => lastUp(clean, 'client') !== undefined, { limitMs: 5_000 });
  // 800 ms of UDP; three round trips for the tunnel, two for the session.
  const at = lastUp(clean, 'client')?.at ?? 0;
  expect(at).toBeGreaterThanOrEqual(800 + 5 * 40);
  expect(at).toBeLessThan(800 + 6 * 40);
  for (let seed = 1; seed <= 20; seed++) {
    const lossy = open({ seed, lines: { delayMs: { min: 10, max: 80 }, jitterMs: 10, lossRate: 0.1 } });
    expect(
      lossy.world.runUntil(() => wayOf(lossy, 'client') === 'tls', { limitMs: 20_000 }),
      lossy.world.replayText(),
    ).toBe(true);
  }
});

test('a master that starts anew has those with tunnels back as soon as those with UDP', () => {
  const told = open({});
  const { world, peers, master } = told;
  world.runUntil(() => peers.host.last.has('hosting') && wayOf(told, 'client') === 'tls', { limitMs: 10_000 });
  const before = told.events.client.length;
  master.restart();
  const back = () => told.events.client.slice(before).some(({ event }) => event.ev === 'link' && event.state === 'up');
  expect(world.runUntil(back, { limitMs: 8_000 }), world.replayText()).toBe(true);
  expect(wayOf(told, 'client')).toBe('tls');
});

test('where the master has no HTTPS a network without UDP stays outside, as before', () => {
  const told = open({ tls: false });
  told.world.run(10_000);
  expect(wayOf(told, 'client')).toBe(null);
  expect(wayOf(told, 'host')).toBe('udp');
});
