/**
 * `kill -9` of the host's program while a game plays, and its start anew: the game server sees the player go on from the same address
 * and port. LAB_RUNS=20 kills as often.
 */
import { expect, test } from 'vitest';
import { compiled, counterOf, countingGame, openScene, pause } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const RUNS = Number(process.env.LAB_RUNS ?? 1);
const JOIN_MS = 60_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;
/** How long nobody starts it again. */
const AWAY_MS = 1_000;
/** From its `ready` to the player's next datagram at the game: ENet gives up after 5 s, of which the start takes some. */
const BACK_MS = 2_000;

describeUnless(labMissing(), 'a host that is killed while a game plays', () => {
  test(
    'is back with its player at the same place in the game',
    async () => {
      const scene = await openScene({
        ...{ host: HOME, client: HOME, game: countingGame, link: { delayMs: 10 }, hops: 2 },
      });
      const report = ['| | on again after ready, at most | longest silence in all |', '|---|---|---|'];
      try {
        const { connected } = await scene.join(JOIN_MS, { relay: 'allow' });
        const [address = '', port = ''] = connected.local.split(':');
        const player = scene.clientSide.spawn([process.execPath, compiled('lab/counter.js'), 'call', address, port]);
        const counts = [counterOf(scene.gameServer), counterOf(player)] as const;
        const { gameServer } = scene;
        const peers = (): readonly string[] =>
          gameServer.lines.filter(({ text }) => text.startsWith('peer ')).map(({ text }) => text);
        await pause(2_000);
        for (let run = 1; run <= RUNS; run++) {
          scene.host.signal('SIGKILL');
          await scene.host.exited;
          await pause(AWAY_MS);
          await Promise.all(counts.map((count) => count()));
          await scene.runHost();
          const readyAt = performance.now();
          let gapMs = 0;
          const back = async (): Promise<boolean> => {
            const sides = await Promise.all(counts.map((count) => count()));
            gapMs = Math.max(...sides.map((side) => side.gapMs));
            return sides.every(({ heard }) => heard > 0);
          };
          while (!(await back())) if (performance.now() - readyAt > JOIN_MS) expect.unreachable('the game goes on');
          const backMs = performance.now() - readyAt;
          report.push(`| ${run} | ${Math.round(backMs)} ms | ${gapMs} ms |`);
          expect(new Set(peers()).size).toBe(1);
          expect(backMs).toBeLessThan(BACK_MS);
          await pause(2_000);
        }
      } finally {
        process.stdout.write(`${report.join('\n')}\n`);
        await scene.close();
      }
    },
    JOIN_MS + RUNS * 2 * JOIN_MS,
  );
});
