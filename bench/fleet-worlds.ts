/**
 * Fleets in the simulator whose nodes are killed, hang and are drained: `npm run bench:fleet-worlds -- --worlds 10000 --first 1`. A line for
 * each world in which something is wrong, with the command that repeats it; exit code 1 then.
 */
import { parseArgs } from 'node:util';
import { nodeCrypto } from '../src/node/index.ts';
import { type FleetJoin, runFleet } from '../src/sim/index.ts';
import { quantile } from './stats.ts';

const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: '10000' },
    first: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '3' },
    loss: { type: 'string', default: '0' },
  },
});
const [first, worlds, nodes] = [Number(values.first), Number(values.worlds), Number(values.nodes)];
const joins: FleetJoin[] = [];
let faulty = 0;
for (let seed = first; seed < first + worlds; seed += 1) {
  const run = runFleet({ seed, nodes, crypto: nodeCrypto, lines: { lossRate: Number(values.loss) } });
  joins.push(...run.joins);
  if (run.wrong.length === 0) continue;
  faulty += 1;
  const again = `npm run bench:fleet-worlds -- --worlds 1 --first ${seed} --nodes ${nodes} --loss ${values.loss}`;
  console.log(`world ${seed}: ${run.wrong.join('; ')}\n  ${again}`);
}
for (const troubled of [false, true]) {
  const of = joins.filter((join) => join.troubled === troubled);
  const took = of.flatMap(({ tookMs }) => (tookMs === null ? [] : [tookMs])).sort((left, right) => left - right);
  const at = (share: number): string => quantile(took, share)?.toFixed(0) ?? '-';
  console.log(
    `${troubled ? 'while a node fails, or just after' : 'calm'}: ${of.length} joins, ${of.length - took.length} lost, ms p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)}`,
  );
}
console.log(`${worlds} worlds of ${nodes} nodes, ${faulty} at fault`);
process.exitCode = faulty === 0 ? 0 : 1;
