/**
 * A host that two strict friends reach through a port that its router has opened, and a router that starts again in mid-game: what it
 * was told is gone, and perhaps its address. The first friend's game comes back, and a later friend gets in.
 */
import { expect, test } from 'vitest';
import { compiled, counterOf, countingGame, type Lab, type LabNat, openLab, pause, Scene } from '../../lab/index.ts';
import { describeUnless } from '../support.ts';
import { miniupnpdMissing, type OpeningProtocol, openingRouter } from './miniupnpd.ts';

/** From when the line is back. */
const BACK_MS = 30_000;
const JOIN_MS = 60_000;

/** The line comes back with another address of its network. */
async function readdress(lab: Lab, nat: LabNat): Promise<void> {
  const [first, last] = [nat.external.split('.').slice(0, 3).join('.'), Number(nat.external.split('.')[3])];
  await lab.sandbox.shell(
    [
      `ip -n ${nat.name} addr del ${nat.external}/29 dev wan`,
      `ip -n ${nat.name} addr add ${first}.${last + 1}/29 dev wan`,
      `ip -n ${nat.name} route replace default via ${first}.${last - 1}`,
    ].join('\n'),
  );
}

const ROWS: readonly (readonly [string, OpeningProtocol, { readonly offMs: number; readonly moves: boolean }])[] = [
  ['PCP', 'pcp', { offMs: 0, moves: false }],
  ['NAT-PMP', 'natPmp', { offMs: 0, moves: false }],
  ['UPnP', 'upnp', { offMs: 0, moves: false }],
  ['NAT-PMP, twenty seconds without a line', 'natPmp', { offMs: 20_000, moves: false }],
  ['NAT-PMP, and the line has another address', 'natPmp', { offMs: 5_000, moves: true }],
  ['UPnP, and the line has another address', 'upnp', { offMs: 5_000, moves: true }],
  ['PCP, and the line has another address', 'pcp', { offMs: 5_000, moves: true }],
];

describeUnless(miniupnpdMissing, 'a router that opens ports starts again while a friend plays', () => {
  test.each(ROWS)(
    '%s: mapped anew within 30 s, the game goes on, a later strict friend gets in',
    async (_row, protocol, { offMs, moves }) => {
      const lab = await openLab();
      try {
        const nats = await Promise.all(['away', 'later'].map((name) => lab.nat(name, 'pf')));
        const [master, client] = [await lab.publicHost('master', 2), await lab.hostBehind(nats[0]!, 'kofi')];
        const late = await lab.hostBehind(nats[1]!, 'lena');
        const { nat, host, restart, mapped } = await openingRouter(lab, {
          name: 'home',
          nat: 'fully-random',
          protocol,
        });
        const scene = new Scene(lab, countingGame, { master, host, client, nats: [nat, nats[0]!] });
        await scene.startMaster();
        await scene.startHost();
        await expect.poll(mapped, { timeout: 10_000 }).toBe(true);
        await pause(1_500);
        const joined = await scene.join(JOIN_MS);
        expect(joined.connected).toMatchObject({ path: 'mapped' });
        const [address = '', port = ''] = joined.connected.local.split(':');
        const player = client.spawn([process.execPath, compiled('lab/counter.js'), 'call', address, port]);
        const count = counterOf(player);
        await pause(3_000);
        await restart({ offMs, ...(moves ? { meanwhile: () => readdress(lab, nat) } : {}) });
        const backAt = performance.now();
        await expect.poll(mapped, { timeout: BACK_MS, interval: 100 }).toBe(true);
        const mappedMs = performance.now() - backAt;
        const second = await scene.join(JOIN_MS, { on: late });
        expect(second.connected).toMatchObject({ path: 'mapped' });
        // What came before this counts for nothing: the game has to go on now.
        await count();
        await expect.poll(async () => (await count()).heard > 0, { timeout: BACK_MS, interval: 500 }).toBe(true);
        const playsMs = performance.now() - backAt;
        console.log(
          `${protocol}: mapped anew after ${Math.round(mappedMs)} ms, plays again by ${Math.round(playsMs)} ms`,
        );
        expect(playsMs).toBeLessThan(BACK_MS);
        expect(joined.command.running).toBe(true);
      } finally {
        await lab.close();
      }
    },
    180_000,
  );
});
