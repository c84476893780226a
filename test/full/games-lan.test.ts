/**
 * A second computer in a friend's home looks for its game in the list of its own network, as the game's client does, and Debian's server of
 * the host far away stands in it: at an address that leads there.
 */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GAME_SERVERS, openScene } from '../../lab/index.ts';
import { GAMES } from '../../src/games/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const JOIN_MS = 60_000;
const ANSWER_MS = 60_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;
const BROADCAST = '255.255.255.255';

interface Search {
  /** What the client sends, in hexadecimal. */
  readonly asks: string;
  /** Where the answer comes to, where that is not where the question came from. */
  readonly hearsAt?: { readonly group: string; readonly port: number };
  /** What the answer has in it, where it names an address or a port: the client connects there, else to where the answer came from. */
  leadsTo?(address: string): string;
}

/** Words of each game's own client (`net_server.c`, `cl_main.c`, `PingPacket`, `servers.c` and the like). */
const SEARCHES: Readonly<Record<string, Search>> = {
  teeworlds: { asks: `040000ffffffff0501020304${'00'.repeat(508)}` },
  ddnet: { asks: 'ffffffffffffffffffff6769653301' },
  openarena: { asks: 'ffffffff676574696e666f20787878' },
  supertuxkart: { asks: '0a73746b2d736572766572', leadsTo: () => '0ac7' },
  bzflag: { asks: '000204040000' },
  openttd: { asks: '030000' },
  chocolatedoom: { asks: '000d' },
  freeciv: {
    asks: '02',
    hearsAt: { group: '225.1.1.1', port: 4556 },
    leadsTo: (address) => Buffer.from(`${address}\0${5556}\0`).toString('hex'),
  },
};

/** Asks again and again, and prints what comes. */
const CLIENT = `
const { createSocket } = require('dgram');
const [own, bytes, to, port, group, at] = process.argv.slice(1);
const told = (text, from) => console.log(from.address + ':' + from.port + ' ' + text.toString('hex'));
const ear = createSocket({ type: 'udp4', reuseAddr: true });
ear.on('message', told);
ear.bind(Number(at), () => {
  ear.setBroadcast(true);
  if (group !== '') ear.addMembership(group, own);
  ear.setMulticastInterface(own);
  setInterval(() => ear.send(Buffer.from(bytes, 'hex'), Number(port), to), 500);
});`;

const ROWS = GAMES.flatMap((game) =>
  'debian' in game.source && game.lan !== undefined ? [{ ...game, lan: game.lan }] : [],
);

test('every game of Debian that is looked for is looked for here', () => {
  expect(ROWS.map(({ id }) => id).toSorted()).toEqual(Object.keys(SEARCHES).toSorted());
});

describe.each(ROWS)('$id', ({ id, services, lan }) => {
  const server = GAME_SERVERS[id]!;
  const missing = existsSync(server.argv[0] ?? '') ? labMissing() : 'its package is not installed';
  describeUnless(missing, 'looked for in the network of a friend', () => {
    test(
      'is found there, and leads to the host',
      async () => {
        const as = server.unprivileged ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
        const home =
          'mkdir -p -m 777 /run/lab/home; export HOME=/run/lab/home XDG_RUNTIME_DIR=/run/lab/home; exec "$@"';
        const argv = ['sh', '-c', home, 'sh', ...as, ...server.argv];
        const port = Number.parseInt(services, 10);
        const game = { name: id, port, services, argv, status: async () => '' };
        const scene = await openScene({ host: HOME, client: HOME, game });
        try {
          await scene.host.stop();
          await scene.runHost(['--game', id]);
          await scene.join(JOIN_MS, { argv: ['--lan'] });
          const router = scene.nats.find(({ name }) => name === 'kofinat')!;
          const beside = await scene.lab.hostBehind(router, 'console');
          const { asks, hearsAt, leadsTo } = SEARCHES[id]!;
          const to = lan.way === 'asked' ? lan.group! : BROADCAST;
          const asked = [asks, to, String(Number.parseInt(lan.ports, 10))];
          const hears = [hearsAt?.group ?? '', String(hearsAt?.port ?? 0)];
          const client = beside.spawn([process.execPath, '-e', CLIENT, beside.address, ...asked, ...hears]);
          const { address } = scene.clientSide;
          const answer = await client.find(({ text }) => (text.startsWith(`${address}:`) ? text : null), ANSWER_MS);
          if (leadsTo === undefined) expect(answer).toMatch(new RegExp(`^${address}:${port} `));
          else expect(answer).toContain(leadsTo(address));
        } finally {
          await scene.close();
        }
      },
      2 * (JOIN_MS + ANSWER_MS),
    );
  });
});
