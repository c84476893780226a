/** What `counter.ts` prints, for whoever has started it. */
import type { LabProcess } from './process.ts';

export interface Count {
  readonly heard: number;
  readonly lost: number;
  readonly twice: number;
  /** The longest time without any datagram. */
  readonly gapMs: number;
}

const REPORT_MS = 10_000;

/** Gives the counts of a side since it was asked before; asked again only after the answer. */
export function counterOf(program: LabProcess): () => Promise<Count> {
  let asked = 0;
  return async () => {
    program.write('report\n');
    const nth = ++asked;
    let seen = 0;
    return await program.find(
      ({ text }) => (text.startsWith('{') && ++seen === nth ? (JSON.parse(text) as Count) : null),
      REPORT_MS,
    );
  };
}
