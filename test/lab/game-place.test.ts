/** Where the game of a host is, and what is said of it: at an address of the network, at another computer, or nowhere. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openScene, type Scene, tinyGame } from '../../lab/index.ts';
import { CLI_LIMITS } from '../../src/cli/testing.ts';
import { describeUnless, labMissing } from '../support.ts';

const SAID_MS = 20_000;
const LISTENER = (address: string, port: number): readonly string[] => [
  ...[process.execPath, '-e'],
  `const s = require('dgram').createSocket('udp4'); s.bind(${port}, '${address}', () => console.log('there'));`,
];

describeUnless(labMissing(), 'a host looks for its game', () => {
  let scene: Scene;
  let here: string;
  let there: string;

  beforeAll(async () => {
    const home = { kind: 'nat', nat: 'home-router' } as const;
    scene = await openScene({ game: tinyGame, host: home, client: 'same' });
    [here, there] = [scene.hostSide.address, scene.clientSide.address];
    for (const [on, address, port] of [
      [scene.hostSide, here, 31_001],
      [scene.clientSide, '0.0.0.0', 31_002],
    ] as const)
      await on.spawn(LISTENER(address, port)).find(({ text }) => text.includes('there') || null, SAID_MS);
  }, 90_000);
  afterAll(() => scene.close());

  const said = async (place: string, expected: string): Promise<string> => {
    const words = ['host', place, '--as', `at${place.replace(/[^0-9]/g, '')}`, '--master', scene.link];
    const host = scene.sallyport(scene.hostSide, words);
    const line = await host.find(({ text }) => (text.includes(' Game ') ? text : null), SAID_MS);
    expect(line).toContain(expected);
    host.signal('SIGTERM');
    await host.exited;
    return line;
  };

  test('at an address of its own where it listens', () => said(`${here}:31001`, ' is listening'));

  test('at an address of its own where nothing listens: that is not called listening', async () => {
    expect(await said(`${here}:31009`, 'nothing listens on')).not.toContain(' is listening');
  });

  test('where it listens at another address only, that one is named so that it can be typed', () =>
    said('31001', `udp ${here}:31001 is listening: did you mean that?`));

  test('at another computer that refuses: nothing listens there', () => said(`${there}:31009`, 'nothing listens on'));

  test('at another computer that says nothing: it is not known before a friend plays', async () => {
    const since = performance.now();
    await said(`${there}:31002`, 'is at another computer: whether a server listens there shows when a friend plays');
    // A refusal is waited for.
    expect(performance.now() - since).toBeGreaterThan(CLI_LIMITS.gameElsewhereMs);
  });
});
