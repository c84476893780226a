import { expect, test } from 'vitest';
import { portBase } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { chromiumMissing, expectAccessible, openPage } from './browser.ts';
import { eachInBrowser } from './each.ts';

describeUnless(chromiumMissing, 'an invitation that is clicked', () => {
  const own = eachInBrowser();

  test('joins nothing before the person says so', async () => {
    const port = String(portBase());
    const master = own.bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', port, '--http', 'off', '--metrics-listen', 'off'],
      ...['--https-at', 'play.example.org', '--state-dir', own.bench.folder(), '--json'],
    ]);
    const link = String((await master.line('ready')).master);
    const host = own.bench.sallyport([
      'host',
      String(await own.bench.game()),
      '--master',
      link,
      '--name',
      'Arena',
      '--json',
    ]);
    const { invite } = await host.line('ready');
    expect(invite).toMatch(/^https:\/\/play\.example\.org\/j\//);

    const folder = own.bench.folder();
    const ui = own.bench.sallyport([
      'ui',
      '--no-open',
      '--state-dir',
      folder,
      '--master',
      link,
      '--json',
      '--link',
      String(invite),
    ]);
    const { page, faults } = await openPage(own.browser, String((await ui.line('ready')).link));
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
