/**
 * A masterserver at home, behind a router that forwards one UDP port to it: the host beside it sees it at a local address, and it sees the
 * host so; the friend outside knows the router's address alone.
 */
import { expect, test } from 'vitest';
import { eventOf, openLab, Scene, tinyGame } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const PORT = 8430;
const JOIN_MS = 60_000;

describeUnless(labMissing(), 'a masterserver at home', () => {
  test('brings a friend from outside to the host beside it', { timeout: 3 * JOIN_MS }, async () => {
    const lab = await openLab({});
    try {
      const [home, away] = [await lab.nat('home', 'home-router'), await lab.nat('away', 'home-router')];
      const master = await lab.hostBehind(home, 'master');
      const host = await lab.hostBehind(home, 'ana');
      const client = await lab.hostBehind(away, 'kofi');
      const scene = new Scene(lab, tinyGame, { master, host, client, nats: [home, away] });
      await home.shell(
        `nft add table ip forward
         nft 'add chain ip forward pre { type nat hook prerouting priority dstnat - 1; }'
         nft 'add rule ip forward pre iifname "wan" udp dport ${PORT} dnat to ${master.address}:${PORT}'`,
      );
      const words = ['master', '--listen', master.address, '--one-port', '--port', String(PORT), '--http', 'off'];
      scene.master = scene.sallyport(master, [...words, '--json']);
      scene.link = String((await scene.event(scene.master, 'ready')).master);
      await scene.startHost();
      scene.link = scene.link.replace(master.address, home.external);
      const joined = await scene.join(JOIN_MS, { relay: 'allow' });
      expect(joined.connected).toMatchObject({ path: 'relay', via: 'master' });
      expect(await scene.status(joined)).not.toBe('');
      expect(joined.command.lines.map(({ text }) => eventOf(text)?.ev)).not.toContain('lost');
    } finally {
      await lab.close();
    }
  });
});
