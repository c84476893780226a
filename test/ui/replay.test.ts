/** The picture of an attempt: a join of the real machines in the simulator, reduced as the app does it, replayed in the page. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NEW_JOIN, reduceJoin } from '../../src/agent/index.ts';
import type { LocalJoin, LocalState } from '../../src/app/local-api.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { runPair } from '../../src/sim/index.ts';
import { Bench } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { chromiumMissing, openBrowser } from './browser.ts';

/** Random ports against an ordinary router: many ports against many probes, the fullest picture there is. */
function simulatedJoin(): LocalJoin {
  const own = { ended: null, portTaken: null, seatsFull: false, local: '127.0.0.1:30000', services: [] };
  let join: LocalJoin = { ...NEW_JOIN, ...own, id: 1, target: 'K7TQ9RBWXM', newKey: false, startedAt: 0 };
  const request = { clientClass: 'S4', hostClass: 'P3', seed: 3, limitMs: 30_000 } as const;
  const result = runPair({
    ...request,
    crypto: nodeCrypto,
    onEvent: (side, event, at) => {
      if (side === 'client' && event.ev !== 'path-lost' && 'join' in event && event.join !== null)
        join = reduceJoin(join, event as Parameters<typeof reduceJoin>[1], at);
    },
  });
  expect(result.connected).toBe(true);
  return join;
}

describeUnless(chromiumMissing, 'replay', () => {
  const bench = new Bench();
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await bench.close();
  });

  test('a finished attempt is drawn from its log: probes of both sides fly at their times, then the way is up', async () => {
    const ui = bench.sallyport(['ui', '--no-open', '--no-clipboard', '--json']);
    const link = String((await ui.line('ready', 20_000)).link);
    const page = await (await browser.newContext({ locale: 'en' })).newPage();
    page.setDefaultTimeout(30_000);
    const join = simulatedJoin();
    await page.route('**/v1/events', async (route) => {
      const { authorization = '' } = route.request().headers();
      const answer = await fetch(new URL('/v1/state', link), { headers: { authorization } });
      const state: LocalState = { ...((await answer.json()) as LocalState), joins: [join] };
      await route.fulfill({
        contentType: 'text/event-stream',
        body: `event: change\ndata: ${JSON.stringify(state)}\n\n`,
      });
    });
    await page.goto(link);
    await page.click('nav a[href="/joins/1"]');
    await page.click('#connect-details summary');
    await page.waitForSelector('#replay-slider');
    const flying = (side: 'in' | 'out'): Promise<number> => page.locator(`.replay .probe.${side}`).count();
    expect(await flying('out')).toBe(0);
    const salvos = join.log.filter(({ what }) => what === 'salvo');
    expect(salvos.map(({ data }) => data.side).sort()).toEqual(['client', 'host']);
    const middle = (salvos[0]?.atMs ?? 0) + 200;
    await page.fill('#replay-slider', String(Math.round(middle)));
    await expect.poll(() => flying('out')).toBeGreaterThan(5);
    expect(await flying('in')).toBeGreaterThan(5);
    expect(await page.locator('.replay .way.up').count()).toBe(0);
    await page.focus('#replay-slider');
    await page.keyboard.press('End');
    await expect.poll(() => page.locator('.replay .way.up').count()).toBe(1);
    const own = Number(salvos.find(({ data }) => data.side === 'client')?.data.tuples);
    expect(await page.textContent('#connect-probes')).toContain(String(own));
  });
});
