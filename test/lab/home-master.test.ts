/**
 * A masterserver at home, behind a router that forwards one UDP port to it: the host beside it sees it at a local address, and it sees the
 * host so; the friend outside knows the router's address alone. And one in a container, whose engine rewrites where everybody comes from.
 */
import { afterEach, expect, test } from 'vitest';
import { compiled, eventOf, type Lab, openLab, Scene, tinyGame } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const PORT = 8430;
const JOIN_MS = 60_000;

/** As a router forwards a port; as Docker does where its packets take the loop (`userland-proxy`, hairpin): the source is the gateway's. */
const forwarded = (to: string, masquerade: boolean) =>
  `nft add table ip forward
   nft 'add chain ip forward pre { type nat hook prerouting priority dstnat - 1; }'
   nft 'add rule ip forward pre iifname "wan" udp dport ${PORT} dnat to ${to}:${PORT}'
   ${
     masquerade
       ? `nft 'add chain ip forward post { type nat hook postrouting priority srcnat - 1; }'
          nft 'add rule ip forward post oifname "lan" ip daddr ${to} udp dport ${PORT} masquerade'`
       : ''
   }`;

describeUnless(labMissing(), 'a masterserver that sees from inside', () => {
  let lab: Lab;
  afterEach(() => lab.close());

  test('brings a friend from outside to the host beside it, directly', { timeout: 3 * JOIN_MS }, async () => {
    lab = await openLab({});
    const [home, away] = [await lab.nat('home', 'home-router'), await lab.nat('away', 'home-router')];
    const master = await lab.hostBehind(home, 'master');
    const host = await lab.hostBehind(home, 'ana');
    const client = await lab.hostBehind(away, 'kofi');
    const scene = new Scene(lab, tinyGame, { master, host, client, nats: [home, away] });
    await home.shell(forwarded(master.address, false));
    const words = ['master', '--listen', master.address, '--one-port', '--port', String(PORT), '--http', 'off'];
    scene.master = scene.sallyport(master, [...words, '--json']);
    scene.link = String((await scene.event(scene.master, 'ready')).master);
    await scene.startHost();
    scene.link = scene.link.replace(master.address, home.external);
    const joined = await scene.join(JOIN_MS);
    expect(joined.connected).toMatchObject({ path: 'direct' });
    expect(await scene.status(joined)).not.toBe('');
    expect(joined.command.lines.map(({ text }) => eventOf(text)?.ev)).not.toContain('lost');
  });

  test('in a container brings two together of whom it sees the gateway alone, where a STUN server tells more', {
    timeout: 3 * JOIN_MS,
  }, async () => {
    lab = await openLab({});
    const engine = await lab.nat('engine', 'home-router');
    const [home, away] = [await lab.nat('home', 'home-router'), await lab.nat('away', 'home-router')];
    const master = await lab.hostBehind(engine, 'master');
    const [host, client] = [await lab.hostBehind(home, 'ana'), await lab.hostBehind(away, 'kofi')];
    const stun = await lab.publicHost('stun', 2);
    const server = stun.spawn([process.execPath, compiled('lab/probe.js'), 'stun', stun.addresses.join(), '3478,3479']);
    await server.find(({ text }) => text.includes('ready') || null, 20_000);
    const scene = new Scene(lab, tinyGame, { master, host, client, nats: [home, away] });
    await engine.shell(forwarded(master.address, true));
    const words = ['master', '--listen', master.address, '--one-port', '--port', String(PORT), '--http', 'off'];
    scene.master = scene.sallyport(master, [...words, '--json']);
    const link = String((await scene.event(scene.master, 'ready')).master);
    scene.link = link.replace(master.address, engine.external);
    const asking = ['--stun', `${stun.address}:3478`];
    scene.startGame();
    await scene.runHost(asking);
    const joined = await scene.join(JOIN_MS, { argv: asking });
    expect(joined.connected).toMatchObject({ path: 'direct' });
    expect(await scene.status(joined)).not.toBe('');
  });
});
