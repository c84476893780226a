/** `host --ask` as a person uses it: whom the question is about, and whom an answer lets in. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, type Run, runHost, runMaster } from './processes.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

test('ban, bans and unban at the console of the host; the friend is told BANNED, and a restart changes nothing', async () => {
  const master = await runMaster(bench);
  const folder = bench.folder();
  const home = bench.folder();
  const port = await bench.game();
  const begin = async () => {
    const run = bench.sallyport([
      ...['host', String(port), '--master', master.link, '--json', '--ask', '--state-dir', folder],
    ]);
    return { run, code: String((await run.line('ready')).code) };
  };
  const join = (): Run =>
    bench.sallyport([
      ...['join', host.code, '--master', master.link, '--json', '--no-clipboard', '--name', 'Mallory'],
      ...['--state-dir', home],
    ]);
  let host = await begin();
  const type = (words: string): void => void host.run.child.stdin?.write(`${words}\n`);
  const says = (text: string | RegExp) => expect.poll(() => host.run.stderr()).toMatch(text);
  const friend = join();
  await says('Let Mallory in');
  type('y mallory');
  await friend.line('connected');
  // The friend knows a moment before the host does, and only who was inside is known later.
  await expect.poll(() => host.run.lines.some(({ ev, state }) => ev === 'peer' && state === 'connected')).toBe(true);
  type('ban mallory network');
  await says('everybody from its network');
  expect(await friend.exit).toBe(5);
  const banned = join();
  expect(await banned.exit).toBe(5);
  expect(banned.lines.at(-1)).toMatchObject({ ev: 'error', code: 'BANNED' });
  const { code } = host;
  host.run.kill('SIGTERM');
  await host.run.exit;
  host = await begin();
  expect(host.code).toBe(code);
  type('bans');
  await says(/1 {2}Mallory, key [0-9a-f]{4}(-[0-9a-f]{4}){3}, since \d{4}-\d\d-\d\d/);
  await says(/2 {2}everybody from the network of Mallory/);
  expect(await join().exit).toBe(5);
  type('unban 2');
  await says('Lifted: everybody');
  type('unban 1');
  await says('Lifted: Mallory, key');
  join();
  await says(/Let Mallory in\? It is known here as Mallory, key/);
});

test('--ask: the question is about one friend at a time, and y is an answer to the one that is shown', async () => {
  const master = await runMaster(bench);
  const host = await runHost(bench, master.link, ['--ask']);
  const type = (words: string): void => void host.run.child.stdin?.write(`${words}\n`);
  const states = (name: string): unknown[] =>
    host.run.lines.filter((line) => line.ev === 'peer' && line.name === name).map(({ state }) => state);
  const stages = (friend: Run): unknown[] => friend.lines.filter(({ ev }) => ev === 'stage').map(({ stage }) => stage);
  const knock = async (name: string, state: string): Promise<Run> => {
    const friend = bench.sallyport([
      'join',
      host.code,
      '--master',
      master.link,
      '--json',
      '--no-clipboard',
      '--name',
      name,
    ]);
    await expect.poll(() => states(name).at(-1)).toBe(state);
    return friend;
  };
  const ann = await knock('Ann', 'asking');
  const mallory = await knock('Mallory', 'waiting');
  const bea = await knock('Bea', 'waiting');
  await expect.poll(() => stages(ann)).toContain('asked');
  await expect.poll(() => stages(mallory)).toContain('queued');
  expect(host.run.stderr()).toMatch(/Let Ann in\? It is new here, key [0-9a-f]{4}(-[0-9a-f]{4}){3}\. \[y\/n\]/);
  expect(host.run.stderr()).not.toContain('Let Mallory in?');
  type('y');
  await ann.line('connected');
  await expect.poll(() => host.run.stderr()).toContain('Let Mallory in?');
  await expect.poll(() => stages(mallory)).toContain('asked');
  // Meant for the question before: the one that has just come up is not answered by it.
  type('y');
  await expect.poll(() => host.run.stderr()).toContain('that answer was not taken');
  type('y bea');
  await bea.line('connected');
  expect(states('Mallory').at(-1)).toBe('asking');
  type('n mallory');
  expect(await mallory.exit).toBe(5);
  expect(mallory.lines.at(-1)).toMatchObject({ ev: 'error', code: 'REFUSED' });
  expect(stages(mallory)).not.toContain('connected');
});
