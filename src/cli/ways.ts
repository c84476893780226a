/** All ways that connections have, as rows: for the console of `host`, the key W of `join`, and `sallyport ctl ways`. */
import type { PathInfo } from '../agent/index.ts';
import { wayText } from '../agent/words.ts';
import { tableText } from './who.ts';
import { t, tMaybe } from './words/index.ts';

/** Of one connection; `name`: who is at the other end. */
export interface NamedWays {
  readonly name: string;
  readonly ways: readonly PathInfo[];
}

const WAYS_HEAD = ['With', 'Way', 'State', 'Lost', 'Carries the data'] as const;

/** One row for each way, the one that carries the data first. */
export function waysText(connections: readonly NamedWays[]): string {
  const rows = connections.flatMap(({ name, ways }) =>
    [...ways]
      .sort((left, right) => Number(right.carries) - Number(left.carries))
      .map((way) => [
        name,
        wayText(way, tMaybe),
        tMaybe(way.state),
        `${(100 * way.loss).toFixed(1)} %`,
        way.carries ? t('yes') : '',
      ]),
  );
  if (rows.length === 0) return t('Nobody is connected, so there are no ways.');
  return tableText(
    WAYS_HEAD.map((head) => t(head)),
    rows,
  );
}
