/** Friends who come and go on real sockets of this computer: a master, hosts with games, agents, as programs have them. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, openAgent, openLocalServices } from '../src/agent/index.ts';
import { startMaster } from '../src/master/index.ts';
import type { rowsOf } from './rows.ts';
import { heapBytes, notMore, slope } from './soak-memory.ts';

const MASTER_PORT = 27_640;
/** A host takes one join a second of one address, which is all that loopback is to it: three take 10,000 in an hour. */
const HOSTS = 3;
const FRIENDS = 4;
/** One visit in so many is of a program that has just been started, and ends with it. */
const FRESH_EACH = 10;
const PERIODS = 12;
/** Before each count everybody leaves, and what is kept for a while after (`seatSleepMs`, `proofMsMax`) is over. */
const QUIET_MS = 40_000;

interface Game {
  readonly socket: Socket;
  readonly port: number;
}

async function startGame(): Promise<Game> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  return { socket, port: socket.address().port };
}

/** One visit: joins, says a word to the game, hears it, leaves. */
async function visit(agent: Agent, code: string): Promise<void> {
  const path = await agent.join(code, { timeoutMs: 20_000 });
  const program = createSocket('udp4').bind(0, '127.0.0.1');
  try {
    await once(program, 'listening');
    const local = await openLocalServices(path, { port: 0, onNotice: () => {} });
    const at = local.services[0]!.local;
    for (let n = 0; n < 5; n++) {
      program.send('here', at.port, at.address);
      await once(program, 'message', { signal: AbortSignal.timeout(5_000) });
    }
    await local.close();
  } finally {
    program.close();
    path.close();
  }
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const timers = (): number => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;

export async function soakReal(minutes: number, row: ReturnType<typeof rowsOf>['row']): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-soak-'));
  const quiet = { http: null, metrics: null, logLevel: 'silent', testJoins: null } as const;
  const master = await startMaster({ listen: ['127.0.0.1'], port: MASTER_PORT, stateDir: folder, ...quiet });
  const hosts = await Promise.all(Array.from({ length: HOSTS }, () => openAgent({ master: master.link })));
  const games = await Promise.all(hosts.map(startGame));
  const hostings = await Promise.all(hosts.map((host, n) => host.host({ forward: games[n]!.port })));
  const friends = await Promise.all(Array.from({ length: FRIENDS }, () => openAgent({ master: master.link })));
  let [visits, fresh, failed] = [0, 0, 0];
  const problems = new Map<string, number>();
  const come = async (n: number, until: number): Promise<void> => {
    for (let visited = n; performance.now() < until; visited++) {
      const { code } = hostings[visited % HOSTS]!;
      const isFresh = visited % FRESH_EACH === 0;
      const agent = isFresh ? await openAgent({ master: master.link }) : friends[n]!;
      try {
        await visit(agent, code);
        visits++;
        fresh += Number(isFresh);
      } catch (error) {
        failed++;
        const what = (error as Error).message;
        problems.set(what, (problems.get(what) ?? 0) + 1);
      }
      if (isFresh) await agent.close();
      await sleep(1_000 * Math.random());
    }
  };
  const counts: { readonly descriptors: number; readonly timers: number; readonly heap: number }[] = [];
  // A short run is quiet for as long, or there would be nothing to compare: it only has fewer periods.
  const periods = Math.max(3, Math.min(PERIODS, Math.floor(minutes)));
  const began = performance.now();
  for (let period = 1; period <= periods; period++) {
    const ends = began + (period * minutes * 60_000) / periods;
    await Promise.all(friends.map((_friend, n) => come(n, Math.max(performance.now() + 5_000, ends - QUIET_MS))));
    await sleep(QUIET_MS);
    const count = { descriptors: descriptors(), timers: timers(), heap: heapBytes() };
    counts.push(count);
    const figures = `${count.descriptors} descriptors, ${count.timers} timers, ${(count.heap / 1e6).toFixed(1)} MB`;
    console.log(
      `${((performance.now() - began) / 60_000).toFixed(1)} min: ${visits} visits, ${failed} failed; ${figures}`,
    );
  }
  for (const [what, times] of problems) console.log(`${times} times: ${what}`);
  for (const agent of [...friends, ...hosts]) await agent.close();
  for (const { socket } of games) socket.close();
  await master.close();
  rmSync(folder, { recursive: true, force: true });
  const later = counts.slice(1);
  const grown = (of: (count: (typeof counts)[number]) => number): number => of(counts.at(-1)!) - of(counts[0]!);
  const perVisit = (slope(later.map(({ heap }) => heap)) * periods) / Math.max(1, visits);
  row('time', minutes, 'min');
  row('visits, each joined, played and left', visits, '');
  row('of them by a program that was started for it', fresh, '');
  row('visits that failed', failed, '', 'none', failed === 0);
  notMore(
    row,
    'descriptors more than after the first period',
    grown((one) => one.descriptors),
  );
  notMore(
    row,
    'timers more than after the first period',
    grown((one) => one.timers),
    2,
  );
  row('memory more for each visit', perVisit, 'bytes', 'below 1,000', visits < 1_000 ? null : perVisit < 1_000);
}
