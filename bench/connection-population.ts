/** Any two people of the population: how soon the first data is there, whether it goes directly, and when it does. */
import { nodeCrypto } from '../src/node/index.ts';
import { type AccessKind, drawClass, meet, type PairScene, type SceneOptions, simRandom } from '../src/sim/index.ts';
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
  /** Until both games had a datagram of the other. */
  readonly dataMs: number;
  /** Until the data of both went directly. */
  readonly directMs: number;
}

/** World `n`: both classes drawn by their shares, those that block UDP too; a quarter of the worlds for each pair of networks. */
export function meetAnybody(
  seed: string,
  n: number,
  options: Partial<SceneOptions>,
): Meeting & { readonly pair: string } {
  const [clientAccess, hostAccess] = ACCESS[n % ACCESS.length]!;
  const worldSeed = `${seed}-anybody-${n}`;
  const random = simRandom(worldSeed);
  const [clientClass, hostClass] = [drawClass(clientAccess, random), drawClass(hostAccess, random)];
  const classes = { clientClass, hostClass, clientAccess, hostAccess };
  const { meeting } = meetAndTalk({ ...classes, seed: worldSeed, crypto: nodeCrypto, ...options }, DIRECT_LIMIT_MS);
  const pair = `sallyport sim --pair ${clientClass}@${clientAccess},${hostClass}@${hostAccess} --seed ${worldSeed}`;
  return { ...meeting, pair };
}

/** From start until the two are connected directly, or `limitMs` after the join; the games stop once they have heard of each other. */
export function meetAndTalk(options: SceneOptions, limitMs: number): { meeting: Meeting; scene: PairScene } {
  const play = openPlay(options);
  const { world } = play.scene;
  let joinedAt: number | null = null;
  const onJoin = (): void => {
    joinedAt = world.now;
    play.begin();
  };
  meet(play.scene, { limitMs, onJoin });
  const from = joinedAt ?? world.now;
  const until = (done: () => boolean): void => {
    const left = from + limitMs - world.now;
    if (joinedAt !== null && left > 0) world.runUntil(done, { limitMs: left });
  };
  until(() => dataAt(play) < Number.POSITIVE_INFINITY);
  play.end();
  until(() => directAt(play) < Number.POSITIVE_INFINITY);
  return { meeting: { dataMs: dataAt(play) - from, directMs: directAt(play) - from }, scene: play.scene };
}

function dataAt({ seen }: Play): number {
  return Math.max(...Object.values(seen).map(({ arrivals }) => arrivals[0]?.at ?? Number.POSITIVE_INFINITY));
}

function directAt({ seen }: Play): number {
  const first = Object.values(seen).map(({ kinds }) => kinds.find(({ kind }) => kind !== 'relay'));
  return Math.max(...first.map((one) => one?.at ?? Number.POSITIVE_INFINITY));
}
