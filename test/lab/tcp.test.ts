/**
 * A TCP transfer between two home routers with the real command, while the direct path dies without a word: it goes on over the relay of
 * the real masterserver, and over a direct path again when there is one, and what comes out is what went in.
 */
import { expect, test } from 'vitest';
import { openScene, progress, startTransfer, transferGame, transferred } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const JOIN_MS = 60_000;
const TRANSFER_MS = 120_000;
const BYTES = 100_000_000;
const OVER_RELAY_BYTES = 1_000_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;

describeUnless(labMissing(), 'a TCP connection carried between two homes', () => {
  test(
    'goes on over the relay when the direct path dies, and is exact to the byte when that is back',
    async () => {
      const scene = await openScene({ host: HOME, client: HOME, game: transferGame, hops: 2 });
      const kindsOf = (text: string): string => (text.includes('"ev":"path"') ? text : '');
      try {
        const { command, connected } = await scene.join(JOIN_MS, { relay: 'allow' });
        const goes = (kind: RegExp): Promise<true> =>
          command.find(({ text }) => (kind.test(kindsOf(text)) ? true : null), JOIN_MS);
        await goes(/"kind":"direct/);
        const got = startTransfer(scene.clientSide, 'get', connected.local, BYTES);
        const { bytes: before } = await progress(got, BYTES / 8, TRANSFER_MS);
        await scene.cutHomes();
        const relayed = await goes(/"kind":"relay"/);
        // The relay lets 128 kB a second of a pair through.
        const { ms } = await progress(got, before + OVER_RELAY_BYTES, TRANSFER_MS);
        await scene.lab.uncut();
        const all = await transferred(got, TRANSFER_MS);
        expect(all).toMatchObject({ bytes: BYTES, got: all.meant });
        expect(relayed).toBe(true);
        process.stdout.write(`${BYTES / 1e6} MB in ${all.ms} ms, over the relay until ${ms} ms at least\n`);
      } finally {
        await scene.close();
      }
    },
    2 * JOIN_MS + 3 * TRANSFER_MS,
  );
});
