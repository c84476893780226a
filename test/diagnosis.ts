/** Rows of docs/diagnosis.md: recorded by the tests that live through the situations, never written by hand. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface DiagnosisRow {
  readonly situation: string;
  readonly verdict: string;
  readonly sentence: string;
  readonly advice: string;
}

const FILE = new URL('../docs/diagnosis.md', import.meta.url);
const BEGIN = '| situation | verdict | sentence | advice |\n|---|---|---|---|\n';

export class Diagnosis {
  readonly rows: DiagnosisRow[] = [];

  record(row: DiagnosisRow): void {
    this.rows.push(row);
  }

  /** The table as it should be, and as it is. `UPDATE_DOCS=1` makes the latter the former. */
  compare(): { readonly should: string; readonly is: string } {
    const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
    const lines = this.rows.map(
      ({ situation, verdict, sentence, advice }) =>
        `| ${[situation, verdict, sentence, advice].map(cell).join(' | ')} |`,
    );
    const should = `${BEGIN}${lines.join('\n')}\n`;
    const before = readFileSync(FILE, 'utf8');
    const head = before.slice(0, before.indexOf(BEGIN));
    if (process.env.UPDATE_DOCS === '1') writeFileSync(FILE, head + should);
    return { should, is: readFileSync(FILE, 'utf8').slice(head.length) };
  }
}
