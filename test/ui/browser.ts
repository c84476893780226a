/** Debian's Chromium, driven over the debugging protocol; every page starts with empty storage and readable clipboard. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const CHROMIUM = '/usr/bin/chromium';
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

export const chromiumMissing = existsSync(CHROMIUM) ? null : 'Chromium is not installed (apt-get install chromium)';

/** Flags without which Chromium looks up hosts of its maker, or wants a sandbox that root has not. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
] as const;

export function openBrowser(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: [...CHROMIUM_FLAGS, ...more] });
}

export interface Opened {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors that the page threw or logged. */
  readonly faults: string[];
}

export async function openPage(browser: Browser, url: string, size = { width: 1280, height: 800 }): Promise<Opened> {
  const context = await browser.newContext({
    viewport: size,
    locale: 'en',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  // Less than a test may take, so that a failure names the step that waits.
  page.setDefaultTimeout(30_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  await page.goto(url);
  return { context, page, faults };
}

/** Opens what is folded behind one button of the frame (language, theme, streamer mode), sets it, and folds it again. */
export async function inPreferences(page: Page, set: () => Promise<unknown>): Promise<void> {
  await page.click('#preferences-open');
  await set();
  if (await page.isVisible('#preferences')) await page.keyboard.press('Escape');
}

export async function chooseLanguage(page: Page, id: string): Promise<void> {
  await inPreferences(page, () => page.selectOption('#language', id));
}

/** Presses what asks first, and says yes. */
export async function confirmed(page: Page, selector: string): Promise<void> {
  await page.click(selector);
  await page.click('dialog[open] [data-confirm]');
}

/** What a page tells of a transition or an animation. */
interface Moving {
  readonly effect: { getTiming(): { iterations?: number } } | null;
  readonly finished: Promise<unknown>;
}

/** axe-core over the page as it is once colours have stopped changing: no violation of any rule, also of those that only advise. */
export async function expectAccessible(page: Page): Promise<void> {
  const source = await readFile(AXE, 'utf8');
  await page.evaluate(async () => {
    const { document } = globalThis as unknown as { document: { getAnimations(): readonly Moving[] } };
    const ending = document
      .getAnimations()
      .filter(({ effect }) => effect?.getTiming().iterations !== Number.POSITIVE_INFINITY);
    await Promise.allSettled(ending.map(({ finished }) => finished));
  });
  // As a function body, because the page's policy forbids script elements of others.
  const violations = await page.evaluate(
    async ([axe]) => {
      // biome-ignore lint/security/noGlobalEval: axe-core has to run inside the page.
      globalThis.eval(axe as string);
      const run = (
        globalThis as unknown as {
          axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
        }
      ).axe;
      return (await run.run()).violations;
    },
    [source],
  );
  expect(violations.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes[0]?.html}`)).toEqual([]);
}

export async function clipboard(page: Page): Promise<string> {
  return page.evaluate(() =>
    (
      globalThis as unknown as { navigator: { clipboard: { readText(): Promise<string> } } }
    ).navigator.clipboard.readText(),
  );
}
