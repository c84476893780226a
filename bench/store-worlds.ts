/**
 * Lives of the masterserver's store on a simulated disk: `npm run bench:store -- --worlds 10000 --first 0`. A line for each that
 * breaks the rule, with the command that repeats it; exit code 1 then.
 */
import { parseArgs } from 'node:util';
import { storeWorld } from './store-world.ts';

const { values } = parseArgs({
  options: { worlds: { type: 'string', default: '10000' }, first: { type: 'string', default: '0' } },
});
const first = Number(values.first);
const worlds = Number(values.worlds);
const sum = { facts: 0, crashes: 0, lost: 0, faults: 0 };
const began = performance.now();
for (let seed = first; seed < first + worlds; seed += 1) {
  const { fault, facts, crashes, lost } = storeWorld(seed);
  sum.facts += facts;
  sum.crashes += crashes;
  sum.lost += lost;
  if (fault === null) continue;
  sum.faults += 1;
  console.log(`world ${seed}: ${fault}\n  npm run bench:store -- --worlds 1 --first ${seed}`);
}
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(
  `${worlds} worlds in ${seconds} s: ${sum.facts} facts told, ${sum.crashes} crashes, ${sum.lost} facts lost and said, ${sum.faults} worlds at fault`,
);
process.exitCode = sum.faults === 0 ? 0 : 1;
