/** The targets of the issue on traversal that one pair of networks can show, and the conditions under which each must hold. */
import { NATS, type NatBehaviour, type PairOptions, PORTS_ALL, type SimUser } from '../src/sim/index.ts';

const APDM = {
  mapping: 'address-and-port',
  filtering: 'address-and-port',
  timeouts: { unrepliedMs: 30_000, establishedMs: 60_000 },
} as const;
const step = (perSecond: number, dispersion = 1): NatBehaviour => ({
  ...APDM,
  allocation: { step: 1 },
  background: { perSecond, dispersion },
});
const EASY = NATS.linux;
const RANDOM: NatBehaviour = { ...APDM, allocation: { random: PORTS_ALL } };
const BLOCK: NatBehaviour = { ...APDM, allocation: { block: { size: 512, order: 'random', blocksMax: 1 } } };
const ADM: NatBehaviour = { ...APDM, mapping: 'address', allocation: { step: 1 }, background: { perSecond: 5 } };

/** What is asked of the worlds of a row: a share that is up in time, a median time, or packets of the busier side. */
export type Asked =
  | { readonly kind: 'share'; readonly least: number; readonly ms: number }
  /** No more than a point below the same with an easy NAT in its place. */
  | { readonly kind: 'like'; readonly row: string; readonly ms: number }
  | { readonly kind: 'median'; readonly ms: number }
  | { readonly kind: 'packets'; readonly most: number; readonly quantile: number };

export interface Row {
  readonly name: string;
  readonly pair: readonly [NatBehaviour, NatBehaviour];
  /** Until a join counts as failed. */
  readonly limitMs: number;
  readonly asked: readonly Asked[];
}

const share = (least: number, ms: number): Asked => ({ kind: 'share', least, ms });
const row = (name: string, pair: Row['pair'], limitMs: number, ...asked: Asked[]): Row => ({
  name,
  pair,
  limitMs,
  asked,
});
const likeEasy = (other: string, nat: NatBehaviour): Row[] => [
  row(`easy - ${other}`, [EASY, nat], 6_000),
  row(`ADM - ${other}`, [ADM, nat], 6_000, { kind: 'like', row: `easy - ${other}`, ms: 6_000 }),
];

export const ROWS: readonly Row[] = [
  row(
    'easy - random, all ports',
    [EASY, RANDOM],
    20_000,
    { kind: 'median', ms: 1_200 },
    {
      kind: 'packets',
      most: 600,
      quantile: 0.99,
    },
  ),
  row('easy - step 100/s', [EASY, step(100)], 2_000, share(0.99, 2_000)),
  ...[0, 5, 20, 50].map((rate) => row(`step - step ${rate}/s`, [step(rate), step(rate)], 3_000, share(0.99, 3_000))),
  row('step - step 264/s', [step(264, 1.5), step(264, 1.5)], 5_000, share(0.95, 5_000)),
  ...likeEasy('easy', EASY),
  ...likeEasy('step 20/s', step(20)),
  ...likeEasy('random', RANDOM),
  row('block 512 - block 512', [BLOCK, BLOCK], 240_000, share(0.65, 60_000), share(0.95, 240_000)),
  row('step 5/s - block 512', [step(5), BLOCK], 180_000, share(0.6, 30_000), share(0.95, 180_000)),
];

/** How far below the figures asked for the shares may lie. */
interface Condition {
  readonly name: string;
  readonly worse: number;
  readonly clockApartMs: number;
  /** Of the way between the two, one way; half of it lies between each and the core. */
  readonly lines: { readonly delayMs: number; readonly lossRate: number };
  /** Of the master's own line. */
  readonly masterDelayMs: number;
}

const plain = { delayMs: 20, lossRate: 0 } as const;
const near = { lines: plain, masterDelayMs: plain.delayMs / 2 } as const;
export const CONDITIONS: readonly Condition[] = [
  { name: '20 ms', worse: 0, clockApartMs: 0, ...near },
  {
    ...{ name: '80 ms, 2 % loss', worse: 0.01, clockApartMs: 0 },
    ...{ lines: { delayMs: 80, lossRate: 0.02 }, masterDelayMs: 40 },
  },
  { name: 'master 100 ms', worse: 0.01, clockApartMs: 0, lines: plain, masterDelayMs: 100 },
  { name: 'clocks 50 ms', worse: 0.01, clockApartMs: 50, ...near },
];

/** Somebody behind one such NAT, three routers from the core, on half of the way between the two. */
function userBehind(nat: NatBehaviour, { lines }: Condition, clockOffsetMs: number): SimUser {
  return {
    ...{ class: 'P3', access: 'home', exposed: false, ownRouters: 0, coreRouters: 3 },
    ...{ delayMs: lines.delayMs / 2, jitterMs: 0, lossRate: 1 - Math.sqrt(1 - lines.lossRate) },
    ...{ clockOffsetMs, chain: [{ nat, routers: 0 }] },
  };
}

/** The two of a row; every other world has them exchanged. */
export function usersOf({ pair }: Row, condition: Condition, n: number): NonNullable<PairOptions['users']> {
  const [client, host] = n % 2 === 0 ? pair : [pair[1], pair[0]];
  return { client: userBehind(client, condition, 0), host: userBehind(host, condition, condition.clockApartMs) };
}
