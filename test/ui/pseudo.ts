/** A language of brackets: the built page with every text of the catalogue as ⟦text⟧, so that texts of elsewhere stand out. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { en } from '../../src/languages/index.ts';
import { SIM_CLASSES } from '../../src/sim/index.ts';

/** `"key":"text"` as the minifier leaves it, with any of the three quotes. */
const ENTRY = /"([\w-]+(?:\.[\w-]+)+)":(["'`])((?:\\.|(?!\2).)*)\2/gs;

/** The page has nothing of this: its bundle is changed on the way to the browser. */
export async function wrapCatalogue(page: Page): Promise<void> {
  await page.route('**/assets/*.js', async (route) => {
    const response = await route.fetch();
    let wrapped = 0;
    const body = (await response.text()).replace(ENTRY, (whole, key: string, quote: string, text: string) => {
      if (!(key in en)) return whole;
      wrapped += 1;
      return `"${key}":${quote}⟦${text}⟧${quote}`;
    });
    if (/\/index-/.test(route.request().url())) expect(wrapped).toBeGreaterThanOrEqual(2 * Object.keys(en).length);
    await route.fulfill({ response, body });
  });
}

/** Where data of its own kind is shown, never text: logs and traces, addresses, codes and words to compare, names of languages. */
const DATA_PLACES =
  'pre, code, .code, .big-code, .words-line, .probes td, #language, #set-language, .audit, .simulated, .packet, .uplot, time';
/** Names of protocols, and of the classes of NAT in the tables, the same in every language. */
const NAMES = ['UPnP', 'NAT-PMP', 'PCP', ...SIM_CLASSES];

export async function expectCatalogueOnly(page: Page, screen: string, data: readonly string[]): Promise<void> {
  const texts = await page.evaluate((places) => {
    const found: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode())
      if (node.parentElement?.closest(places) === null) found.push(node.textContent ?? '');
    for (const element of document.querySelectorAll('[aria-label],[title],[placeholder],[alt]'))
      for (const name of element.closest(places) === null ? ['aria-label', 'title', 'placeholder', 'alt'] : [])
        found.push(element.getAttribute(name) ?? '');
    return found;
  }, DATA_PLACES);
  expect(texts.some((text) => text.includes('⟦'))).toBe(true);
  const foreign = texts.filter((text) => /\p{L}/u.test(withoutKnown(text, data)));
  expect([...new Set(foreign)], screen).toEqual([]);
}

function withoutKnown(text: string, data: readonly string[]): string {
  let rest = text;
  // A text may hold another one as a value, so from the inside out.
  for (let before = ''; before !== rest; ) {
    before = rest;
    rest = rest.replace(/⟦[^⟦⟧]*⟧/g, '');
  }
  // The longest first: one name may be a part of another.
  for (const word of [...data, ...NAMES].sort((left, right) => right.length - left.length))
    rest = rest.replaceAll(word, '');
  return rest;
}
