import { accessSync, constants } from 'node:fs';
import { expect, test } from 'vitest';
import { openLab, Puppet } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

function tunMissing(): string | null {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return labMissing();
  } catch {
    return 'the kernel lends no /dev/net/tun';
  }
}

describeUnless(tunMissing(), 'links of the lab', () => {
  test('a datagram and its answer take four link delays from site to site, through a kernel NAT', async () => {
    const lab = await openLab({ link: { delayMs: 20 } });
    const server = new Puppet(await lab.publicHost('server'));
    const client = new Puppet(await lab.hostBehind(await lab.nat('router', 'home-router'), 'client'));
    await server.open('s', 4_000, { answer: 'observed' });
    await client.open('s');
    client.send('s', server.host.address, 4_000, 'warm up');
    await client.nth('s', 0);
    const elapsed: number[] = [];
    for (let turn = 1; turn <= 5; turn++) {
      const started = performance.now();
      client.send('s', server.host.address, 4_000, 'measured');
      await client.nth('s', turn);
      elapsed.push(performance.now() - started);
    }
    // A busy machine only ever adds to it.
    expect(Math.min(...elapsed)).toBeGreaterThanOrEqual(80);
    expect(Math.min(...elapsed)).toBeLessThan(140);
    await lab.close();
  });

  test('two links that lose 30 % each lose about half together', async () => {
    const lab = await openLab({ link: { delayMs: 1, lossRate: 0.3 } });
    const server = new Puppet(await lab.publicHost('server'));
    const client = new Puppet(await lab.publicHost('client'));
    await server.open('s', 4_000);
    await client.open('s');
    const sent = 400;
    for (let index = 0; index < sent; index++) client.send('s', server.host.address, 4_000, `${index}`);
    // Two links in a row let 0.49 through; five standard deviations of 400 draws are 0.125.
    await expect.poll(() => server.count('s') / sent).toBeGreaterThan(0.49 - 0.125);
    await client.settled();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(server.count('s') / sent).toBeLessThan(0.49 + 0.125);
    await lab.close();
  });
});
