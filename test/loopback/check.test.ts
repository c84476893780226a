/** `sallyport check` as a person or a script uses it: real processes, real sockets, no NAT. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatMasterLink, type MasterLink, parseMasterLink } from '../../src/core/index.ts';
import { Bench, certificateFlags, portBase, runHost, runMaster } from './processes.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

test('check prints a profile with the words of the interface, list prints public hosts only', async () => {
  const master = await runMaster(bench);
  await runHost(bench, master.link, ['--name', 'Open house', '--public']);
  await runHost(bench, master.link, ['--name', 'Hidden']);
  const check = bench.sallyport(['check', '--master', master.link, '--json']);
  const { profile } = (await check.line('profile', 20_000)) as unknown as { profile: Record<string, unknown> };
  expect(await check.exit).toBe(0);
  for (const field of ['mapping', 'filtering', 'type', 'allocator', 'external', 'verdict', 'confidence']) {
    expect(profile).toHaveProperty(field);
  }
  const refined = check.lines.filter((line) => line.ev === 'profile').map((line) => line.refined);
  expect(refined).toEqual([false, true]);
  const list = bench.sallyport(['list', '--master', master.link]);
  expect(await list.exit).toBe(0);
  expect(list.stdout()).toContain('Open house');
  expect(list.stdout()).not.toContain('Hidden');
});

test('a master on one UDP port: hosts, joins and checks work, and check says what it cannot tell', async () => {
  const port = portBase();
  const master = await runMaster(bench, port, bench.folder(), ['--one-port', '--show-ips']);
  await expect.poll(() => master.run.stderr()).toContain(`port ${port}, on 127.0.0.1`);
  expect(master.run.stderr()).toContain('players can not tell what their routers do');
  const host = await runHost(bench, master.link);
  const friend = bench.sallyport(['join', host.code, '--master', master.link, '--json']);
  const { local } = await friend.line('connected', 20_000);
  expect(await bench.ask(String(local), 'hello')).toMatch(/ said hello$/);
  const check = bench.sallyport(['check', '--master', master.link]);
  expect(await check.exit).toBe(0);
  expect(check.stdout()).toMatch(/^Mapping +cannot be told: one port of one address was asked/m);
  expect(check.stdout()).toContain('not tested (the masterserver needs a second port or address for it)');
});

test('check says which of UDP, another UDP port and TLS reach the master; with TLS alone it still reports', async () => {
  const folder = bench.folder();
  const tls = ['--http', '127.0.0.1:0', ...certificateFlags(folder)];
  const master = await runMaster(bench, portBase(), folder, [...tls, '--also-port', String(portBase())]);
  const link = parseMasterLink(master.link) as MasterLink;
  const ear = (await bench.udp()).address().port;
  const dead = (more: Partial<MasterLink>) => formatMasterLink({ ...link, port: ear, ...more });
  for (const [to, passes] of [
    [master.link, [true, true, true]],
    [dead({}), [false, true, true]],
    [dead({ udp: ear }), [false, false, true]],
  ] as const) {
    const check = bench.sallyport(['check', '--master', to, '--json']);
    const { ways } = (await check.line('ways', 20_000)) as unknown as {
      ways: { way: string; answeredMs: number | null }[];
    };
    expect(ways.map(({ way }) => way)).toEqual(['udp', 'further', 'tls']);
    expect(ways.map(({ answeredMs }) => answeredMs !== null)).toEqual(passes);
    expect(await check.exit).toBe(0);
  }
  const words = bench.sallyport(['check', '--master', dead({ udp: ear })]);
  expect(await words.exit).toBe(0);
  expect(words.stdout()).toMatch(/^Ways +UDP \d+ no answer · UDP \d+ no answer · TLS 127\.0\.0\.1:\d+ works, \d+ ms$/m);
}, 60_000);

test('check --with tries the way to a host and leaves it; --fail-on exits with 9', async () => {
  const master = await runMaster(bench);
  const host = await runHost(bench, master.link);
  const check = bench.sallyport(['check', '--master', master.link, '--with', host.code, '--json']);
  const connected = await check.line('connected', 20_000);
  expect(connected).toMatchObject({ local: null, attempts: expect.any(Number), remote: expect.any(String) });
  expect(await check.line('attempt')).toMatchObject({ plan: { method: expect.any(String) } });
  expect(await check.exit).toBe(0);
  const left = () => host.run.lines.some((line) => line.ev === 'peer' && line.state === 'left');
  await expect.poll(left).toBe(true);
  // Public, and from one address nobody can tell whether strangers get in: moderate.
  const failing = (verdict: string) =>
    bench.sallyport(['check', '--master', master.link, '--fail-on', verdict, '--json']);
  expect(await failing('strict').exit).toBe(0);
  const moderate = failing('moderate');
  expect(await moderate.exit).toBe(9);
  expect(await moderate.line('error')).toMatchObject({ code: 'TOO_STRICT' });
});
