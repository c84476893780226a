/** `host --ask` as a person uses it: whom the question is about, and whom an answer lets in. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, type Run, runHost, runMaster } from './processes.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

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
