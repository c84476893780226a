/**
 * `npm run fuzz -- --minutes N`: every decoder of bytes from strangers, in turn, on changed copies of true messages. `--executions N`
 * goes on until each decoder has had so many instead, `--seed N` repeats a run. What throws, hangs or cannot be written again is cut down to its shortest and left in test/fuzz/found as hex,
 * which `test/unit/fuzz-found.test.ts` reads from then on.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutator } from '../property/wire-fuzz.ts';
import { DECODERS, type Decoder } from './decoders.ts';

const FOUND = fileURLToPath(new URL('../../../test/fuzz/found/', import.meta.url));
const ROUND = 2_000;
/** A decoder that takes so much of a core over a datagram, in the mean of a round, could be used to stop the program. */
const SLOW_MS = 5;

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    executions: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

function failure(decoder: Decoder, bytes: Uint8Array): string | null {
  try {
    decoder.run(bytes);
    return null;
  } catch (error) {
    return String(error);
  }
}

/** The shortest that still fails, by leaving out ever smaller parts and making the rest zero. */
function minimised(decoder: Decoder, bytes: Uint8Array): Uint8Array {
  let best = bytes;
  for (let part = best.length >> 1; part >= 1; part >>= 1) {
    for (let at = 0; at + part <= best.length; ) {
      const shorter = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + part)]);
      if (failure(decoder, shorter) !== null) best = shorter;
      else at += part;
    }
  }
  for (let at = 0; at < best.length; at++) {
    const zeroed = best.slice();
    zeroed[at] = 0;
    if (failure(decoder, zeroed) !== null) best = zeroed;
  }
  return best;
}

function keep(decoder: Decoder, bytes: Uint8Array, why: string): void {
  const hex = Buffer.from(minimised(decoder, bytes)).toString('hex');
  mkdirSync(FOUND, { recursive: true });
  writeFileSync(`${FOUND}${decoder.name}-${hex.slice(0, 16)}.hex`, `${hex}\n`);
  console.error(`FOUND ${decoder.name}: ${why}\n  ${hex}`);
}

function main(): number {
  const fuzz = mutator(Number(flags.seed));
  const runs = new Map(DECODERS.map(({ name }) => [name, 0]));
  const slowest = new Map<string, number>();
  const found = new Set<string>();
  const endsAt = performance.now() + Number(flags.minutes) * 60_000;
  const asked = flags.executions === undefined ? null : Number(flags.executions);
  const goesOn = (round: number): boolean => (asked === null ? performance.now() < endsAt : round * ROUND < asked);
  for (let round = 0; goesOn(round); round++) {
    for (const decoder of DECODERS) {
      const began = process.cpuUsage();
      for (let n = 0; n < ROUND; n++) {
        const bytes = fuzz.mutate(decoder.corpus);
        const why = failure(decoder, bytes);
        if (why === null || found.has(`${decoder.name} ${why}`)) continue;
        found.add(`${decoder.name} ${why}`);
        keep(decoder, bytes, why);
      }
      runs.set(decoder.name, runs.get(decoder.name)! + ROUND);
      const { user, system } = process.cpuUsage(began);
      const ms = (user + system) / 1_000 / ROUND;
      slowest.set(decoder.name, Math.max(slowest.get(decoder.name) ?? 0, ms));
    }
  }
  for (const [name, count] of runs) {
    const us = (slowest.get(name) ?? 0) * 1_000;
    console.log(
      `${name.padEnd(18)} ${count.toLocaleString('en').padStart(14)} executions, at most ${us.toFixed(1)} µs each`,
    );
  }
  const slow = [...slowest].filter(([, ms]) => ms > SLOW_MS).map(([name]) => name);
  for (const name of slow) console.error(`SLOW ${name}`);
  console.log(`${found.size} found, seed ${flags.seed}`);
  return found.size + slow.length === 0 ? 0 : 1;
}

process.exitCode = main();
