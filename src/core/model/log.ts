/** The data of one structured line of a log. */
export type LogData = Readonly<Record<string, string | number | boolean | null>>;
