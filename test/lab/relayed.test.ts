/**
 * A direct path between two home routers dies without a word, and comes back, while a game plays over it with the real command: the
 * relay of the real masterserver carries on. Counted where the game counts, at both ends. LAB_RUNS=20 dies as often.
 */
import { expect, test } from 'vitest';
import {
  type Count,
  Cuts,
  compiled,
  counterOf,
  countingGame,
  type LabProcess,
  openScene,
  pause,
} from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const RUNS = Number(process.env.LAB_RUNS ?? 1);
const JOIN_MS = 60_000;
const PLAY_MS = 3_000;
/** The plans of a home pair that has just been cut off rest some seconds between two attempts. */
const RETURN_MS = 90_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;

function kindOf(text: string): string | null {
  return text.startsWith('{"v":1,"ev":"path"') ? (JSON.parse(text) as { readonly kind: string }).kind : null;
}

function kindsOf({ lines }: LabProcess): readonly string[] {
  return lines.flatMap(({ text }) => kindOf(text) ?? []);
}

/** Waits for the `n`th line `path` of this kind. */
async function goes(joined: LabProcess, kind: RegExp, n: number, timeoutMs: number): Promise<void> {
  let seen = 0;
  await joined.find(({ text }) => (kind.test(kindOf(text) ?? '') && ++seen === n ? true : null), timeoutMs);
}

describeUnless(labMissing(), 'a direct path that dies while a game plays', () => {
  test(
    'is gone on with over the relay within two seconds, and comes back without a loss',
    async () => {
      const scene = await openScene({
        ...{ host: HOME, client: HOME, game: countingGame, link: { delayMs: 10 }, hops: 2 },
      });
      const report = ['| | heard | lost | twice | longest gap |', '|---|---|---|---|---|'];
      const row = (what: string, { heard, lost, twice, gapMs }: Count): void =>
        void report.push(`| ${what} | ${heard} | ${lost} | ${twice} | ${gapMs} ms |`);
      try {
        const { command, connected } = await scene.join(JOIN_MS, { relay: 'allow' });
        await goes(command, /direct/, 1, JOIN_MS);
        // A join may begin at the relay.
        const relayed = kindsOf(command).filter((kind) => kind === 'relay').length;
        const [address = '', port = ''] = connected.local.split(':');
        const player = scene.clientSide.spawn([process.execPath, compiled('lab/counter.js'), 'call', address, port]);
        const sides = [
          ['host', counterOf(scene.gameServer)],
          ['friend', counterOf(player)],
        ] as const;
        const each = async (look: (side: string, count: Count) => void): Promise<void> => {
          for (const [side, count] of sides) look(side, await count());
        };
        await pause(PLAY_MS);
        await each((side, count) => expect(count, side).toMatchObject({ twice: 0 }));
        for (let run = 1; run <= RUNS; run++) {
          await scene.cutHomes();
          await pause(PLAY_MS);
          await goes(command, /relay/, relayed + run, JOIN_MS);
          await each((side, count) => {
            row(`direct path dies, at the ${side}`, count);
            expect(count.heard, side).toBeGreaterThan(0);
            expect(count.twice, side).toBe(0);
            expect(count.gapMs, side).toBeLessThan(2_000);
          });
          await scene.lab.uncut();
          await goes(command, /direct/, run + 1, RETURN_MS);
          await pause(PLAY_MS);
          await each((side, count) => {
            row(`back to a direct path, at the ${side}`, count);
            expect(count, side).toMatchObject({ lost: 0, twice: 0 });
          });
        }
      } finally {
        process.stdout.write(`${report.join('\n')}\n`);
        await scene.close();
      }
    },
    JOIN_MS + RUNS * (JOIN_MS + RETURN_MS),
  );

  test(
    'goes on over the relay within two seconds when a router gives other ports, though nothing else leads there',
    async () => {
      const scene = await openScene({
        ...{ host: HOME, client: HOME, game: countingGame, link: { delayMs: 10 }, hops: 2 },
      });
      try {
        const { command, connected } = await scene.join(JOIN_MS, { relay: 'only' });
        const [address = '', port = ''] = connected.local.split(':');
        const player = scene.clientSide.spawn([process.execPath, compiled('lab/counter.js'), 'call', address, port]);
        const sides = [counterOf(scene.gameServer), counterOf(player)];
        const cuts = new Cuts(scene);
        await pause(PLAY_MS);
        for (let run = 1; run <= RUNS; run++) {
          for (const count of sides) await count();
          await cuts.newMappings();
          await pause(PLAY_MS);
          for (const count of sides) {
            const { heard, twice, gapMs } = await count();
            expect(heard).toBeGreaterThan(0);
            expect(twice).toBe(0);
            expect(gapMs).toBeLessThan(2_000);
            process.stdout.write(`by relay alone, new mappings at the friend's router: ${gapMs} ms\n`);
          }
        }
        // The same connection, not another one.
        expect(kindsOf(command)).toEqual(['relay']);
      } finally {
        await scene.close();
      }
    },
    JOIN_MS + RUNS * JOIN_MS,
  );
});
