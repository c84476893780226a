/** What a person at the command meets: which masterserver counts, languages, suggestions, and games that bring their ports. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bench, portBase } from './processes.ts';

/** Of a masterserver that is not there. */
const NOBODY = 'sallyport://127.0.0.1:9/#etzxDpLG06P5XI9aqII_sm0igf-i-LXBsz86L2I2FGE';

describe('with a host', () => {
  const bench = new Bench();
  let link = '';
  let code = '';
  let master = '';

  beforeAll(async () => {
    const off = ['--http', 'off', '--metrics-listen', 'off', '--state-dir', bench.folder(), '--json'];
    const listen = ['--listen', '127.0.0.1', '--port', String(portBase())];
    master = String((await bench.sallyport(['master', ...listen, ...off]).line('ready')).master);
    const game = String(await bench.game());
    const host = bench.sallyport(['host', game, '--master', master, '--state-dir', bench.folder(), '--json']);
    ({ link, code } = (await host.line('ready')) as unknown as { link: string; code: string });
  }, 60_000);
  afterAll(() => bench.close());

  test('a whole link goes before SALLYPORT_MASTER', { timeout: 60_000 }, async () => {
    const run = bench.sallyport(['join', link, '--json'], { SALLYPORT_MASTER: NOBODY });
    await run.line('connected');
    run.kill('SIGTERM');
    await run.exit;
  });

  test('--master goes before the link, and that is said', { timeout: 60_000 }, async () => {
    const run = bench.sallyport(['join', link, '--master', NOBODY]);
    expect(await run.exit).toBe(3);
    expect(run.stderr()).toMatch(/^! Master {6}127\.0\.0\.1:\d+ of the link is not asked, but the one of --master$/m);
  });

  test('a code alone takes the variable', { timeout: 60_000 }, async () => {
    const run = bench.sallyport(['join', code, '--json'], { SALLYPORT_MASTER: master });
    await run.line('connected');
    run.kill('SIGTERM');
    await run.exit;
  });

  test('a friend whose host is killed is told so first, and then that the path is lost', {
    timeout: 120_000,
  }, async () => {
    const folder = bench.folder();
    const game = String(await bench.game());
    const killed = bench.sallyport(['host', game, '--master', master, '--state-dir', folder, '--json']);
    const { link: its } = (await killed.line('ready')) as unknown as { link: string };
    const run = bench.sallyport(['join', its, '--show-ips']);
    await expect.poll(() => run.stderr(), { timeout: 30_000 }).toContain('Keep this window open');
    killed.kill('SIGKILL');
    await expect.poll(() => run.stderr(), { timeout: 80_000 }).toContain('lost: finding it again');
    const said = run.stderr().slice(run.stderr().indexOf('Keep this window open'));
    const heads = said.split('\n').filter((line) => /^! Path|Waiting/.test(line));
    expect(heads[0]).toContain('little or nothing comes from the host: it may have gone');
    expect(heads[1]).toContain('lost: finding it again');
    run.kill('SIGTERM');
    await run.exit;
  });

  test('a STUN server that has no address, or does not answer, is named', { timeout: 60_000 }, async () => {
    const dead = '127.0.0.9:9';
    const args = ['--master', master, '--stun', 'nowhere.invalid:3478', '--stun', dead, '--state-dir', bench.folder()];
    const run = bench.sallyport(['host', String(await bench.game()), ...args, '--show-ips']);
    await expect
      .poll(() => run.stderr(), { timeout: 30_000 })
      .toContain('! STUN        nowhere.invalid:3478 has no address: others are asked instead');
    await expect
      .poll(() => run.stderr(), { timeout: 30_000 })
      .toContain(`! STUN        ${dead} does not answer: others were asked instead`);
    run.kill('SIGTERM');
    await run.exit;
  });

  test('a person reads German where the system speaks it, a program the same as ever', {
    timeout: 60_000,
  }, async () => {
    const german = { LC_ALL: 'de_DE.UTF-8' };
    const run = bench.sallyport(['join', link, '--json'], german);
    const connected = await run.line('connected');
    run.kill('SIGTERM');
    await run.exit;
    expect(run.stderr()).toMatch(/^· Suche {7}nach /m);
    expect(run.stderr()).toMatch(/^✓ Verbunden {3}.* · verschlüsselt/m);
    expect(run.stderr()).toContain('Lass dieses Fenster beim Spielen offen.');
    expect(run.stderr()).not.toMatch(/\b(?:the|your|window|host is)\b/i);
    expect(connected).toMatchObject({ path: expect.any(String), attempts: 1 });
    expect(run.lines.find(({ ev }) => ev === 'stage')?.text).toMatch(/^[A-Z][a-z ]+\.$/);
  });
});

describe('without anybody', () => {
  const bench = new Bench();
  afterAll(() => bench.close());

  test('a game brings its ports, and servers of other games that listen are named', { timeout: 60_000 }, async () => {
    await bench.udp('127.0.0.1', 8303);
    const run = bench.sallyport(['host', '--game', 'luanti', '--no-wait', '--master', NOBODY]);
    expect(await run.exit).toBe(7);
    expect(run.stderr()).toMatch(/Nothing listens at udp 127\.0\.0\.1:30000\. .*udp 127\.0\.0\.1:8303 \(/);
    expect(run.stderr()).toContain('(GAME_SILENT)');
  });

  test.each([
    [['hots'], 'Did you mean "host"?'],
    [['join', 'x', '--pasword'], 'Did you mean --password?'],
    [['host', '--game', 'lunati', '--master', NOBODY], 'Did you mean --game luanti?'],
    [['ctl', 'kik', 'Ana'], 'Did you mean "ctl kick"?'],
    [['join', 'x', '--password', 'hunter2'], 'A password is no word of the command line'],
    [['join', 'K7TQ9-RBWXM', '--master', NOBODY, '--password-file', '/no/such'], 'There is no file /no/such.'],
    [['host', '1', '--help-me'], 'See "sallyport help host".'],
  ])('%j is answered with %s', async (args, words) => {
    const run = bench.sallyport(args);
    expect(await run.exit).toBe(2);
    expect(run.stderr()).toContain(words);
    expect(run.stderr()).not.toContain('ENOENT');
  });

  test('a terminal without UTF-8 gets ASCII alone', async () => {
    const run = bench.sallyport(['check', '--master', NOBODY], { LC_ALL: 'C' });
    expect(await run.exit).toBe(3);
    expect(run.stderr() + run.stdout()).toMatch(/^[\n -~]+$/);
  });

  test('the version is told by each of its words', async () => {
    for (const word of ['version', '--version', '-V', '-v']) {
      const run = bench.sallyport([word]);
      expect(await run.exit).toBe(0);
      expect(run.stdout()).toMatch(/^sallyport \d+\.\d+\.\d+/);
    }
  });
});
