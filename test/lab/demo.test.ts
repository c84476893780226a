import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { compiled } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

async function demo(env: NodeJS.ProcessEnv): Promise<{ code: number; lines: string[] }> {
  const child = spawn(process.execPath, [compiled('lab/demo.js')], {
    env: { ...process.env, SALLYPORT_DEMO_INSTALL: 'no', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (bytes) => {
    text += String(bytes);
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, lines: text.trim().split('\n') };
}

describeUnless(labMissing(), 'the demo on kernel NATs', () => {
  test('ends with a direct path, its time and its packets', async () => {
    const { code, lines } = await demo({});
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatch(/^direct: connected in \d+ ms with \d+ packets$/);
    expect(lines.some((line) => line.includes('It answers: '))).toBe(true);
  });
});

describe('the demo without namespaces', () => {
  test('says so and shows the same in the simulated internet', async () => {
    const { code, lines } = await demo({ PATH: '/nowhere' });
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^No kernel NATs here: missing programs: .*simulated internet:$/);
    expect(lines.at(-1)).toMatch(/^direct: connected in \d+ ms with \d+ packets \(simulated\)$/);
  });
});
