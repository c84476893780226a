/**
 * Every screen, with real data on it: fits at 1280, 640 (a desk at 200 %) and 360 px, from left to right and from right to left;
 * has no accessibility fault in either theme, wide and narrow; nothing moves for whoever wants no motion; and no word is shown that is not from the
 * catalogue.
 * `npm run screenshots` lets this test also write docs/screens/*.png.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GAMES } from '../../src/web/games.ts';
import { Bench, portBase } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { chromiumMissing, confirmed, expectAccessible, inPreferences, openBrowser } from './browser.ts';
import { expectCatalogueOnly, wrapCatalogue } from './pseudo.ts';

const SCREENSHOTS = process.env.SALLYPORT_SCREENSHOTS === '1';
const FOLDER = fileURLToPath(new URL('../../docs/screens/', import.meta.url));
const DESK = { width: 800, height: 540 };
const WIDTHS = [1280, 640, 360] as const;
const BAR_MAX_PX = 56;
/** What fits may still be a column of letters, where a part beside it takes the room. */
const HEADING_LINES_MAX = 3;
/** Where axe looks: what is folded, stacked or left out differs. */
const LOOKED_AT = [1280, 360] as const;

/** Words of the row of screens that end in dots, and cells of a table that stand in the next one. */
function cutTexts(): string[] {
  const { document } = globalThis as unknown as { document: Document };
  return [...document.querySelectorAll('nav.screens span, .facts :is(th, td)')]
    .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
    .map(({ textContent }) => textContent ?? '');
}

describeUnless(chromiumMissing, 'every screen', () => {
  const bench = new Bench();
  let browser: Browser;
  let master: string;
  let http: string;
  let admin: string;
  let code: string;
  /** Of a host that asks first. */
  let asking: string;
  let app: string;

  beforeAll(async () => {
    browser = await openBrowser();
    const folder = bench.folder();
    const run = bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', String(portBase()), '--http', '127.0.0.1:0'],
      ...['--metrics-listen', 'off', '--state-dir', folder, '--json'],
    ]);
    const ready = await run.line('ready', 30_000);
    master = String(ready.master);
    http = String(ready.http);
    admin = readFileSync(join(folder, 'admin.once'), 'utf8').trim();
    const host = async (name: string, ...more: readonly string[]): Promise<string> => {
      const port = String(await bench.game());
      const hosting = bench.sallyport([
        'host',
        port,
        '--master',
        master,
        '--json',
        '--public',
        '--name',
        name,
        ...more,
      ]);
      return String((await hosting.line('ready', 30_000)).code);
    };
    code = await host('Arena', '--game', 'luanti');
    asking = await host('Den', '--ask');
    const password = join(bench.folder(), 'password');
    writeFileSync(password, 'open sesame\n');
    await host('Night-watch', '--game', 'teeworlds', '--password-file', password);
    const ui = bench.sallyport(['ui', '--no-open', '--no-clipboard', '--master', master, '--json']);
    app = String((await ui.line('ready', 30_000)).link);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await bench.close();
  });

  /** Opens the page with every text of the catalogue in brackets, or as it is. */
  async function open(url: string, bracketed: boolean, locale = 'en'): Promise<Page> {
    const context = await browser.newContext({ viewport: DESK, locale, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    if (bracketed) await wrapCatalogue(page);
    await page.goto(url);
    return page;
  }

  async function expectFits(page: Page, name: string): Promise<void> {
    for (const direction of ['ltr', 'rtl']) {
      await page.evaluate((dir) => document.documentElement.setAttribute('dir', dir), direction);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: DESK.height });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(wide, `${name} at ${width} px, ${direction}`).toBeLessThanOrEqual(width);
        const bar = await page.evaluate(() => document.querySelector('header')?.getBoundingClientRect().height ?? 0);
        expect(bar, `the bar of ${name} at ${width} px`).toBeLessThanOrEqual(BAR_MAX_PX);
        const lines = await page.evaluate(() => {
          const heading = document.querySelector('h1');
          if (heading === null) return 0;
          return heading.getBoundingClientRect().height / Number.parseFloat(getComputedStyle(heading).lineHeight);
        });
        expect(await page.evaluate(cutTexts), `cut on ${name} at ${width} px`).toEqual([]);
        expect(Math.round(lines), `lines of the heading of ${name} at ${width} px`).toBeLessThanOrEqual(
          HEADING_LINES_MAX,
        );
      }
    }
    await page.evaluate(() => document.documentElement.setAttribute('dir', 'ltr'));
    await page.setViewportSize(DESK);
  }

  async function shoot(page: Page, name: string): Promise<void> {
    if (!SCREENSHOTS) return;
    await page.evaluate(() => {
      scrollTo(0, 0);
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    });
    mkdirSync(FOLDER, { recursive: true });
    await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  }

  async function look(page: Page, name: string): Promise<void> {
    await expectFits(page, name);
    await expect
      .poll(() => page.evaluate(() => document.getAnimations().length), { message: `motion on ${name}` })
      .toBe(0);
    for (const theme of ['light', 'dark']) {
      await inPreferences(page, () => page.selectOption('#theme', theme));
      for (const width of LOOKED_AT) {
        await page.setViewportSize({ width, height: DESK.height });
        await expectAccessible(page);
      }
      await page.setViewportSize(DESK);
      await shoot(page, `${name}-${theme}`);
    }
    await inPreferences(page, () => page.selectOption('#theme', 'light'));
    await page.setViewportSize({ width: 360, height: 540 });
    await shoot(page, `${name}-phone`);
    await page.setViewportSize(DESK);
  }

  /** What somebody sees who has just got the program. */
  async function tourOfFirstRun(bracketed: boolean, stop: (page: Page, name: string) => Promise<void>, locale = 'en') {
    const ui = bench.sallyport(['ui', '--no-open', '--no-clipboard', '--json', '--state-dir', bench.folder()]);
    const page = await open(String((await ui.line('ready', 30_000)).link), bracketed, locale);
    await page.waitForSelector('#home[data-master="none"]');
    await stop(page, 'first-run');
    await page.click('nav a[href="/servers"]');
    await page.waitForSelector('.empty-state');
    await stop(page, 'first-servers');
    await page.click('nav a[href="/network"]');
    await page.waitForSelector('.empty-state');
    await stop(page, 'first-network');
  }

  /** Goes through all screens of the local app and stops at each. */
  async function tourOfApp(page: Page, stop: (page: Page, name: string) => Promise<void>): Promise<void> {
    const tab = (path: string): Promise<void> => page.click(`nav a[href="${path}"]`);
    await page.waitForSelector('#join-target');
    await stop(page, 'home');
    await tab('/servers');
    await page.click('tr[data-host]:has-text("Arena") .c-name button');
    await page.waitForSelector('.details');
    await stop(page, 'servers');
    await tab('/host');
    await page.waitForSelector('#host-start');
    await stop(page, 'host-start');
    await page.fill('#host-name', 'Ana’s world');
    await page.fill('#host-port', String(await bench.game()));
    await page.click('#host-start');
    await page.waitForSelector('#host-code');
    const hosted = ((await page.textContent('#host-code')) ?? '').replace('-', '');
    const friend = bench.sallyport(['join', hosted, '--master', master, '--name', 'Kofi', '--json', '--no-clipboard']);
    await friend.line('connected', 20_000);
    await page.waitForSelector('[data-friend]:has-text("Kofi")');
    await stop(page, 'host-open');
    await confirmed(page, '#host-stop');
    await tab('/');
    await page.fill('#join-target', code);
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('#connect-address');
    await stop(page, 'connected');
    await page.click('#connect-abort');
    await page.click('#connect-close');
    await page.fill('#join-target', asking);
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('[data-asked="true"] .now[data-stage="connect.stage.asked"]');
    await stop(page, 'asked');
    await page.click('#connect-abort');
    await page.click('#connect-close');
    await page.fill('#join-target', '6789B-CDFGH');
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('#connect-help');
    await stop(page, 'failed');
    await page.click('#connect-close');
    await tab('/servers');
    await page.press('tr[data-host]:has-text("Night-watch")', 'Enter');
    await page.waitForSelector('#join-password');
    await stop(page, 'password');
    await page.click('#connect-close');
    await tab('/network');
    await page.waitForSelector('.probes tbody tr', { state: 'attached' });
    await stop(page, 'network');
    await tab('/settings');
    await page.waitForSelector('#set-master');
    await stop(page, 'settings');
    await page.fill('#set-master', '');
    await page.press('#set-master', 'Enter');
    await page.waitForSelector('.toast');
    await tab('/host');
    await page.waitForSelector('#master-choice');
    await page.waitForSelector('.toast', { state: 'detached' });
    await stop(page, 'no-master');
    await page.fill('#master-link', master);
    await page.press('#master-link', 'Enter');
    await page.waitForSelector('#host-start');
    await inPreferences(page, () => page.click('#preferences a[href="/playground"]'));
    await page.waitForSelector('#play-result');
    await stop(page, 'playground');
  }

  async function tourOfMaster(page: Page, stop: (page: Page, name: string) => Promise<void>): Promise<void> {
    await page.waitForSelector('tr[data-host]:has-text("Arena")');
    await stop(page, 'master-list');
    await page.press('tr[data-host]:has-text("Arena")', 'Enter');
    await page.waitForSelector('#join-open');
    await stop(page, 'join-page');
    await inPreferences(page, () => page.click('#preferences a[href="/admin"]'));
    await page.waitForSelector('#admin-token');
    await stop(page, 'admin-login');
    await page.fill('#admin-token', admin);
    await page.press('#admin-token', 'Enter');
    await page.waitForSelector('#admin-host-list tbody tr');
    await stop(page, 'admin');
  }

  test('of the local app fits, reads and is accessible in both themes', async () => {
    await tourOfApp(await open(app, false), look);
  }, 240_000);

  test('of the first run fits, reads and is accessible in both themes', async () => {
    await tourOfFirstRun(false, look);
  }, 120_000);

  test('fits in German, which has longer words', async () => {
    await tourOfFirstRun(false, expectFits, 'de');
    await tourOfApp(await open(app, false, 'de'), expectFits);
    await tourOfMaster(await open(http, false, 'de'), expectFits);
  }, 240_000);

  test('of the masterserver fits, reads and is accessible in both themes', async () => {
    await tourOfMaster(await open(http, false), look);
  }, 120_000);

  test('shows only texts of the catalogue, besides names, codes, addresses and logs', async () => {
    const games = GAMES.map(({ name }) => name);
    const data = ['Arena', 'Den', 'Night-watch', 'Ana’s world', 'Kofi', 'luanti', 'teeworlds', ...games];
    const check = (page: Page, name: string): Promise<void> => expectCatalogueOnly(page, name, data);
    await tourOfFirstRun(true, check);
    await tourOfApp(await open(app, true), check);
    await tourOfMaster(await open(http, true), check);
  }, 240_000);
});
