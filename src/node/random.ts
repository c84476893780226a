import { randomInt } from 'node:crypto';
import type { Random } from '../core/index.ts';

const FLOAT_STEPS = 2 ** 47;

/** The system's randomness: nobody outside can guess which ports and transaction numbers come next. */
export const systemRandom: Random = {
  float: () => randomInt(FLOAT_STEPS) / FLOAT_STEPS,
  int: (low, high) => randomInt(low, high + 1),
};
