/**
 * From nothing to a game, as strangers do it, behind kernel NATs and with nothing made up: a fresh program and a browser on each side, a
 * masterserver with a page outside. The host sets nothing but what the pages ask for and copies the https invitation; friends paste what
 * they were sent. What the mouse does is counted.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, type LabHost, openLab, Puppet, realGame, Scene, tinyGame } from '../../lab/index.ts';
import { certificateFlags } from '../loopback/processes.ts';
import { describeUnless, hasProgram, labMissing } from '../support.ts';
import { chromiumMissing } from '../ui/browser.ts';
import { openRemotePage, type RemotePage } from './remote-page.ts';

const TEST_MS = 120_000;
/** What a side may click from the first page to the game (issue 19, "How it is judged"). */
const CLICKS_MAX = 5;
/** Of the chip "Teeworlds" on the first page; a tiny one in its place listens there, too. */
const PORT = 8303;
const TABS_MAX = 40;
const PHONE = { width: 360, height: 740 };
const game = realGame() ?? { ...tinyGame, port: PORT, argv: [...tinyGame.argv.slice(0, -1), String(PORT)] };
const missing = labMissing() ?? chromiumMissing ?? (hasProgram('openssl') ? null : 'openssl is not installed');

/** Clicks like a hand that is counted: a field takes one, too, before something is pasted into it. */
class Hand {
  readonly page: RemotePage;
  clicks = 0;

  constructor(page: RemotePage) {
    this.page = page;
  }

  async click(selector: string): Promise<void> {
    this.clicks += 1;
    await this.page.click(selector);
  }

  async pasteInto(selector: string, text: string): Promise<void> {
    await this.click(selector);
    await setClipboard(this.page, text);
    await this.page.keyboard.press('Control+V');
  }
}

function clipboardOf(page: RemotePage): Promise<unknown> {
  return page.evaluate('navigator.clipboard.readText()');
}

async function setClipboard(page: RemotePage, text: string): Promise<void> {
  await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
}

/** Is the middle of what has the focus on the page and under nothing else? */
const FOCUS_SEEN = `(() => {
  const it = document.activeElement;
  if (it === null || it === document.body) return true;
  const { left, top, width, height } = it.getBoundingClientRect();
  const above = document.elementFromPoint(left + width / 2, top + height / 2);
  return above !== null && (it.contains(above) || above.contains(it));
})()`;
const FOCUSED = "document.activeElement?.outerHTML.slice(0, 120) ?? ''";

/** Presses Tab until it is there; every stop on the way can be seen. */
async function tabTo(page: RemotePage, selector: string): Promise<void> {
  for (let presses = 0; presses < TABS_MAX; presses++) {
    await page.keyboard.press('Tab');
    if (!(await page.evaluate(FOCUS_SEEN))) expect.unreachable(`hidden: ${await page.evaluate(FOCUSED)}`);
    if (await page.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`)) return;
  }
  throw new Error(`Tab does not reach ${selector}`);
}

async function expectFits(page: RemotePage, width: number): Promise<void> {
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
}

describeUnless(missing, 'strangers, from nothing to a game', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-lab-'));
  let lab: Lab;
  let scene: Scene;
  let friends: readonly LabHost[];
  let host: Hand;
  let invite: string;

  beforeAll(async () => {
    lab = await openLab({ link: { delayMs: 10 } });
    const master = await lab.publicHost('master');
    const [home, away] = [await lab.nat('home', 'home-router'), await lab.nat('away', 'address-cone')];
    const far = await lab.nat('far', 'home-router');
    const ana = await lab.hostBehind(home, 'ana');
    friends = [await lab.hostBehind(away, 'kofi'), await lab.hostBehind(far, 'zoe')];
    scene = new Scene(lab, game, { master, host: ana, client: friends[0]!, nats: [home, away, far] });
    scene.startGame();
    const words = ['master', '--listen', master.address, '--http', `${master.address}:443`, '--metrics-listen', 'off'];
    scene.master = scene.sallyport(master, [...words, ...certificateFlags(folder), '--json']);
    scene.link = String((await scene.event(scene.master, 'ready')).master);
  });
  afterAll(async () => {
    await lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A program that has never run here, and its page. */
  async function fresh(at: LabHost): Promise<{ readonly page: RemotePage; readonly link: string }> {
    const run = scene.sallyport(at, ['ui', '--no-open', '--no-clipboard', '--json']);
    const link = String((await scene.event(run, 'ready')).link);
    // The masterserver's certificate is one of its own; who has a domain has one that browsers know.
    const page = await openRemotePage(at, link, ['--ignore-certificate-errors']);
    await page.waitForSelector('#home[data-master="none"]');
    return { page, link };
  }

  /** The game's own answer, asked as a game asks: at the address that the page shows. */
  async function expectGame(at: LabHost, local: string): Promise<void> {
    const puppet = new Puppet(at);
    await puppet.open('game');
    const [address, port] = local.split(':') as [string, string];
    expect(await game.status(puppet, 'game', address, Number(port))).toMatch(/\S/);
  }

  test('the host: a game, a masterserver that it was told of, and the https invitation is on the clipboard', {
    timeout: TEST_MS,
  }, async () => {
    host = new Hand((await fresh(scene.hostSide)).page);
    await host.click('text=Teeworlds');
    await host.pasteInto('#master-link', scene.link);
    await host.click('#master-choice button[type="submit"]');
    await host.click('#host-start');
    await host.click('#copy-link');
    await host.page.waitForSelector('.said:has-text("✓")');
    invite = String(await clipboardOf(host.page));
    const [at, secret = ''] = invite.split('#');
    expect(at).toMatch(new RegExp(`^https://${scene.masterHost.address.replaceAll('.', '\\.')}/j/[0-9A-Z]{10}$`));
    expect(secret).not.toBe('');
    expect(host.clicks).toBeLessThanOrEqual(CLICKS_MAX);
  });

  test('a friend: the invitation opened in a browser, copied there, pasted at home, and the game answers', {
    timeout: TEST_MS,
  }, async () => {
    const [at] = friends as [LabHost];
    const { page, link } = await fresh(at);
    const friend = new Hand(page);
    await page.goto(invite);
    await page.waitForSelector('#join-players');
    await friend.click('.choice summary');
    await friend.click('#copy-page');
    await expect.poll(() => clipboardOf(page)).toBe(invite);
    await page.goto(link);
    await friend.click('#join-paste');
    const local = String(await page.textContent('#connect-address'));
    await friend.click('#copy-address');
    await expect.poll(() => clipboardOf(page)).toBe(local);
    await expectGame(at, local);
    expect(friend.clicks).toBeLessThanOrEqual(CLICKS_MAX);
    await host.page.waitForSelector('[data-friend]:has-text("connected"):has-text("direct")');
  });

  test('a friend on a phone’s width, in the dark, without a mouse or motion: the whole message is pasted, and the game answers', {
    timeout: TEST_MS,
  }, async () => {
    const [, at] = friends as [LabHost, LabHost];
    const { page } = await fresh(at);
    await page.setViewportSize(PHONE);
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    expect(await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")).toBe(true);
    await expectFits(page, PHONE.width);
    await setClipboard(page, `Evening! We play at nine, come in:\n${invite}\n(ask Ana for the rules)`);
    await tabTo(page, '#join-target');
    await page.keyboard.press('Control+V');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#connect-address');
    const local = String(await page.textContent('#connect-address'));
    await expectFits(page, PHONE.width);
    expect(await page.evaluate('document.getAnimations().length')).toBe(0);
    await tabTo(page, '#copy-address');
    await page.keyboard.press('Enter');
    await expect.poll(() => clipboardOf(page)).toBe(local);
    await expectGame(at, local);
    await tabTo(page, '#connect-abort');
    await page.keyboard.press('Enter');
    await tabTo(page, '#connect-close');
    await page.keyboard.press('Enter');
    // Joined once, its masterserver is kept and the friend stands among those joined before.
    await tabTo(page, '#recent button');
    await expectFits(page, PHONE.width);
  });
});
