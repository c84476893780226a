import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, type NatScript, openLab, runScriptOnKernel } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const FOLDER = new URL('../vectors/nat-scripts/', import.meta.url);
const scripts = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, script: JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as NatScript }));

describeUnless(labMissing(), 'the Linux kernel answers the packet scripts as written', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(() => lab.close());

  test.concurrent.each(scripts.map((entry, index) => ({ ...entry, id: `t${index}` })))(
    '$name',
    async ({ script, id }) => {
      expect(await runScriptOnKernel(lab, id, script)).toEqual(script.steps.map((step) => step.expect));
    },
  );
});
