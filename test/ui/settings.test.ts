/** Settings under a slow program: what a person has set stays on the page until it is told, and nothing undoes anything else. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, expect, test } from 'vitest';
import { describeUnless } from '../support.ts';
import { chromiumMissing, expectAccessible, inPreferences, openPage } from './browser.ts';
import { eachInBrowser } from './each.ts';

describeUnless(chromiumMissing, 'settings', () => {
  const own = eachInBrowser();
  let context: BrowserContext;
  let page: Page;
  let link: string;

  beforeEach(async () => {
    // Nobody is there, and nobody is needed.
    const master = 'sallyport://127.0.0.1:9/#D6poTtKIZ7l_Smot7l34zpdOdrcBjj8iocTPJnhXDyA';
    const run = own.bench.sallyport(['ui', '--no-open', '--no-clipboard', '--master', master, '--json']);
    link = String((await run.line('ready', 20_000)).link);
    ({ context, page } = await openPage(own.browser, link));
    page.setDefaultTimeout(30_000);
  });

  async function hostForm(of: Page): Promise<void> {
    await of.click('nav a[href="/host"]');
    await of.waitForSelector('#host-start');
  }

  /** Commands of the page wait until the returned function is called. */
  async function holdCommands(of: Page): Promise<() => void> {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await of.route('**/v1/settings', async (route) => {
      await gate;
      await route.continue();
    });
    return release;
  }

  /** The program tells every page something new: another tab sets the player's name. */
  async function setNameElsewhere(name: string): Promise<void> {
    const other = await context.newPage();
    other.setDefaultTimeout(30_000);
    await other.goto(link);
    await other.click('nav a[href="/settings"]');
    await other.fill('#set-name', name);
    await other.press('#set-name', 'Enter');
    await other.waitForSelector('.toast');
    await other.close();
  }

  test('what is ticked, chosen and typed stays while its command is slow and news of other things arrives', async () => {
    await hostForm(page);
    await page.selectOption('#host-game', 'luanti');
    const release = await holdCommands(page);
    await page.check('#host-custom');
    await page.fill('#host-port', '41234');
    await inPreferences(page, async () => {
      await page.check('.preferences input[type=checkbox]');
      await page.selectOption('#language', 'de');
    });
    await setNameElsewhere('Ana');
    await page.click('nav a[href="/settings"]');
    await expect.poll(() => page.inputValue('#set-name')).toBe('Ana');
    expect(await page.isChecked('.preferences input[type=checkbox]')).toBe(true);
    expect(await page.inputValue('#language')).toBe('de');
    await page.click('nav a[href="/host"]');
    expect(await page.isChecked('#host-custom')).toBe(true);
    expect(await page.inputValue('#host-port')).toBe('41234');
    release();
    const again = await context.newPage();
    await again.goto(link);
    await again.click('nav a[href="/host"]');
    await expect.poll(() => again.inputValue('#host-port')).toBe('41234');
    expect(await again.isChecked('#host-custom')).toBe(true);
    expect(await again.isChecked('.preferences input[type=checkbox]')).toBe(true);
    expect(await again.inputValue('#language')).toBe('de');
  });

  test('the document says the language that is chosen in the settings, and the one that the settings had at the start', async () => {
    const lang = (of: Page): Promise<string | null> => of.getAttribute('html', 'lang');
    expect(await lang(page)).toBe('en');
    await page.click('nav a[href="/settings"]');
    await page.selectOption('#set-language', 'de');
    await expect.poll(() => lang(page)).toBe('de');
    expect(await page.getAttribute('html', 'dir')).toBe('ltr');
    await page.waitForSelector('.toast');
    // Another browser has kept nothing: the program says it.
    const again = await openPage(own.browser, link);
    await expect.poll(() => lang(again.page)).toBe('de');
    await again.context.close();
  });

  test('a tick does not fall back between the answer and the news that shows it', async () => {
    // The stream of the page is cut at a gate; commands and their answers pass.
    await page.addInitScript(() => {
      const world = globalThis as unknown as { gate: Promise<void>; openGate: () => void; shutGate: () => void };
      world.gate = Promise.resolve();
      world.shutGate = () => {
        world.gate = new Promise((resolve) => {
          world.openGate = resolve;
        });
      };
      const fetchBefore = globalThis.fetch;
      globalThis.fetch = async (...given) => {
        const answer = await fetchBefore(...given);
        if (!String(given[0]).endsWith('/events') || answer.body === null) return answer;
        const held = new TransformStream<Uint8Array, Uint8Array>({
          async transform(chunk, into) {
            await world.gate;
            into.enqueue(chunk);
          },
        });
        return new Response(answer.body.pipeThrough(held), answer);
      };
    });
    await page.reload();
    await hostForm(page);
    const gate = (name: 'openGate' | 'shutGate'): Promise<void> =>
      page.evaluate((which) => (globalThis as unknown as Record<string, () => void>)[which]?.(), name);
    await page.selectOption('#host-game', 'teeworlds');
    await gate('shutGate');
    const answered = page.waitForResponse('**/v1/settings');
    await page.check('#host-custom');
    expect(await (await answered).json()).toMatchObject({ ok: true });
    await page.selectOption('#host-game', 'luanti');
    await page.fill('#host-name', 'Den');
    expect(await page.isChecked('#host-custom')).toBe(true);
    await gate('openGate');
    await setNameElsewhere('Ana');
    expect(await page.isChecked('#host-custom')).toBe(true);
    expect(await page.isVisible('#host-port')).toBe(true);
  });

  test('a text half typed is left alone by news; one that is refused stays with the reason beside it', async () => {
    await page.click('nav a[href="/settings"]');
    await page.fill('#set-master', 'sallyport://half');
    await setNameElsewhere('Ana');
    await expect.poll(() => page.inputValue('#set-name')).toBe('Ana');
    expect(await page.inputValue('#set-master')).toBe('sallyport://half');
    await page.press('#set-master', 'Enter');
    await page.waitForSelector('#set-master-error:has-text("not a masterserver link")');
    expect(await page.inputValue('#set-master')).toBe('sallyport://half');
    await page.fill('#set-port', '70000');
    await page.focus('#set-name');
    await page.waitForSelector('#set-port-error:has-text("A port is a whole number")');
    await page.fill('#set-port', '7000');
    await page.waitForSelector('#set-port-error:empty', { state: 'attached' });
  });

  test('a switch makes this program the one that opens invitations, and takes it back', async () => {
    const folder = own.bench.folder();
    const env = { HOME: folder, XDG_DATA_HOME: join(folder, 'data'), XDG_CONFIG_HOME: join(folder, 'config') };
    const second = own.bench.sallyport(['ui', '--no-open', '--no-clipboard', '--json'], env);
    const { page: fresh } = await openPage(own.browser, String((await second.line('ready', 20_000)).link));
    await fresh.click('nav a[href="/settings"]');
    const desktop = join(folder, 'data', 'applications', 'sallyport.desktop');
    expect(await fresh.isChecked('#set-links')).toBe(false);
    await fresh.focus('#set-links');
    await fresh.keyboard.press('Space');
    await fresh.waitForSelector('#set-links:checked:enabled');
    expect(existsSync(desktop)).toBe(true);
    await expectAccessible(fresh);
    await fresh.uncheck('#set-links');
    await fresh.waitForSelector('#set-links:not(:checked):enabled');
    expect(existsSync(desktop)).toBe(false);
    // Who has decided here is not asked again on the first screen.
    await fresh.click('nav a[href="/"]');
    await fresh.waitForSelector('#join-target');
    expect(await fresh.locator('#links-question').count()).toBe(0);
  });

  test('two commands at the same moment: neither takes back what the other has set', async () => {
    const { origin, hash } = new URL(link);
    const call = (settings: Record<string, unknown>): Promise<unknown> =>
      fetch(`${origin}/v1/settings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${hash.replace('#t=', '')}` },
        body: JSON.stringify({ settings }),
      }).then((answer) => answer.json());
    await Promise.all([
      call({ hostPortCustom: true, hostGame: 'luanti' }),
      call({ hostServices: '41234' }),
      call({ playerName: 'Ana' }),
    ]);
    await hostForm(page);
    expect(await page.inputValue('#host-port')).toBe('41234');
    expect(await page.isChecked('#host-custom')).toBe(true);
  });
});
