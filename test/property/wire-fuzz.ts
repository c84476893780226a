/** Seeded mutation of datagrams: what a hostile or broken network makes of real ones. */
import { testRandom } from '../unit/rendezvous-net.ts';

/** How many datagrams; FUZZ=1000000 is the full run. */
export const FUZZ = Number(process.env.FUZZ ?? 60_000);
export const FUZZ_SEED = Number(process.env.FUZZ_SEED ?? 20_261_122);
export const REPLAY = `replay: FUZZ=${FUZZ} FUZZ_SEED=${FUZZ_SEED} npx vitest run test/property/wire.test.ts`;

/** Interesting bytes: ends of ranges, lengths that do not fit, our own type bytes. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xd1, 0xd4, 0xd5, 0xfe, 0xff] as const;

export function mutator(seed: number) {
  const random = testRandom(seed);
  const at = (bytes: Uint8Array): number => random.int(0, Math.max(0, bytes.length - 1));
  const kinds: ((bytes: Uint8Array, other: Uint8Array) => Uint8Array)[] = [
    (bytes) => set(bytes, at(bytes), (value) => value ^ (1 << random.int(0, 7))),
    (bytes) => set(bytes, at(bytes), () => EDGES[random.int(0, EDGES.length - 1)] as number),
    (bytes) => set(bytes, random.int(0, 3), () => random.int(0, 255)),
    (bytes) => bytes.slice(0, at(bytes)),
    (bytes) => Uint8Array.from([...bytes, ...Array.from({ length: random.int(1, 40) }, () => random.int(0, 255))]),
    (bytes) => Uint8Array.from([...bytes.slice(at(bytes)), ...bytes]),
    (bytes, other) => Uint8Array.from([...bytes.slice(0, at(bytes)), ...other.slice(at(other))]),
    (bytes) =>
      Uint8Array.from({ length: bytes.length }, (_, i) => (i === 0 ? (bytes[0] as number) : random.int(0, 255))),
  ];
  return {
    random,
    /** One to three changes to one of the corpus; never equal to it. */
    mutate(corpus: readonly Uint8Array[]): Uint8Array {
      const original = corpus[random.int(0, corpus.length - 1)] as Uint8Array;
      for (;;) {
        let bytes = original;
        for (let i = random.int(1, 3); i > 0; i--) {
          const other = corpus[random.int(0, corpus.length - 1)] as Uint8Array;
          bytes = (kinds[random.int(0, kinds.length - 1)] as (typeof kinds)[number])(bytes, other);
        }
        if (bytes.length !== original.length || bytes.some((byte, i) => byte !== original[i]))
          return bytes.slice(0, 2048);
      }
    },
  };
}

function set(bytes: Uint8Array, at: number, change: (value: number) => number): Uint8Array {
  const copy = bytes.slice();
  if (at < copy.length) copy[at] = change(copy[at] as number);
  return copy;
}
