import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type NatScript, runScriptInSim } from '../../src/sim/index.ts';

const FOLDER = new URL('../vectors/nat-scripts/', import.meta.url);
const scripts = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, script: JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as NatScript }));

/** `test/lab/truth.test.ts` asks a kernel the same. */
test.each(scripts)('the simulator answers $name as the Linux kernel does', ({ script }) => {
  for (const seed of [1, 2, 3]) {
    expect(runScriptInSim(script, seed)).toEqual(script.steps.map((step) => step.expect));
  }
});
