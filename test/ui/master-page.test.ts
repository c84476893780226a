/** The masterserver's pages: list, join page, admin; at the width of a desk and of a phone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { portBase, type Run } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { HOSTILE_NAMES } from '../vectors/hostile-names.ts';
import { chromiumMissing, clipboard, expectAccessible, inPreferences, openPage } from './browser.ts';
import { eachInBrowser } from './each.ts';

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };

describeUnless(chromiumMissing, 'the pages of the masterserver', () => {
  const own = eachInBrowser();
  let link: string;
  let http: string;
  let folder: string;

  beforeEach(async () => {
    folder = own.bench.folder();
    const run = own.bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', String(portBase()), '--http', '127.0.0.1:0'],
      ...['--metrics-listen', 'off', '--state-dir', folder, '--json'],
    ]);
    const ready = await run.line('ready');
    link = String(ready.master);
    http = String(ready.http);
  });

  async function host(name: string, more: readonly string[] = []): Promise<{ run: Run; code: string }> {
    const run = own.bench.sallyport([
      'host',
      String(await own.bench.game()),
      '--master',
      link,
      '--json',
      '--public',
      '--name',
      name,
      ...more,
    ]);
    return { run, code: String((await run.line('ready')).code) };
  }

  test('the list shows a new host by itself, filters, sorts, and forgets one that leaves', async () => {
    const { page, faults } = await openPage(own.browser, http, DESK);
    await page.waitForSelector('text=No server is listed yet');
    await host('Zebra', ['--game', 'luanti']);
    await page.waitForSelector('tr:has-text("Zebra")');
    const second = await host('Alpha <b>bold</b>', ['--game', 'teeworlds']);
    await page.waitForSelector('tr:has-text("Alpha")');
    // A hostile name is text, not markup.
    expect(await page.locator('td b').count()).toBe(0);
    await page.click('th >> text=Server');
    expect(await page.locator('tr.row, tr[data-host]').first().textContent()).toContain('Alpha');
    await page.click('th >> text=Server');
    expect(await page.locator('tr[data-host]').first().textContent()).toContain('Zebra');
    // A third time: the order of the list itself. Tab stops at one row, arrow keys go to the others, and the details go along.
    await page.click('th >> text=Server');
    expect(await page.locator('th[aria-sort=ascending], th[aria-sort=descending]').count()).toBe(0);
    expect(await page.locator('tr[data-host][tabindex="0"]').count()).toBe(1);
    await page.focus('tr[data-host][tabindex="0"]');
    await page.keyboard.press('Home');
    await page.keyboard.press(' ');
    await page.waitForSelector('.details');
    const first = await page.textContent('#server-details-title');
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => page.textContent('#server-details-title')).not.toBe(first);
    for (const theme of ['light', 'dark']) {
      await inPreferences(page, () => page.selectOption('#theme', theme));
      await expectAccessible(page);
    }
    await page.setViewportSize({ width: 360, height: 640 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await page.click('#server-details-close');
    await page.waitForSelector('.details', { state: 'detached' });
    await page.setViewportSize(DESK);
    await page.fill('#filter', 'zeb');
    await expect.poll(() => page.locator('tr[data-host]').count()).toBe(1);
    await page.fill('#filter', 'nothing like it');
    await page.click('text=Clear filters');
    await expectAccessible(page);
    second.run.kill('SIGTERM');
    await expect.poll(() => page.locator('tr[data-host]').count()).toBe(1);
    expect(faults).toEqual([]);
  });

  test('500 hostile names, as raw as a hostile master would send them, run no script and make no element', async () => {
    const { page, faults } = await openPage(own.browser, 'about:blank', DESK);
    const servers = HOSTILE_NAMES.map((whole) => whole.slice(0, 300)).map((name, n) => ({
      ...{ hostId: `host${n}`, code: 'K7TQ9RBWXM', name, game: name, map: name, mode: name, version: name, players: 1 },
      ...{
        playersMax: 8,
        passwordNeeded: false,
        natType: 'cone',
        verdict: 'moderate',
        natDelta: 0,
        section: 'community',
      },
      ...{ pingEstimateMs: 20, verifiedAt: null, firstSeenAt: 1, lastSeenAt: 1, returning: false, address: null },
    }));
    const sections = { local: 0, official: 0, community: servers.length };
    await page.route('**/api/v1/servers?*', (route) =>
      route.fulfill({
        json: { generation: 1, at: 1, total: servers.length, sections, games: [], servers, next: null },
      }),
    );
    await page.goto(http);
    await expect.poll(() => page.locator('tr[data-host]').count(), { timeout: 15_000 }).toBe(servers.length);
    for (const id of ['host112', 'host119', 'host140']) {
      await page.locator(`[data-host=${id}] button`).click();
      await page.waitForSelector('.details');
    }
    const made = 'script, img, iframe, style, a, math, [onload], [onerror], [srcdoc], svg:not(.icon)';
    expect(await page.locator('table').locator(made).count()).toBe(0);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(faults).toEqual([]);
  });

  test('what changed between the list and the live stream is not missed', async () => {
    const { page } = await openPage(own.browser, 'about:blank', DESK);
    let open = (): void => {};
    const late = new Promise<void>((resolve) => {
      open = resolve;
    });
    await page.route('**/api/v1/events', async (route) => {
      await late;
      await route.continue();
    });
    await page.goto(http);
    await page.waitForSelector('text=No server is listed yet');
    await host('Between');
    open();
    await page.waitForSelector('tr:has-text("Between")');
  });

  test('an invitation shows the game, opens the app with the whole link, and helps where nothing opened', async () => {
    const { run, code } = await host('Arena', ['--game', 'luanti']);
    const invited = String((await run.line('ready')).link).split('#')[1];
    const address = `${http}/j/${code}#${invited}&at=${/\/\/([^/]+)/.exec(link)?.[1]}`;
    const { page, faults } = await openPage(own.browser, address, PHONE);
    await page.waitForSelector('h1:has-text("Play with Arena")');
    await page.waitForSelector('text=Luanti');
    expect(await page.getAttribute('#join-open', 'href')).toBe(String((await run.line('ready')).link));
    await page.waitForSelector('#join-no-download');
    await page.press('.visit summary >> nth=0', 'Enter');
    await page.click('#copy-command');
    await expect.poll(() => clipboard(page)).toBe(`sallyport join '${address}'`);
    await page.click('#copy-page');
    await expect.poll(() => clipboard(page)).toBe(address);
    expect(await page.textContent('#join-code')).toBe(`${code.slice(0, 5)}-${code.slice(5)}`);
    expect(await page.textContent('body')).not.toContain('npx');
    const width = await page.evaluate(
      () =>
        (globalThis as unknown as { document: { documentElement: { scrollWidth: number } } }).document.documentElement
          .scrollWidth,
    );
    expect(width).toBeLessThanOrEqual(PHONE.width);
    await expectAccessible(page);
    await page.click('#join-open');
    await page.waitForSelector('#join-opened:has-text("Nothing happened")');
    expect(await page.evaluate('document.activeElement.id')).toBe('join-get');
    expect(faults.filter((fault) => !/scheme|protocol|handler/i.test(fault))).toEqual([]);
    await page.goto(`${http}/j/6789BCDFGH`);
    await page.waitForSelector('text=This game is not open just now');
  });

  test('the list fits a phone, and stays readable when the master is gone', async () => {
    await host('Arena');
    const { page } = await openPage(own.browser, http, PHONE);
    await page.waitForSelector('tr:has-text("Arena")');
    const width = await page.evaluate(
      () =>
        (globalThis as unknown as { document: { documentElement: { scrollWidth: number } } }).document.documentElement
          .scrollWidth,
    );
    expect(width).toBeLessThanOrEqual(PHONE.width);
    await expectAccessible(page);
    await page.route('**/api/**', (route) => route.abort());
    await page.click('#reload');
    await page.waitForSelector('text=This is the last good one');
    await page.waitForSelector('tr:has-text("Arena")');
  });

  test('admin: the token opens the board, a ban by name delists a host, lifting it is logged', async () => {
    await host('Spam Palace');
    const token = readFileSync(join(folder, 'admin.once'), 'utf8').trim();
    const { page } = await openPage(own.browser, `${http}/admin`, DESK);
    await page.fill('#admin-token', 'wrong');
    await page.press('#admin-token', 'Enter');
    await page.waitForSelector('text=This token is not right');
    // The answer to the wrong token comes after the right one's, and takes nothing back.
    let answer = (): void => {};
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let held = 0;
    let sourcesRewritten: { addresses: string[]; since: number } | null = null;
    const probePortsShut: { address: string; since: number }[] = [];
    await page.route('**/api/v1/admin/overview', async (route) => {
      const response = await route.fetch();
      if (response.status() === 401) {
        held += 1;
        await late;
        await route.fulfill({ response });
      } else await route.fulfill({ response, json: { ...(await response.json()), sourcesRewritten, probePortsShut } });
    });
    await expect.poll(() => held).toBeGreaterThan(0);
    await page.fill('#admin-token', token);
    await page.press('#admin-token', 'Enter');
    await page.waitForSelector('#admin-host-list >> text=Spam Palace');
    await page.fill('#ban-value', 'half typed');
    const refusal = page.waitForResponse((response) => response.status() === 401);
    answer();
    await refusal;
    await page.waitForTimeout(300);
    expect(await page.inputValue('#ban-value')).toBe('half typed');
    await page.selectOption('form.bar select >> nth=0', 'name');
    await page.fill('#ban-value', 'Spam*');
    await page.click('#ban-add');
    await page.waitForSelector('#bans >> text=Spam*');
    const list = await openPage(own.browser, http, DESK);
    await list.page.waitForSelector('text=No server is listed yet');
    await expectAccessible(page);
    await page.click('#bans >> text=Lift');
    await page.waitForSelector('text=No bans');
    expect(await page.locator('#admin-rewritten').count()).toBe(0);
    sourcesRewritten = { addresses: ['172.17.0.1'], since: 0 };
    await page.waitForSelector('#admin-rewritten >> text=172.17.0.1');
    expect(await page.locator('#admin-probe-ports').count()).toBe(0);
    probePortsShut.push({ address: '198.51.100.8', since: 0 });
    await page.waitForSelector('#admin-probe-ports >> text=198.51.100.8');
    await expectAccessible(page);

    // Hosts with what an operator asks for, taken off only after a question; and out again.
    await host('Second');
    const row = page.locator('#admin-host-list tr:has-text("Second")');
    await row.locator('button:has-text("Evict")').first().click();
    await page.waitForSelector('dialog[open] >> text=Take Second off');
    await page.keyboard.press('Escape');
    expect(await page.locator('dialog[open]').count()).toBe(0);
    await row.locator('button:has-text("Evict")').first().click();
    await page.click('dialog[open] [data-confirm]');
    await page.waitForSelector('.audit >> text=/evict .*Second/');
    await page.click('#webhook-test');
    await page.waitForSelector('text=On its way to every webhook');
    await expectAccessible(page);
    await page.click('#admin-leave');
    await page.waitForSelector('#admin-token');
    expect(await page.evaluate("sessionStorage.getItem('sallyport-admin')")).toBeNull();
  });
});
