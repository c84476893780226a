/** What the fuzzer has found once, cut down to its shortest, and a moment of fuzzing for each decoder. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DECODERS } from '../fuzz/decoders.ts';
import { mutator } from '../property/wire-fuzz.ts';

const FOLDER = new URL('../fuzz/found/', import.meta.url);

test.each(DECODERS)(
  '$name throws at nothing that 500 changes make of true messages, nor at what was found before',
  (decoder) => {
    const fuzz = mutator(7);
    for (let n = 0; n < 500; n++) decoder.run(fuzz.mutate(decoder.corpus));
    const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.startsWith(`${decoder.name}-`)) : [];
    for (const file of files) {
      const bytes = Buffer.from(readFileSync(new URL(file, FOLDER), 'utf8').trim(), 'hex');
      expect(() => decoder.run(new Uint8Array(bytes)), file).not.toThrow();
    }
  },
);
