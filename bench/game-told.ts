/**
 * How long until a friend is told that the host's game does not answer, and that it answers again: a game in a process of its own on
 * loopback, killed or stopped while a program plays at 20 datagrams a second, or while nobody does. `node dist/bench/game-told.js`
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GameState, openAgent, openLocalServices } from '../src/agent/index.ts';
import { startMaster } from '../src/master/index.ts';
import { quantile } from './stats.ts';

const ROUNDS = 8;
const MASTER_PORT = 27_600;
const GAME_PORT = 29_871;
const GAME = `const s = require('dgram').createSocket('udp4');
s.on('message', (m, from) => s.send(m, from.port, from.address));
s.bind(${GAME_PORT}, '127.0.0.1', () => process.send('up'));`;

async function startGame(): Promise<ChildProcess> {
  const game = spawn(process.execPath, ['-e', GAME], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(game, 'message');
  return game;
}

async function end(game: ChildProcess): Promise<void> {
  game.kill('SIGKILL');
  await once(game, 'exit');
}

const folder = mkdtempSync(join(tmpdir(), 'sallyport-told-'));
const quiet = { http: null, metrics: null, logLevel: 'silent', testJoins: null } as const;
const master = await startMaster({ listen: ['127.0.0.1'], port: MASTER_PORT, stateDir: folder, ...quiet });
const [host, friend] = [await openAgent({ master: master.link }), await openAgent({ master: master.link })];
let game = await startGame();
const hosting = await host.host({ forward: GAME_PORT });
const path = await friend.join(hosting.code);
const local = await openLocalServices(path, { port: 0, onNotice: () => {} });
const at = local.services[0]?.local ?? { address: '', port: 0 };
const program = createSocket('udp4');
let plays = true;
const player = setInterval(() => plays && program.send('state', at.port, at.address), 50);

function told(state: GameState): Promise<number> {
  const begin = performance.now();
  return new Promise((resolve) => {
    const look = (_service: number, now: GameState): void => {
      if (now !== state) return;
      path.off('game', look);
      resolve(performance.now() - begin);
    };
    path.on('game', look);
  });
}

const rows: Record<string, number[]> = {};
async function measure(what: string, state: GameState, act: () => unknown): Promise<void> {
  const waiting = told(state);
  await act();
  const times = rows[what] ?? [];
  rows[what] = [...times, await waiting];
  // The next change is not told within a second of this one.
  await sleep(1_500 + 500 * Math.random());
}

await sleep(2_000);
for (let round = 0; round < ROUNDS; round++) {
  await measure('killed while a program plays', 'absent', () => game.kill('SIGKILL'));
  await measure('started again, its start included, while a program plays', 'answers', async () => {
    game = await startGame();
  });
  await measure('stopped (SIGSTOP) while a program plays', 'silent', () => game.kill('SIGSTOP'));
  await measure('goes on (SIGCONT) while a program plays', 'answers', () => game.kill('SIGCONT'));
  plays = false;
  await sleep(1_000);
  await measure('killed while nobody plays', 'absent', () => game.kill('SIGKILL'));
  await measure('started again, its start included, nobody plays', 'answers', async () => {
    game = await startGame();
  });
  plays = true;
  await sleep(1_000);
}
console.log(`${ROUNDS} times each, ms until the friend is told: median, greatest`);
for (const [what, times] of Object.entries(rows))
  console.log(
    `${what.padEnd(58)} ${String(Math.round(quantile(times, 0.5) ?? 0)).padStart(6)} ${String(Math.round(Math.max(...times))).padStart(6)}`,
  );
clearInterval(player);
program.close();
local.close();
await end(game);
for (const agent of [friend, host]) await agent.close();
await master.close();
rmSync(folder, { recursive: true, force: true });
