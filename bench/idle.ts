/**
 * What is said while nobody speaks: the real machines in virtual time, `npm run bench:idle -- --worlds 20`. Packets a minute in both
 * directions, the median and the most of all worlds, in an hour of each that begins when everything is known of the networks.
 */
import { parseArgs } from 'node:util';
import { meet, NATS, type NatBehaviour, openScene, type PairScene, type PairSide } from '../src/sim/index.ts';
import { easyPair } from './connection-rows.ts';
import { rowsOf } from './rows.ts';
import { quantile } from './stats.ts';

const { values } = parseArgs({
  options: { worlds: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
});
const { row, rows } = rowsOf([66, 8, 11]);
const WORLDS = [...Array(Number(values.worlds)).keys()];
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** By then a host has measured how long its mappings live, and the pauses between questions have grown. */
const SETTLED_MS = 5 * MINUTE_MS;
const LIMITS = { friends: 12, master: 8, relay: 6 } as const;

const forgets = (ms: number): NatBehaviour => ({
  ...NATS.linux,
  timeouts: { ...NATS.linux.timeouts, unrepliedMs: ms, establishedMs: ms },
});
const ROUTERS: readonly { readonly name: string; readonly nat: NatBehaviour }[] = [
  { name: 'usual routers', nat: NATS.linux },
  { name: 'routers that forget after 33 s', nat: forgets(33_000) },
];

/** Counts from now on what passes in the internet between the addresses of one and those of another. */
function counter(scene: PairScene, one: readonly string[], other: readonly string[]): () => number {
  let packets = 0;
  scene.world.internet.obstruct(({ from, to }) => {
    if (one.includes(from.address) && other.includes(to.address)) packets += 1;
    if (other.includes(from.address) && one.includes(to.address)) packets += 1;
    return false;
  });
  return () => packets;
}

const homeOf = ({ world }: PairScene, side: PairSide): readonly string[] =>
  world.gateways.filter(({ name }) => name.startsWith(`${side}.nat`)).flatMap(({ nat }) => nat.addresses);
const masterOf = ({ master }: PairScene): readonly string[] => master.address.addresses;
const relayOf = ({ world }: PairScene): readonly string[] =>
  world.hosts.filter(({ name }) => name === 'relay').flatMap(({ addresses }) => addresses);

interface Counted {
  readonly friends: number;
  readonly host: number;
  readonly friend: number;
  readonly relayed: number;
}

/** Packets a minute of an hour in which two who are connected, or not, say nothing. */
function idle(seed: string, nat: NatBehaviour, connected: 'direct' | 'relay' | 'no'): Counted {
  const options = easyPair(seed, connected === 'relay', nat);
  const scene = openScene({ ...options, users: { client: options.users!.client, host: options.users!.client } });
  const { world } = scene;
  const [host, client] = [homeOf(scene, 'host'), homeOf(scene, 'client')];
  if (connected === 'relay')
    world.internet.obstruct(({ from, to }) =>
      [from, to].every(({ address }) => [...host, ...client].includes(address)),
    );
  if (connected === 'no') world.run(SETTLED_MS);
  else {
    meet(scene);
    if (!scene.peers.client.last.has('path')) throw new Error(`they have not met: ${seed}`);
    world.run(SETTLED_MS);
  }
  const counters = [
    counter(scene, host, client),
    counter(scene, host, masterOf(scene)),
    counter(scene, client, masterOf(scene)),
    counter(scene, client, relayOf(scene)),
  ];
  world.run(HOUR_MS);
  const [friends = 0, atHost = 0, atFriend = 0, relayed = 0] = counters.map((count) => (count() * MINUTE_MS) / HOUR_MS);
  if (connected !== 'no' && scene.peers.client.last.has('path-lost')) throw new Error(`the path was lost: ${seed}`);
  return { friends, host: atHost, friend: atFriend, relayed };
}

function told(what: string, counts: readonly number[], most: number): void {
  row(`${what}, median`, quantile(counts, 0.5) ?? Number.NaN, 'a minute');
  const max = Math.max(...counts);
  row(`${what}, most`, max, 'a minute', `<= ${most}`, max <= most);
}

for (const { name, nat } of ROUTERS) {
  const direct = WORLDS.map((n) => idle(`${values.seed}-direct-${n}`, nat, 'direct'));
  told(
    `${name}: two friends`,
    direct.map(({ friends }) => friends),
    LIMITS.friends,
  );
  told(
    `${name}: a host that has a friend, with its master`,
    direct.map(({ host }) => host),
    LIMITS.master,
  );
  told(
    `${name}: that friend with the master`,
    direct.map(({ friend }) => friend),
    LIMITS.master,
  );
  const alone = WORLDS.map((n) => idle(`${values.seed}-alone-${n}`, nat, 'no'));
  told(
    `${name}: a host alone, with its master`,
    alone.map(({ host }) => host),
    LIMITS.master,
  );
}
const relayed = WORLDS.map((n) => idle(`${values.seed}-relay-${n}`, NATS.linux, 'relay'));
told(
  'relayed: a friend and the relay',
  relayed.map(({ relayed: packets }) => packets),
  LIMITS.friends + LIMITS.relay,
);
process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0;
