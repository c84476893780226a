/** A page of the local app in a browser behind a NAT of the lab, used like Playwright's own. */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { eventOf, type LabHost, type LabProcess } from '../../lab/index.ts';
import { CHROMIUM_FLAGS } from '../ui/browser.ts';

const DRIVER = fileURLToPath(new URL('fixtures/page-driver.mjs', import.meta.url));
/** Above the 60 s that the driver waits for an element, so that its own words are heard. */
const STEP_MS = 70_000;

export type RemotePage = Pick<
  Page,
  | 'check'
  | 'click'
  | 'emulateMedia'
  | 'fill'
  | 'focus'
  | 'goto'
  | 'inputValue'
  | 'press'
  | 'reload'
  | 'setViewportSize'
  | 'textContent'
  | 'waitForSelector'
> & {
  readonly keyboard: Pick<Page['keyboard'], 'press'>;
  /** The script's value; a text, a number or a truth value. */
  evaluate(script: string): Promise<unknown>;
  /** The browser's process inside the namespace. */
  readonly browser: LabProcess;
};

/** `flags`: further ones for the browser. */
export async function openRemotePage(on: LabHost, link: string, flags: readonly string[] = []): Promise<RemotePage> {
  const browser = on.spawn([process.execPath, DRIVER, link, ...CHROMIUM_FLAGS, ...flags], { HOME: '/run/lab' });
  const answer = async (n: number): Promise<unknown> => {
    const said = await browser.find((line) => {
      const one = line.stream === 'stdout' ? (eventOf(line.text) as unknown as Answer | null) : null;
      return one?.n === n ? one : null;
    }, STEP_MS);
    if (said.error !== undefined) throw new Error(said.error);
    return said.value;
  };
  await answer(0);
  let calls = 0;
  const call = (method: string, words: readonly unknown[]): Promise<unknown> => {
    calls += 1;
    browser.write(`${JSON.stringify([method, ...words])}\n`);
    return answer(calls);
  };
  return new Proxy({} as RemotePage, {
    get: (_, method) => {
      if (method === 'browser') return browser;
      // A promise's resolution asks whether this is one, too.
      if (method === 'then') return undefined;
      if (method === 'keyboard') return { press: (key: string) => call('keyboard.press', [key]) };
      return (...words: unknown[]) => call(String(method), words);
    },
  });
}

interface Answer {
  readonly n: number;
  readonly value?: unknown;
  readonly error?: string;
}
