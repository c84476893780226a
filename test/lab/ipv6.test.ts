/**
 * Networks of IPv6 and of both families, with the real command: stateful firewalls in front of IPv6, and a real NAT64 (Debian's tayga)
 * where there is no IPv4. LAB_RUNS=20 gives the full measure: of 20 runs all must connect.
 */
import { expect, test } from 'vitest';
import { announceIpv6, type CommandEvent, openScene, type SceneOptions, tinyGame } from '../../lab/index.ts';
import { describeUnless, hasProgram, labMissing } from '../support.ts';

const RUNS = Number(process.env.LAB_RUNS ?? 1);
const JOIN_MS = 60_000;
const RUN_MS = JOIN_MS + 30_000;

const home = (nat: 'home-router' | 'fully-random') => ({ kind: 'nat', nat }) as const;

interface Pair {
  readonly claim: string;
  readonly scene: SceneOptions;
  readonly path: 'direct' | 'ipv6' | 'relay';
}

/** Each run in namespaces of its own. */
async function play({ scene: options, path }: Pair): Promise<void> {
  const scene = await openScene({ game: tinyGame, ...options });
  try {
    const joined = await scene.join(JOIN_MS, { relay: path === 'relay' ? 'allow' : 'never' });
    expect(joined.connected.path).toBe(path);
    expect(await scene.status(joined)).not.toBe('');
  } finally {
    await scene.close();
  }
}

function shown(pairs: readonly Pair[]): void {
  for (const pair of pairs) {
    test(pair.claim, { timeout: RUNS * RUN_MS }, async () => {
      for (let run = 0; run < RUNS; run++) await play(pair);
    });
  }
}

describeUnless(labMissing(), 'two who have both, behind easy NATs of IPv4 and stateful firewalls,', () => {
  const easy = { host: home('home-router'), client: home('home-router') } as const;
  const TELLING_MS = 10_000;

  test.each([
    ['IPv6 where it is the quicker', { delayMs: 40, delay6Ms: 5 }, 'ipv6'],
    ['IPv4 where that is the quicker', { delayMs: 5, delay6Ms: 40 }, 'direct'],
    ['IPv6 where the two are alike', { delayMs: 10 }, 'ipv6'],
  ] as const)(
    'play over %s',
    async (_what, link, kind) => {
      for (let run = 0; run < RUNS; run++) {
        const scene = await openScene({ game: tinyGame, ...easy, ipv6: { host: 'dual', client: 'dual' }, link });
        try {
          const joined = await scene.join(JOIN_MS);
          expect(await scene.status(joined)).not.toBe('');
          const newest = () =>
            joined.command.lines
              .flatMap(({ stream, text }) => (stream === 'stdout' ? [JSON.parse(text) as CommandEvent] : []))
              .findLast(({ ev }) => ev === 'path')?.kind;
          await expect.poll(newest, { timeout: TELLING_MS }).toBe(kind);
          // It stays so.
          await new Promise((resolve) => setTimeout(resolve, 2_000));
          expect(newest()).toBe(kind);
          expect(await scene.status(joined)).not.toBe('');
        } finally {
          await scene.close();
        }
      }
    },
    RUNS * RUN_MS,
  );
});

describeUnless(labMissing(), 'with IPv6 behind stateful firewalls on both sides,', () => {
  const hard = { host: home('fully-random'), client: home('fully-random') } as const;
  shown([
    {
      claim:
        'two whose NATs of IPv4 never meet have a path over IPv6, though the masterserver is named by its IPv4 address',
      scene: { ...hard, ipv6: { host: 'dual', client: 'dual' } },
      path: 'ipv6',
    },
    {
      claim: 'two who have IPv6 alone meet',
      scene: { ...hard, ipv6: { host: 'only', client: 'only' } },
      path: 'ipv6',
    },
    {
      claim: 'a friend who has IPv6 alone meets a host that has both',
      scene: { ...hard, ipv6: { host: 'dual', client: 'only' } },
      path: 'ipv6',
    },
    {
      claim: 'a host of IPv6 alone and a friend of IPv4 alone play through the relay that has both',
      scene: { ...hard, ipv6: { host: 'only', client: 'none' } },
      path: 'relay',
    },
  ]);

  test(
    'a host of IPv4 alone and a friend of IPv6 alone are told that they have no family in common, without a relay',
    async () => {
      const scene = await openScene({ game: tinyGame, ...hard, ipv6: { host: 'none', client: 'only' } });
      try {
        const argv = ['join', scene.code, '--master', scene.link, '--json', '--relay', 'never'];
        const command = scene.sallyport(scene.clientSide, argv);
        expect(await command.exited).toMatchObject({ code: 6 });
        expect(await scene.event(command, 'error')).toMatchObject({ code: 'NO_COMMON_FAMILY', retryable: false });
      } finally {
        await scene.close();
      }
    },
    RUN_MS,
  );
});

const announceMissing = hasProgram('dnsmasq') ? labMissing() : 'missing program: dnsmasq';

describeUnless(
  announceMissing,
  'where the router announces another prefix of IPv6 in mid-play, and IPv4 leads nowhere,',
  () => {
    const hard = { host: home('fully-random'), client: home('fully-random') } as const;
    /** On a machine with other work. How many seconds it takes is claimed in test/sim/families.test.ts. */
    const SILENT_MS_MAX = 60_000;

    // The masterserver is the first site.
    test.each([
      ['host', 1],
      ['client', 2],
    ] as const)(
      'the game goes on where it is the %s’s',
      { timeout: RUNS * (RUN_MS + SILENT_MS_MAX) },
      async (who, site) => {
        for (let run = 0; run < RUNS; run++) {
          const scene = await openScene({ game: tinyGame, ...hard, ipv6: { host: 'dual', client: 'dual' } });
          try {
            const home = await announceIpv6(scene.lab, site, scene[`${who}Side`], scene.nats[site - 1]!);
            const joined = await scene.join(JOIN_MS);
            expect(joined.connected.path).toBe('ipv6');
            expect(await scene.status(joined)).not.toBe('');
            await home.renumber();
            const since = performance.now();
            // It asks twice a second until there is an answer.
            expect(await scene.status(joined)).not.toBe('');
            const silentMs = Math.round(performance.now() - since);
            console.log(`another prefix at the ${who}: silent for ${silentMs} ms`);
            expect(silentMs).toBeLessThan(SILENT_MS_MAX);
            expect(joined.command.running).toBe(true);
          } finally {
            await scene.close();
          }
        }
      },
    );
  },
);

const nat64Missing = hasProgram('tayga') ? labMissing() : 'missing program: tayga';

describeUnless(nat64Missing, 'behind a NAT64, with a masterserver that is named by its IPv4 address,', () => {
  const seen = { host: home('home-router'), client: home('home-router') } as const;
  shown([
    {
      claim: 'a friend of IPv6 alone meets a host behind a NAT of IPv4',
      scene: { ...seen, ipv6: { host: 'none', client: 'nat64', master: false } },
      path: 'direct',
    },
    {
      claim: 'a host of IPv6 alone is met by a friend behind a NAT of IPv4, its prefix one of 64 bits',
      scene: { ...seen, ipv6: { host: 'nat64', client: 'none', master: false, nat64: '2001:db8:6464:1::/64' } },
      path: 'direct',
    },
    {
      claim:
        'a host and a friend of IPv6 alone, each behind a NAT64 of its own, meet by way of IPv4, for the masterserver has no IPv6',
      scene: { ...seen, ipv6: { host: 'nat64', client: 'nat64', master: false } },
      path: 'direct',
    },
    {
      claim: 'a friend of IPv6 alone meets a host with a public IPv4 address, the prefix one of 40 bits',
      scene: {
        ...{ host: { kind: 'public' }, client: home('home-router') },
        ipv6: { host: 'none', client: 'nat64', master: false, nat64: '2001:db8:6400::/40' },
      },
      path: 'direct',
    },
  ]);

  test(
    'a friend’s check says that the masterserver answers, asks a STUN server by its name, and takes nothing for blocked',
    async () => {
      const scene = await openScene({
        game: tinyGame,
        ...seen,
        ipv6: { host: 'none', client: 'nat64', master: false },
      });
      try {
        const check = scene.sallyport(scene.clientSide, ['check', '--master', scene.link, '--json']);
        expect(await scene.event(check, 'ways')).toMatchObject({
          ways: [{ way: 'udp', answeredMs: expect.any(Number) }],
        });
        await check.exited;
        const { profile } = (await scene.event(check, 'profile')) as unknown as { profile: { type: string } };
        expect(profile.type).toBe('port-preserving-cone');
      } finally {
        await scene.close();
      }
    },
    RUN_MS,
  );

  test(
    'a friend who loses IPv4 in mid-play, and has IPv6 and a NAT64 from then on, plays on',
    async () => {
      const scene = await openScene({
        game: tinyGame,
        ...seen,
        ipv6: { host: 'none', client: 'nat64', master: false },
      });
      const { address, name } = scene.clientSide;
      const here = (words: string) => `ip -n ${name} ${words}`;
      try {
        const router = address.replace(/[0-9]+$/, '1');
        await scene.lab.sandbox.shell(
          [here(`addr add ${address}/24 dev lan0`), here(`route add default via ${router}`)].join('\n'),
        );
        const joined = await scene.join(JOIN_MS);
        expect(await scene.status(joined)).not.toBe('');
        await scene.lab.sandbox.shell(here('-4 addr flush dev lan0'));
        await expect.poll(() => scene.status(joined).catch(() => ''), { timeout: 30_000, interval: 300 }).not.toBe('');
        expect(joined.command.running).toBe(true);
      } finally {
        await scene.close();
      }
    },
    RUN_MS,
  );
});
