/**
 * The kill test of a fleet: three masters, Debian's nats-server and a crowd in network namespaces of their own, joins at a steady rate, and one
 * trouble after another: `npm run bench:fleet -- --hosts 60 --joins 10`. Needs what the lab needs, and the package nats-server. Prints a
 * row for each trouble, keeps all of it in bench/results/fleet-DATE.txt, and ends with 1 where a limit of the table is missed.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { CrowdJoin } from './fleet-crowd.ts';
import { FleetLab, NODES } from './fleet-lab.ts';
import { SCENES, type Scene } from './fleet-scenes.ts';
import { quantile } from './stats.ts';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '60' },
    joins: { type: 'string', default: '10' },
    /** Seconds of a trouble, and of the calm after it in which joins still count for it. */
    trouble: { type: 'string', default: '10' },
    calm: { type: 'string', default: '10' },
    quiet: { type: 'string', default: '30' },
    only: { type: 'string', default: '' },
  },
});
const [hosts, perSecond] = [Number(values.hosts), Number(values.joins)];
const [troubleMs, calmMs, quietMs] = [values.trouble, values.calm, values.quiet].map((s) => 1000 * Number(s));
/** The limits of the issue: joins that succeed, and seconds until all hosts are listed again. */
const SUCCEED = 0.995;
const LISTED_S = 30;
const LOOK_MS = 500;
const COME_MS = 120_000;

interface Outcome {
  readonly joins: readonly CrowdJoin[];
  readonly listedS: number | null;
  readonly twiceS: number | null;
}

const lines: string[] = [];
function print(line = ''): void {
  lines.push(line);
  console.log(line);
}

/** Seconds from the end of the trouble until every host is on a list, and there are two registrations for each; null: not within the time. */
async function back(fleet: FleetLab, limitMs: number): Promise<Pick<Outcome, 'listedS' | 'twiceS'>> {
  const start = performance.now();
  let listedS: number | null = null;
  while (performance.now() - start < limitMs) {
    const asked = (performance.now() - start) / 1000;
    const { somewhere, registrations } = await fleet.listed();
    if (somewhere === hosts) listedS ??= asked;
    if (somewhere === hosts && registrations >= 2 * hosts) return { listedS, twiceS: asked };
    await sleep(LOOK_MS);
  }
  return { listedS, twiceS: null };
}

async function play(fleet: FleetLab, act: () => Promise<void>): Promise<Outcome> {
  const [first, began] = [fleet.joins.length, Date.now()];
  await act();
  const [returned] = await Promise.all([back(fleet, 2000 * LISTED_S), sleep(calmMs)]);
  const ended = Date.now();
  // The last of them are still under way.
  for (let n = 0; n < 50 && (await fleet.figures()).under > 2 * perSecond; n += 1) await sleep(LOOK_MS);
  await sleep(2_000);
  return { joins: fleet.joins.slice(first).filter(({ at }) => at >= began && at <= ended), ...returned };
}

function times({ joins }: Outcome): { readonly took: number[]; readonly p50: number; readonly p99: number } {
  const took = joins.flatMap(({ tookMs }) => (tookMs === null ? [] : [tookMs]));
  return { took, p50: quantile(took, 0.5) ?? Number.NaN, p99: quantile(took, 0.99) ?? Number.NaN };
}

const seconds = (value: number | null): string => (value === null ? 'never' : value.toFixed(1));

/** Prints a row and gives what it misses. */
function judge(scene: Scene, outcome: Outcome, quiet: Outcome): string[] {
  const [here, calm] = [times(outcome), times(quiet)];
  const [asked, came] = [outcome.joins.length, here.took.length];
  const [added50, added99] = [(here.p50 - calm.p50) / 1000, (here.p99 - calm.p99) / 1000];
  print(
    `| ${scene.name} | ${asked} | ${came} | ${((100 * came) / asked).toFixed(2)} % | ${added50.toFixed(2)} | ${added99.toFixed(2)} | ${seconds(outcome.listedS)} | ${seconds(outcome.twiceS)} |`,
  );
  const missed: string[] = [];
  if (came < SUCCEED * asked) missed.push(`${scene.name}: ${asked - came} of ${asked} joins lost`);
  if (scene.addedMax !== null && !(added99 <= scene.addedMax))
    missed.push(`${scene.name}: ${added99.toFixed(2)} s added at p99, limit ${scene.addedMax}`);
  if (outcome.listedS === null || outcome.listedS > LISTED_S)
    missed.push(`${scene.name}: all hosts listed after ${seconds(outcome.listedS)} s, limit ${LISTED_S}`);
  const failures = [...new Set(outcome.joins.flatMap(({ failure }) => failure ?? []))];
  if (failures.length > 0) print(`  lost by: ${failures.join(', ')}`);
  return missed;
}

async function assemble(fleet: FleetLab): Promise<void> {
  fleet.startNats();
  await fleet.startCrowd();
  const link = await fleet.startNode('a');
  await fleet.shareSecrets();
  for (const name of NODES.slice(1)) await fleet.startNode(name);
  // Who registers before that is at one node, until it asks for the list again.
  await fleet.knowEachOther();
  fleet.order({ do: 'hosts', link, nodes: fleet.nodes(), count: hosts });
  const { twiceS } = await back(fleet, COME_MS);
  if (twiceS === null) throw new Error(`not all hosts came: ${fleet.complaints.slice(0, 5).join('; ')}`);
  print(`${hosts} hosts at two nodes each after ${twiceS.toFixed(1)} s`);
}

function head(): void {
  print(`npm run bench:fleet -- ${process.argv.slice(2).join(' ')}`.trim());
  print(
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} x ${cpus()[0]?.model}, node ${process.version}, load ${loadavg()[0]?.toFixed(1)} before`,
  );
  print(`3 masters, nats-server, ${hosts} hosts, ${perSecond} joins/s by friends whose programs start just then; each`);
  print('program in a namespace, no delay between them; weak codes in place of scrypt. A trouble lasts');
  print(`${values.trouble} s, joins count until ${values.calm} s after its end and all hosts are at two nodes.`);
  print();
}

async function measure(fleet: FleetLab): Promise<string[]> {
  await assemble(fleet);
  fleet.order({ do: 'joins', perSecond });
  // The first ones warm the programs up.
  await sleep(5_000);
  const quiet = await play(fleet, () => sleep(quietMs ?? 0));
  const { took, p50, p99 } = times(quiet);
  print(`quiet: ${quiet.joins.length} joins, ${took.length} succeeded, ms p50 ${p50.toFixed(0)} p99 ${p99.toFixed(0)}`);
  print();
  print('| trouble | joins | succeeded | share | added s p50 | p99 | all listed after s | at two nodes after s |');
  print('|---|---|---|---|---|---|---|---|');
  const missed: string[] = [];
  for (const scene of SCENES) {
    if (!scene.name.includes(values.only)) continue;
    missed.push(...judge(scene, await play(fleet, () => scene.act(fleet, troubleMs ?? 0)), quiet));
  }
  fleet.order({ do: 'joins', perSecond: 0 });
  const { twicePaths, hooks, hooksTwice, lateMs } = await fleet.figures();
  const { doubled } = await fleet.listed();
  print();
  print(`hosts that one list shows twice: ${doubled}; joins with a second path: ${twicePaths}`);
  print(
    `webhooks: ${hooks} told, ${hooksTwice.length} of them twice${hooksTwice.slice(0, 3).map((one) => ` (${one})`)}`,
  );
  print(
    `NATS was said to be away ${fleet.told('fleet', '"alone"')} times, a store to be in trouble ${fleet.told('store-problem', '')} times`,
  );
  print(`the crowd's own program was late by ${lateMs.toFixed(0)} ms at worst`);
  if (doubled > 0) missed.push(`${doubled} hosts listed twice by one node`);
  if (hooksTwice.length > 0) missed.push(`${hooksTwice.length} webhooks sent twice`);
  return missed;
}

const fleet = await FleetLab.open();
head();
try {
  const missed = await measure(fleet);
  print();
  print(missed.length === 0 ? 'every limit is met' : `missed:\n${missed.map((line) => `  ${line}`).join('\n')}`);
  if (fleet.complaints.length > 0) print(`complaints: ${[...new Set(fleet.complaints)].slice(0, 10).join('\n  ')}`);
  process.exitCode = missed.length === 0 ? 0 : 1;
  const file = `bench/results/fleet-${new Date().toISOString().slice(0, 10)}.txt`;
  if (values.only === '')
    writeFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), `${lines.join('\n')}\n`);
} finally {
  await fleet.close();
}
