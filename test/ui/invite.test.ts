/** A `sallyport://` link that somebody clicks: the app shows it, and asks. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Bench, portBase } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { chromiumMissing, expectAccessible, openBrowser, openPage } from './browser.ts';

describeUnless(chromiumMissing, 'an invitation that is clicked', () => {
  let browser: Browser;
  let bench: Bench;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await bench.close();
  });

  test('joins nothing before the person says so', async () => {
    const port = String(portBase());
    const master = bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', port, '--http', 'off', '--metrics-listen', 'off'],
      ...['--https-at', 'play.example.org', '--state-dir', bench.folder(), '--json'],
    ]);
    const link = String((await master.line('ready')).master);
    const host = bench.sallyport(['host', String(await bench.game()), '--master', link, '--name', 'Arena', '--json']);
    const { invite } = await host.line('ready');
    expect(invite).toMatch(/^https:\/\/play\.example\.org\/j\//);

    const folder = bench.folder();
    const ui = bench.sallyport([
      'ui',
      '--no-open',
      '--state-dir',
      folder,
      '--master',
      link,
      '--link',
      String(invite),
      '--json',
    ]);
    const { page, faults } = await openPage(browser, String((await ui.line('ready')).link));
    await page.waitForSelector('text=Join only if you know who sent it');
    expect(await page.inputValue('#join-target')).toBe(invite);
    await page.waitForTimeout(500);
    expect(await page.locator('nav.running a').count()).toBe(0);
    await expectAccessible(page);
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('#connect-address');
    expect(faults).toEqual([]);
  });
});
