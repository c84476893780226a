/**
 * Whether anything is left behind by friends who come and go. `npm run bench:soak -- --minutes 60`: a master, three hosts with games and
 * friends on real sockets of this computer; descriptors, timers and memory are counted as it goes. `npm run bench:soak -- --hours 8`:
 * the same machines in the simulator in virtual time, as fast as this computer runs it, eight friends behind NATs who join, play
 * and leave ten thousand times; sockets, tables of the master and memory are counted at the end of every hour, when nobody is there.
 */
import { parseArgs } from 'node:util';
import { rowsOf } from './rows.ts';
import { soakReal } from './soak-real.ts';
import { soakVirtual } from './soak-virtual.ts';

const { values: flags } = parseArgs({
  options: { minutes: { type: 'string' }, hours: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const { rows, row } = rowsOf([52, 10, 8]);
if (flags.hours !== undefined) soakVirtual(Math.max(1, Math.round(Number(flags.hours))), flags.seed, row);
else await soakReal(Number(flags.minutes ?? 1), row);
process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0;
