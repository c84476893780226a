/** The data of one structured line of a log. */
export type LogData = Readonly<Record<string, string | number | boolean | null>>;

/** One line of the log of a join: its time counts from the beginning of the join, over all attempts (docs/seed.md S22, S28). */
export interface LogEntry {
  readonly atMs: number;
  readonly attempt: number | null;
  readonly what: string;
  readonly data: LogData;
}
