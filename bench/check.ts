/**
 * How soon `sallyport check` is through, as whoever has typed it sees it: the real command behind real NATs of the lab, the masterserver 20 ms
 * away and back. `npm run bench:check -- --n 10`, on a machine with nothing else to do. Beside it the time
 * from the start of the process.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { eventOf, type LabHost, type NatPreset, openLab, Scene, tinyGame } from '../lab/index.ts';
import { quantile } from './stats.ts';

const NETWORKS: readonly (NatPreset | 'public' | 'no UDP')[] = [
  ...(['public', 'home-router', 'random', 'fully-random', 'pf', 'no UDP'] as const),
];
/** What is promised from the first question to the report. */
const REPORT_MS_MAX = 2_000;
const ONE_WAY_MS = 10;

interface Run {
  /** From the first line, `Measuring`, to the report; and from the start of the process. */
  readonly reportMs: number;
  readonly wholeMs: number;
  readonly verdict: string;
}

const { values } = parseArgs({ options: { n: { type: 'string', default: '10' } } });
const lab = await openLab({ link: { delayMs: ONE_WAY_MS } });
let worst = 0;
try {
  const master = await lab.publicHost('master', 2);
  const scene = new Scene(lab, tinyGame, { master, host: master, client: master, nats: [] });
  await scene.startMaster();
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim();
  process.stdout.write(`commit ${commit}, n = ${values.n} a network, ${2 * ONE_WAY_MS} ms there and back\n`);
  process.stdout.write(line('network', 'report median', 'worst', 'process median', 'worst', 'verdicts'));
  for (const [i, network] of NETWORKS.entries()) {
    const on = await settle(network, i);
    const runs: Run[] = [];
    for (let n = 0; n < Number(values.n); n++) runs.push(await check(scene, on));
    const times = (of: (run: Run) => number): readonly string[] =>
      [0.5, 1].map((q) => `${Math.round(quantile(runs.map(of), q) ?? Number.NaN)} ms`);
    const verdicts = [...new Set(runs.map(({ verdict }) => verdict))].join(', ');
    process.stdout.write(line(network, ...times((run) => run.reportMs), ...times((run) => run.wholeMs), verdicts));
    worst = Math.max(worst, ...runs.map(({ reportMs }) => reportMs));
  }
  process.stdout.write(`worst ${Math.round(worst)} ms of ${REPORT_MS_MAX} ms\n`);
} finally {
  await lab.close();
}
process.exitCode = worst <= REPORT_MS_MAX ? 0 : 1;

async function settle(network: (typeof NETWORKS)[number], i: number): Promise<LabHost> {
  if (network === 'public') return await lab.publicHost(`user${i}`);
  const router = await lab.nat(`router${i}`, network === 'no UDP' ? 'home-router' : network);
  if (network === 'no UDP')
    await router.shell(
      "nft add table ip shut; nft 'add chain ip shut out { type filter hook forward priority 0; }'; nft add rule ip shut out meta l4proto udp drop",
    );
  return await lab.hostBehind(router, `user${i}`);
}

/** By its own lines: the report is the last of them. */
async function check(scene: Scene, on: LabHost): Promise<Run> {
  const startedAt = performance.now();
  const command = scene.sallyport(on, ['check', '--master', scene.link, '--json']);
  await command.find(({ text }) => text.includes('Measuring') || null, 60_000);
  const measuringAt = performance.now();
  const verdict = await command.find(({ text }) => {
    const event = eventOf(text);
    if (event?.ev !== 'profile' || event.refined !== true) return null;
    const { type, verdict } = event.profile as { readonly type: string; readonly verdict: string };
    return type === 'blocked' || type === 'unknown' ? type : verdict;
  }, 60_000);
  const now = performance.now();
  await command.exited;
  return { reportMs: now - measuringAt, wholeMs: now - startedAt, verdict };
}

function line(name: string, ...cells: readonly string[]): string {
  return `${name.padEnd(14)}${cells.map((cell) => cell.padStart(16)).join('')}\n`;
}
