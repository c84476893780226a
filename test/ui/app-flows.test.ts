/** What can happen to a join or a hosting besides success, as the player sees it; real processes throughout. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeEach, expect, test } from 'vitest';
import { portBase, type Run } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { chooseLanguage, chromiumMissing, confirmed, expectAccessible, inPreferences, openPage } from './browser.ts';
import { eachInBrowser } from './each.ts';

describeUnless(chromiumMissing, 'the local app when things are not simple', () => {
  const own = eachInBrowser();
  let master: string;
  let startMaster: () => Promise<Run>;
  let masterRun: Run;

  beforeEach(async () => {
    const folder = own.bench.folder();
    const port = String(portBase());
    startMaster = async () => {
      const run = own.bench.sallyport([
        ...['master', '--listen', '127.0.0.1', '--port', port, '--http', '127.0.0.1:0'],
        ...['--metrics-listen', 'off', '--state-dir', folder, '--json'],
      ]);
      master = String((await run.line('ready', 20_000)).master);
      return run;
    };
    masterRun = await startMaster();
  });

  async function app(): Promise<Page> {
    const run = own.bench.sallyport(['ui', '--no-open', '--no-clipboard', '--master', master, '--json']);
    const { page } = await openPage(own.browser, String((await run.line('ready', 20_000)).link));
    page.setDefaultTimeout(30_000);
    return page;
  }

  async function startHost(...more: readonly string[]): Promise<{ readonly run: Run; readonly code: string }> {
    const port = String(await own.bench.game());
    const run = own.bench.sallyport(['host', port, '--master', master, '--json', '--name', 'Arena', ...more]);
    return { run, code: String((await run.line('ready', 20_000)).code) };
  }

  async function host(...more: readonly string[]): Promise<string> {
    return (await startHost(...more)).code;
  }

  async function joinByCode(page: Page, code: string): Promise<void> {
    await page.click('nav a[href="/"]');
    await page.fill('#join-target', code);
    await page.press('#join-target', 'Enter');
  }

  function friend(code: string, ...more: readonly string[]): Run {
    return own.bench.sallyport(['join', code, '--master', master, '--json', '--no-clipboard', ...more]);
  }

  /** Hosts from the page; the code. */
  async function hostFromPage(page: Page, tick?: string): Promise<string> {
    await page.click('nav >> text=Host');
    await page.fill('#host-port', String(await own.bench.game()));
    await page.fill('#host-name', 'Den');
    if (tick !== undefined) await page.check(tick);
    await page.click('#host-start');
    return ((await page.textContent('#host-code')) ?? '').replace('-', '');
  }

  test('a host with a password: the app asks for it, says that a wrong one is wrong, and joins with the right one', async () => {
    const file = join(own.bench.folder(), 'password');
    writeFileSync(file, 'open sesame\n');
    const code = await host('--password-file', file);
    const page = await app();
    await joinByCode(page, code);
    await page.waitForSelector('#connect-sentence:has-text("This game is locked")');
    await expectAccessible(page);
    await page.fill('#join-password', 'open barley');
    await page.press('#join-password', 'Enter');
    await page.waitForURL('**/joins/2');
    await page.waitForSelector('#connect-sentence:has-text("password is missing or wrong")');
    await page.fill('#join-password', 'open sesame');
    await page.press('#join-password', 'Enter');
    await page.waitForSelector('#connect-address');
    // The joins that failed on the way are gone: one entry leads to the one that is up.
    expect(await page.locator('nav a[href^="/joins/"]').count()).toBe(1);
  });

  test('a host that is full says so, and after somebody has left the same code works', async () => {
    const code = await host('--max', '1');
    const first = friend(code);
    await first.line('connected', 20_000);
    const page = await app();
    await joinByCode(page, code);
    await page.waitForSelector('#connect-sentence:has-text("The host is full")');
    await page.click('#connect-close');
    first.kill('SIGINT');
    await first.exit;
    await joinByCode(page, code);
    await page.waitForSelector('#connect-address');
  });

  test('a friend who is banned is told so when they come again', async () => {
    const hosting = await app();
    const code = await hostFromPage(hosting);
    const visiting = await app();
    await joinByCode(visiting, code);
    await visiting.waitForSelector('#connect-address');
    await confirmed(hosting, '[data-friend] >> text=Ban');
    await visiting.waitForSelector('#connect-close');
    await visiting.click('#connect-close');
    await joinByCode(visiting, code);
    await visiting.waitForSelector('#connect-sentence:has-text("You are banned here")');
    // Listed, and lifted by the one who hosts.
    await expectAccessible(hosting);
    await visiting.click('#connect-close');
    await hosting.click('#host-bans >> text=Lift');
    await hosting.waitForSelector('#host-bans', { state: 'detached' });
    await joinByCode(visiting, code);
    await visiting.waitForSelector('#connect-address');
  });

  test('ask before each join: one friend is refused, the next is let in', async () => {
    const page = await app();
    const code = await hostFromPage(page, '#host-ask');
    const kofi = friend(code, '--name', 'Kofi');
    await page.waitForSelector('#host-question:has-text("Kofi")');
    await expectAccessible(page);
    await page.click('#host-question:has-text("Kofi") >> text=Refuse');
    expect(await kofi.exit).toBe(5);
    const mia = friend(code, '--name', 'Mia');
    await page.click('#host-question:has-text("Mia") >> text=Let in');
    await mia.line('connected', 20_000);
    await page.waitForSelector('[data-friend]:has-text("Mia"):has-text("connected")');
  });

  test('the masterserver dies and comes back under an open page: said, the last good list kept, a game goes on', async () => {
    const code = await host('--public');
    const page = await app();
    await joinByCode(page, code);
    const address = (await page.textContent('#connect-address')) ?? '';
    await page.click('nav >> text=Servers');
    masterRun.kill('SIGKILL');
    await masterRun.exit;
    await page.waitForSelector('#master-state[data-state="lost"]', { timeout: 60_000 });
    await page.waitForSelector('text=This is the last good one', { timeout: 30_000 });
    await page.waitForSelector('tr[data-host]:has-text("Arena")');
    expect(await own.bench.ask(address, 'still here')).toMatch(/said still here$/);
    masterRun = await startMaster();
    await page.waitForSelector('#master-state', { state: 'detached', timeout: 60_000 });
    await page.waitForSelector('tr[data-host]:has-text("Arena")', { timeout: 30_000 });
  }, 180_000);

  test('the local port is taken: the next free one is used, and that is said', async () => {
    const code = await host();
    const taken = (await own.bench.udp()).address().port;
    const page = await app();
    await page.click('nav >> text=Settings');
    await page.fill('#set-port', String(taken));
    await page.focus('#set-name');
    await page.waitForSelector('text=Saved.');
    await joinByCode(page, code);
    const address = (await page.textContent('#connect-address')) ?? '';
    expect(Number(address.split(':')[1])).not.toBe(taken);
    await page.waitForSelector(`#connect-port-taken:has-text("${taken}")`);
    expect(await own.bench.ask(address, 'hello')).toMatch(/said hello$/);
  });

  test('whoever closes a join and goes on to another screen stays there, however late the answer comes', async () => {
    const page = await app();
    await joinByCode(page, '6789BCDFGH');
    await page.waitForSelector('#connect-close');
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/v1/forget', async (route) => {
      await gate;
      await route.continue();
    });
    await page.click('#connect-close');
    await page.click('nav >> text=My network');
    const answered = page.waitForResponse('**/v1/forget');
    release();
    await answered;
    await page.waitForTimeout(500);
    expect(new URL(page.url()).pathname).toBe('/network');
    await page.waitForSelector('#net-title');
  });

  test('streamer mode: no code and no address is anywhere on the page', async () => {
    const other = await host();
    const page = await app();
    const code = await hostFromPage(page);
    const shown = `${code.slice(0, 4)}-${code.slice(4)}`;
    await inPreferences(page, () => page.check('.preferences input[type=checkbox]'));
    await page.waitForSelector('#host-code:has-text("•••••-•••••")');
    const { host: masterAddress } = new URL(master.replace('sallyport:', 'http:'));
    await joinByCode(page, other);
    await page.waitForSelector('#connect-address');
    await page.waitForTimeout(1_200);
    for (const screen of ['', 'Home', 'Servers', 'Host', 'My network']) {
      if (screen !== '') await page.click(`nav >> text=${screen}`);
      const text = (await page.textContent('body')) ?? '';
      expect(text, screen).not.toContain(shown);
      expect(text, screen).not.toContain(code);
      expect(text, screen).not.toContain(other);
      expect(text, screen).not.toContain(masterAddress);
    }
    await page.click('nav >> text=Settings');
    const security = await page.$eval('#set-master', (field) =>
      (globalThis as unknown as { getComputedStyle(of: unknown): { getPropertyValue(name: string): string } })
        .getComputedStyle(field)
        .getPropertyValue('-webkit-text-security'),
    );
    expect(security).toBe('disc');
  });

  test('a host that ends the game is said to; as a favourite it stays in the list', async () => {
    const { run, code } = await startHost('--public');
    const page = await app();
    await page.click('nav >> text=Servers');
    await page.click('tr[data-host]:has-text("Arena") .c-name button');
    await page.click('.details .star');
    await joinByCode(page, code);
    await page.waitForSelector('#connect-address');
    run.kill('SIGINT');
    await page.waitForSelector('#connect-sentence:has-text("The host has ended the game")');
    await page.click('#connect-abort');
    await page.click('#connect-close');
    await page.click('nav >> text=Servers');
    await page.waitForSelector('tr[data-host]:has-text("not in the list now")');
    await page.press('tr[data-host]:has-text("Arena")', 'Enter');
    await page.waitForSelector('#connect-sentence:has-text("The host is not online")');
  });

  test('a game that does not answer is told in both languages, and a host that ends is waited for: same address when it is back', async () => {
    const port = String(await own.bench.freePort());
    const args = ['host', port, '--master', master, '--json', '--name', 'Arena', '--state-dir', own.bench.folder()];
    const first = own.bench.sallyport(args);
    const code = String((await first.line('ready', 20_000)).code);
    const page = await app();
    // The game's own port has to stay free for it.
    await page.click('nav >> text=Settings');
    await page.fill('#set-port', String(await own.bench.freePort()));
    await page.press('#set-port', 'Enter');
    await joinByCode(page, code);
    await page.waitForSelector('#connect-game-quiet:has-text("nothing listens on its port")');
    const address = await page.textContent('#connect-address');
    await chooseLanguage(page, 'de');
    await page.waitForSelector('#connect-game-quiet:has-text("lauscht nichts")');
    await chooseLanguage(page, 'en');
    await own.bench.game(Number(port));
    await page.waitForSelector('#connect-game-quiet', { state: 'detached' });
    first.kill('SIGTERM');
    await page.waitForSelector('#connect-sentence:has-text("You are in again by yourself")');
    await first.exit;
    await own.bench.sallyport(args).line('ready', 20_000);
    await page.waitForSelector('#connect-sentence:has-text("In the game connect to")');
    expect(await page.textContent('#connect-address')).toBe(address);
  });

  test('a favourite stands on top, recent joins are offered again, both after a reload', async () => {
    const code = await host('--public');
    const page = await app();
    await page.click('nav >> text=Servers');
    await page.click('tr[data-host]:has-text("Arena") .c-name button');
    await page.click('.details .star');
    await page.waitForSelector('.section:has-text("Favourites (1)")');
    await joinByCode(page, code);
    await page.waitForSelector('#connect-address');
    await page.click('#connect-abort');
    await page.click('#connect-close');
    await page.waitForSelector('#join-target');
    await page.click('nav >> text=Servers');
    await page.reload();
    await page.waitForSelector('.section:has-text("Favourites (1)")');
    await page.click('nav >> text=Home');
    await page.click('#recent >> text=Arena');
    await page.waitForSelector('#connect-address');
  });
});
