import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  compiled,
  type Lab,
  type LabHost,
  type LabNat,
  type LabProcess,
  type NatPreset,
  openLab,
  Scene,
  tinyGame,
} from '../../lab/index.ts';
import type { MapEvent } from '../../src/core/index.ts';
import { describeUnless } from '../support.ts';
import { configuration, forwarding, miniupnpdMissing, startMiniupnpd } from './miniupnpd.ts';

const PORT = 41_000;

/** What counts for us is what is seen from outside, whatever the router says of its address. */
const rules = (lying: boolean) => `table inet filter {
  ${forwarding(lying)}
  chain speaks { type filter hook input priority 0; policy accept; }
}`;

const lines = (oldIgd: boolean, leaseSeconds: number): readonly string[] => [
  ...['min_lifetime=3', `max_lifetime=${leaseSeconds}`],
  `force_igd_desc_v1=${oldIgd ? 'yes' : 'no'}`,
];

describeUnless(miniupnpdMissing, 'opening a port at miniupnpd', () => {
  let lab: Lab;
  let stun: LabHost;
  let count = 0;

  beforeAll(async () => {
    lab = await openLab();
    stun = await lab.publicHost('stun', 2);
    const server = stun.spawn([process.execPath, compiled('lab/probe.js'), 'stun', stun.addresses.join(), '3478,3479']);
    await server.find(({ text }) => text.includes('ready') || null, 20_000);
  });
  afterAll(() => lab.close());

  interface Home {
    readonly host: LabHost;
    readonly nat: LabNat;
    restart(): Promise<void>;
  }

  async function home(
    options: { lying?: boolean; oldIgd?: boolean; noPcp?: boolean; nat?: NatPreset; leaseSeconds?: number } = {},
  ): Promise<Home> {
    const id = ++count;
    const nat = await lab.nat(`nat${id}`, options.nat ?? 'home-router');
    const host = await lab.hostBehind(nat, `host${id}`);
    const file = `/run/lab/upnpd${id}`;
    await nat.shell(
      `cat > ${file}.conf <<'END'\n${configuration(lines(options.oldIgd ?? false, options.leaseSeconds ?? 4))}END\nnft -f - <<'END'\n${rules(options.lying ?? false)}\nEND`,
    );
    // PCP's version in the first byte: a router that has never heard of it stays silent.
    if (options.noPcp) await nat.shell('nft add rule inet filter speaks udp dport 5351 @th,64,8 2 drop');
    const start = (): Promise<LabProcess> => startMiniupnpd(lab, nat, file);
    let router = await start();
    /** As after a cut of power: rules and mappings are gone, and the clock begins anew. */
    const restart = async (): Promise<void> => {
      router.signal('SIGKILL');
      await router.exited;
      await nat.shell(
        `rm -f ${file}.pid; nft flush chain inet filter miniupnpd; nft flush chain inet filter prerouting_miniupnpd`,
      );
      await nat.shell('conntrack -F 2>&1');
      router = await start();
    };
    return { host, nat, restart };
  }

  const mapper = (host: LabHost, how: 'map' | 'upnp', leaseSeconds = 4) =>
    host.spawn([
      ...[process.execPath, compiled('lab/probe.js'), how, String(PORT), String(leaseSeconds)],
      `${stun.address}:3478`,
    ]);

  async function proven(program: LabProcess): Promise<Extract<MapEvent, { ev: 'port-mapping' }>['report']> {
    return await program.find(({ text }) => {
      const event = JSON.parse(text) as MapEvent;
      return event.ev === 'port-mapping' && event.report.external !== null ? event.report : null;
    }, 20_000);
  }

  const redirects = async (nat: LabNat) =>
    (await nat.shell('nft list chain inet filter prerouting_miniupnpd')).includes(`${PORT}`);

  test.each([
    ['PCP', 'map', {}, 'pcp'],
    ['NAT-PMP', 'map', { noPcp: true }, 'natPmp'],
    ['UPnP IGD:2', 'upnp', {}, 'upnp'],
    ['UPnP IGD:1', 'upnp', { oldIgd: true }, 'upnp'],
    ['PCP, inbound only', 'map', { nat: 'random' }, 'pcp'],
    ['NAT-PMP, inbound only', 'map', { noPcp: true, nat: 'fully-random' }, 'natPmp'],
    ['UPnP, inbound only', 'upnp', { nat: 'fully-random' }, 'upnp'],
  ] as const)(
    '%s makes a mapping, has it proven from outside and removes it',
    async (_name, how, options, protocol) => {
      const { host, nat } = await home(options);
      const program = mapper(host, how);
      expect(await proven(program)).toMatchObject({
        [protocol]: 'yes',
        external: { address: nat.external, port: PORT },
      });
      expect(await redirects(nat)).toBe(true);
      await program.stop();
      expect(await redirects(nat)).toBe(false);
    },
  );

  test.each([
    ['PCP', 'map', {}],
    ['NAT-PMP', 'map', { noPcp: true }],
    ['UPnP', 'upnp', {}],
  ] as const)(
    'a mapping by %s outlives its lease of 4 s because it is renewed, and no longer',
    async (_name, how, options) => {
      const { host, nat } = await home(options);
      const program = mapper(host, how);
      await proven(program);
      await new Promise((resolve) => setTimeout(resolve, 7_000));
      expect(await redirects(nat)).toBe(true);
      // Without a word: the router is left alone with its lease.
      program.signal('SIGKILL');
      await expect.poll(() => redirects(nat), { timeout: 12_000, interval: 500 }).toBe(false);
    },
    40_000,
  );

  test.each([
    ['PCP', 'map', {}],
    ['NAT-PMP', 'map', { noPcp: true }],
    ['UPnP', 'upnp', {}],
  ] as const)(
    'a router that starts again and has forgotten is asked anew by %s within 30 s',
    async (_name, how, options) => {
      const { host, nat, restart } = await home({ ...options, nat: 'fully-random', leaseSeconds: 3600 });
      const program = mapper(host, how, 3600);
      await proven(program);
      await restart();
      expect(await redirects(nat)).toBe(false);
      await expect.poll(() => redirects(nat), { timeout: 30_000, interval: 500 }).toBe(true);
      await program.stop();
    },
    90_000,
  );

  test('a router that lies is not believed', async () => {
    const { host, nat } = await home({ lying: true });
    const program = mapper(host, 'map');
    await program.find(({ text }) => text.includes('"to":"claimed"') || null, 20_000);
    expect(await redirects(nat)).toBe(true);
    await expect(proven(program)).rejects.toThrow('no expected line');
    await program.stop();
  });

  test('strict friends join three times of three through a mapping that is inbound only', async () => {
    const { host, nat } = await home({ nat: 'fully-random', leaseSeconds: 3600 });
    const away = await lab.nat('away', 'pf');
    const [master, client] = [await lab.publicHost('master', 2), await lab.hostBehind(away, 'kofi')];
    const scene = new Scene(lab, tinyGame, { master, host, client, nats: [nat, away] });
    await scene.startMaster();
    await scene.startHost();
    const rules = () => nat.shell('nft list chain inet filter prerouting_miniupnpd');
    await expect.poll(rules, { timeout: 10_000 }).toMatch('dnat');
    // Proven one round trip later.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (let n = 0; n < 3; n++) {
      const joined = await scene.join(30_000);
      expect(joined.connected).toMatchObject({ path: 'mapped' });
      expect(await scene.status(joined)).not.toBe('');
      await joined.command.stop();
    }
  }, 180_000);

  test('Debian’s natpmpc sees the same router', async () => {
    const { host } = await home();
    const client = host.spawn(['natpmpc']);
    await client.exited;
    expect(client.text()).toContain('Public IP address : 9.9.9.9');
  });
});
