/** Connections that go through a relay: at once, until a direct path is found, and again when that dies. */
import { expect, test } from 'vitest';
import { type PeerEvent, seededCrypto, WIRE } from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import {
  NATS,
  openScene,
  type PairScene,
  type PairSide,
  type SceneOptions,
  type SimClassId,
  type SimUser,
} from '../../src/sim/index.ts';

interface Told {
  readonly at: number;
  readonly side: PairSide;
  readonly event: PeerEvent;
}

/** Behind the usual router, on a line that loses nothing. */
const HOME: SimUser = {
  ...{ class: 'P3', access: 'home', exposed: false, ownRouters: 0, coreRouters: 3 },
  ...{ delayMs: 10, jitterMs: 0, lossRate: 0, chain: [{ nat: NATS.linux, routers: 0 }] },
};

/** A host and a friend that joins it, with a relay beside the master. */
function scene(
  classes: readonly [SimClassId, SimClassId],
  options: Partial<SceneOptions> = {},
  begin: (scene: PairScene) => void = () => {},
) {
  const told: Told[] = [];
  const [clientClass, hostClass] = classes;
  const opened = openScene({
    ...{ clientClass, hostClass, seed: 'relayed', crypto: nodeCrypto, relay: true },
    lines: { delayMs: 20 },
    onEvent: (side, event, at) => told.push({ side, event, at }),
    ...options,
  });
  const { world, peers, master } = opened;
  begin(opened);
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
  return { world, peers, master, all, until, join, play, heard, sent, joined: () => joined };
}

/** The longest pause in what was heard, from then on. */
const gap = (heard: readonly { readonly at: number }[], from: number, to: number): number => {
  const times = [from, ...heard.map(({ at }) => at).filter((at) => at >= from), to];
  return Math.max(...times.map((at, n) => at - (times[n - 1] ?? at)));
};
const twice = (heard: readonly { readonly n: number }[]): number =>
  heard.length - new Set(heard.map(({ n }) => n)).size;

test('a pair that finds no path for long is connected through the relay within 0.35 s, and told so', () => {
  const { all, until, join, joined } = scene(['S5', 'S5']);
  join();
  until(() => all('client', 'path').length > 0 && all('host', 'path').length > 0, 2_000);
  expect(all('client', 'path')[0]).toMatchObject({ event: { kind: 'relay', via: 'relay' } });
  expect(all('client', 'path')[0]!.at - joined()).toBeLessThan(350);
});

/** A sealed answer of the master that names one relay. */
const NAMES_RELAYS_BYTES = 57;

test.each([
  ['before the host has answered', 100, 350],
  ['only after that', 600, 1_200],
])('a friend who hears of the relay late, %s, is connected through it all the same', (_when, lateMs, dataMs) => {
  let joinedAt = Number.POSITIVE_INFINITY;
  let kept = 0;
  const begin = ({ world, peers, master }: PairScene): void => {
    const client = world.gateways.find(({ name }) => name.startsWith('client'))!.nat.addresses;
    world.internet.obstruct(({ from, to, bytes }) => {
      const toClient = client.includes(to.address) && master.address.addresses.includes(from.address);
      const stops = toClient && bytes.length === NAMES_RELAYS_BYTES && world.now < joinedAt + lateMs;
      kept += stops ? 1 : 0;
      return stops;
    });
    expect(peers.client.last.size).toBe(0);
  };
  const { all, until, join, joined } = scene(['S5', 'S5'], {}, begin);
  joinedAt = joined();
  join();
  until(() => all('client', 'path').length > 0 && all('host', 'path').length > 0, 5_000);
  expect(kept).toBeGreaterThan(0);
  expect(all('client', 'path')[0]).toMatchObject({ event: { kind: 'relay', via: 'relay' } });
  expect(all('client', 'path')[0]!.at - joined()).toBeLessThan(dataMs);
});

test('an easy pair is connected directly, and when that way dies the relay carries the game after half a second', () => {
  const { world, all, until, join, play, heard } = scene(['P3', 'P3']);
  join();
  until(() => all('client', 'path').length > 0 && all('host', 'path').length > 0, 2_000);
  expect(all('client', 'path')[0]).toMatchObject({ event: { kind: 'direct', via: null } });
  play(3_000);
  const ends = [all('client', 'path')[0]!.event.remote.address, all('host', 'path')[0]!.event.remote.address];
  const diesAt = world.now;
  world.internet.obstruct(({ from, to }) => ends.includes(from.address) && ends.includes(to.address));
  play(5_000);
  for (const side of ['client', 'host'] as const) {
    expect(gap(heard(side), diesAt, world.now)).toBeLessThan(600);
    expect(twice(heard(side))).toBe(0);
    expect(all(side, 'path-changed').at(-1)).toMatchObject({ event: { kind: 'relay', via: 'relay' } });
    expect(all(side, 'path-lost')).toEqual([]);
  }
});

test('a host that is gone without a word is given up in half a minute, whatever relay stood by', () => {
  const { world, peers, all, until, join } = scene(['P3', 'P3'], { users: { client: HOME, host: HOME } });
  join();
  until(() => all('client', 'path').length > 0, 2_000);
  world.run(5_000);
  const diedAt = world.now;
  peers.host.pause(600_000);
  until(() => all('client', 'path-lost').length > 0, 200_000);
  // Up to 24 s between two questions of a path that is idle, three that have no answer, and the 25 s for which consent holds.
  expect(world.now - diedAt).toBeLessThan(60_000);
  // Nobody was told that the relay carries the game: the host did not answer over it either.
  expect(all('client', 'path-changed')).toEqual([]);
});

test('from the relay to the direct path that is found later nothing is lost, and nothing comes twice', () => {
  const { world, all, until, join, play, heard, sent } = scene(['P3', 'P3'], { users: { client: HOME, host: HOME } });
  const home = world.internet.obstruct(({ bytes }) => bytes[0] === 0xd7);
  join();
  until(() => all('client', 'path').length > 0 && all('host', 'path').length > 0, 2_000);
  expect(all('client', 'path')[0]).toMatchObject({ event: { kind: 'relay' } });
  play(2_000);
  home();
  play(20_000);
  for (const [side, other] of [
    ['client', 'host'],
    ['host', 'client'],
  ] as const) {
    expect(all(side, 'path-changed')).toMatchObject([{ event: { kind: 'direct', via: null } }]);
    expect(twice(heard(side))).toBe(0);
    // The last are on their way.
    expect(new Set(heard(side).map(({ n }) => n)).size).toBeGreaterThan(sent[other] - 10);
  }
});

test.each([[['X', 'S2']], [['P3', 'X']], [['X', 'X']]] as const)(
  '%s: where UDP is blocked the relay is reached over TLS',
  (classes) => {
    const { all, until, join, play, heard } = scene(classes, { tls: true });
    join();
    until(() => all('client', 'path').length > 0 && all('host', 'path').length > 0, 4_000);
    expect(all('client', 'path')[0]).toMatchObject({ event: { kind: 'relay' } });
    play(3_000);
    for (const side of ['client', 'host'] as const) expect(heard(side).length).toBeGreaterThan(300);
  },
);

test.each([[['X', 'S2']], [['P3', 'X']], [['X', 'X']]] as const)(
  '%s: a connection gets another tunnel for one that has broken, as when the master is started anew, and goes on',
  (classes) => {
    const { master, all, until, join, play, heard, world } = scene(classes, { tls: true });
    join();
    until(() => all('client', 'path').length > 0 && all('host', 'path').length > 0, 4_000);
    play(3_000);
    master.restart();
    play(10_000);
    for (const side of ['client', 'host'] as const) {
      expect(all(side, 'path-lost')).toEqual([]);
      expect(all(side, 'path')).toHaveLength(1);
      const late = heard(side).filter(({ at }) => at > world.now - 5_000);
      expect(late.length, side).toBeGreaterThan(500);
    }
  },
);

test('who comes through a relay only shows the other side no address, in nothing that it receives', () => {
  const { world, peers, all, until, join, play, heard } = scene(['P3', 'P3']);
  const addresses = [peers.client.place.addresses[0] ?? '', world.gatewayAddress(peers.client.place) ?? ''];
  join('only');
  until(() => all('client', 'path').length > 0 && all('host', 'path').length > 0, 2_000);
  play(20_000);
  expect(heard('host').length).toBeGreaterThan(2_000);
  expect(all('host', 'path')[0]).toMatchObject({ event: { kind: 'relay' } });
  expect(all('host', 'path-changed')).toEqual([]);
  const told = JSON.stringify([all('host', 'path'), all('host', 'log'), all('host', 'peer')]);
  for (const address of addresses) expect(told).not.toContain(address);
});

test('one side that wants a relay only, and one that wants none, are refused by name', () => {
  const { peers, all, until, join } = scene(['P3', 'P3']);
  const announcement = {
    name: '',
    game: '',
    public: false,
    playersMax: 8,
    map: '',
    mode: '',
    version: '',
    passwordNeeded: false,
  };
  peers.host.command({ do: 'host', announcement, password: null, ask: false, relay: 'never' });
  join('only');
  until(() => all('client', 'join-failed').length > 0, 2_000);
  expect(all('client', 'join-failed')[0]).toMatchObject({ event: { failure: 'RELAY_MODE' } });
});

/** A host that says something else in its answer than it is, and believes something else of its friend than that says. */
function lyingHost(tell: (hello: Uint8Array) => void, believe: (hello: Uint8Array) => void = () => {}) {
  const honest = seededCrypto('lying host', nodeCrypto);
  const seal: typeof honest.seal = (key, nonce, associated, plaintext) => {
    const told = plaintext.slice();
    tell(told);
    return honest.seal(key, nonce, associated, told);
  };
  const open: typeof honest.open = (...sealed) => {
    const plaintext = honest.open(...sealed);
    if (plaintext !== null) believe(plaintext);
    return plaintext;
  };
  return { configs: { host: { crypto: { ...honest, seal, open } } } };
}

/** In the flags, which come first in either hello. */
const [NEVER, ONLY] = [1 << 1, 2 << 1];
/** In the answer of a host without services only their number is behind its relay. */
const RELAY_AT = 5;
const relayId = (): Uint8Array => nodeCrypto.sha256(new TextEncoder().encode('relay')).subarray(0, 4);

test('a friend who comes through a relay only shows no address to a host that says it wants none', () => {
  let lies = 0;
  // It does all to meet the friend, as if that had not asked for a relay.
  const host = lyingHost(
    (hello) => {
      const named = hello.subarray(-RELAY_AT, -1);
      if (hello[0] !== 0 || !named.every((byte, n) => byte === relayId()[n])) return;
      hello[0] = NEVER;
      lies++;
    },
    (hello) => {
      if (hello.length > 100 && hello[0] === ONLY) hello[0] = 0;
    },
  );
  const { world, all, join, play } = scene(['P3', 'P3'], host);
  const theirs = world.gateways.find(({ name }) => name.startsWith('host'))!.nat.addresses;
  let shown = 0;
  world.watch(({ where, packet }) => {
    if (where.startsWith('client') && theirs.includes(packet.to.address)) shown++;
  }, 'sent');
  join('only');
  play(10_000);
  expect(lies).toBeGreaterThan(0);
  expect(shown).toBe(0);
  expect(all('client', 'path')).toEqual([]);
  expect(all('client', 'join-failed')[0]).toMatchObject({ event: { failure: 'RELAY_MODE' } });
});

test('a friend who wants no relay goes through none that a host names', () => {
  let lies = 0;
  const host = lyingHost((hello) => {
    if (hello.length < 40 || hello[0] !== 0 || !hello.subarray(-RELAY_AT).every((byte) => byte === 0)) return;
    hello.set(relayId(), hello.length - RELAY_AT);
    lies++;
  });
  const { world, all, join } = scene(['S5', 'S5'], host);
  let relayed = 0;
  world.run(5_000);
  world.watch(({ where, packet }) => {
    if (where.startsWith('client') && packet.bytes[0] === WIRE.relay) relayed++;
  }, 'sent');
  join('never');
  world.run(10_000);
  expect(lies).toBeGreaterThan(0);
  expect(relayed).toBe(0);
  expect(all('client', 'path')).toEqual([]);
});
