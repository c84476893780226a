/** A host that ends its game for the evening, says so, and comes back: friends who have waited are in again, where they were. */
import { expect, test } from 'vitest';
import { type Count, compiled, counterOf, countingGame, type LabProcess, openScene, pause } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const JOIN_MS = 60_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;
/** Longer than the first questions of a friend that waits, so that it has been told that nobody is there. */
const AWAY_MS = 5_000;

describeUnless(labMissing(), 'a host that has ended and comes back', () => {
  test(
    'finds the friends who have waited at the same ports of theirs, and its game at the same addresses',
    async () => {
      const scene = await openScene({ host: HOME, client: HOME, game: countingGame });
      try {
        const lena = await scene.lab.hostBehind(scene.nats[1]!, 'lena');
        const friends: { command: LabProcess; connected: { local: string }; count: () => Promise<Count> }[] = [];
        for (const on of [scene.clientSide, lena]) {
          const { command, connected } = await scene.join(JOIN_MS, { relay: 'allow', on });
          const [address = '', port = ''] = connected.local.split(':');
          const count = counterOf(on.spawn([process.execPath, compiled('lab/counter.js'), 'call', address, port]));
          friends.push({ command, connected, count });
        }
        const { gameServer, host } = scene;
        const peers = (): number =>
          new Set(gameServer.lines.flatMap(({ text }) => (text.startsWith('peer ') ? [text] : []))).size;
        const plays = async ({ count }: (typeof friends)[number]): Promise<boolean> => (await count()).heard > 0;
        for (const friend of friends) await expect.poll(() => plays(friend), { timeout: JOIN_MS }).toBe(true);
        await host.stop();
        for (const { command } of friends)
          expect(await scene.event(command, 'lost', JOIN_MS)).toMatchObject({ reason: 'left', waiting: true });
        await pause(AWAY_MS);
        for (const { count } of friends) await count();
        expect((await friends[0]!.count()).heard).toBe(0);
        await scene.runHost();
        for (const friend of friends) {
          await expect.poll(() => plays(friend), { timeout: JOIN_MS }).toBe(true);
          const places = friend.command.lines.flatMap(({ text }) => {
            const { ev, local } = JSON.parse(text.startsWith('{') ? text : '{}') as Record<string, unknown>;
            return ev === 'connected' ? [local] : [];
          });
          expect(places).toEqual([friend.connected.local, friend.connected.local]);
        }
        // Each of the two by one address and port from first to last.
        expect(peers()).toBe(2);
      } finally {
        await scene.close();
      }
    },
    6 * JOIN_MS,
  );
});
