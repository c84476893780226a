/**
 * JSON with line numbers: a configuration error must name its line, and neither `JSON.parse` nor zod know it. Values come
 * from `JSON.parse`; this walk over the same text only finds where each of them begins.
 */
export type JsonPath = readonly (string | number)[];

export interface LocatedJson {
  readonly value: unknown;
  /** The line (from 1) of a value, or of the nearest one around it that exists. */
  lineOf(path: JsonPath): number;
}

export interface JsonFault {
  readonly line: number;
  readonly message: string;
}

export function parseLocated(text: string): LocatedJson | JsonFault {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { line: faultLine(text, message), message };
  }
  const lines = new Map<string, number>();
  walk(text, lines);
  return {
    value,
    lineOf(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const line = lines.get(JSON.stringify(path.slice(0, length).map(String)));
        if (line !== undefined) return line;
      }
      return 1;
    },
  };
}

function faultLine(text: string, message: string): number {
  const position = /position (\d+)/.exec(message)?.[1];
  // V8 gives no position where the text ends too early.
  return lineAt(text, position === undefined ? text.length : Number(position));
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

/** The text is known to be valid JSON, so it is enough to follow brackets, keys and commas. */
function walk(text: string, lines: Map<string, number>): void {
  // A string that does not end takes the rest: else each of its quotes would be a beginning.
  const token = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|[{}[\],:]|[^\s{}[\],:"]+|\n/g;
  const path: string[] = [];
  const containers: ('{' | '[')[] = [];
  let line = 1;
  let key: string | null = null;
  let expectKey = false;
  const mark = (): void => void lines.set(JSON.stringify(path), line);
  for (const [found] of text.matchAll(token)) {
    if (found === '\n') line += 1;
    else if (found === '{' || found === '[') {
      mark();
      containers.push(found);
      path.push(found === '[' ? '0' : '');
      expectKey = found === '{';
    } else if (found === '}' || found === ']') {
      containers.pop();
      path.pop();
    } else if (found === ',') {
      const inArray = containers.at(-1) === '[';
      if (inArray) path[path.length - 1] = String(Number(path.at(-1)) + 1);
      expectKey = !inArray;
    } else if (found === ':') {
      path[path.length - 1] = key ?? '';
      expectKey = false;
    } else if (expectKey) key = JSON.parse(found) as string;
    else mark();
  }
}
