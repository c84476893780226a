/** Who opens sallyport:// links: registered with real tools of the desktop where there are some, and removed again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { schemeHandler } from '../../src/app/testing.ts';
import { describeUnless, hasProgram } from '../support.ts';

let home: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sallyport-scheme-'));
  env = { ...process.env, HOME: home, XDG_DATA_HOME: join(home, 'data'), XDG_CONFIG_HOME: join(home, 'config') };
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const command = ['/opt/with space/node', '/opt/$main "x"/100%.js', 'ui', '--link'];
const LIST = '[Added Associations]\nimage/png=gimp.desktop;\n\n[Default Applications]\ntext/html=browser.desktop;\n';
const list = (): string => readFileSync(join(home, 'config', 'mimeapps.list'), 'utf8');

function handler() {
  const made = schemeHandler({ platform: 'linux', env, command });
  return made ?? expect.unreachable('Linux has one');
}

test('links are ours from registering to unregistering, and what else the person has set stays', async () => {
  mkdirSync(join(home, 'config'));
  writeFileSync(join(home, 'config', 'mimeapps.list'), LIST);
  expect(await handler().registered()).toBe(false);
  await handler().register();
  await handler().register();
  expect(await handler().registered()).toBe(true);
  expect(list().match(/x-scheme-handler/g)).toHaveLength(1);
  for (const line of LIST.split('\n')) expect(list()).toContain(line);
  await handler().unregister();
  expect(await handler().registered()).toBe(false);
  expect(list()).toBe(LIST);
});

test('a program that has moved is registered anew, because the old one opens nothing', async () => {
  await handler().register();
  const moved = schemeHandler({ platform: 'linux', env, command: ['/elsewhere/sallyport', 'ui', '--link'] });
  expect(await moved?.registered()).toBe(false);
});

describeUnless(hasProgram('xdg-mime') ? null : 'xdg-utils is not installed', 'the tools of the desktop', () => {
  const ask = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { env, encoding: 'utf8' }).trim();

  test('find the program that was registered, and none after it was removed', async () => {
    await handler().register();
    expect(ask('xdg-mime', 'query', 'default', 'x-scheme-handler/sallyport')).toBe('sallyport.desktop');
    if (hasProgram('desktop-file-validate'))
      expect(ask('desktop-file-validate', join(home, 'data', 'applications', 'sallyport.desktop'))).toBe('');
    await handler().unregister();
    expect(ask('xdg-mime', 'query', 'default', 'x-scheme-handler/sallyport')).toBe('');
  });

  test('start it with the whole link as one word, whatever its path is made of', async () => {
    const told = join(home, 'told');
    const script = join(home, 'a $path `with` "all".sh');
    writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "$@" > "${told}.part" && mv "${told}.part" "${told}"\n`, {
      mode: 0o755,
    });
    await schemeHandler({ platform: 'linux', env, command: [script, 'ui', '--link'] })?.register();
    const link = `sallyport://198.51.100.7:8430/j/K7TQ9RBWXM?udp=443&tls=a#${'A'.repeat(43)}.${'B'.repeat(43)}`;
    const launch = hasProgram('gio')
      ? () => ask('gio', 'launch', join(home, 'data', 'applications', 'sallyport.desktop'), link)
      : () => ask('xdg-open', link);
    launch();
    await expect.poll(() => tryRead(told), { timeout: 10_000 }).toBe(`ui\n--link\n${link}\n`);
  });
});

function tryRead(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
