/** A masterserver whose firewall keeps the probe ports shut learns of it from its first participants, with worker threads for them or without. */
import { afterEach, expect, test } from 'vitest';
import { type Lab, type LabHost, openLab, Scene, tinyGame } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const SHUT = 'none of their questions reaches the 16 probe ports';
const OPEN = 'a question came through the probe ports after all';

describeUnless(labMissing(), 'a masterserver behind a firewall', () => {
  let lab: Lab;
  afterEach(() => lab.close());

  test.each([0, 1])(
    'says after three checks from three networks that its probe ports are shut, and after a fourth that they are open, with %i worker threads',
    async (workers) => {
      lab = await openLab({});
      const homes: LabHost[] = [];
      for (const name of ['ana', 'kofi', 'mei', 'lars', 'rosa'])
        homes.push(await lab.hostBehind(await lab.nat(`${name}nat`, 'home-router'), name));
      const [first, second, third, fourth, fifth] = homes as [LabHost, LabHost, LabHost, LabHost, LabHost];
      const master = await lab.publicHost('master');
      const scene = new Scene(lab, tinyGame, { master, host: first, client: second, nats: [] });
      const firewall = (rule: string) =>
        lab.sandbox.shell(`ip netns exec master sh -c 'nft delete table ip shut 2>/dev/null || true'
ip netns exec master nft -f - <<'END'
table ip shut {
  chain in { type filter hook input priority 0; ${rule}
  }
}
END`);
      const words = [
        'master',
        '--listen',
        master.address,
        '--probe-workers',
        String(workers),
        '--log-level',
        'info',
        '--json',
      ];
      scene.master = scene.sallyport(master, words);
      scene.link = String((await scene.event(scene.master, 'ready')).master);
      const check = async (on: LabHost) => {
        const command = scene.sallyport(on, ['check', '--master', scene.link]);
        await command.exited;
        return command.text();
      };
      const told = (text: string) => scene.master.find((line) => line.text.includes(text) || null, 30_000);

      await firewall('udp dport 8439-8454 drop');
      expect(await check(first)).toMatch(/none of its probe ports does.*operator/s);
      await check(second);
      await check(third);
      await told(SHUT);
      await firewall('');
      expect(await check(fourth)).toMatch(/Moderate for gaming/);
      await told(OPEN);
      await check(fifth);
      expect(scene.master.lines.filter(({ text }) => text.includes(SHUT))).toHaveLength(1);
    },
    180_000,
  );
});
