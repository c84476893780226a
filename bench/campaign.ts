/**
 * The figures that the table of threats (SECURITY.md) asks for and that are too large for a test: a line for each
 * row, exit code 1 where one does not hold. Real machines in virtual time, no socket.
 *
 *     npm run campaign -- --row 1 --row 5 --scale 0.1
 *     npm run campaign -- --count 2=5000 --count 5=1e7
 */
import { parseArgs } from 'node:util';
import {
  amplification,
  garbage,
  guesses,
  heartbeats,
  memory,
  type Outcome,
  predictions,
  victim,
} from './campaign-rows.ts';

interface Row {
  readonly row: number;
  readonly count: number;
  run(count: number): Outcome;
}

/** As the table asks; row 10 in seconds. */
const ROWS: readonly Row[] = [
  { row: 1, count: 1e6, run: amplification },
  { row: 2, count: 1e5, run: victim },
  { row: 5, count: 1e8, run: garbage },
  { row: 7, count: 1e7, run: guesses },
  { row: 9, count: 1e7, run: memory },
  { row: 10, count: 60, run: heartbeats },
  { row: 22, count: 1e6, run: predictions },
];

const { values: flags } = parseArgs({
  options: {
    row: { type: 'string', multiple: true },
    /** A part of the numbers, for a quick look. */
    scale: { type: 'string', default: '1' },
    /** The number of a row. */
    count: { type: 'string', multiple: true },
  },
});
const counts = new Map((flags.count ?? []).map((text) => text.split('=') as [string, string]));
const chosen = ROWS.filter(({ row }) => flags.row === undefined || flags.row.includes(String(row)));
let broken = 0;
for (const { row, count, run } of chosen) {
  const began = performance.now();
  const { asked, counted, held } = run(Number(counts.get(String(row)) ?? Math.ceil(count * Number(flags.scale))));
  if (!held) broken++;
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(`row ${row}, ${held ? 'held' : 'BROKEN'}, ${seconds} s\n  asked:   ${asked}\n  counted: ${counted}`);
}
process.exitCode = broken === 0 ? 0 : 1;
