/**
 * An evening with everything: one host has every game of Debian that `src/games` knows, in as many services as a code may have, and a friend
 * reaches each of the real servers at its own number, by the protocols of its preset and from one address.
 */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { GAME_SERVERS, openScene } from '../../lab/index.ts';
import { GAMES } from '../../src/games/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const LISTEN_MS = 300_000;
const JOIN_MS = 60_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;

/** Where each is played: what is only there for the lists of local networks (SuperTuxKart's 2757) would be more than a code has room for. */
const PLAYED = GAMES.map(({ services, ...game }) => ({ ...game, services: services.split(',')[0]! }));
/** Two of Debian's games can not be hosted at once where they listen at the same port. */
const EVENING = PLAYED.filter(({ source }) => 'debian' in source).filter(
  ({ services }, index, all) => all.findIndex((other) => other.services === services) === index,
);
const SERVICES = EVENING.map(({ services }) => {
  const [port = '', protocols = ''] = services.split('/');
  return { port: Number(port), protocols: protocols.split('+') };
});
const WAYS = SERVICES.flatMap(({ port, protocols }) => protocols.map((protocol) => `${protocol} ${port}`)).toSorted();

/** Opens every TCP port and keeps it open, and says something to every UDP port again and again. */
const VISITOR = `
const { connect } = require('net');
const socket = require('dgram').createSocket('udp4');
for (const way of process.argv.slice(1)) {
  const [protocol, port] = way.split(' ');
  if (protocol === 'udp') setInterval(() => socket.send('visitor', Number(port), '127.0.0.1'), 500);
  else connect(Number(port), '127.0.0.1').on('error', (error) => console.log(way, error.code)).resume();
}`;

function missing(): string | null {
  const lacking = EVENING.filter(({ id }) => !existsSync(GAME_SERVERS[id]?.argv[0] ?? ''));
  return lacking.length === 0 ? labMissing() : `not installed: ${lacking.map(({ id }) => id).join(', ')}`;
}

describeUnless(missing(), `${EVENING.length} games of one host`, () => {
  test(
    'are all reached by a friend at their own numbers, from one address',
    async () => {
      expect(EVENING.length).toBe(16);
      const services = EVENING.map((game) => game.services).join(',');
      const nothing = { name: 'evening', port: 1, argv: ['sleep', 'infinity'], status: async () => '' };
      const game = { ...nothing, services };
      const scene = await openScene({ host: HOME, client: HOME, game });
      try {
        const { hostSide, lab } = scene;
        const inHost = (script: string): Promise<string> =>
          lab.sandbox.shell(`ip netns exec ${hostSide.name} ${script}`);
        await lab.atCore('mkdir -p -m 777 /run/lab/home');
        const env = { HOME: '/run/lab/home', XDG_RUNTIME_DIR: '/run/lab/home' };
        for (const { id } of EVENING) {
          const { argv, unprivileged } = GAME_SERVERS[id]!;
          const as = unprivileged ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
          hostSide.spawn([...as, ...argv], env);
        }
        const listening = async (): Promise<string[]> => {
          const lines = (await inHost('ss -Hlnut')).split('\n').map((line) => line.trim().split(/\s+/));
          const ways = lines.map(([protocol, , , , local]) => `${protocol} ${local?.split(':').at(-1)}`);
          return WAYS.filter((way) => ways.includes(way));
        };
        await expect.poll(listening, { timeout: LISTEN_MS, interval: 1_000 }).toEqual(WAYS);
        const { connected } = await scene.join(JOIN_MS, { relay: 'allow' });
        const local = EVENING.map(({ services }, index) => {
          const { port, protocols } = SERVICES[index]!;
          return { port, protocol: services.split('/')[1], local: `127.0.0.1:${port}`, protocols };
        });
        expect((connected as unknown as { services: unknown }).services).toEqual(
          local.map(({ port, protocol, local }) => ({ port, protocol, local })),
        );
        const rules = WAYS.map((way) => ` ${way.replace(' ', ' dport ')} counter comment "${way}"`);
        const from = 'ip saddr 127.77.0.0/16';
        const chain = [
          'chain in { type filter hook input priority 0;',
          ...rules.map((rule) => ` ${from} ${rule}`),
          '}',
        ];
        await inHost(`nft -f - <<'RULES'\ntable ip evening {\n${chain.join('\n')}\n}\nRULES`);
        const visitor = scene.clientSide.spawn([process.execPath, '-e', VISITOR, ...WAYS]);
        const reached = async (): Promise<string[]> => {
          const seen = (await inHost('nft list table ip evening')).matchAll(/packets ([1-9]\d*) .*comment "(.*)"/g);
          return [...seen].map(([, , way]) => way!).toSorted();
        };
        await expect.poll(reached, { timeout: JOIN_MS, interval: 1_000 }).toEqual(WAYS);
        expect(visitor.lines).toEqual([]);
        const peers = (await inHost('ss -Htn state established')).matchAll(/\s(127\.77\.\d+\.\d+):\d+/g);
        expect(new Set([...peers].map(([, address]) => address)).size).toBe(1);
      } finally {
        await scene.close();
      }
    },
    LISTEN_MS + 4 * JOIN_MS,
  );
});
