/** `--ask-game`: what the list says of a game that knows nothing of us, here one that speaks Quake III's status protocol. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { gameAsker } from '../../src/agent/testing.ts';
import { eventually } from './master-node.ts';
import { Bench, runMaster } from './processes.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const HEAD = '\xff\xff\xff\xff';

/** Answers `getstatus` as ioquake3 does (code/server/sv_main.c): variables, then a line for each player; ping 0 is a bot. */
async function quake3() {
  const socket = await bench.udp();
  const game = { map: 'q3dm17', players: ['12 48 "^1Ana"', '3 0 "Crash"'], port: socket.address().port, silent: false };
  socket.on('message', (bytes, from) => {
    if (game.silent || !bytes.toString('latin1').startsWith(`${HEAD}getstatus`)) return;
    const variables = `\\sv_hostname\\^2The ^7Camp\u001b[31m\\mapname\\${game.map}\\sv_maxclients\\16`;
    const answer = `${HEAD}statusResponse\n${variables}\n${game.players.map((player) => `${player}\n`).join('')}`;
    socket.send(Buffer.from(answer, 'latin1'), from.port, from.address);
  });
  return game;
}

test('name, map and human players of the game are on the list', async () => {
  const game = await quake3();
  const master = await runMaster(bench);
  const flags = ['--master', master.link, '--ask-game', 'q3a', '--public', '--json', '--game', 'quake3'];
  const host = bench.sallyport(['host', String(game.port), ...flags]);
  await host.line('ready');
  const listed = async () => {
    const run = bench.sallyport(['list', '--master', master.link, '--json']);
    const { servers } = await run.line('list');
    return (servers as { name: string; map: string; players: number }[])[0];
  };
  await eventually('asked', async () => (await listed())?.map === 'q3dm17');
  expect(await listed()).toMatchObject({ name: 'The Camp[31m', map: 'q3dm17', players: 1 });
});

test('changes are told, and silence once', async () => {
  const game = await quake3();
  const ask = await gameAsker('q3a', { address: '127.0.0.1', port: game.port });
  expect(await ask()).toEqual({ name: expect.stringContaining('The Camp'), map: 'q3dm17', players: 1 });
  Object.assign(game, { map: 'q3dm1', players: ['1 20 "Ana"', '2 30 "Kofi"'] });
  expect(await ask()).toMatchObject({ map: 'q3dm1', players: 2 });
  game.silent = true;
  expect(await ask()).toBeNull();
});

test('a type that gamedig does not know, and gamedig itself missing, are said in words', async () => {
  const master = await runMaster(bench);
  const wrong = bench.sallyport(['host', '30000', '--master', master.link, '--ask-game', 'nosuchgame']);
  expect(await wrong.exit).toBe(2);
  expect(wrong.stderr()).toContain('gamedig knows no game "nosuchgame"');
  vi.doMock('gamedig', () => {
    throw new Error('not installed');
  });
  await expect(gameAsker('q3a', { address: '127.0.0.1', port: 1 })).rejects.toThrow(/npm install gamedig/);
  vi.doUnmock('gamedig');
});
