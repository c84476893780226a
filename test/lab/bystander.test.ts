import { expect, test } from 'vitest';
import { openScene, Puppet } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const JOIN_MS = 60_000;
/** The session table of a small home router. */
const SESSIONS_MAX = 4_096;
const GAME_TICK_MS = 25;
/** Every so many ticks the bystander opens something new, as a browser does. */
const NEW_SOCKET_EVERY = 8;

describeUnless(labMissing(), 'manners on a shared router', () => {
  test('somebody else behind a random NAT with a small session table loses nothing during a birthday run', async () => {
    const stage = await openScene({
      client: { kind: 'nat', nat: { allocation: { kind: 'random' }, sessionsMax: SESSIONS_MAX } },
      host: { kind: 'nat', nat: 'home-router' },
      hops: 2,
    });
    const router = stage.nats[1]!;
    const server = new Puppet(await stage.lab.publicHost('server'));
    const bystander = new Puppet(await stage.lab.hostBehind(router, 'bystander'));
    await server.open('s', 4_000, { answer: 'observed' });
    await bystander.open('game');

    let ticks = 0;
    let others = 0;
    const play = setInterval(() => {
      bystander.send('game', server.host.address, 4_000, `tick ${ticks++}`);
      if (ticks % NEW_SOCKET_EVERY !== 0) return;
      const fresh = `new ${others++}`;
      void bystander.open(fresh).then(() => bystander.send(fresh, server.host.address, 4_000, fresh));
    }, GAME_TICK_MS);
    const joined = await stage.join(JOIN_MS);
    const sessionsPeak = Number(await router.shell('conntrack -C'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    clearInterval(play);

    const attempts = joined.command.lines.filter((line) => line.text.includes('"birthday"'));
    expect(attempts.length, 'the join needed a birthday run').toBeGreaterThan(0);
    expect(ticks).toBeGreaterThan(20);
    await bystander.nth('game', ticks - 1, 2_000);
    for (let index = 0; index < others; index++) await bystander.nth(`new ${index}`, 0, 2_000);
    expect(sessionsPeak).toBeLessThan(SESSIONS_MAX);
    await stage.close();
  }, 90_000);
});
