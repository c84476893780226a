/** A computer with two ways out, as a cable and a phone's hotspot, with the real command. LAB_RUNS=20 gives the full measure. */
import { expect, test } from 'vitest';
import { openScene, type Scene, tinyGame } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const RUNS = Number(process.env.LAB_RUNS ?? 1);
const JOIN_MS = 60_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;

/** The friend is behind the first NAT by default, and behind the phone's as well. */
async function withTwoWays(
  cable: 'home-router' | 'udp-blocked',
): Promise<{ scene: Scene; phone: string; gateway: string }> {
  const scene = await openScene({ game: tinyGame, host: HOME, client: { kind: 'nat', nat: cable } });
  const nat = await scene.lab.nat('phone', 'home-router');
  const address = await scene.lab.alsoBehind(nat, scene.clientSide);
  return { scene, phone: nat.external, gateway: address.replace(/[0-9]+$/, '1') };
}

/** Where the host sees its friend. */
async function remotesSeen(scene: Scene): Promise<readonly string[]> {
  await scene.event(scene.host, 'peer');
  return scene.host.lines.flatMap(({ text }) => /"remote":"([0-9.]+):/.exec(text)?.[1] ?? []);
}

describeUnless(labMissing(), 'a computer with two ways out', () => {
  test('uses the one that lets UDP through, though the system goes by the other', {
    timeout: RUNS * 2 * JOIN_MS,
  }, async () => {
    for (let run = 0; run < RUNS; run++) {
      const { scene, phone } = await withTwoWays('udp-blocked');
      try {
        const joined = await scene.join(JOIN_MS);
        expect(joined.connected.path).toBe('direct');
        expect(await scene.status(joined)).not.toBe('');
        expect(await remotesSeen(scene)).toContain(phone);
      } finally {
        await scene.close();
      }
    }
  });

  test('plays on when its system begins to go the other way, as by a VPN', {
    timeout: RUNS * 2 * JOIN_MS,
  }, async () => {
    for (let run = 0; run < RUNS; run++) {
      const { scene, gateway } = await withTwoWays('home-router');
      try {
        const joined = await scene.join(JOIN_MS);
        expect(await scene.status(joined)).not.toBe('');
        // From here on nothing comes through the cable any more, and nobody is told.
        await scene.lab.sandbox.shell(
          [`ip -n kofi route replace default via ${gateway} dev lan1`, 'ip netns exec kofinat nft flush ruleset'].join(
            '\n',
          ),
        );
        let answer = '';
        for (let tries = 0; tries < 20 && answer === ''; tries++) answer = await scene.status(joined).catch(() => '');
        expect(answer).not.toBe('');
        expect(joined.command.running).toBe(true);
      } finally {
        await scene.close();
      }
    }
  });
});
