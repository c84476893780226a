/**
 * "This computer itself": a host behind a home router that opens ports (UPnP, NAT-PMP, PCP; of IPv6 a pinhole) runs its own small masterserver,
 * and a friend behind another router joins by the link alone.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  eventOf,
  giveIpv6,
  type Lab,
  type LabHost,
  type LabNat,
  type LabProcess,
  openLab,
  Scene,
  tinyGame,
} from '../../lab/index.ts';
import type { LocalAnswer, LocalCommand, LocalState } from '../../src/app/index.ts';
import { NODE_LIMITS } from '../../src/node/testing.ts';
import { describeUnless } from '../support.ts';
import { configuration, firewall6, forwarding, miniupnpdMissing, startMiniupnpd } from './miniupnpd.ts';

/** What the router takes for its own outside. */
const OUTSIDE = '9.9.9.9';
const TEST_MS = 90_000;

/** What the router hears: a packet of PCP begins with a 2, one of NAT-PMP with a 0. */
const RULES = (deaf: string) => `table inet filter {
  ${forwarding()}
  chain hears { type filter hook input priority 0; policy accept;
    ${deaf}
  }
}`;

/** In front of a home with IPv6. To IPv4 it is deaf. */
const RULES6 = `table inet filter {
  ${firewall6()}
  chain hears { type filter hook input priority 0; policy accept; meta nfproto ipv4 udp dport 5351 drop; }
}`;

describeUnless(miniupnpdMissing, 'a masterserver of one', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({});
  });
  afterAll(() => lab.close());

  async function opensPorts(nat: LabNat, address: string, upnp: boolean, rules: string): Promise<LabProcess> {
    const file = `/run/lab/${nat.name}-upnpd`;
    await nat.shell(
      `cat > ${file}.conf <<'END'\n${configuration([], { address, upnp })}END\nnft -f - <<'END'\n${rules}\nEND`,
    );
    return await startMiniupnpd(lab, nat, file);
  }

  async function openApp(scene: Scene, at: LabHost) {
    const run = scene.sallyport(at, ['ui', '--no-open', '--no-clipboard', '--json']);
    const [url = '', token = ''] = String((await scene.event(run, 'ready')).link).split('/#t=');
    const ask = async (path: string, body: object | null): Promise<unknown> => {
      const init = { headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } };
      const sent = JSON.stringify(body === null ? init : { ...init, method: 'POST', body: JSON.stringify(body) });
      const script = `fetch('${url}${path}', ${sent}).then((answer) => answer.text()).then(console.log)`;
      const asker: LabProcess = at.spawn([process.execPath, '-e', script]);
      return asker.find(({ stream, text }) => (stream === 'stdout' ? JSON.parse(text) : null), 40_000);
    };
    return {
      run,
      state: async () => (await ask('/v1/state', null)) as LocalState,
      command: async ({ do: name, ...fields }: LocalCommand) => (await ask(`/v1/${name}`, fields)) as LocalAnswer,
    };
  }

  const HOST = {
    do: 'host',
    services: String(tinyGame.port),
    name: 'Den',
    game: '',
    playersMax: 4,
    public: false,
  } as const;

  /** By a link over the host's own masterserver: joins, and the game answers. */
  async function joins(scene: Scene, app: Awaited<ReturnType<typeof openApp>>, friend: LabHost): Promise<string> {
    const hosting = await app.command({ ...HOST, password: '', ask: false });
    if (!hosting.ok) return expect.unreachable(JSON.stringify(hosting));
    const join = scene.sallyport(friend, ['join', hosting.invite ?? '', '--json', '--no-clipboard']);
    const connected = await scene.event(join, 'connected', 40_000);
    expect(await scene.statusAt(String(connected.local))).not.toBe('');
    expect(join.lines.map(({ text }) => eventOf(text)?.ev)).not.toContain('lost');
    await join.stop();
    return hosting.invite ?? '';
  }

  test.each([
    ['UPnP', true, 'udp dport 5351 drop'],
    ['NAT-PMP', false, 'udp dport 5351 @th,64,8 2 drop'],
    ['PCP', false, 'udp dport 5351 @th,64,8 0 drop'],
  ])(
    'a host whose router opens ports by %s needs nobody else: a friend joins by the link alone',
    {
      timeout: TEST_MS,
    },
    async (name, upnp, deaf) => {
      const id = name.toLowerCase().replace('-', '');
      const [home, away] = [await lab.nat(`home${id}`, 'home-router'), await lab.nat(`away${id}`, 'home-router')];
      const den = await lab.hostBehind(home, `ana${id}`);
      const friend = await lab.hostBehind(away, `kofi${id}`);
      await home.shell(`ip address add ${OUTSIDE}/32 dev wan`);
      await lab.atCore(`ip route replace ${OUTSIDE}/32 via ${home.external}`);
      await opensPorts(home, OUTSIDE, upnp, RULES(deaf));
      const scene = new Scene(lab, tinyGame, { master: den, host: den, client: friend, nats: [home, away] });
      scene.startGame();
      const app = await openApp(scene, den);
      expect((await app.state()).ownMaster).toMatchObject({ state: 'off' });

      await app.command({ do: 'own-master', on: true });
      const { ownMaster, settings } = await app.state();
      expect(ownMaster).toMatchObject({ state: 'on', way: 'mapped', because: null });
      expect(ownMaster?.link).toContain(`sallyport://${OUTSIDE}:8430/`);
      expect(settings?.master).toBe(ownMaster?.link);
      expect(await joins(scene, app, friend)).toContain(`sallyport://${OUTSIDE}:8430/j/`);

      // Off again, and the router is asked to close the port.
      await app.command({ do: 'own-master', on: false });
      expect((await app.state()).ownMaster).toMatchObject({ state: 'off' });
      expect(await home.shell('nft list chain inet filter prerouting_miniupnpd')).not.toContain('8430');
      await app.run.stop();
    },
  );

  test.each([
    ['UPnP', true, 'udp dport 5351 drop'],
    ['NAT-PMP', false, 'udp dport 5351 @th,64,8 2 drop'],
  ])(
    'a router that starts again, and forgets the port that it had opened by %s, is noticed and has it open anew within 30 s',
    { timeout: TEST_MS + 60_000 },
    async (name, upnp, deaf) => {
      const id = `re${name.toLowerCase().replace('-', '')}`;
      const home = await lab.nat(id, 'home-router');
      const den = await lab.hostBehind(home, `d${id}`);
      const file = `/run/lab/${home.name}-upnpd`;
      const rules = RULES(deaf);
      const router = await opensPorts(home, OUTSIDE, upnp, rules);
      const scene = new Scene(lab, tinyGame, { master: den, host: den, client: den, nats: [home] });
      const app = await openApp(scene, den);
      await app.command({ do: 'own-master', on: true });
      expect((await app.state()).ownMaster).toMatchObject({ state: 'on', way: 'mapped', because: null });
      const opened = async (): Promise<boolean> =>
        (await home.shell('nft list chain inet filter prerouting_miniupnpd')).includes('8430');
      expect(await opened()).toBe(true);
      // Long enough to have answered a question since.
      await new Promise((resolve) => setTimeout(resolve, NODE_LIMITS.openPortLookMs + 2_000));
      await home.shell(`kill -9 $(cat ${file}.pid); nft delete table inet filter`);
      await router.exited;
      await home.shell(`nft -f - <<'END'\n${rules}\nEND`);
      await startMiniupnpd(lab, home, file);
      expect(await opened()).toBe(false);
      const since = performance.now();
      await expect.poll(opened, { timeout: 30_000, interval: 300 }).toBe(true);
      console.log(`${name}: open anew ${Math.round(performance.now() - since)} ms after the router had started`);
      expect((await app.state()).ownMaster).toMatchObject({ state: 'on', way: 'mapped' });
      await app.run.stop();
    },
  );

  test('a host whose router opens nothing but its firewall of IPv6 is reached by that', {
    timeout: TEST_MS,
  }, async () => {
    const [home, away] = [await lab.nat('home6', 'home-router'), await lab.nat('away6', 'home-router')];
    const [den, friend] = [await lab.hostBehind(home, 'ana6'), await lab.hostBehind(away, 'kofi6')];
    const [own = ''] = await giveIpv6(lab, [
      { host: den, nat: home, has: 'dual' },
      { host: friend, nat: away, has: 'dual' },
    ]);
    await home.shell('nft delete table ip6 filter');
    await opensPorts(home, OUTSIDE, false, RULES6);
    const scene = new Scene(lab, tinyGame, { master: den, host: den, client: friend, nats: [home, away] });
    scene.startGame();
    const app = await openApp(scene, den);
    await app.command({ do: 'own-master', on: true });
    const { ownMaster } = await app.state();
    expect(ownMaster).toMatchObject({ state: 'on', way: 'pinhole', because: null });
    expect(ownMaster?.link).toContain(`sallyport://[${own}]:8430/`);
    const opened = async (): Promise<boolean> =>
      (await home.shell('nft list chain inet filter miniupnpd')).includes('20ee');
    await joins(scene, app, friend);
    await app.command({ do: 'own-master', on: false });
    await expect.poll(opened, { timeout: 5_000, interval: 200 }).toBe(false);
    await app.run.stop();
  });

  test('behind a router that opens nothing, or a carrier, it says so at once and nothing is left', {
    timeout: TEST_MS,
  }, async () => {
    const shut = await lab.nat('shut', 'home-router');
    const carried = await lab.nat('carried', 'home-router');
    await opensPorts(carried, '100.64.3.4', true, RULES('')).catch(() => {});
    for (const [nat, why] of [
      [shut, 'no-way-in'],
      [carried, /carrier|no-way-in/],
    ] as const) {
      const at = await lab.hostBehind(nat, `${nat.name}h`);
      const scene = new Scene(lab, tinyGame, { master: at, host: at, client: at, nats: [nat] });
      const app = await openApp(scene, at);
      await app.command({ do: 'own-master', on: true });
      const state = await app.state();
      expect(state.ownMaster).toMatchObject({ state: 'impossible', link: '' });
      expect(state.ownMaster?.because).toMatch(why);
      expect(state.settings?.master).toBe('');
      await app.run.stop();
    }
  });
});
