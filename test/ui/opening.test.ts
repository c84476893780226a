/** The ways into the local app: the file that the browser is given, and an address without the token. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Bench } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { chromiumMissing, openBrowser, openPage } from './browser.ts';

describeUnless(chromiumMissing, 'opening the local app', () => {
  test('the file leads to the app; the bare address says how to open it, and not that the program has stopped', async () => {
    const bench = new Bench();
    const browser = await openBrowser();
    try {
      const folder = bench.folder();
      writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\nprintf '%s' "$1" > ${folder}/opened\n`);
      chmodSync(join(folder, 'xdg-open'), 0o755);
      const path = `${folder}:${process.env.PATH}`;
      const run = bench.sallyport(['ui', '--json', '--no-clipboard'], { PATH: path });
      const { origin } = new URL(String((await run.line('ready')).link));
      await expect.poll(() => existsSync(join(folder, 'opened'))).toBe(true);
      const { page } = await openPage(browser, readFileSync(join(folder, 'opened'), 'utf8'));
      await page.waitForURL(`${origin}/`);
      await page.waitForSelector('#join-target');
      // What only the program knows is there.
      await page.waitForSelector('#home[data-master="none"]');
      const stranger = await openPage(browser, origin);
      await stranger.page.waitForSelector('[role=alert]:has-text("open it by the whole link")');
      expect(await stranger.page.textContent('body')).not.toContain('has stopped');
      run.kill('SIGINT');
      await run.exit;
      await stranger.page.waitForSelector('[role=alert]:has-text("has stopped")');
    } finally {
      await browser.close();
      await bench.close();
    }
  });
});
