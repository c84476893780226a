/** What a benchmark prints line by line, and keeps. */

export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What is asked of the value; empty: nothing. */
  readonly asked: string;
  readonly met: boolean | null;
}

type Tell = (what: string, value: number, unit: string, asked?: string, met?: boolean | null) => void;

/** `widths`: of the columns of what is measured, its value and its unit. */
export function rowsOf(widths: readonly [number, number, number]): {
  readonly rows: readonly Row[];
  readonly row: Tell;
} {
  const rows: Row[] = [];
  const [wide, number, narrow] = widths;
  return {
    rows,
    row(what, value, unit, asked = '', met = null) {
      rows.push({ what, value: Math.round(value * 100) / 100, unit, asked, met });
      const mark = met === null ? '' : met ? '  ok' : '  MISSED';
      const digits = value.toFixed(value < 100 ? 2 : 0).padStart(number);
      console.log(`${what.padEnd(wide)} ${digits} ${unit.padEnd(narrow)} ${asked}${mark}`);
    },
  };
}
