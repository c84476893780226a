/** The admin page in a browser that has opened a hostile page as well, and with hostile text in whatever it shows. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { portBase } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { HOSTILE_NAMES } from '../vectors/hostile-names.ts';
import { chromiumMissing, openBrowser, openPage } from './browser.ts';
import { eachInBrowser } from './each.ts';

/** Under this name, which is the attacker's, the browser is led to the masterserver. */
const REBOUND = 'evil.example';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The same with a hostile text in the place of every text. */
function hostile(value: Json, next: () => string): Json {
  if (typeof value === 'string') return next();
  if (Array.isArray(value)) return value.map((one) => hostile(one, next));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hostile(inner, next)]));
}

describeUnless(chromiumMissing, 'the admin page under attack', () => {
  const own = eachInBrowser();
  let http = '';
  let token = '';

  beforeEach(async () => {
    const folder = own.bench.folder();
    const run = own.bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', String(portBase()), '--http', '127.0.0.1:0'],
      ...['--metrics-listen', 'off', '--state-dir', folder, '--json'],
    ]);
    const ready = await run.line('ready');
    http = String(ready.http);
    token = readFileSync(join(folder, 'admin.once'), 'utf8').trim();
    await own.bench
      .sallyport(['host', String(await own.bench.game()), '--master', String(ready.master), '--json', '--public'])
      .line('ready');
  });

  test('shows whatever is told it as text: no script runs, no element is made, nothing is fetched from elsewhere', async () => {
    const ban = { kind: 'name', pattern: 'x y', reason: 'because' };
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const made = await fetch(`${http}/api/v1/admin/bans`, { method: 'POST', headers, body: JSON.stringify(ban) });
    expect(made.status).toBe(201);
    const { page } = await openPage(own.browser, 'about:blank');
    const elsewhere: string[] = [];
    page.on('request', (request) => request.url().startsWith(http) || elsewhere.push(request.url()));
    let n = 0;
    const texts = HOSTILE_NAMES.map((text) => text.slice(0, 300));
    await page.route('**/api/v1/admin/**', async (route) => {
      const response = await route.fetch();
      const told = response.status() === 200 ? ((await response.json()) as Json) : null;
      await route.fulfill(
        told === null ? { response } : { response, json: hostile(told, () => texts[n++ % texts.length]!) },
      );
    });
    await page.goto(`${http}/admin`);
    const before = await page.locator('script, style, link, iframe, object, embed, img, form[action]').count();
    await page.fill('#admin-token', token);
    await page.press('#admin-token', 'Enter');
    await page.waitForSelector('#admin-host-list tr >> nth=1');
    // Each look at the server shows other texts.
    await expect.poll(() => n, { timeout: 20_000 }).toBeGreaterThan(80);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(await page.locator('script, style, link, iframe, object, embed, img, form[action]').count()).toBe(before);
    expect(await page.locator('[href^="javascript:"], [onerror], [onload], svg[onload], math').count()).toBe(0);
    expect(elsewhere).toEqual([]);
  });

  test('a page of another site reads nothing, changes nothing and frames nothing, not even by a name that leads here', async () => {
    const evil = createServer((_, answer) =>
      answer.setHeader('content-type', 'text/html').end('<!doctype html><p>evil'),
    );
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    const browser = await openBrowser([`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`]);
    try {
      // The operator is at work in the same browser.
      const { context, page: board } = await openPage(browser, `${http}/admin`);
      await board.fill('#admin-token', token);
      await board.press('#admin-token', 'Enter');
      await board.waitForSelector('#admin-host-list tr');
      const page = await context.newPage();
      const tried = (where: string) =>
        page.evaluate(`(async () => {
          const paths = ['overview', 'hosts', 'bans', 'audit'].map((name) => '${where}/api/v1/admin/' + name);
          const body = JSON.stringify({ kind: 'name', pattern: 'x' });
          const said = [];
          const ask = async (path, options) => {
            try {
              const answer = await fetch(path, { credentials: 'include', ...options });
              said.push(answer.type === 'opaque' ? 'opaque' : answer.status);
            } catch { said.push('refused'); }
          };
          for (const path of paths) {
            await ask(path, {});
            await ask(path, { mode: 'no-cors' });
            await ask(path, { method: 'POST', body, headers: { 'content-type': 'text/plain' }, mode: 'no-cors' });
            await ask(path, { method: 'POST', body, headers: { authorization: 'Bearer x' } });
            navigator.sendBeacon(path, body);
          }
          const frame = document.createElement('iframe');
          frame.src = '${where}/admin';
          document.body.append(frame);
          await new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 2000); });
          let inside = null;
          try { inside = frame.contentDocument?.querySelector('#admin-token') === undefined ? null : frame.contentDocument?.querySelector('#admin-token')?.id ?? null; } catch {}
          const opened = window.open('${where}/admin');
          await new Promise((resolve) => setTimeout(resolve, 500));
          let reached = null;
          try { reached = opened?.document?.body?.textContent?.includes('Evict') ? 'board' : null; } catch {}
          return { said, inside, reached, kept: sessionStorage.getItem('sallyport-admin') };
        })()`) as Promise<{
          said: (string | number)[];
          inside: string | null;
          reached: string | null;
          kept: string | null;
        }>;
      await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`);
      const there = await tried(http);
      expect(new Set(there.said)).toEqual(new Set(['refused', 'opaque']));
      expect(there).toMatchObject({ inside: null, reached: null, kept: null });
      // The name leads to the masterserver itself by now: the page is of one origin with it.
      const rebound = `http://${REBOUND}:${new URL(http).port}`;
      await page.goto(`${rebound}/`);
      const here = await tried(rebound);
      expect(new Set(here.said)).toEqual(new Set([421]));
      expect(here).toMatchObject({ inside: null, reached: null, kept: null });
      const headers = { authorization: `Bearer ${token}` };
      expect(await (await fetch(`${http}/api/v1/admin/bans`, { headers })).json()).toEqual({ bans: [] });
    } finally {
      await browser.close();
      evil.close();
    }
  });
});
