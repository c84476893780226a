/**
 * A router on the way begins to drop what is large, and tells nobody: a path MTU black hole (RFC 8899 section 1.1), under a game that sends
 * datagrams of 1,400 bytes between two homes, with the real command.
 */
import { expect, test } from 'vitest';
import { compiled, counterOf, countingGame, openScene, pause } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const JOIN_MS = 60_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;
const GAME_BYTES = 1_400;
/** IP packets longer than this vanish: what is known to pass everywhere (1,200 bytes of UDP payload) does. */
const PASSES_BYTES = 1_300;
/** A connection looks for its size, a question a second, and does not doubt for six seconds what it has just found. */
const SEARCH_MS = 12_000;
const PLAY_MS = 3_000;

describeUnless(labMissing(), 'a path that begins to swallow what is large', () => {
  test(
    'carries the game again within seconds, its datagrams in parts, and the connection stays',
    async () => {
      const scene = await openScene({
        ...{ host: HOME, client: HOME, game: countingGame, link: { delayMs: 10 }, hops: 2 },
      });
      try {
        const { command, connected } = await scene.join(JOIN_MS, { relay: 'never' });
        const [address = '', port = ''] = connected.local.split(':');
        const words = ['call', address, port, String(GAME_BYTES)];
        scene.clientSide.spawn([process.execPath, compiled('lab/counter.js'), ...words]);
        const count = counterOf(scene.gameServer);
        await pause(SEARCH_MS);
        await count();
        await pause(PLAY_MS);
        const before = await count();
        expect(before, 'before it').toMatchObject({ lost: 0, twice: 0 });
        await scene.lab.cut([`meta l4proto udp meta length ${PASSES_BYTES + 1}-65535`]);
        await pause(PLAY_MS);
        const meanwhile = await count();
        await pause(PLAY_MS);
        const after = await count();
        const said = [before, meanwhile, after].map(
          ({ heard, lost, gapMs }) => `${heard} heard, ${lost} lost, gap ${gapMs} ms`,
        );
        process.stdout.write(`black hole: before ${said[0]}; meanwhile ${said[1]}; after ${said[2]}\n`);
        expect(meanwhile.twice).toBe(0);
        expect(after, 'after it').toMatchObject({ lost: 0, twice: 0 });
        expect(after.heard).toBeGreaterThan(0);
        expect(command.lines.some(({ text }) => text.includes('"path-lost"'))).toBe(false);
      } finally {
        await scene.close();
      }
    },
    2 * JOIN_MS,
  );
});
