/** What can happen to a connection while a game goes over it, and what is asked of the game then (`npm run bench:connection`). */
import { familyOf } from '../src/core/index.ts';
import { nodeCrypto } from '../src/node/index.ts';
import {
  meet,
  NATS,
  type NatBehaviour,
  type PairSide,
  PORTS_ALL,
  type SceneOptions,
  type SimRandom,
  type SimUser,
} from '../src/sim/index.ts';
import { openPlay, type Play } from './connection-play.ts';

/** One way between the two: half on each line. */
const WAY_MS = 20;
/** As the driver looks at the addresses of its computer (`networkWatchMs` of the agent). */
const NETWORK_WATCH_MS = 250;
/** Between the path and what happens: anywhere within two turns of consent checks. */
const CALM_MS = { least: 3_000, most: 13_000 };
/** Of the line of a VPN's server, one way: on the way to it, and from it to others. */
const VPN_MS = 15;
const VPN_MTU_BYTES = 1_420;
/** Long enough for everything to have found its way through it. */
const VPN_ON_MS = 20_000;
/** How long a pair goes one way before the other one opens. */
const BEFORE_SWITCH_MS = { least: 1_000, most: 6_000 };
/** From the start of both programs until they have a path of each family, with some to spare. */
const BOTH_FAMILIES_MS = 3_000;
/** The route of one family has become so much longer, one way. */
const DETOUR_MS = 20;
/** A program that is killed is started again by whoever watches it. */
const DOWN_MS = 1_000;

/** What the game saw of it. */
export interface Sample {
  /** The longest time in which nothing came, in ms; Infinity where it never went on. */
  readonly gapMs: number;
  readonly lost: number;
  readonly twice: number;
  readonly lateMs: number;
}

export interface Happening {
  readonly name: string;
  readonly relay: boolean;
  /** Virtual time that is looked at from then on. */
  readonly spanMs: number;
  /** Asked of the gap. */
  readonly p95Ms: number;
  readonly worstMs: number;
  /** The friend's NAT; the usual router where absent. */
  readonly friendNat?: NatBehaviour;
  /** Nothing passes between the two but by the relay. */
  readonly apart?: boolean;
  /** Begins it; the game is looked at from when it returns. */
  happen(play: Play, random: SimRandom): void;
}

const SIDES: readonly PairSide[] = ['client', 'host'];

const box = (play: Play, side: PairSide) =>
  play.scene.world.gateways.find(({ name, behind }) => name.startsWith(`${side}.nat`) && behind === null)!;

/** The driver looks at its addresses in turns of its own, so it may take a whole turn to notice. */
function noticed({ scene }: Play, side: PairSide, random: SimRandom): void {
  scene.world.after(random.between(0, NETWORK_WATCH_MS), () => scene.peers[side].lookAtNetwork());
}

/** What passes between the two addresses as it does now passes no more: a box on the way has forgotten it, and refuses it. */
function cutFlow({ scene, seen }: Play): void {
  const { world, peers } = scene;
  const [atClient, atHost] = [peers.client.last.get('path'), peers.host.last.get('path')];
  if (atClient?.ev !== 'path' || atHost?.ev !== 'path' || seen.client.open.length === 0) return;
  const [host, client] = [atClient.remote, atHost.remote];
  const is = (one: { address: string; port: number }, other: { address: string; port: number }): boolean =>
    one.address === other.address && one.port === other.port;
  world.internet.obstruct(({ from, to }) => (is(from, host) && is(to, client)) || (is(from, client) && is(to, host)));
}

/** A VPN's server, a usual Linux: what nobody has asked for it accepts, and refuses then. */
const VPN_SERVER: NatBehaviour = { ...NATS.linux, unsolicited: 'accept' };

function vpnOn(play: Play, side: PairSide): () => void {
  const { world, peers } = play.scene;
  const provider = world.nat(VPN_SERVER, { name: `${side}.vpn`, link: { delayMs: VPN_MS } });
  return world.vpn(peers[side].place, provider, { delayMs: WAY_MS / 2 + VPN_MS, mtuBytes: VPN_MTU_BYTES });
}

const SOON = { relay: false, spanMs: 40_000, p95Ms: 1_200, worstMs: 2_000 } as const;

/** Nobody tells a computer that its router has begun anew: only the relay knows, by datagrams from where it knows nobody. */
const RELAYED_HAPPENINGS: readonly Happening[] = SIDES.flatMap((side): Happening[] => {
  const whose = side === 'client' ? "the friend's NAT" : "the host's NAT";
  const relayed = { ...SOON, relay: true, apart: true };
  return [
    {
      ...relayed,
      name: `${whose} has new mappings, by relay`,
      ...(side === 'client' ? { friendNat: { ...NATS.linux, allocation: { random: PORTS_ALL } } } : {}),
      happen: (play) => box(play, side).nat.reboot(),
    },
    {
      ...relayed,
      name: `${whose} has a new address, by relay`,
      happen: (play) => play.scene.world.readdress(box(play, side)),
    },
  ];
});

export const HAPPENINGS: readonly Happening[] = [
  {
    ...SOON,
    name: 'direct path dies silently, relay allowed',
    ...{ relay: true, p95Ms: 600, worstMs: 2_000 },
    happen: cutFlow,
  },
  { ...SOON, name: 'the same, relay never', happen: cutFlow },
  {
    ...SOON,
    name: "the friend's NAT has new mappings",
    // One that keeps ports would make the same ones again.
    friendNat: { ...NATS.linux, allocation: { random: PORTS_ALL } },
    happen: (play) => box(play, 'client').nat.reboot(),
  },
  {
    ...SOON,
    name: "the friend's NAT has a new address",
    happen: (play) => play.scene.world.readdress(box(play, 'client')),
  },
  {
    ...SOON,
    name: "the host's address changes",
    happen(play, random) {
      play.scene.world.move(play.scene.peers.host.place);
      noticed(play, 'host', random);
    },
  },
  {
    ...SOON,
    name: 'the host changes to another line',
    happen(play, random) {
      const { world, peers } = play.scene;
      world.move(peers.host.place, world.nat(NATS.linux, { name: 'host.radio', link: { delayMs: WAY_MS / 2 } }));
      noticed(play, 'host', random);
    },
  },
  ...(['host', 'client'] as const).flatMap((side): Happening[] => [
    {
      ...SOON,
      name: `a VPN comes up at the ${side}`,
      happen(play, random) {
        vpnOn(play, side);
        noticed(play, side, random);
      },
    },
    {
      ...SOON,
      name: `a VPN goes off at the ${side}`,
      happen(play, random) {
        const off = vpnOn(play, side);
        play.scene.peers[side].lookAtNetwork();
        play.scene.world.run(VPN_ON_MS);
        off();
        noticed(play, side, random);
      },
    },
  ]),
  ...RELAYED_HAPPENINGS,
  {
    ...SOON,
    name: "the host's program is killed and started",
    // Counted from when it hosts again.
    ...{ p95Ms: 2_000, worstMs: 2_000 },
    happen(play) {
      const { world, peers } = play.scene;
      play.restart('host', DOWN_MS);
      world.runUntil(() => peers.host.last.has('hosting'), { limitMs: 20_000 });
    },
  },
];

/** Half of the way, behind such a NAT. */
function userBehind(nat: NatBehaviour): SimUser {
  return {
    ...{ class: 'P3', access: 'home', exposed: false, ownRouters: 0, coreRouters: 3 },
    ...{ delayMs: WAY_MS / 2, jitterMs: 0, lossRate: 0, chain: [{ nat, routers: 0 }] },
  };
}

/** Two homes with the usual routers, on lines that lose nothing. */
export function easyPair(seed: string, relay: boolean, friendNat: NatBehaviour = NATS.linux) {
  const users = { client: userBehind(friendNat), host: userBehind(NATS.linux) };
  return {
    clientClass: 'P3',
    hostClass: 'P3',
    users,
    seed,
    crypto: nodeCrypto,
    relay,
    masterDelayMs: WAY_MS / 2,
  } as const;
}

function withBothFamilies(
  options: SceneOptions & { readonly users: Readonly<Record<PairSide, SimUser>> },
): SceneOptions {
  const { client, host } = options.users;
  return { ...options, ipv6: true, users: { client: { ...client, ipv6: true }, host: { ...host, ipv6: true } } };
}

/** One change of the way, of which nothing may be lost. */
export interface Switched extends Omit<Sample, 'gapMs'> {
  readonly row: number;
  /** False: data never went the one way, or never the other way after it. */
  readonly switched: boolean;
}

type Kind = 'relay' | 'direct' | 'ipv6';

export interface Switch {
  readonly name: string;
  readonly from: Kind;
  readonly to: Kind;
  /** What makes the pair go the first way; the answer lifts it. */
  begin(play: Play): () => void;
  /** What makes it go the second way, beyond that lifting. */
  after?(play: Play): void;
}

/** Nothing of one gets to the other, as where a good port is found only after some attempts. */
function apart(play: Play): () => void {
  // They may change meanwhile.
  const addresses = (): readonly string[] => SIDES.flatMap((side) => box(play, side).nat.addresses);
  const { internet } = play.scene.world;
  return internet.obstruct(({ from, to }) => addresses().includes(from.address) && addresses().includes(to.address));
}

/** The routes of one family have become longer. */
const slow = ({ scene }: Play, family: 4 | 6): (() => void) =>
  scene.world.internet.detour(({ to }) => (familyOf(to.address) === family ? DETOUR_MS : 0));

/** Of paths without a relay the faster one is taken: which it is changes. */
export const SWITCHES: readonly Switch[] = [
  { name: 'relay to direct', from: 'relay', to: 'direct', begin: apart },
  { name: 'direct IPv4 to IPv6', from: 'direct', to: 'ipv6', begin: () => () => {}, after: (play) => slow(play, 4) },
  {
    name: 'IPv6 back to direct IPv4',
    ...{ from: 'ipv6', to: 'direct' },
    // Both paths are there by then.
    begin(play) {
      let lift = (): void => {};
      play.scene.world.after(BOTH_FAMILIES_MS, () => {
        lift = slow(play, 4);
      });
      return () => lift();
    },
    after: (play) => slow(play, 6),
  },
];

export function runSwitch(row: number, seed: string): Switched {
  const { from, to, begin, after } = SWITCHES[row]!;
  const options = easyPair(seed, true);
  const play = openPlay(from === 'ipv6' || to === 'ipv6' ? withBothFamilies(options) : options);
  const { scene, seen } = play;
  const { world } = scene;
  const bothGo = (way: Kind): boolean => Object.values(seen).every(({ kinds }) => kinds.at(-1)?.kind === way);
  const end = begin(play);
  meet(scene, { onJoin: () => play.begin() });
  world.runUntil(() => bothGo(from), { limitMs: 30_000 });
  world.run(world.random('switch').between(BEFORE_SWITCH_MS.least, BEFORE_SWITCH_MS.most));
  const wentFirst = bothGo(from);
  end();
  after?.(play);
  world.runUntil(() => bothGo(to), { limitMs: 60_000 });
  world.run(2_000);
  const until = world.now;
  play.end();
  world.run(2_000);
  const { lost, twice, lateMs } = play.carried(0, until);
  return { row, switched: wentFirst && bothGo(to), lost, twice, lateMs };
}

export function runHappening(happening: Happening, seed: string): Sample {
  const play = openPlay(easyPair(seed, happening.relay, happening.friendNat));
  const { world } = play.scene;
  if (happening.apart) apart(play);
  meet(play.scene);
  play.begin();
  const random = world.random('happening');
  world.run(random.between(CALM_MS.least, CALM_MS.most));
  happening.happen(play, random);
  const from = world.now;
  world.run(happening.spanMs);
  play.end();
  world.run(2_000);
  const until = from + happening.spanMs;
  const gapMs = play.gapMs(from, until);
  const { lost, twice, lateMs } = play.carried(from, until);
  return { gapMs: gapMs >= happening.spanMs ? Number.POSITIVE_INFINITY : gapMs, lost, twice, lateMs };
}
