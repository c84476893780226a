/** What tests in a browser begin with. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { Bench } from '../loopback/processes.ts';
import { openBrowser } from './browser.ts';

/** A browser for all tests of a `describe`, without a page, and a bench of its own for each of them. */
export function eachInBrowser(): { readonly browser: Browser; readonly bench: Bench } {
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
  return {
    get browser() {
      return browser;
    },
    get bench() {
      return bench;
    },
  };
}
