/** Which lies are told: all of them, or some by a seed. */
import { simRandom } from '../../src/sim/index.ts';
import { type Field, type Lie, VALUES_MAX } from './fields.ts';
import { LIARS, type Liar, NETS, type Nets, perform } from './lies.ts';

/** A world with a lie in it, by numbers that name it on a command line. */
export interface Case {
  readonly liar: Liar;
  readonly nets: Nets;
  /** Where the field stands in the list of fields; as long as the source does not change. */
  readonly field: number;
  readonly value: number;
  readonly everyOther: boolean;
  readonly seed: number;
}

const found = new Map<string, readonly Field[]>();

/** The fields that this liar writes, in a world without lies. */
export function fieldsOf(liar: Liar, nets: Nets): readonly Field[] {
  const name = `${liar} ${nets}`;
  const fields = found.get(name) ?? perform(liar, nets, 1, null).fields;
  found.set(name, fields);
  return fields;
}

/** So many of each liar, each with a field, a value and a network of its own. */
export function someCases(seed: number, each: number): readonly Case[] {
  const random = simRandom(`cases ${seed}`);
  return LIARS.flatMap((liar) =>
    Array.from({ length: each }, (_, n) => {
      const nets = NETS[n % NETS.length] as Nets;
      const count = fieldsOf(liar, nets).length;
      // Spread over all fields: two are the same only where there are more cases than fields.
      const field = (Math.floor((n * count) / each) + random.int(0, Math.max(0, Math.floor(count / each) - 1))) % count;
      return { liar, nets, field, value: random.int(0, VALUES_MAX - 1), everyOther: random.chance(0.3), seed };
    }),
  );
}

export function* allCases(seed: number): Generator<Case> {
  for (const liar of LIARS) {
    for (const nets of NETS) {
      const known = nets === 'hard' ? new Set(fieldsOf(liar, 'easy').map(({ key }) => key)) : new Set<string>();
      for (const [field, { key, values }] of fieldsOf(liar, nets).entries()) {
        if (known.has(key)) continue;
        for (let value = 0; value < values; value++)
          yield { liar, nets, field, value, everyOther: value % 3 === 2, seed };
      }
    }
  }
}

/** How often it was lied. Throws, with the command that tells this very lie again, where somebody has come to harm. */
export function tell(one: Case): number {
  const { liar, nets, seed, value, everyOther } = one;
  const field = fieldsOf(liar, nets)[one.field];
  if (field === undefined) throw new Error(`there is no field ${one.field}`);
  const lie: Lie = { field, value, everyOther };
  try {
    return perform(liar, nets, seed, lie).lies;
  } catch (error) {
    const flags = `--liar ${liar} --nets ${nets} --field ${one.field} --value ${value} --seed ${seed}`;
    const again = `npm run hostile -- ${flags}${everyOther ? ' --every-other' : ''}`;
    throw new Error(`the ${liar} lies about "${field.name}":\n${(error as Error).message}\n${again}`, { cause: error });
  }
}

/** Every value of the fields whose name begins so. */
export function casesOf(liar: Liar, nets: Nets, name: string, seed: number): readonly Case[] {
  const fields = fieldsOf(liar, nets).flatMap((field, n) => (field.name.startsWith(name) ? [n] : []));
  return fields.flatMap((field) =>
    Array.from({ length: VALUES_MAX }, (_, value) => ({ liar, nets, field, value, everyOther: false, seed })),
  );
}
