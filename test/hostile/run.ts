/**
 * `npm run hostile`: lies told in the simulator, some by `--seed`, or one that is named, or `--all`: every field of every message
 * of a lying master, host and friend, each with every value. Ends with 1 where somebody honest comes to harm.
 */
import { parseArgs } from 'node:util';
import { allCases, type Case, fieldsOf, someCases, tell } from './choose.ts';
import { LIARS, type Liar, NETS, type Nets } from './lies.ts';

const { values: flags } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    each: { type: 'string', default: '40' },
    liar: { type: 'string' },
    nets: { type: 'string', default: 'easy' },
    field: { type: 'string' },
    value: { type: 'string', default: '0' },
    'every-other': { type: 'boolean', default: false },
    /** Every so many of them, beginning with the seed: a part of `--all`. */
    step: { type: 'string', default: '1' },
  },
});
const seed = Number(flags.seed);
const step = Number(flags.step);

function cases(): Iterable<Case> {
  if (flags.field !== undefined) {
    const [liar, nets] = [flags.liar as Liar, flags.nets as Nets];
    return [
      { liar, nets, seed, field: Number(flags.field), value: Number(flags.value), everyOther: flags['every-other'] },
    ];
  }
  return flags.all ? allCases(seed) : someCases(seed, Number(flags.each));
}

const began = performance.now();
let [worlds, quiet, lies, failed, n] = [0, 0, 0, 0, seed];
for (const one of cases()) {
  if (n++ % step !== 0 && flags.field === undefined) continue;
  if (flags.field === undefined && flags.liar !== undefined && flags.liar !== one.liar) continue;
  worlds++;
  try {
    const told = tell(one);
    lies += told;
    if (told === 0) quiet++;
  } catch (error) {
    failed++;
    console.error(`${(error as Error).message}\n`);
  }
}
const seconds = Math.round((performance.now() - began) / 1_000);
const fields = LIARS.map((liar) => `${liar} ${NETS.map((nets) => fieldsOf(liar, nets).length).join('/')}`).join(', ');
console.log(`fields (easy/hard): ${fields}`);
console.log(
  `${worlds} worlds, ${lies} lies, ${quiet} worlds in which it did not come to one, ${failed} failed, ${seconds} s`,
);
process.exitCode = failed === 0 ? 0 : 1;
