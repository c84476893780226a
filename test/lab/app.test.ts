/**
 * The local app behind kernel NATs, nothing made up: a host and a friend, each with `sallyport ui` and Chromium behind a router
 * of their own, the real game, the masterserver outside. The tests of a group follow each other in one scene, as an evening does.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LabHost, type LabProcess, openScene, type Scene } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';
import { chromiumMissing } from '../ui/browser.ts';
import { openRemotePage, type RemotePage } from './remote-page.ts';

const TEST_MS = 120_000;
const NO_ANSWER_MS = 3_000;
const missing = labMissing() ?? chromiumMissing;

interface App {
  readonly at: LabHost;
  readonly run: LabProcess;
  readonly page: RemotePage;
}

async function openApp(scene: Scene, at: LabHost): Promise<App> {
  const run = scene.sallyport(at, ['ui', '--no-open', '--no-clipboard', '--master', scene.link, '--json']);
  return { at, run, page: await openRemotePage(at, String((await scene.event(run, 'ready')).link)) };
}

async function join(page: RemotePage, code: string): Promise<void> {
  await page.click('nav a[href="/"]');
  await page.fill('#join-target', code);
  await page.press('#join-target', 'Enter');
}

/** Waits until the path is up; the address to type into the game. */
async function address(page: RemotePage): Promise<string> {
  return (await page.textContent('#connect-address')) ?? '';
}

/** Aborts the join on the page: it says so, and from then on nothing of it changes. */
async function abortAndStayFrozen(page: RemotePage): Promise<void> {
  await page.click('#connect-abort');
  await page.waitForSelector('#connect-sentence:has-text("Stopped")');
  const before = await page.textContent('.connecting');
  await new Promise((resolve) => setTimeout(resolve, NO_ANSWER_MS / 2));
  expect(await page.textContent('.connecting')).toBe(before);
}

/** With a relay a hard pair plays at once, and nothing is left to be waited for. */
async function withoutRelay(page: RemotePage): Promise<void> {
  await page.click('nav a[href="/settings"]');
  await page.waitForSelector('#set-relay');
  await page.evaluate(`{
    const mode = document.querySelector('#set-relay');
    mode.value = 'never';
    mode.dispatchEvent(new Event('change', { bubbles: true }));
  }`);
  await page.click('nav a[href="/"]');
}

async function closeJoin(page: RemotePage): Promise<void> {
  await page.click('#connect-close');
  await page.waitForSelector('#join-target');
}

async function processesOf(scene: Scene, at: LabHost): Promise<readonly string[]> {
  const list = await scene.lab.sandbox.shell(`ip netns pids ${at.name}`);
  return list.split('\n').filter(Boolean).sort();
}

describeUnless(missing, 'an evening behind two home routers', () => {
  let scene: Scene;
  let host: App;
  let friend: App;
  let friendsOwn: readonly string[];

  beforeAll(async () => {
    const home = { kind: 'nat', nat: 'home-router' } as const;
    scene = await openScene({ host: home, client: home, link: { delayMs: 10 } });
    // Beside the host of the command, and with an identity of its own.
    const den = await scene.lab.hostBehind(scene.nats[0]!, 'den');
    den.spawn(scene.game.argv, { HOME: '/run/lab' });
    friendsOwn = await processesOf(scene, scene.clientSide);
    [host, friend] = await Promise.all([openApp(scene, den), openApp(scene, scene.clientSide)]);
  });
  afterAll(() => scene?.close());

  /** Starts hosting from the page; the code that it shows. */
  async function startHosting(set: (page: RemotePage) => Promise<void>): Promise<string> {
    const { page } = host;
    await page.click('nav a[href="/host"]');
    await page.fill('#host-port', String(scene.game.port));
    await page.fill('#host-name', 'Den');
    await set(page);
    await page.click('#host-start');
    return ((await page.textContent('#host-code')) ?? '').replace('-', '');
  }

  async function stopHosting(): Promise<void> {
    await host.page.click('#host-stop');
    await host.page.click('dialog[open] [data-confirm]');
    await host.page.waitForSelector('#host-start');
  }

  test('join by code, play, copy, leave', { timeout: TEST_MS }, async () => {
    const { page } = friend;
    await join(page, scene.code);
    const local = await address(page);
    expect(await scene.statusAt(local)).toContain('Sallyport lab');
    const clipboard = 'navigator.clipboard.readText()';
    await page.click('#copy-address');
    await expect.poll(() => page.evaluate(clipboard)).toBe(local);
    await page.click('#connect-details summary');
    await page.click('#copy-this');
    await expect.poll(() => page.evaluate(clipboard)).toMatch(/^Attempt 1:/);
    await page.click('#copy-all');
    const log = String(await page.evaluate(clipboard));
    // The addresses of both routers are hidden in what is copied.
    for (const nat of scene.nats) expect(log).not.toContain(nat.external);
    await page.click('#connect-abort');
    await closeJoin(page);
  });

  test('a code that nobody has is said to be one', { timeout: TEST_MS }, async () => {
    await join(friend.page, '6789BCDFGH');
    await friend.page.waitForSelector('#connect-sentence:has-text("No host has this join code")');
    await closeJoin(friend.page);
  });

  test('a host in the app, with a password, who asks first: let in, seen with path and ping', {
    timeout: TEST_MS,
  }, async () => {
    const code = await startHosting(async (page) => {
      await page.check('#host-password-on');
      await page.fill('#host-password', 'open sesame');
      await page.check('#host-ask');
    });
    const { page } = friend;
    await join(page, code);
    await page.waitForSelector('#connect-sentence:has-text("This game is locked")');
    await page.fill('#join-password', 'open sesame');
    await page.press('#join-password', 'Enter');
    await host.page.click('#host-question >> text=Let in');
    expect(await scene.statusAt(await address(page))).toContain('Sallyport lab');
    await host.page.waitForSelector('[data-friend]:has-text("connected"):has-text("direct"):has-text("ms")');
    await page.click('#connect-abort');
    await closeJoin(page);
    await stopHosting();
  });

  test('a host that is full, then one who bans', { timeout: TEST_MS }, async () => {
    const code = await startHosting((page) => page.fill('#host-slots', '1'));
    const first = scene.sallyport(scene.hostSide, ['join', code, '--master', scene.link, '--json', '--no-clipboard']);
    await scene.event(first, 'connected', 20_000);
    const { page } = friend;
    await join(page, code);
    await page.waitForSelector('#connect-sentence:has-text("The host is full")');
    await closeJoin(page);
    await first.stop();
    await host.page.waitForSelector('[data-friend]:has-text("left")');
    await join(page, code);
    await address(page);
    await host.page.click('[data-friend]:has-text("connected") >> text=Ban');
    await host.page.click('dialog[open] [data-confirm]');
    await closeJoin(page);
    await join(page, code);
    await page.waitForSelector('#connect-sentence:has-text("You are banned here")');
    await closeJoin(page);
    await stopHosting();
  });

  test('the port wished for the game is taken: another is used, and that is said', { timeout: TEST_MS }, async () => {
    const { page } = friend;
    await page.click('nav a[href="/settings"]');
    // mDNS, which every desktop has taken.
    await page.fill('#set-port', '5353');
    const holder = 'require("dgram").createSocket("udp4").bind(5353, () => console.log("up"))';
    const taken = friend.at.spawn([process.execPath, '-e', holder]);
    await taken.find((line) => line.text === 'up' || null, NO_ANSWER_MS);
    await page.press('#set-port', 'Enter');
    await page.waitForSelector('.toast');
    await join(page, scene.code);
    expect(await address(page)).not.toContain(':5353');
    await page.waitForSelector('#connect-port-taken:has-text("5353")');
    await taken.stop();
    await page.click('#connect-abort');
    await closeJoin(page);
  });

  test('a server on the own local network is in the list and is joined there', { timeout: TEST_MS }, async () => {
    const beside = await scene.lab.hostBehind(scene.nats[1]!, 'zoe');
    beside.spawn(scene.game.argv, { HOME: '/run/lab' });
    const argv = ['host', String(scene.game.port), '--master', scene.link, '--json', '--public', '--name', 'Next door'];
    const near = scene.sallyport(beside, argv);
    await scene.event(near, 'ready');
    const { page } = friend;
    await page.click('nav a[href="/servers"]');
    await page.waitForSelector('tbody:has-text("Local (1)") tr[data-host]:has-text("Next door")');
    // Measured: the one number without a tilde.
    await page.waitForSelector('tr[data-host]:has-text("Next door") .c-ping span:text-matches("^\\\\d+$")');
    await page.press('tr[data-host]:has-text("Next door")', 'Enter');
    expect(await scene.statusAt(await address(page))).toContain('Sallyport lab');
    await page.waitForSelector('.connecting:has-text("same network")');
    await page.click('#connect-abort');
    await closeJoin(page);
    await near.stop();
  });

  test('the network goes away and comes back with another port: punched again, the game keeps its address', {
    timeout: TEST_MS,
  }, async () => {
    const { page } = friend;
    await join(page, scene.code);
    const local = await address(page);
    const router = scene.nats[1]!;
    await router.change('udp-blocked');
    await page.waitForSelector('#connect-sentence:has-text("The path was lost")');
    await router.change('range-cone');
    expect(await address(page)).toBe(local);
    await page.waitForSelector('#connect-sentence:has-text("Direct and encrypted")');
    expect(await scene.statusAt(local)).toContain('Sallyport lab');
  });

  test('the masterserver is killed and comes back: said, the path goes on', { timeout: TEST_MS }, async () => {
    const { page } = friend;
    const local = await address(page);
    scene.master.signal('SIGKILL');
    await scene.master.exited;
    await page.waitForSelector('#master-state[data-state="lost"]');
    expect(await scene.statusAt(local)).toContain('Sallyport lab');
    await scene.startMaster();
    await page.waitForSelector('#master-state', { state: 'detached' });
    expect(await scene.statusAt(local)).toContain('Sallyport lab');
  });

  test('the computer sleeps for some seconds: the path and the page go on', { timeout: TEST_MS }, async () => {
    const { page, run } = friend;
    run.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    run.signal('SIGCONT');
    expect(await scene.statusAt(await address(page))).toContain('Sallyport lab');
    await page.click('nav a[href="/settings"]');
    await page.fill('#set-name', 'Kofi');
    await page.press('#set-name', 'Enter');
    await page.waitForSelector('.toast');
    await page.click('nav a[href^="/joins/"]');
  });

  test('ending the app with a path, a page and a hosting open leaves nothing behind (S31)', {
    timeout: TEST_MS,
  }, async () => {
    const { page, run, at } = friend;
    await page.click('nav a[href="/host"]');
    await page.fill('#host-port', '4000');
    await page.fill('#host-name', 'Short');
    await page.click('#host-start');
    await page.waitForSelector('#host-code');
    run.signal('SIGINT');
    expect((await run.exited).code).toBe(130);
    await page.waitForSelector('text=has stopped');
    await page.browser.stop();
    await expect.poll(() => processesOf(scene, at)).toEqual(friendsOwn);
    const sockets = await scene.lab.sandbox.shell(`ip netns exec ${at.name} ss -Huantp`);
    expect(sockets.split('\n').filter((line) => line.includes('users:') && !line.includes(friendsOwn[0]!))).toEqual([]);
  });
});

describeUnless(missing, 'the app between two routers that draw each port at random', () => {
  let scene: Scene;
  let page: RemotePage;

  beforeAll(async () => {
    const nat = { kind: 'nat', nat: 'fully-random' } as const;
    scene = await openScene({ host: nat, client: nat, link: { delayMs: 10 } });
    ({ page } = await openApp(scene, scene.clientSide));
    await withoutRelay(page);
  });
  afterAll(() => scene?.close());

  test('abort while the masterserver is asked: it does not answer', { timeout: TEST_MS }, async () => {
    await page.waitForSelector('#join-target');
    // One that never answered would fail the join after 2 s, before a slow page has pressed the button.
    scene.master.signal('SIGSTOP');
    await join(page, scene.code);
    await page.waitForSelector('.stages li.now:has-text("Host found")');
    await abortAndStayFrozen(page);
    scene.master.signal('SIGCONT');
    await closeJoin(page);
  });

  test('abort while the host is asked: it does not answer', { timeout: TEST_MS }, async () => {
    scene.host.signal('SIGSTOP');
    await join(page, scene.code);
    await page.waitForSelector('.stages li.now:has-text("Both networks known")');
    await abortAndStayFrozen(page);
    scene.host.signal('SIGCONT');
    await closeJoin(page);
  });

  test('abort while probes fly', { timeout: TEST_MS }, async () => {
    await join(page, scene.code);
    await page.waitForSelector('#connect-attempt');
    await page.waitForSelector('.stages li.now:has-text("Looking for a way through")');
    await abortAndStayFrozen(page);
    await closeJoin(page);
  });

  test('after 15 s a hard pair is called one, with its chance and what helps; abort between two attempts', {
    timeout: TEST_MS,
  }, async () => {
    await join(page, scene.code);
    await page.waitForSelector('#connect-hard:has-text("hard pair"):has-text("What helps")');
    expect(await page.textContent('#connect-time')).toMatch(/^00:(?:1[5-9]|2\d)/);
    await page.waitForSelector('#connect-sentence:has-text("next attempt")');
    await abortAndStayFrozen(page);
    await page.reload();
    expect(await page.textContent('#connect-log')).toContain('Attempt 1');
  });
});
