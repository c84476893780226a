/** A masterserver known by a name: it leads nowhere when the host starts, and later to another address than before. */
import { expect, test } from 'vitest';
import { openScene, tinyGame } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const WAIT_MS = 60_000;

describeUnless(labMissing(), 'a masterserver with a name', () => {
  test(
    'a host that starts before its name leads anywhere is ready once it does, and follows it to another address',
    async () => {
      const scene = await openScene({
        host: { kind: 'public' },
        client: { kind: 'nat', nat: 'home-router' },
        game: tinyGame,
      });
      const [first = '', second = ''] = scene.masterHost.addresses;
      const { sandbox } = scene.lab;
      const name = async (address: string): Promise<unknown> =>
        sandbox.shell(
          `printf '127.0.0.1 localhost\\n${address === '' ? '' : `${address} master.lab\\n`}' > /run/lab/hosts`,
        );
      try {
        scene.host.signal('SIGTERM');
        await scene.host.exited;
        await name('');
        await sandbox.shell('mount --bind /run/lab/hosts /etc/hosts');
        const link = scene.link.replace(/\/\/[^/]+:/, '//master.lab:');
        const words = ['host', String(scene.game.port), '--master', link, '--json'];
        const early = scene.sallyport(scene.hostSide, words);
        expect(await early.exited).toMatchObject({ code: 3 });

        const host = scene.sallyport(scene.hostSide, [...words, '--wait-for-network']);
        expect(await scene.event(host, 'master', WAIT_MS)).toMatchObject({
          state: 'lost',
          failure: 'MASTER_UNREACHABLE',
        });
        await name(first);
        await scene.event(host, 'ready', WAIT_MS);

        scene.master.signal('SIGTERM');
        await scene.master.exited;
        await name(second);
        scene.master = scene.sallyport(scene.masterHost, ['master', '--listen', second, '--json']);
        await scene.event(scene.master, 'ready', WAIT_MS);
        scene.link = link;
        // The friend looks the name up as well.
        const joining = () => scene.join(WAIT_MS).catch(() => null);
        // The masterserver does not know the host before that has found it.
        let joined = await joining();
        for (let tries = 0; joined === null && tries < 20; tries++) joined = await joining();
        expect(joined === null ? '' : await scene.status(joined)).not.toBe('');
      } finally {
        await scene.close();
      }
    },
    5 * WAIT_MS,
  );
});
