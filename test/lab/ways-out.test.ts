/**
 * A computer with several ways out, as a cable, a phone's hotspot and a VPN (WireGuard's own program), with the real command. LAB_RUNS=20 gives
 * the full measure.
 */
import { expect, test } from 'vitest';
import { type LabNat, openScene, openVpn, type Scene, tinyGame } from '../../lab/index.ts';
import { describeUnless, labMissing, vpnMissing } from '../support.ts';

const RUNS = Number(process.env.LAB_RUNS ?? 1);
const JOIN_MS = 60_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;

interface TwoWays {
  readonly scene: Scene;
  readonly phone: LabNat;
  readonly gateway: string;
}

/** The friend is behind the first NAT by default, and behind the phone's as well. */
async function withTwoWays(cable: 'home-router' | 'udp-blocked', routes: 'rules' | 'metric'): Promise<TwoWays> {
  const scene = await openScene({ game: tinyGame, host: HOME, client: { kind: 'nat', nat: cable } });
  const phone = await scene.lab.nat('phone', 'home-router');
  const address = await scene.lab.alsoBehind(phone, scene.clientSide, routes);
  return { scene, phone, gateway: address.replace(/[0-9]+$/, '1') };
}

/** Where the host sees its friend. */
async function remotesSeen(scene: Scene): Promise<readonly string[]> {
  await scene.event(scene.host, 'peer');
  return scene.host.lines.flatMap(({ text }) => /"remote":"([0-9.]+):/.exec(text)?.[1] ?? []);
}

/** The game answers, though not at once. */
async function playsOn(scene: Scene, joined: Awaited<ReturnType<Scene['join']>>): Promise<void> {
  let answer = '';
  for (let tries = 0; tries < 20 && answer === ''; tries++) answer = await scene.status(joined).catch(() => '');
  expect(answer).not.toBe('');
  expect(joined.command.running).toBe(true);
}

function shown(claim: string, play: () => Promise<void>): void {
  test(claim, { timeout: RUNS * 2 * JOIN_MS }, async () => {
    for (let run = 0; run < RUNS; run++) await play();
  });
}

describeUnless(labMissing(), 'a computer with two ways out', () => {
  test.each([
    ['whose system routes by source', 'rules'],
    ['of plain Linux', 'metric'],
  ] as const)(
    '%s uses the one that lets UDP through, though the system goes by the other',
    {
      timeout: RUNS * 2 * JOIN_MS,
    },
    async (_what, routes) => {
      for (let run = 0; run < RUNS; run++) {
        const { scene, phone } = await withTwoWays('udp-blocked', routes);
        try {
          const joined = await scene.join(JOIN_MS);
          expect(joined.connected.path).toBe('direct');
          expect(await scene.status(joined)).not.toBe('');
          expect(await remotesSeen(scene)).toContain(phone.external);
        } finally {
          await scene.close();
        }
      }
    },
  );

  shown('plays on when its system begins to go the other way, as by a VPN', async () => {
    const { scene, gateway } = await withTwoWays('home-router', 'rules');
    try {
      const joined = await scene.join(JOIN_MS);
      expect(await scene.status(joined)).not.toBe('');
      // From here on nothing comes through the cable any more, and nobody is told.
      await scene.lab.sandbox.shell(
        [`ip -n kofi route replace default via ${gateway} dev lan1`, 'ip netns exec kofinat nft flush ruleset'].join(
          '\n',
        ),
      );
      await playsOn(scene, joined);
    } finally {
      await scene.close();
    }
  });

  shown(
    'of plain Linux plays on over the hotspot when the line behind the cable is dead, and no route changes',
    async () => {
      const { scene } = await withTwoWays('home-router', 'metric');
      try {
        const joined = await scene.join(JOIN_MS, { relay: 'allow' });
        expect(await scene.status(joined)).not.toBe('');
        await scene.nats[1]!.shell(DEAD);
        await playsOn(scene, joined);
      } finally {
        await scene.close();
      }
    },
  );
});

const DEAD =
  "nft 'add table ip dead'; nft 'add chain ip dead each { type filter hook forward priority -30; policy drop; }'";
const counted = (rule: string): string =>
  `nft 'add table ip watch'; nft 'add chain ip watch each { type filter hook forward priority -20; }'; nft 'add rule ip watch each ${rule} counter'`;

describeUnless(vpnMissing(), 'a computer with a VPN', () => {
  shown(
    'that has all routes sends nothing beside it, by the hotspot or the cable, and plays on when it is turned off',
    async () => {
      const { scene, phone } = await withTwoWays('home-router', 'rules');
      try {
        const server = await scene.lab.publicHost('server');
        const vpn = await openVpn(scene.lab, server, scene.clientSide);
        await vpn.up('all');
        const cable = scene.nats[1]!;
        await cable.shell(counted(`ip saddr ${scene.clientSide.address} ip daddr != ${server.address}`));
        await phone.shell(counted('ip version 4'));
        const joined = await scene.join(JOIN_MS);
        expect(await scene.status(joined)).not.toBe('');
        expect(await remotesSeen(scene)).toEqual([server.address]);
        for (const router of [cable, phone])
          expect(await router.shell('nft list table ip watch')).toContain('counter packets 0 bytes 0');
        await vpn.down();
        await playsOn(scene, joined);
      } finally {
        await scene.close();
      }
    },
  );

  shown('plays on when it is turned on in mid-play, and off again', async () => {
    const scene = await openScene({ game: tinyGame, host: HOME, client: HOME });
    try {
      const vpn = await openVpn(scene.lab, await scene.lab.publicHost('server'), scene.clientSide);
      const joined = await scene.join(JOIN_MS);
      expect(await scene.status(joined)).not.toBe('');
      await vpn.up('all');
      await playsOn(scene, joined);
      await vpn.down();
      await playsOn(scene, joined);
    } finally {
      await scene.close();
    }
  });

  shown('that has the way to the masterserver alone is met directly, at the address of its own line', async () => {
    const scene = await openScene({ game: tinyGame, host: HOME, client: HOME });
    try {
      const vpn = await openVpn(scene.lab, await scene.lab.publicHost('server'), scene.clientSide);
      await vpn.up(scene.masterHost.addresses.map((address) => `${address}/32`));
      const joined = await scene.join(JOIN_MS);
      expect(joined.connected.path).toBe('direct');
      expect(await scene.status(joined)).not.toBe('');
      expect(await remotesSeen(scene)).toContain(scene.nats[1]!.external);
    } finally {
      await scene.close();
    }
  });

  shown(
    'that has the way to the host alone is named as what keeps them apart, while a relay carries the game',
    async () => {
      const scene = await openScene({ game: tinyGame, host: HOME, client: HOME });
      try {
        const vpn = await openVpn(scene.lab, await scene.lab.publicHost('server'), scene.clientSide);
        await vpn.up([`${scene.nats[0]!.external}/32`]);
        const joined = await scene.join(JOIN_MS, { relay: 'allow' });
        expect(await scene.status(joined)).not.toBe('');
        const { advice } = await scene.event(joined.command, 'hard', JOIN_MS);
        expect(advice).toEqual([{ help: 'vpn', side: 'own' }]);
      } finally {
        await scene.close();
      }
    },
  );

  shown(
    'at the host that has the way to the friend alone is named to the friend, while a relay carries the game',
    async () => {
      const scene = await openScene({ game: tinyGame, host: HOME, client: HOME });
      try {
        const vpn = await openVpn(scene.lab, await scene.lab.publicHost('server'), scene.hostSide);
        await vpn.up([`${scene.nats[1]!.external}/32`]);
        const joined = await scene.join(JOIN_MS, { relay: 'allow' });
        expect(await scene.status(joined)).not.toBe('');
        const { advice } = (await scene.event(joined.command, 'hard', JOIN_MS)) as unknown as { advice: unknown[] };
        expect(advice[0]).toEqual({ help: 'vpn-off', side: 'peer' });
        await joined.command.find(
          ({ text }) => text.includes("because of the VPN on the host's side") || null,
          JOIN_MS,
        );
      } finally {
        await scene.close();
      }
    },
  );

  shown('at the host whose network is a hard one is named to both, and no router behind it', async () => {
    const scene = await openScene({ game: tinyGame, host: HOME, client: { kind: 'nat', nat: 'pf' } });
    try {
      const server = await scene.lab.publicHost('server');
      const vpn = await openVpn(scene.lab, server, scene.hostSide);
      await scene.lab.sandbox.shell(`ip netns exec ${server.name} nft -f - <<'RULES'
table ip hard {
  chain out { type nat hook postrouting priority 99; oifname "wan" ip saddr ${vpn.address} masquerade fully-random; }
  chain through { type filter hook forward priority 0; ct state established,related accept; iifname "wan" drop; }
}
RULES`);
      await vpn.up('all');
      const check = scene.sallyport(scene.hostSide, ['check', '--master', scene.link]);
      await check.exited;
      expect(check.text()).toMatch(/Strict.*through the VPN that is on here/);
      expect(check.text()).not.toMatch(/UPnP on|forwarding/);
      const joined = await scene.join(JOIN_MS, { relay: 'allow' });
      const { advice } = (await scene.event(joined.command, 'hard', JOIN_MS)) as unknown as { advice: unknown[] };
      expect(advice.slice(0, 2)).toEqual([
        { help: 'vpn-off', side: 'peer' },
        { help: 'port-mapping', side: 'own' },
      ]);
    } finally {
      await scene.close();
    }
  });
});
