/**
 * From the first run to an invited friend who plays, and to the end of the evening, without a mouse: Tab, Enter and Escape, and what is
 * pasted. At every stop the focus can be seen and stands under nothing; no act loses it. On a desk, on a desk at 200 % and on a phone.
 */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { certificateFlags, portBase } from '../loopback/processes.ts';
import { describeUnless, hasProgram } from '../support.ts';
import { chromiumMissing, clipboard, expectAccessible } from './browser.ts';
import { eachInBrowser } from './each.ts';

const TABS_MAX = 60;
const missing = chromiumMissing ?? (hasProgram('openssl') ? null : 'openssl is not installed');
const LOOKS = [
  { at: 'a desk', viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1, colorScheme: 'light' },
  { at: 'a desk at 200 %', viewport: { width: 640, height: 400 }, deviceScaleFactor: 2, colorScheme: 'dark' },
  { at: 'a phone', viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, colorScheme: 'light' },
] as const;

/** What is wrong with the focus as somebody sees it; null: nothing. */
function focusFault(): string | null {
  const { document, getComputedStyle } = globalThis as unknown as {
    document: Document;
    getComputedStyle: typeof globalThis.getComputedStyle;
  };
  const it = document.activeElement;
  if (it === null || it === document.body) return 'nothing has it';
  // A new screen as a whole: the next Tab is its first stop.
  if (it.matches('main')) return null;
  const name = it.outerHTML.slice(0, 120);
  const { outlineStyle, outlineWidth } = getComputedStyle(it);
  if (it.matches(':focus-visible') && (outlineStyle === 'none' || outlineWidth === '0px')) return `no outline: ${name}`;
  const { left, top, width, height } = it.getBoundingClientRect();
  const above = document.elementFromPoint(left + width / 2, top + Math.min(height, 40) / 2);
  return above !== null && (it.contains(above) || above.contains(it)) ? null : `hidden: ${name}`;
}

class Keyboard {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Tab until it has the focus, which is seen at every stop. */
  async tabTo(selector: string): Promise<void> {
    for (let presses = 0; presses < TABS_MAX; presses++) {
      if (await this.page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
      await this.page.keyboard.press('Tab');
      // The end of the page hands it to the browser's own bar for one press.
      if (await this.page.evaluate(() => document.activeElement === document.body)) continue;
      expect(await this.page.evaluate(focusFault), `on the way to ${selector}`).toBeNull();
    }
    throw new Error(`Tab does not reach ${selector}`);
  }

  async enter(selector: string): Promise<void> {
    await this.tabTo(selector);
    await this.page.keyboard.press('Enter');
  }

  /** Something new is there: it fits, nothing moves, it is accessible, and the focus is somewhere. */
  async arrived(selector: string): Promise<void> {
    const { page } = this;
    await page.waitForSelector(selector);
    await expect.poll(() => page.evaluate(focusFault), { message: `focus at ${selector}` }).toBeNull();
    const { width } = page.viewportSize() ?? { width: 0 };
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    await expectAccessible(page);
  }
}

describeUnless(missing, 'without a mouse', () => {
  const own = eachInBrowser();

  async function startMaster(): Promise<string> {
    const [folder, port] = [own.bench.folder(), portBase()];
    const page = `127.0.0.1:${port}`;
    const run = own.bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', String(port), '--http', page, '--https-at', page],
      ...['--metrics-listen', 'off', '--state-dir', folder, ...certificateFlags(folder), '--json'],
    ]);
    return String((await run.line('ready', 30_000)).master);
  }

  async function context(browser: Browser, look: (typeof LOOKS)[number]): Promise<BrowserContext> {
    return browser.newContext({
      ...{ viewport: look.viewport, deviceScaleFactor: look.deviceScaleFactor, colorScheme: look.colorScheme },
      ...{ locale: 'en', reducedMotion: 'reduce', ignoreHTTPSErrors: true },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
  }

  /** A program that has never run, and its page. */
  async function fresh(look: (typeof LOOKS)[number]): Promise<Keyboard> {
    const args = ['ui', '--no-open', '--no-clipboard', '--json', '--state-dir', own.bench.folder()];
    const { link } = await own.bench.sallyport(args).line('ready', 30_000);
    const page = await (await context(own.browser, look)).newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(String(link));
    await page.waitForSelector('#home[data-master="none"]');
    return new Keyboard(page);
  }

  async function hostGame(keys: Keyboard, master: string, port: string): Promise<string> {
    const { page } = keys;
    await keys.enter('#home-host-go');
    await keys.arrived('#master-choice');
    await keys.tabTo('#master-link');
    await page.keyboard.insertText(master);
    await page.keyboard.press('Enter');
    await keys.arrived('#host-start');
    await keys.tabTo('#host-port');
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(port);
    await keys.enter('#host-start');
    await keys.arrived('#host-code');
    await keys.enter('#copy-link');
    await expect.poll(() => clipboard(page)).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/j\/[0-9A-Z]{10}#/);
    return clipboard(page);
  }

  /** The invitation opened in a browser, its link copied there and pasted into the program. */
  async function joinGame(keys: Keyboard, invite: string): Promise<string> {
    const { page } = keys;
    const visit = new Keyboard(await page.context().newPage());
    await visit.page.goto(invite);
    await visit.page.waitForSelector('#join-players');
    await visit.enter('.choice summary');
    await visit.enter('#copy-page');
    await expect.poll(() => clipboard(visit.page)).toBe(invite);
    await visit.page.close();
    await page.bringToFront();
    await keys.enter('#join-paste');
    await keys.arrived('#connect-address');
    await keys.enter('#copy-address');
    const local = String(await page.textContent('#connect-address'));
    await expect.poll(() => clipboard(page)).toBe(local);
    return local;
  }

  test.each(LOOKS)(
    'from the first run to a friend who plays, and to the end, on $at',
    async (look) => {
      const master = await startMaster();
      const host = await fresh(look);
      const invite = await hostGame(host, master, String(await own.bench.game()));
      const friend = await fresh(look);
      const local = await joinGame(friend, invite);
      expect(await own.bench.ask(local, 'hello')).toMatch(/said hello$/);
      await host.page.bringToFront();
      await host.arrived('[data-friend]:has-text("connected")');
      // What cannot be taken back asks first: Escape leaves everything as it was, and the focus where it was.
      await host.enter('#host-stop');
      await host.arrived('dialog[open]');
      await host.page.keyboard.press('Escape');
      await host.arrived('#host-stop:focus');
      expect(await own.bench.ask(local, 'still')).toMatch(/said still$/);
      await host.page.keyboard.press('Enter');
      await host.enter('dialog[open] [data-confirm]');
      await host.arrived('#host-start');
      await friend.page.bringToFront();
      await friend.enter('#connect-abort');
      await friend.enter('#connect-close');
      await friend.arrived('#recent button');
    },
    120_000,
  );
});
