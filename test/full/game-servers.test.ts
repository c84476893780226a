/** Debian's servers listen where the presets of `src/games` say, and nowhere else on these ports. Each is started with nothing set. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GAME_SERVERS, labAvailability, openLab } from '../../lab/index.ts';
import { GAMES } from '../../src/games/index.ts';
import { describeUnless, labMissing } from '../support.ts';

/** OpenTTD makes its world first, SuperTuxKart reads its karts. */
const LISTENS_MS = 60_000;
const ROWS = GAMES.flatMap(({ id, services, source }) => ('debian' in source ? [{ id, services, ...source }] : []));

/** `5154/udp+tcp` as `ss` shows it: `tcp 5154`, `udp 5154`. */
function expected(services: string): string[] {
  return services.split(',').flatMap((service) => {
    const [ports = '', protocols = ''] = service.split('/');
    const [from = 0, to = from] = ports.split('-').map(Number);
    const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    return numbers.flatMap((port) => protocols.split('+').map((protocol) => `${protocol} ${port}`));
  });
}

function missing(id: string): string | null {
  const server = GAME_SERVERS[id];
  if (server === undefined || !existsSync(server.argv[0] ?? '')) return 'the package is not installed';
  const availability = labAvailability();
  if (server.unprivileged && availability.ok && availability.userNamespace) return 'the kernel gives us root alone';
  return labMissing();
}

test('every row that names a package of Debian has a server to start', () => {
  expect(ROWS.map(({ id }) => id).toSorted()).toEqual(Object.keys(GAME_SERVERS).toSorted());
});

describe.each(ROWS)('$id', ({ id, services, debian }) => {
  describeUnless(missing(id), `of the package ${debian}`, () => {
    test(
      `listens at ${services}`,
      async () => {
        const lab = await openLab();
        try {
          await lab.atCore('mkdir -m 777 /run/lab/home');
          const { argv, unprivileged } = GAME_SERVERS[id]!;
          const as = unprivileged ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
          const env = { HOME: '/run/lab/home', XDG_RUNTIME_DIR: '/run/lab/home' };
          lab.sandbox.spawn('core', [...as, ...argv], env);
          const wanted = expected(services);
          const listening = async (): Promise<string[]> => {
            const lines = (await lab.atCore('ss -Hlnut')).split('\n').map((line) => line.trim().split(/\s+/));
            const ports = lines.map(([protocol, , , , local]) => `${protocol} ${local?.split(':').at(-1)}`);
            return [...new Set(ports)].filter((port) => wanted.some((one) => one.split(' ')[1] === port.split(' ')[1]));
          };
          await expect
            .poll(async () => (await listening()).toSorted(), { timeout: LISTENS_MS, interval: 250 })
            .toEqual(wanted.toSorted());
        } finally {
          await lab.close();
        }
      },
      2 * LISTENS_MS,
    );
  });
});
