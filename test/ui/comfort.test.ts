/** Using the app without a mouse, without motion, with a screen reader; and the playground from any web space. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { portBase } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { chromiumMissing, openPage } from './browser.ts';
import { eachInBrowser } from './each.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describeUnless(chromiumMissing, 'for everybody', () => {
  const own = eachInBrowser();

  async function appAndHost(): Promise<{ page: Page; code: string }> {
    const run = own.bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', String(portBase()), '--http', 'off'],
      ...['--metrics-listen', 'off', '--state-dir', own.bench.folder(), '--json'],
    ]);
    const master = String((await run.line('ready', 20_000)).master);
    const port = String(await own.bench.game());
    const host = own.bench.sallyport(['host', port, '--master', master, '--json', '--name', 'Arena', '--public']);
    const code = String((await host.line('ready', 20_000)).code);
    const ui = own.bench.sallyport(['ui', '--no-open', '--no-clipboard', '--master', master, '--json']);
    const { page } = await openPage(own.browser, String((await ui.line('ready', 20_000)).link));
    page.setDefaultTimeout(30_000);
    return { page, code };
  }

  /** Presses Tab until the wanted element has the focus, as somebody without a mouse does. */
  async function tabTo(page: Page, selector: string): Promise<void> {
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
    }
    throw new Error(`Tab does not reach ${selector}`);
  }

  test('join, stop and close with the keyboard alone; the log changes at most once a second', async () => {
    const { page, code } = await appAndHost();
    await page.waitForSelector('#join-target');
    await page.evaluate(() => {
      const changes: number[] = [];
      Object.assign(globalThis, { logChanges: changes });
      let before: string | null = null;
      new MutationObserver(() => {
        const text = document.querySelector('#connect-log')?.textContent ?? null;
        if (before !== null && text !== before) changes.push(performance.now());
        before = text;
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    await tabTo(page, '#join-target');
    await page.keyboard.type(code);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#connect-address');
    await page.waitForSelector('#connect-log:has-text("connected")', { state: 'attached' });
    const changes = await page.evaluate(() => (globalThis as unknown as { logChanges: number[] }).logChanges);
    expect(changes.length).toBeGreaterThan(0);
    for (const [index, at] of changes.slice(1).entries()) expect(at - changes[index]!).toBeGreaterThan(900);
    await tabTo(page, '#connect-abort');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#connect-close');
    await tabTo(page, '#connect-close');
    await page.keyboard.press('Enter');
    await tabTo(page, 'nav a[href="/servers"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('tr[data-host]');
    await tabTo(page, 'tr[data-host]');
    await page.keyboard.press('i');
    await page.waitForSelector('.details:has-text("Nobody just now")');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.details', { state: 'detached' });
    // The focus is where it was, also when the row goes up to the favourites.
    await page.keyboard.press('f');
    await page.waitForSelector('.section:has-text("Favourites (1)")');
    await page.waitForFunction(() => document.activeElement?.matches('tr[data-host]') ?? false);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#connect-address');
  }, 60_000);

  test('who wants no motion gets none: nothing plays by itself', async () => {
    const ui = own.bench.sallyport(['ui', '--no-open', '--no-clipboard', '--playground', '--json']);
    const link = String((await ui.line('ready', 20_000)).link);
    expect(link).toContain('/playground#t=');
    const { page } = await openPage(own.browser, link);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.click('#play-run');
    await page.waitForSelector('#play-result');
    expect(await page.textContent('#play-toggle')).toBe('Play');
    const at = await page.textContent('#play-time');
    await page.waitForTimeout(500);
    expect(await page.textContent('#play-time')).toBe(at);
  });

  test('the static playground runs from a folder of any web space', async () => {
    const folder = own.bench.folder();
    const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
    const args = ['build', '--mode', 'playground', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'];
    execFileSync(process.execPath, [vite, ...args], { cwd: ROOT, stdio: 'inherit' });
    const missing: string[] = [];
    const types: Readonly<Record<string, string>> = {
      '.html': 'text/html',
      '.js': 'text/javascript',
      '.css': 'text/css',
    };
    const server = createServer(async (request, response) => {
      const [, path] = /^\/~ana\/nat\/([\w./-]*)$/.exec(request.url ?? '') ?? [];
      const file = path === '' ? 'index.html' : path;
      const body = file === undefined ? null : await readFile(join(folder, file)).catch(() => null);
      if (body === null) missing.push(request.url ?? '');
      response.writeHead(body === null ? 404 : 200, { 'content-type': types[extname(file ?? '')] ?? 'image/svg+xml' });
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const { page, faults } = await openPage(own.browser, `http://127.0.0.1:${port}/~ana/nat/`);
      await page.click('#play-run');
      await page.waitForSelector('#play-result:has-text("Connected after")', { timeout: 40_000 });
      expect(missing).toEqual([]);
      expect(faults).toEqual([]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  }, 60_000);
});
