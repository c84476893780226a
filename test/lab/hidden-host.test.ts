/** A host that hides its address (`--relay only`) says nothing on its local network, as any other one does: counted by the kernel. */
import { expect, test } from 'vitest';
import { openScene } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

/** An announcement comes at once, and every 3 s from then on. */
const LISTEN_MS = 4_000;
const TABLE =
  "nft 'add table ip lan; add chain ip lan out { type filter hook output priority 0; }; add rule ip lan out udp dport 8429 counter'";

describeUnless(labMissing(), 'a host that hides its address', () => {
  test('says nothing on the local network', { timeout: 120_000 }, async () => {
    const scene = await openScene({ host: { kind: 'public' }, client: { kind: 'public' } });
    try {
      const inside = (script: string): Promise<string> => scene.lab.sandbox.shell(`ip netns exec ana ${script}`);
      const said = async (): Promise<number> =>
        Number(/counter packets (\d+)/.exec(await inside('nft list table ip lan'))?.[1]);
      await inside(TABLE);
      await expect.poll(said, { timeout: 20_000 }).toBeGreaterThan(0);
      scene.host.signal('SIGINT');
      await scene.host.exited;
      const before = await said();
      await scene.runHost(['--relay', 'only']);
      await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
      expect(await said()).toBe(before);
    } finally {
      await scene.close();
    }
  });
});
