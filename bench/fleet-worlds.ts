/**
 * Fleets in the simulator whose nodes are killed, hang, are drained and are cut off from what the others say: `npm run bench:fleet-worlds --
 * --worlds 10000 --first 1`. A line for each world in which something is wrong, with the command that repeats it; exit code 1 then.
 */
import { parseArgs } from 'node:util';
import { nodeCrypto } from '../src/node/index.ts';
import { type FleetJoin, runFleet } from '../src/sim/index.ts';
import { Rulings, wrongIn } from './fleet-checks.ts';
import { FleetNews } from './fleet-office.ts';
import { quantile } from './stats.ts';

const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: '10000' },
    first: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '3' },
    hosts: { type: 'string', default: '2' },
    joins: { type: 'string', default: '3' },
    loss: { type: 'string', default: '0' },
    /** Of what nodes say to each other. */
    lost: { type: 'string', default: '0.05' },
  },
});
const [first, worlds, nodes] = [Number(values.first), Number(values.worlds), Number(values.nodes)];
const [hosts, joinsEach] = [Number(values.hosts), Number(values.joins)];
const joins: FleetJoin[] = [];
const faults = new Map<string, number>();
let faulty = 0;
for (let seed = first; seed < first + worlds; seed += 1) {
  const news = new FleetNews(Number(values.lost));
  const rulings = new Rulings(news);
  const run = runFleet({
    ...{ seed, nodes, hosts, joins: joinsEach, crypto: nodeCrypto, lines: { lossRate: Number(values.loss) } },
    ...{ office: news.office, onCut: news.cut, meanwhile: rulings.plan, troublemakers: true },
  });
  joins.push(...run.joins);
  for (const { fault } of run.faults) faults.set(fault, (faults.get(fault) ?? 0) + 1);
  const wrong = [...run.wrong, ...rulings.wrong(), ...wrongIn(news, nodes)];
  if (wrong.length === 0) continue;
  faulty += 1;
  const given = ['nodes', 'hosts', 'joins', 'loss', 'lost'].map((name) => `--${name} ${values[name as 'nodes']}`);
  console.log(
    `world ${seed}: ${wrong.join('; ')}\n  npm run bench:fleet-worlds -- --worlds 1 --first ${seed} ${given.join(' ')}`,
  );
}
for (const troubled of [false, true]) {
  const of = joins.filter((join) => join.troubled === troubled);
  const took = of.flatMap(({ tookMs }) => (tookMs === null ? [] : [tookMs])).sort((left, right) => left - right);
  const at = (share: number): string => quantile(took, share)?.toFixed(0) ?? '-';
  console.log(
    `${troubled ? 'while a node fails, or just after' : 'calm'}: ${of.length} joins, ${of.length - took.length} lost, ms p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)}`,
  );
}
console.log(
  `faults: ${[...faults]
    .map(([fault, count]) => `${fault} ${count}`)
    .sort()
    .join(', ')}`,
);
console.log(`${worlds} worlds of ${nodes} nodes, ${faulty} at fault`);
process.exitCode = faulty === 0 ? 0 : 1;
