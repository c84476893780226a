/**
 * Debian's miniupnpd in front of a host with IPv6: its firewall lets nothing in unasked, and nothing of the host's go to the friend first,
 * so that there is no punching. Where they meet all the same, the friend has come in through the pinhole.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  compiled,
  giveIpv6,
  type Lab,
  type LabHost,
  type LabNat,
  type LabProcess,
  MASTER_NAME,
  nameIn,
  openLab,
  Scene,
  tinyGame,
} from '../../lab/index.ts';
import { describeUnless } from '../support.ts';
import { configuration, firewall6, miniupnpdMissing, startMiniupnpd } from './miniupnpd.ts';

/** The host's address in the network that `giveIpv6` makes of the second site, as nft lists it in rules that name places in a packet. */
const HOST_IN_RULES = '0x20010db8000400000000000000000002';
/** The network of the third. */
const FRIENDS = '2001:db8:6::/64';
const PORT = 41_000;

const rules = (pcp: boolean) => `table inet filter {
  ${firewall6(`ip6 daddr ${FRIENDS} drop`)}
  chain speaks {
    type filter hook input priority 0; policy accept;
    ${pcp ? '' : 'udp dport 5351 drop'}
  }
}`;
/** Renewed within seconds. */
const SHORT_LEASE = ['min_lifetime=3', 'max_lifetime=4'];
const HTTP = ['port=5555'];

/** What the network of the host has. Where it is IPv6 alone, its router is known by its link-local address, as announced ones are. */
type Has = 'dual' | 'only';

describeUnless(miniupnpdMissing, 'a host behind a firewall of IPv6,', () => {
  const homes = new Map<Has, Awaited<ReturnType<typeof home>>>();
  beforeAll(async () => {
    for (const has of ['dual', 'only'] as const) homes.set(has, await home(has));
  }, 60_000);
  afterAll(async () => {
    for (const { lab } of homes.values()) await lab.close();
  });
  const at = (has: Has) => homes.get(has)!;

  async function home(has: Has) {
    const lab = await openLab();
    const nat = await lab.nat('home', 'fully-random');
    const away = await lab.nat('away', 'fully-random');
    const [master, host, client] = [
      await lab.publicHost('master', 2),
      await lab.hostBehind(nat, 'ana'),
      await lab.hostBehind(away, 'kofi'),
    ];
    const six = await giveIpv6(lab, [
      { host: master, nat: null, has: 'dual' },
      { host, nat, has },
      { host: client, nat: away, has: 'dual' },
    ]);
    const places = { host, client, nats: [nat, away] };
    const scene = new Scene(lab, tinyGame, {
      ...places,
      master: { ...master, addresses: [...master.addresses, six[0]!] },
    });
    if (has === 'only') await knowLinkLocal(lab, host, nat);
    await nameIn(lab, { [MASTER_NAME]: [master.address, six[0]!] });
    await scene.startMaster();
    scene.link = scene.link.replace(/\/\/[^/]+:/, `//${MASTER_NAME}:`);
    scene.startGame();
    return { lab, scene, nat, host, router: null as LabProcess | null };
  }

  async function knowLinkLocal(lab: Lab, host: LabHost, nat: LabNat): Promise<void> {
    const address = /inet6 (fe80[0-9a-f:]+)/.exec(await nat.shell('ip -6 -o addr show dev lan'))?.[1];
    await lab.sandbox.shell(`ip -n ${host.name} route replace default via ${address} dev lan0`);
  }

  /** `more`: lines of its configuration. Without a `port` it answers HTTP at another one after each start. */
  async function startRouter(
    has: Has,
    by: { readonly pcp: boolean; readonly upnp: boolean },
    more: readonly string[] = [],
  ): Promise<LabProcess> {
    const { lab, nat } = at(has);
    await nat.shell(
      `nft delete table ip6 filter 2>/dev/null || true; nft delete table inet filter 2>/dev/null || true; rm -f /run/lab/upnpd.pid
cat > /run/lab/upnpd.conf <<'END'\n${configuration([...SHORT_LEASE, ...more], by)}END
nft -f - <<'END'\n${rules(by.pcp)}\nEND`,
    );
    const router = await startMiniupnpd(lab, nat, '/run/lab/upnpd');
    at(has).router = router;
    return router;
  }

  /** As after a cut of power: what it had opened is shut. */
  async function stopRouter(has: Has): Promise<void> {
    const { router } = at(has);
    router?.signal('SIGKILL');
    await router?.exited;
    at(has).router = null;
  }

  const opened = (has: Has) => async (): Promise<boolean> =>
    (await at(has).nat.shell('nft list chain inet filter miniupnpd')).includes(HOST_IN_RULES);

  test('without a pinhole the two do not meet', async () => {
    const { nat, scene } = at('dual');
    await nat.shell(`nft delete table ip6 filter; nft -f - <<'END'\n${rules(true)}\nEND`);
    await scene.runHost();
    await expect(scene.join(10_000)).rejects.toThrow('no expected line');
    await scene.host.stop();
  }, 60_000);

  test.each([
    ['PCP', 'dual', { pcp: true, upnp: false }],
    ['UPnP', 'dual', { pcp: false, upnp: true }],
    ['PCP, in a network of IPv6 alone', 'only', { pcp: true, upnp: false }],
    ['UPnP, in a network of IPv6 alone', 'only', { pcp: false, upnp: true }],
  ] as const)(
    'is reached through a pinhole by %s, which is renewed, made anew after a cut of power, and closed at the end',
    async (_name, has, by) => {
      const { scene } = at(has);
      const isOpen = opened(has);
      await startRouter(has, by);
      await scene.runHost();
      await expect.poll(isOpen, { timeout: 15_000 }).toBe(true);
      // Beyond its lease.
      await new Promise((resolve) => setTimeout(resolve, by.pcp ? 7_000 : 0));
      expect(await isOpen()).toBe(true);
      const joined = await scene.join(30_000);
      expect(joined.connected).toMatchObject({ path: 'ipv6' });
      expect(await scene.status(joined)).not.toBe('');
      await joined.command.stop();
      await stopRouter(has);
      await startRouter(has, by);
      expect(await isOpen()).toBe(false);
      await expect.poll(isOpen, { timeout: 30_000, interval: 500 }).toBe(true);
      await scene.host.stop();
      await expect.poll(isOpen, { timeout: 5_000, interval: 200 }).toBe(false);
      await stopRouter(has);
    },
    150_000,
  );

  test.each(['dual', 'only'] as const)(
    'renews a pinhole by UPnP before its lease of 4 s is over, makes it anew where it is forgotten, and tells when nobody answers (%s)',
    async (has) => {
      const { host } = at(has);
      const isOpen = opened(has);
      const upnp = { pcp: false, upnp: true };
      const first = await startRouter(has, upnp, HTTP);
      const program = host.spawn([process.execPath, compiled('lab/probe.js'), 'pinhole', String(PORT), '4']);
      const states = () =>
        program.lines.flatMap(({ text, stream }) => (stream === 'stdout' ? [JSON.parse(text).external] : []));
      await expect.poll(states, { timeout: 15_000 }).toHaveLength(1);
      await first.find(({ text }) => text.includes('#UpdatePinhole') || null, 10_000);
      await new Promise((resolve) => setTimeout(resolve, 7_000));
      expect(await isOpen()).toBe(true);
      await stopRouter(has);
      const second = await startRouter(has, upnp, HTTP);
      await second.find(({ text }) => text.includes('#AddPinhole') || null, 10_000);
      await expect.poll(isOpen, { timeout: 5_000 }).toBe(true);
      expect(states()).toHaveLength(1);
      await stopRouter(has);
      await expect.poll(states, { timeout: 20_000 }).toEqual([states()[0], null]);
      await program.stop();
    },
    90_000,
  );
});
