/** The local app between two kernel NATs: Chromium, `sallyport ui`, the real host, the real game. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type CommandEvent, eventOf, type LabProcess, openScene, type Scene } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';
import { CHROMIUM_FLAGS, chromiumMissing } from '../ui/browser.ts';

const DRIVER = fileURLToPath(new URL('fixtures/app-driver.mjs', import.meta.url));
const STEP_MS = 60_000;
const TEST_MS = 120_000;

describeUnless(labMissing() ?? chromiumMissing, 'the app between two kernel NATs', () => {
  let scene: Scene;
  let app: LabProcess;

  async function open(preset: 'home-router' | 'fully-random'): Promise<void> {
    const nat = { kind: 'nat', nat: preset } as const;
    scene = await openScene({ host: nat, client: nat, link: { delayMs: 10 } });
    app = scene.sallyport(scene.clientSide, ['ui', '--no-open', '--no-clipboard', '--master', scene.link, '--json']);
  }
  afterEach(() => scene?.close());

  async function drive(flow: 'join' | 'abort'): Promise<LabProcess> {
    const link = String((await scene.event(app, 'ready')).link);
    return scene.clientSide.spawn([process.execPath, DRIVER, link, scene.code, flow, ...CHROMIUM_FLAGS], {
      HOME: '/run/lab',
    });
  }

  function step(driver: LabProcess, ev: string): Promise<CommandEvent> {
    return driver.find((line) => {
      const event = line.stream === 'stdout' ? eventOf(line.text) : null;
      return event?.ev === ev ? event : null;
    }, STEP_MS);
  }

  test('a player types the code, is connected, the game answers, and leaves', { timeout: TEST_MS }, async () => {
    await open('home-router');
    const driver = await drive('join');
    const local = String((await step(driver, 'connected')).value);
    expect(await scene.statusAt(local)).toContain('Sallyport lab');
    driver.write('go on\n');
    await step(driver, 'left');
    expect((await driver.exited).code).toBe(0);
    expect((await app.stop()).code).toBe(143);
  });

  test('a join that is aborted stops at once and keeps its log', { timeout: TEST_MS }, async () => {
    // Two routers that draw each port at random: the join goes on until the player has had enough.
    await open('fully-random');
    const driver = await drive('abort');
    expect((await step(driver, 'stopped')).value).toContain('Stopped');
    expect((await step(driver, 'frozen')).value).toBe('true');
    expect((await driver.exited).code).toBe(0);
  });
});
