/** Did you mean? The word of a list that is written most alike, where it is alike enough to have been meant. */
import { t } from './words/index.ts';

/** The end of a sentence about a word that there is not: the one that was meant, as `shown` writes it; empty where none is alike. */
export function didYouMean(typed: string, among: Iterable<string>, shown: (word: string) => string): string {
  const near = nearestWord(typed, among);
  return near === null ? '' : ` ${t('Did you mean {word}?', { word: shown(near) })}`;
}

/** One letter wrong, missing or too many in three; two letters that have changed places are one fault. */
export function nearestWord(typed: string, among: Iterable<string>): string | null {
  const wanted = typed.toLowerCase();
  let best: { readonly word: string; readonly faults: number } | null = null;
  for (const word of among) {
    const faults = faultsBetween(wanted, word.toLowerCase());
    if (faults <= Math.max(1, Math.floor(word.length / 3)) && (best === null || faults < best.faults))
      best = { word, faults };
  }
  return best?.word ?? null;
}

/** Optimal string alignment: the rows of the table of distances, of which the last three are kept. */
function faultsBetween(left: string, right: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: right.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= left.length; row++) {
    const now = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1] ? 0 : 1;
      let faults = Math.min((last[column] ?? 0) + 1, (now[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + same);
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1])
        faults = Math.min(faults, (beforeLast[column - 2] ?? 0) + 1);
      now.push(faults);
    }
    [beforeLast, last] = [last, now];
  }
  return last[right.length] ?? 0;
}
