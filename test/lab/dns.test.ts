/** Names by a real name server that changes its mind: of the masterserver, of STUN servers, and the one by which a NAT64 is found. */
import { afterEach, expect, test } from 'vitest';
import { compiled, giveIpv6, type Lab, type LabHost, nameServer, openLab, Scene, tinyGame } from '../../lab/index.ts';
import { describeUnless, hasProgram, labMissing } from '../support.ts';

const JOIN_MS = 60_000;
const MASTER = 'master.lab';

/** An agent that measures anew with every line that it is given, and prints how many servers have answered. */
const AGENT = `
import { createInterface } from 'node:readline';
const { openAgent } = await import(process.argv[1]);
const agent = await openAgent({ master: process.argv[2], stun: [process.argv[3]] });
let probes = [];
agent.on('event', (event) => { if (event.ev === 'profile') probes = event.probes; });
await agent.ready();
for (;;) {
  await agent.check();
  const heard = new Set(probes.filter(({ seenAs }) => seenAs !== null).map(({ destination }) => destination.address));
  console.log('heard ' + [...heard].join(' '));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}
`;

const missing = labMissing() ?? (hasProgram('dnsmasq') ? null : 'dnsmasq is not installed');

describeUnless(missing, 'names by dnsmasq', () => {
  let lab: Lab;
  afterEach(() => lab.close());

  const stunOn = async (host: LabHost) => {
    const server = host.spawn([process.execPath, compiled('lab/probe.js'), 'stun', host.address, '3478']);
    await server.find(({ text }) => text.includes('ready') || null, 20_000);
    return server;
  };

  test('a host whose masterserver moves twice is found again by its friend, each under the name alone', async () => {
    lab = await openLab({});
    const [master, dns] = [await lab.publicHost('master', 3), await lab.publicHost('dns')];
    const [home, away] = [await lab.nat('home', 'home-router'), await lab.nat('away', 'home-router')];
    const [host, client] = [await lab.hostBehind(home, 'ana'), await lab.hostBehind(away, 'kofi')];
    const scene = new Scene(lab, tinyGame, { master, host, client, nats: [home, away] });
    const names = await nameServer(lab, dns, {});
    const start = async (address: string) => {
      scene.master = scene.sallyport(master, ['master', '--listen', address, '--json']);
      const { master: link } = await scene.event(scene.master, 'ready');
      scene.link = String(link).replace(address, MASTER);
    };
    const [first = '', second = '', third = ''] = master.addresses;
    await start(first);
    // Like a computer that starts before its line is up: the name is not known yet.
    scene.startGame();
    const words = ['host', String(tinyGame.port), '--master', scene.link, '--wait-for-network', '--json'];
    scene.host = scene.sallyport(host, words);
    expect(await scene.event(scene.host, 'master', JOIN_MS)).toMatchObject({ failure: 'MASTER_UNREACHABLE' });
    await names.say({ [MASTER]: [first] });
    scene.code = String((await scene.event(scene.host, 'ready', JOIN_MS)).code);
    for (const address of [second, third]) {
      scene.master.signal('SIGKILL');
      await scene.master.exited;
      // For a while the name leads nowhere at all, then to an old and the new address.
      await names.say({});
      await start(address);
      await names.say({ [MASTER]: [first, address] });
      let joined = await scene.join(JOIN_MS).catch(() => null);
      for (let tries = 0; joined === null && tries < 10; tries++) joined = await scene.join(JOIN_MS).catch(() => null);
      expect(await scene.status(joined!)).not.toBe('');
      await joined!.command.stop();
    }
  }, 600_000);

  test('a STUN server that moves is asked at its new address, though the masterserver stays', async () => {
    lab = await openLab({});
    const [master, dns] = [await lab.publicHost('master'), await lab.publicHost('dns')];
    const [before, after] = [await lab.publicHost('stun1'), await lab.publicHost('stun2')];
    const home = await lab.nat('home', 'home-router');
    const host = await lab.hostBehind(home, 'ana');
    const scene = new Scene(lab, tinyGame, { master, host, client: host, nats: [home] });
    const names = await nameServer(lab, dns, { [MASTER]: [master.address], 'stun.lab': [before.address] });
    const old = await stunOn(before);
    await scene.startMaster();
    const words = [compiled('src/agent/index.js'), scene.link, 'stun.lab:3478'];
    const agent = host.spawn([process.execPath, '--input-type=module', '-e', AGENT, ...words]);
    await agent.find(({ text }) => text.includes(before.address) || null, JOIN_MS);
    const asked = names.asked('stun.lab');
    old.signal('SIGKILL');
    await old.exited;
    await names.say({ [MASTER]: [master.address], 'stun.lab': [after.address] });
    await stunOn(after);
    await agent.find(({ text }) => text.includes(after.address) || null, 2 * JOIN_MS);
    expect(names.asked('stun.lab')).toBeGreaterThan(asked);
  }, 300_000);

  test('a host and its friend find their masterserver though the first of two name servers is dead, and each answer takes five seconds', async () => {
    lab = await openLab({});
    const [master, dns, dead] = [
      await lab.publicHost('master'),
      await lab.publicHost('dns'),
      await lab.publicHost('dead'),
    ];
    const [home, away] = [await lab.nat('home', 'home-router'), await lab.nat('away', 'home-router')];
    const [host, client] = [await lab.hostBehind(home, 'ana'), await lab.hostBehind(away, 'kofi')];
    const scene = new Scene(lab, tinyGame, { master, host, client, nats: [home, away] });
    await nameServer(lab, dns, { [MASTER]: [master.address] });
    await lab.cut([`ip daddr ${dead.address}`]);
    // Without the words that make it quick, as most computers have it.
    await lab.sandbox.shell(
      `printf 'nameserver ${dead.address}\\nnameserver ${dns.address}\\n' > /run/lab/resolv.conf`,
    );
    await scene.startMaster();
    scene.link = scene.link.replace(master.address, MASTER);
    scene.startGame();
    await scene.runHost(['--wait-for-network']);
    const joined = await scene.join(JOIN_MS);
    expect(await scene.status(joined)).not.toBe('');
  }, 300_000);

  const without64 = hasProgram('tayga') ? null : 'tayga is not installed';
  test.skipIf(without64 !== null)(
    'a friend with IPv6 alone finds the NAT64 of its network by ipv4only.arpa, and meets a host of IPv4 alone',
    async () => {
      lab = await openLab({});
      const [master, dns] = [await lab.publicHost('master'), await lab.publicHost('dns')];
      const [home, away] = [await lab.nat('home', 'home-router'), await lab.nat('away', 'home-router')];
      const [host, client] = [await lab.hostBehind(home, 'ana'), await lab.hostBehind(away, 'kofi')];
      const prefix = '2001:db8:64::/96';
      const six = await giveIpv6(
        lab,
        [
          { host: dns, nat: null, has: 'dual' },
          { host: client, nat: away, has: 'nat64' },
        ],
        prefix,
      );
      const names = await nameServer(lab, dns, { 'ipv4only.arpa': ['192.0.0.170', '2001:db8:64::c000:aa'] }, [
        dns.address,
        six[0] ?? '',
      ]);
      const scene = new Scene(lab, tinyGame, { master, host, client, nats: [home, away] });
      await scene.startMaster();
      await scene.startHost();
      // Link and host are of IPv4, the friend has none.
      const joined = await scene.join(JOIN_MS);
      expect(joined.connected).toMatchObject({ path: 'direct' });
      expect(await scene.status(joined)).not.toBe('');
      expect(names.asked('ipv4only.arpa')).toBeGreaterThan(0);
    },
    300_000,
  );
});
