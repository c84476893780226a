/** The first minutes of somebody who has set nothing: a link is enough to join, and hosting asks for the one thing that it needs. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { portBase } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { chromiumMissing, confirmed, expectAccessible, openPage } from './browser.ts';
import { eachInBrowser } from './each.ts';

describeUnless(chromiumMissing, 'the first run', () => {
  const own = eachInBrowser();

  async function startMaster(): Promise<string> {
    const run = own.bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', String(portBase()), '--http', '127.0.0.1:0'],
      ...['--metrics-listen', 'off', '--state-dir', own.bench.folder(), '--json'],
    ]);
    return String((await run.line('ready', 30_000)).master);
  }

  /** A host of the command; its whole link. */
  async function startHost(master: string, name: string): Promise<string> {
    const port = String(await own.bench.game());
    const args = ['--master', master, '--json', '--name', name, '--state-dir', own.bench.folder()];
    return String((await own.bench.sallyport(['host', port, ...args]).line('ready', 30_000)).link);
  }

  async function startApp(...more: readonly string[]): Promise<Page> {
    const args = ['ui', '--no-open', '--no-clipboard', '--json', '--state-dir', own.bench.folder(), ...more];
    const { page } = await openPage(own.browser, String((await own.bench.sallyport(args).line('ready', 30_000)).link));
    return page;
  }

  async function join(page: Page, text: string): Promise<string> {
    await page.click('nav a[href="/"]');
    await page.fill('#join-target', text);
    await page.press('#join-target', 'Enter');
    return (await page.textContent('#connect-address')) ?? '';
  }

  test('a message with a whole link in it is enough to play; its masterserver is kept, so hosting needs nothing more', async () => {
    const link = await startHost(await startMaster(), 'Arena');
    const page = await startApp();
    await page.waitForSelector('#home[data-master="none"]');
    await expectAccessible(page);
    const address = await join(page, `hey, come and play: ${link} (bring cake)`);
    expect(await own.bench.ask(address, 'hello')).toMatch(/said hello$/);
    await page.click('nav a[href="/host"]');
    await page.fill('#host-port', String(await own.bench.game()));
    await page.click('#host-start');
    await page.waitForSelector('#host-code');
    await expect.poll(() => page.isVisible('#host-silent')).toBe(false);
  });

  test('what is no code is said to be none, without a masterserver, too', async () => {
    const page = await startApp();
    await page.fill('#join-target', 'hello');
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('[role=alert]:has-text("no join code and no join link")');
    await page.fill('#join-target', '6789B-CDFGH');
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('[role=alert]:has-text("whole link")');
  });

  test('a link of another masterserver ends nothing of the first one: the game hosted there stays open', async () => {
    const mine = await startMaster();
    const link = await startHost(await startMaster(), 'Elsewhere');
    const page = await startApp('--master', mine);
    await page.click('nav a[href="/host"]');
    await page.fill('#host-port', String(await own.bench.game()));
    await page.click('#host-start');
    const code = await page.textContent('#host-code');
    const address = await join(page, link);
    expect(await own.bench.ask(address, 'hi')).toMatch(/said hi$/);
    await page.click('nav a[href="/host"]');
    expect(await page.textContent('#host-code')).toBe(code);
    await page.click('nav a[href="/settings"]');
    expect(await page.inputValue('#set-master')).toBe(mine);
    // And again by one press, when it is over.
    await page.click('nav.running a');
    await page.click('#connect-abort');
    await page.click('#connect-close');
    await page.click('#recent >> text=Elsewhere');
    await page.waitForSelector('#connect-address');
  });

  test('hosting without a masterserver offers the one of an invitation first, then any that is pasted, then how to get one', async () => {
    const link = await startHost(await startMaster(), 'Arena');
    const page = await startApp();
    await page.click('nav a[href="/host"]');
    await page.waitForSelector('#master-get:has-text("sallyport master")');
    expect(await page.locator('.master-before').count()).toBe(0);
    await expectAccessible(page);
    await page.fill('#master-link', 'nonsense');
    await page.press('#master-link', 'Enter');
    await page.waitForSelector('[role=alert]:has-text("not a masterserver link")');
    await page.fill('#master-link', link);
    await page.press('#master-link', 'Enter');
    await page.waitForSelector('#host-start');
    await join(page, link);
    await page.click('nav a[href="/settings"]');
    await page.fill('#set-master', '');
    await page.press('#set-master', 'Enter');
    await page.click('nav a[href="/host"]');
    await page.click('.master-before');
    await page.waitForSelector('#host-start');
  });

  test('a game that does not run is told of before the first friend; Stop asks, and Cancel leaves it open', async () => {
    const page = await startApp('--master', await startMaster());
    await page.click('nav a[href="/host"]');
    await page.fill('#host-port', String(await own.bench.freePort()));
    await page.click('#host-start');
    await page.waitForSelector('#host-silent:has-text("Nothing listens on port")');
    await page.click('#host-stop');
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    expect(await page.isVisible('#host-code')).toBe(true);
    await confirmed(page, '#host-stop');
    await page.waitForSelector('#host-start');
  });
});
