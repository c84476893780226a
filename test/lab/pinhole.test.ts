/**
 * Debian's miniupnpd in front of a host with IPv6: its firewall lets nothing in unasked, and nothing of the host's go to the friend first,
 * so that there is no punching. Where they meet all the same, the friend has come in through the pinhole.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { giveIpv6, type Lab, type LabNat, type LabProcess, openLab, Scene, tinyGame } from '../../lab/index.ts';
import { describeUnless } from '../support.ts';
import { configuration, firewall6, miniupnpdMissing, startMiniupnpd } from './miniupnpd.ts';

/** The host's address in the network that `giveIpv6` makes of the second site, as nft lists it in rules that name places in a packet. */
const HOST_IN_RULES = '0x20010db8000400000000000000000002';
/** The network of the third. */
const FRIENDS = '2001:db8:6::/64';

const rules = (pcp: boolean) => `table inet filter {
  ${firewall6(`ip6 daddr ${FRIENDS} drop`)}
  chain speaks {
    type filter hook input priority 0; policy accept;
    ${pcp ? '' : 'udp dport 5351 drop'}
  }
}`;
/** Renewed within seconds. */
const SHORT_LEASE = ['min_lifetime=3', 'max_lifetime=4'];

describeUnless(miniupnpdMissing, 'a host behind a firewall of IPv6,', () => {
  let lab: Lab;
  let scene: Scene;
  let nat: LabNat;
  let router: LabProcess | null = null;

  beforeAll(async () => {
    lab = await openLab();
    nat = await lab.nat('home', 'fully-random');
    const away = await lab.nat('away', 'fully-random');
    const [master, host, client] = [
      await lab.publicHost('master', 2),
      await lab.hostBehind(nat, 'ana'),
      await lab.hostBehind(away, 'kofi'),
    ];
    const six = await giveIpv6(lab, [
      { host: master, nat: null, has: 'dual' },
      { host, nat, has: 'dual' },
      { host: client, nat: away, has: 'dual' },
    ]);
    const places = { host, client, nats: [nat, away] };
    scene = new Scene(lab, tinyGame, { ...places, master: { ...master, addresses: [...master.addresses, six[0]!] } });
    await scene.startMaster();
    scene.startGame();
  }, 60_000);
  afterAll(() => lab.close());

  async function startRouter(by: { readonly pcp: boolean; readonly upnp: boolean }): Promise<void> {
    await nat.shell(
      `nft delete table ip6 filter 2>/dev/null || true; nft delete table inet filter 2>/dev/null || true; rm -f /run/lab/upnpd.pid
cat > /run/lab/upnpd.conf <<'END'\n${configuration(SHORT_LEASE, by)}END
nft -f - <<'END'\n${rules(by.pcp)}\nEND`,
    );
    router = await startMiniupnpd(lab, nat, '/run/lab/upnpd');
  }

  /** As after a cut of power: what it had opened is shut. */
  async function stopRouter(): Promise<void> {
    router?.signal('SIGKILL');
    await router?.exited;
    router = null;
  }

  const opened = async (): Promise<boolean> =>
    (await nat.shell('nft list chain inet filter miniupnpd')).includes(HOST_IN_RULES);

  test('without a pinhole the two do not meet', async () => {
    await nat.shell(`nft delete table ip6 filter; nft -f - <<'END'\n${rules(true)}\nEND`);
    await scene.runHost();
    await expect(scene.join(10_000)).rejects.toThrow('no expected line');
    await scene.host.stop();
  }, 60_000);

  test.each([
    ['PCP', { pcp: true, upnp: false }],
    ['UPnP', { pcp: false, upnp: true }],
  ] as const)(
    'is reached through a pinhole by %s, which is renewed, made anew after a cut of power, and closed at the end',
    async (_name, by) => {
      await startRouter(by);
      await scene.runHost();
      await expect.poll(opened, { timeout: 10_000 }).toBe(true);
      // Beyond its lease.
      await new Promise((resolve) => setTimeout(resolve, by.pcp ? 7_000 : 0));
      expect(await opened()).toBe(true);
      const joined = await scene.join(30_000);
      expect(joined.connected).toMatchObject({ path: 'ipv6' });
      expect(await scene.status(joined)).not.toBe('');
      await joined.command.stop();
      await stopRouter();
      await startRouter(by);
      expect(await opened()).toBe(false);
      await expect.poll(opened, { timeout: 30_000, interval: 500 }).toBe(true);
      await scene.host.stop();
      await expect.poll(opened, { timeout: 5_000, interval: 200 }).toBe(false);
      await stopRouter();
    },
    150_000,
  );
});
