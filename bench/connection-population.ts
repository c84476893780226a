/** Any two people of the population: how soon the first data is there, whether it goes directly, and when it does. */
import { nodeCrypto } from '../src/node/index.ts';
import { type AccessKind, drawClass, meet, type SceneOptions, simRandom } from '../src/sim/index.ts';
import { openPlay, type Play } from './connection-play.ts';

/** As in the success benchmark: three birthday rounds and what follows them. */
const DIRECT_LIMIT_MS = 90_000;
const ACCESS: readonly (readonly [AccessKind, AccessKind])[] = [
  ['home', 'home'],
  ['home', 'mobile'],
  ['mobile', 'home'],
  ['mobile', 'mobile'],
];

/** Times from the join command, in ms; Infinity for what never came. */
export interface Meeting {
  /** Until either game had a datagram of the other. */
  readonly dataMs: number;
  /** Until the data of both went directly. */
  readonly directMs: number;
  /** The classes, and what repeats it. */
  readonly pair: string;
}

/** World `n`: both classes drawn by their shares, those that block UDP too; a quarter of the worlds for each pair of networks. */
export function meetAnybody(seed: string, n: number, options: Pick<SceneOptions, 'relay' | 'configs'>): Meeting {
  const [clientAccess, hostAccess] = ACCESS[n % ACCESS.length]!;
  const random = simRandom(`${seed}-anybody-${n}`);
  const [clientClass, hostClass] = [drawClass(clientAccess, random), drawClass(hostAccess, random)];
  const play = openPlay({
    ...{ clientClass, hostClass, clientAccess, hostAccess, seed: `${seed}-anybody-${n}`, crypto: nodeCrypto },
    ...options,
  });
  const { world } = play.scene;
  let joinedAt: number | null = null;
  const onJoin = (): void => {
    joinedAt = world.now;
    play.begin();
  };
  meet(play.scene, { limitMs: DIRECT_LIMIT_MS, joinsMax: 3, onJoin });
  const from = joinedAt ?? world.now;
  const until = (done: () => boolean): void => {
    const limitMs = from + DIRECT_LIMIT_MS - world.now;
    if (joinedAt !== null && limitMs > 0) world.runUntil(done, { limitMs });
  };
  until(() => dataAt(play) < Number.POSITIVE_INFINITY);
  play.end();
  until(() => directAt(play) < Number.POSITIVE_INFINITY);
  const pair = `${clientClass}@${clientAccess},${hostClass}@${hostAccess} --seed ${seed}-anybody-${n}`;
  return { dataMs: dataAt(play) - from, directMs: directAt(play) - from, pair };
}

function dataAt({ seen }: Play): number {
  return Math.max(...Object.values(seen).map(({ arrivals }) => arrivals[0]?.at ?? Number.POSITIVE_INFINITY));
}

function directAt({ seen }: Play): number {
  const first = Object.values(seen).map(({ kinds }) => kinds.find(({ kind }) => kind !== 'relay'));
  return Math.max(...first.map((one) => one?.at ?? Number.POSITIVE_INFINITY));
}
