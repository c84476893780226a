/** The local app as a player uses it: real agent, real masterserver, real game, Debian's Chromium. */
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { portBase, type Run } from '../loopback/processes.ts';
import { describeUnless } from '../support.ts';
import { chooseLanguage, chromiumMissing, clipboard, confirmed, expectAccessible, openPage } from './browser.ts';
import { eachInBrowser } from './each.ts';

describeUnless(chromiumMissing, 'the local app', () => {
  const own = eachInBrowser();
  let master: string;

  beforeEach(async () => {
    const run = own.bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', String(portBase()), '--http', '127.0.0.1:0'],
      ...['--metrics-listen', 'off', '--state-dir', own.bench.folder(), '--json'],
    ]);
    master = String((await run.line('ready')).master);
  });

  async function startApp(): Promise<{ run: Run; link: string }> {
    const run = own.bench.sallyport(['ui', '--no-open', '--no-clipboard', '--master', master, '--json']);
    return { run, link: String((await run.line('ready')).link) };
  }

  async function startHost(more: readonly string[] = []): Promise<{ run: Run; code: string }> {
    const run = own.bench.sallyport([
      'host',
      String(await own.bench.game()),
      '--master',
      master,
      '--json',
      '--name',
      'Arena',
      ...more,
    ]);
    return { run, code: String((await run.line('ready')).code) };
  }

  test('S27, S28: join by code: connected, the game answers, the address is copied, leave, close', async () => {
    const host = await startHost();
    const app = await startApp();
    const { page, faults } = await openPage(own.browser, app.link);
    await page.fill('#join-target', host.code.toLowerCase());
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('#connect-address');
    expect(await page.textContent('h1')).toBe('Connected to Arena');
    const address = (await page.textContent('#connect-address')) ?? '';
    expect(await own.bench.ask(address, 'hello')).toMatch(/said hello$/);
    await page.click('#copy-address');
    await expect.poll(() => clipboard(page)).toBe(address);
    await page.click('.ways summary');
    await page.waitForSelector('.ways li[data-kind="direct"]:has-text("ready"):has-text("carries the game")');
    await page.click('#connect-details summary');
    await page.click('#copy-this');
    await expect.poll(() => clipboard(page)).toMatch(/^Attempt 1:/);
    await page.click('#copy-all');
    await expect.poll(() => clipboard(page)).toMatch(/#0 .*Attempt 1:/s);
    await expectAccessible(page);
    await page.click('#connect-abort');
    await page.waitForSelector('#connect-close');
    // Frozen: the log of the attempt is still there to be read and copied.
    expect(await page.textContent('#connect-log')).toContain('Attempt 1');
    await page.click('#connect-close');
    await page.waitForSelector('#join-target');
    expect(faults).toEqual([]);
  });

  test('host: code and link are shown and copied, a friend appears with the path, is kicked, the server stops', async () => {
    const app = await startApp();
    const { page, faults } = await openPage(own.browser, app.link);
    await page.click('nav >> text=Host');
    const port = await own.bench.game();
    await page.fill('#host-port', String(port));
    await page.fill('#host-name', 'Ana’s world');
    await page.click('#host-start');
    const code = ((await page.textContent('#host-code')) ?? '').replace('-', '');
    expect(code).toMatch(/^[6789BCDFGHJKLMNPQRTWX]{10}$/);
    await page.click('#copy-link');
    await expect.poll(() => clipboard(page)).toContain(code);
    await expectAccessible(page);
    const friend = own.bench.sallyport([
      'join',
      code,
      '--master',
      master,
      '--name',
      'Kofi',
      '--json',
      '--no-clipboard',
    ]);
    const local = String((await friend.line('connected')).local);
    expect(await own.bench.ask(local, 'hi')).toMatch(/^127\.\d+\.\d+\.\d+ said hi$/);
    await page.waitForSelector('[data-friend]:has-text("Kofi"):has-text("connected")');
    await page.click('[data-friend] .ways summary');
    await page.waitForSelector('.ways li[data-kind="direct"]:has-text("ready"):has-text("carries the game")');
    await confirmed(page, '[data-friend] >> text=Kick');
    await page.waitForSelector('[data-friend]:has-text("Kofi"):not(:has-text("connected"))');
    await confirmed(page, '#host-stop');
    await page.waitForSelector('#host-start');
    expect(faults).toEqual([]);
  });

  test('the custom port is kept when the field loses focus, and after a reload (S29)', async () => {
    const app = await startApp();
    const { page } = await openPage(own.browser, app.link);
    await page.click('nav >> text=Host');
    await page.selectOption('#host-game', 'luanti');
    await page.check('#host-custom');
    await page.fill('#host-port', '41234');
    await page.focus('#host-name');
    await page.uncheck('#host-custom');
    await page.reload();
    await page.waitForSelector('label:has-text("Other ports than the usual 30000")');
    expect(await page.isVisible('#host-port')).toBe(false);
    await page.check('#host-custom');
    expect(await page.inputValue('#host-port')).toBe('41234');
    await page.fill('#host-port', '99999');
    await page.focus('#host-name');
    await page.waitForSelector('text=Write ports like 30000');
  });

  test('what goes wrong is said: a code nobody has, a code that is none, a password, a masterserver that is away', async () => {
    const app = await startApp();
    const { page } = await openPage(own.browser, app.link);
    await page.fill('#join-target', 'not a code');
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('[role=alert]:has-text("no join code and no join link")');
    await page.fill('#join-target', '6789B-CDFGH');
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('#connect-sentence:has-text("No host has this join code")');
    await page.click('#connect-close');
    await page.click('nav >> text=Settings');
    await page.fill('#set-master', 'sallyport://nonsense');
    await page.focus('#set-name');
    await page.waitForSelector('[role=alert]:not(:empty)');
    await expectAccessible(page);
  });

  test('S23, S26: the list has proofs, times and official servers; those are joined by the address they are listed with', async () => {
    const config = own.bench.folder();
    const servers = [{ name: 'Official EU', game: 'luanti', address: '203.0.113.5:30000', playersMax: 32 }];
    writeFileSync(join(config, 'all.json'), JSON.stringify({ servers }));
    const run = own.bench.sallyport([
      ...['master', '--listen', '127.0.0.1', '--port', String(portBase()), '--http', 'off', '--official', config],
      ...['--metrics-listen', 'off', '--state-dir', own.bench.folder(), '--json'],
    ]);
    master = String((await run.line('ready')).master);
    await startHost(['--public']);
    const app = await startApp();
    const { page, faults } = await openPage(own.browser, app.link);
    await page.click('nav >> text=Servers');
    await page.waitForSelector('.section:has-text("Official (1)")');
    await page.waitForSelector('.row:has-text("Arena") [aria-label^="joinable, tested"]', { timeout: 30_000 });
    expect(await page.textContent('.row:has-text("Arena") .c-up')).toMatch(/^\d+ ?(s|m)/);
    await page.check('label:has-text("joinable") input');
    await page.waitForSelector('.row:has-text("Official")', { state: 'detached' });
    await page.uncheck('label:has-text("joinable") input');
    await page.focus('.row:has-text("Official EU")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.details:has-text("203.0.113.5:30000")');
    await expect.poll(() => clipboard(page)).toBe('203.0.113.5:30000');
    await expectAccessible(page);
    await page.keyboard.press('i');
    await page.waitForSelector('.details', { state: 'detached' });
    await page.click('nav >> text=Home');
    await page.fill('#join-target', '203.0.113.5:30000');
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('.details:has-text("203.0.113.5:30000")');
    expect(faults).toEqual([]);
  });

  test('the frame of the page is painted before its code has come', async () => {
    const app = await startApp();
    const context = await own.browser.newContext();
    const page = await context.newPage();
    await page.route('**/assets/*.js', (route) => route.abort());
    await page.goto(app.link);
    await page.waitForSelector('header .brand:has-text("sallyport")');
    expect(await page.evaluate(() => getComputedStyle(document.querySelector('header')!).display)).toBe('flex');
  });

  test('two tabs show the same, and one that is opened again finds everything as it was', async () => {
    const host = await startHost();
    const app = await startApp();
    const first = await openPage(own.browser, app.link);
    const second = await first.context.newPage();
    await second.goto(app.link);
    await first.page.fill('#join-target', host.code);
    await first.page.press('#join-target', 'Enter');
    await first.page.waitForSelector('#connect-address');
    await second.click('nav >> text=Arena');
    await second.waitForSelector('#connect-address');
    await first.page.close();
    const third = await first.context.newPage();
    await third.goto(app.link);
    await third.click('nav >> text=Arena');
    await third.waitForSelector('#connect-address');
  });

  test('my network: verdict, table of probes, test again, a masked report; settings stay; another language', async () => {
    const app = await startApp();
    const { page } = await openPage(own.browser, app.link);
    await page.click('nav >> text=My network');
    await page.waitForSelector('.verdict-line');
    expect(await page.locator('.probes tbody tr').count()).toBeGreaterThan(3);
    await page.click('#test-again');
    await page.waitForSelector('#test-again:not([disabled])');
    await page.click('#map-port');
    await page.waitForSelector('#port-mapping:has-text("No port is open on your router")');
    await page.click('#copy-report');
    await expect.poll(() => clipboard(page)).toContain('Mapping');
    await expectAccessible(page);
    await chooseLanguage(page, 'de');
    await page.waitForSelector('h1:has-text("Mein Netz")');
    await page.reload();
    await page.waitForSelector('h1:has-text("Mein Netz")');
  });

  test('a page that rebinds its name, comes from elsewhere or has no token gets nothing', async () => {
    const app = await startApp();
    const { port, hash } = new URL(app.link);
    const token = hash.replace('#t=', '');
    const status = (headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        const call = request({ host: '127.0.0.1', port, path: '/v1/state', headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        });
        call.on('error', reject);
        call.end();
      });
    const authorization = `Bearer ${token}`;
    expect(await status({ authorization })).toBe(200);
    expect(await status({})).toBe(401);
    expect(await status({ authorization: 'Bearer wrong' })).toBe(401);
    expect(await status({ authorization, host: `attacker.example:${port}` })).toBe(403);
    expect(await status({ authorization, origin: 'http://attacker.example' })).toBe(403);
  });

  test('a link with a wrong token, which any page can open, shuts nobody out of the app', async () => {
    const app = await startApp();
    const { origin } = new URL(app.link);
    const { context, page } = await openPage(own.browser, app.link);
    await page.waitForSelector('#join-target');
    const opened = await context.newPage();
    await opened.goto(`${origin}/#t=wrong`);
    await opened.waitForSelector('#join-target');
    for (const one of [page, opened]) {
      await one.reload();
      await one.waitForSelector('#join-target');
    }
    const later = await context.newPage();
    await later.goto(`${origin}/`);
    await later.waitForSelector('#join-target');
  });

  test('ending the program with everything open leaves no process and no open port (S31)', async () => {
    const host = await startHost();
    const app = await startApp();
    const { page } = await openPage(own.browser, app.link);
    await page.fill('#join-target', host.code);
    await page.press('#join-target', 'Enter');
    await page.waitForSelector('#connect-address');
    app.run.kill('SIGINT');
    expect(await app.run.exit).toBe(130);
    await page.waitForSelector('text=has stopped');
    await expect(fetch(app.link)).rejects.toThrow();
  });

  test('the program is ended from its page, too', async () => {
    const app = await startApp();
    const { page } = await openPage(own.browser, app.link);
    await page.click('nav >> text=Settings');
    await confirmed(page, '#quit');
    expect(await app.run.exit).toBe(0);
    await page.waitForSelector('text=Nothing of it runs any more');
  });

  test('Start pressed in two tabs at once makes one hosting, which stops', async () => {
    const app = await startApp();
    const { origin, hash } = new URL(app.link);
    const port = await own.bench.game();
    const start = async (): Promise<unknown> => {
      const answer = await fetch(`${origin}/v1/host`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${hash.replace('#t=', '')}` },
        body: JSON.stringify({
          ...{ services: String(port), name: 'Den', game: '', playersMax: 8 },
          ...{ public: false, password: '', ask: false },
        }),
      });
      return answer.json();
    };
    const { page } = await openPage(own.browser, app.link);
    await page.click('nav >> text=Host');
    expect(await Promise.all([start(), start()])).toEqual([
      expect.objectContaining({ ok: true }),
      expect.objectContaining({ ok: true }),
    ]);
    await page.waitForSelector('#host-code');
    await confirmed(page, '#host-stop');
    await page.waitForSelector('#host-start');
  });

  test('the playground lets the real machines meet, plays and steps', async () => {
    const app = await startApp();
    const { page, faults } = await openPage(own.browser, app.link);
    await page.click('nav >> text=Playground');
    // It begins with a story, and stands still where there is something to see.
    await page.waitForSelector('#play-story:has-text("Two homes")');
    await page.waitForSelector('#play-toggle:has-text("Play")');
    expect(await page.locator('.playfield .packet').count()).toBeGreaterThan(0);
    await page.click('[data-chapter=shut]');
    await page.waitForSelector('#play-result:has-text("Not connected")');
    await expectAccessible(page);
    await page.selectOption('#play-client', 'P3');
    await page.selectOption('#play-host', 'S2');
    await page.click('#play-run');
    await page.waitForSelector('#play-result:has-text("Connected after")', { timeout: 40_000 });
    await page.click('#play-toggle');
    // Packets may follow each other within the millisecond that the text beside it is rounded to.
    const before = await page.inputValue('#play-slider');
    await page.click('#play-step');
    await expect.poll(() => page.inputValue('#play-slider')).not.toBe(before);
    await expectAccessible(page);
    expect(faults).toEqual([]);
  });
});
