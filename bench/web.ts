/**
 * How heavy and how quick the pages are: size of what a visitor loads, first paint of `sallyport ui` from localhost, and a list
 * of 1000 servers being scrolled and filtered, in Debian's Chromium. `npm run bench:web`; numbers in docs/ui.md.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';

const DIST = fileURLToPath(new URL('..', import.meta.url));
const PAINTS = 7;
const ROWS = 1000;
const SCROLL_MS = 3000;

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function sizes(): void {
  const folder = join(DIST, 'web/assets');
  const gzipped = readdirSync(folder).map((file) => ({
    file,
    bytes: gzipSync(readFileSync(join(folder, file))).length,
  }));
  const first = gzipped.filter(({ file }) => file.startsWith('index-')).reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { file, bytes } of gzipped) console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB gz  ${file}`);
  console.log(`${(first / 1000).toFixed(1).padStart(7)} kB gz  what every visitor loads (limit 120)`);
}

async function startApp(folder: string): Promise<{ child: ChildProcess; link: string }> {
  const args = [join(DIST, 'src/cli/main.js'), 'ui', '--no-open', '--no-clipboard', '--json', '--state-dir', folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const said = JSON.parse(line) as { readonly ev: string; readonly link?: string };
    if (said.ev === 'ready' && said.link !== undefined) return { child, link: said.link };
  }
  throw new Error('the app ended before it was ready');
}

/** A fresh context each time: nothing is cached, as at the first visit. */
async function firstPaints(browser: Browser, link: string): Promise<void> {
  const paints: number[] = [];
  for (let n = 0; n < PAINTS; n++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(link);
    await page.waitForSelector('#join-target');
    paints.push(
      await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN),
    );
    await context.close();
  }
  const rounded = paints.map((paint) => Math.round(paint));
  console.log(
    `first contentful paint from localhost: median ${median(rounded)} ms of ${rounded.join(', ')} (limit 300)`,
  );
}

/** 1000 servers as the state document of an app that a masterserver has told of them. */
async function withRows(page: Page): Promise<void> {
  await page.route('**/v1/events', async (route) => {
    const answer = await fetch(route.request().url().replace('/events', '/state'), {
      headers: { authorization: route.request().headers().authorization ?? '' },
    });
    const state = (await answer.json()) as Readonly<Record<string, unknown>>;
    const servers = Array.from({ length: ROWS }, (_, n) => ({
      ...{ hostId: `host-${n}`, code: `code${n}`, name: `Server ${n}`, game: ['luanti', 'teeworlds'][n % 2] },
      ...{ map: 'dm1', mode: 'dm', version: '1.0', players: n % 9, playersMax: 8, passwordNeeded: n % 5 === 0 },
      ...{ natType: 'cone', verdict: 'moderate', natDelta: 0, section: 'community', pingEstimateMs: 20 + (n % 200) },
      ...{ verifiedAt: n % 2 ? Date.now() : null, firstSeenAt: Date.now(), lastSeenAt: Date.now(), returning: false },
      address: null,
    }));
    const body = `event: change\ndata: ${JSON.stringify({ ...state, servers, serversAt: Date.now() })}\n\n`;
    await route.fulfill({ status: 200, contentType: 'text/event-stream', body });
  });
}

async function scroll(browser: Browser, link: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await withRows(page);
  await page.goto(link.replace('/#', '/servers#'));
  await page.waitForFunction((rows) => document.querySelectorAll('tr[data-host]').length === rows, ROWS);
  const gaps = await page.evaluate(
    (forMs) =>
      new Promise<number[]>((resolve) => {
        const begun = performance.now();
        const seen: number[] = [];
        let last = begun;
        const frame = (): void => {
          const now = performance.now();
          seen.push(now - last);
          last = now;
          scrollBy(0, 60);
          if (now - begun < forMs) requestAnimationFrame(frame);
          else resolve(seen);
        };
        requestAnimationFrame(frame);
      }),
    SCROLL_MS,
  );
  const sorted = [...gaps].sort((left, right) => left - right);
  const slow = gaps.filter((gap) => gap > 50).length;
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
  console.log(
    `${ROWS} rows, scrolled for ${SCROLL_MS / 1000} s: ${gaps.length} frames, median ${median(gaps).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, ${slow} over 50 ms`,
  );
  const typed = await page.evaluate(async () => {
    const field = document.querySelector<HTMLInputElement>('#filter');
    if (field === null) return Number.NaN;
    const begun = performance.now();
    field.value = 'server 99';
    field.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - begun;
  });
  console.log(`${ROWS} rows, a filter typed: ${typed.toFixed(0)} ms until it is drawn`);
  await context.close();
}

const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
sizes();
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
const { child, link } = await startApp(folder);
try {
  await firstPaints(browser, link);
  await scroll(browser, link);
} finally {
  await browser.close();
  child.kill('SIGINT');
  await once(child, 'exit');
  rmSync(folder, { recursive: true, force: true });
}
