import { expect, test } from 'vitest';
import { NAT_PRESETS, openScene, Puppet, type Scene } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const JOIN_MS = 60_000;
/** The session table of a small home router. */
const SESSIONS_MAX = 4_096;
/** In which the greediest run of all, random ports on both sides, has opened as many as it ever has at a time. */
const GREEDY_MS = 25_000;
const GAME_TICK_MS = 25;
/** Every so many ticks the bystander opens something new, as a browser does. */
const NEW_SOCKET_EVERY = 8;
const LOOK_EVERY_MS = 500;

const RANDOM = { kind: 'nat', nat: { ...NAT_PRESETS.random, sessionsMax: SESSIONS_MAX } } as const;

interface Seen {
  /** Most sessions that the client's router held at a time. */
  readonly peak: number;
  readonly ticks: number;
}

/** Plays, and opens new sockets, on the client's LAN while `during` goes on; every packet must have been answered at the end. */
async function watched(stage: Scene, during: () => Promise<unknown>): Promise<Seen> {
  const router = stage.nats.find(({ name }) => name === 'kofinat')!;
  const server = new Puppet(await stage.lab.publicHost('server'));
  const bystander = new Puppet(await stage.lab.hostBehind(router, 'bystander'));
  await server.open('s', 4_000, { answer: 'observed' });
  await bystander.open('game');
  let [ticks, others, peak] = [0, 0, 0];
  const play = setInterval(() => {
    bystander.send('game', server.host.address, 4_000, `tick ${ticks++}`);
    if (ticks % NEW_SOCKET_EVERY !== 0) return;
    const fresh = `new ${others++}`;
    void bystander.open(fresh).then(() => bystander.send(fresh, server.host.address, 4_000, fresh));
  }, GAME_TICK_MS);
  const look = async (): Promise<void> => {
    peak = Math.max(peak, Number(await router.shell('conntrack -C')));
  };
  const looking = setInterval(() => void look(), LOOK_EVERY_MS);
  await during();
  clearInterval(looking);
  await look();
  await new Promise((resolve) => setTimeout(resolve, 500));
  clearInterval(play);
  await bystander.nth('game', ticks - 1);
  for (let index = 0; index < others; index++) await bystander.nth(`new ${index}`, 0);
  return { peak, ticks };
}

describeUnless(labMissing(), 'manners on a shared router', () => {
  test('somebody else behind a random NAT with a small session table loses nothing during a birthday run', async () => {
    const stage = await openScene({ client: RANDOM, host: { kind: 'nat', nat: 'home-router' }, hops: 2 });
    let packetsSent = 0;
    const { peak, ticks } = await watched(stage, async () => {
      const { command, connected } = await stage.join(JOIN_MS);
      expect(command.text(), 'the join needed a birthday run').toContain('"birthday"');
      packetsSent = connected.packetsSent;
    });
    expect(ticks).toBeGreaterThan(20);
    expect(peak, 'each packet of the run is a session of this router').toBeGreaterThan(packetsSent / 2);
    expect(peak).toBeLessThan(SESSIONS_MAX / 2);
    await stage.close();
  }, 90_000);

  test('nor while two random NATs try for long, with as many mappings as are ever opened', async () => {
    const stage = await openScene({ client: RANDOM, host: RANDOM, hops: 2 });
    const { peak, ticks } = await watched(stage, async () => {
      const joining = stage.join(GREEDY_MS).catch(() => null);
      expect(await joining, 'one in thousands meets').toBeNull();
    });
    expect(ticks).toBeGreaterThan(500);
    expect(peak).toBeGreaterThan(SESSIONS_MAX / 4);
    expect(peak).toBeLessThan(SESSIONS_MAX / 2);
    await stage.close();
  }, 90_000);
});
