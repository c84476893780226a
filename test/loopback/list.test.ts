/** The list as the command and the library get it over their session with a real masterserver. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAgent } from '../../src/agent/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { eventually, hostCommand, MasterBench } from './master-node.ts';
import { Bench, portBase } from './processes.ts';

let master: MasterBench;
let bench: Bench;
beforeEach(() => {
  master = new MasterBench();
  bench = new Bench();
});
afterEach(async () => {
  await bench.close();
  await master.close();
});

function official(servers: readonly object[]): string {
  const folder = join(master.stateDir, 'official');
  mkdirSync(folder);
  writeFileSync(join(folder, 'all.json'), JSON.stringify({ servers }));
  return folder;
}

const QUICK = { intervalMs: 100, againMs: 60_000, timeoutMs: 5_000 };
const OFFICIAL = { name: 'Official EU', game: 'luanti', address: '203.0.113.5:30000', playersMax: 32 };

test('S23, S26: the list of a session has what the page has: official servers, proofs of joinability, times', async () => {
  const folder = official([OFFICIAL]);
  const { link } = await master.start({ listen: ['127.0.0.1'], port: portBase(), official: folder, testJoins: QUICK });
  const host = master.guest(link);
  await host.until('ready');
  host.command(hostCommand());
  const { code } = await host.until('hosting');
  const agent = await openAgent({ master: link });
  await agent.ready();
  const servers = await eventually('proven', async () => {
    const entries = await agent.list();
    return entries.some(({ verifiedAt }) => verifiedAt !== null) && entries;
  });
  await agent.close();
  expect(servers.map(({ section, name, address }) => [section, name, address])).toEqual([
    ['local', "Ana's world", null],
    ['official', 'Official EU', '203.0.113.5:30000'],
  ]);
  const [own] = servers;
  for (const at of [own?.verifiedAt, own?.firstSeenAt, own?.lastSeenAt]) {
    expect(Math.abs(Date.now() - (at ?? 0))).toBeLessThan(60_000);
  }
  const run = bench.sallyport(['list', '--master', link]);
  expect(await run.exit).toBe(0);
  const lines = run.stdout().split('\n');
  expect(lines[0]).toMatch(/^Ping +Join with +Server +Players +Game +Network +Up +Joinable$/);
  expect(lines[1]).toBe('Local (at your address) (1)');
  expect(lines[2]).toContain(`${code.slice(0, 5)}-${code.slice(5)}`);
  expect(lines[2]).toMatch(/tested \d+s ago$/);
  expect(lines.slice(3, 5).join('\n')).toMatch(/^Official \(1\)\n\? +203\.0\.113\.5:30000 +Official EU +0\/32/);
  const json = bench.sallyport(['list', '--master', link, '--json']);
  expect((await json.line('list')).servers).toMatchObject([{ code }, { address: '203.0.113.5:30000' }]);
});

test('a list of many pages comes whole: the rate of pages slows it down and does not cut it', async () => {
  const folder = official(
    Array.from({ length: 990 }, (_, n) => ({ name: `Server ${n}`, address: `203.0.113.5:${n + 1}` })),
  );
  const { link } = await master.start({ listen: ['127.0.0.1'], port: portBase(), official: folder, testJoins: null });
  const agent = await openAgent({ master: link });
  const names = (await agent.list()).map(({ name }) => name);
  await agent.close();
  expect(new Set(names).size).toBe(990);
});

test('S26: an official server is joined by its address, or by the code that its agent has', async () => {
  const identity = nodeCrypto.keyPair();
  const folder = official([OFFICIAL, { name: 'With agent', address: '203.0.113.6:1', key: hex(identity.publicKey) }]);
  const { link } = await master.start({ listen: ['127.0.0.1'], port: portBase(), official: folder, testJoins: null });
  const byAddress = bench.sallyport(['join', '203.0.113.5:30000', '--master', link, '--no-clipboard']);
  expect(await byAddress.exit).toBe(0);
  expect(byAddress.stdout()).toBe('203.0.113.5:30000\n');
  expect(byAddress.stderr()).toContain('In the game connect to    203.0.113.5:30000');
  const host = master.guest(link, identity);
  await host.until('ready');
  host.command(hostCommand({ name: 'With agent' }));
  const { code } = await host.until('hosting');
  const byCode = bench.sallyport(['join', code, '--master', link, '--no-clipboard', '--json']);
  expect(await byCode.line('official')).toMatchObject({ name: 'With agent', address: '203.0.113.6:1' });
  expect(await byCode.exit).toBe(0);
  const stranger = bench.sallyport(['join', '203.0.113.9:30000', '--master', link]);
  expect(await stranger.exit).toBe(4);
  expect(stranger.stderr()).toContain('No official server of this master has the address');
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
