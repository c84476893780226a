/**
 * Lines of noray's protocol, of 1.x and of 2.x, which frames them by trimsock: a name, a space, text, a newline. Of trimsock's extensions
 * there are quoted parts, escaped characters and, behind the name, the number of a request, by which a failure is answered.
 */
export interface NorayLine {
  readonly name: string;
  readonly text: string;
  /** Null: it is no request. */
  readonly request: string | null;
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', s: ' ', '"': '"', '\\': '\\' };

export function parseNorayLine(line: string): NorayLine {
  const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
  const space = whole.startsWith('"') ? whole.indexOf(' ', whole.indexOf('"', 1)) : whole.indexOf(' ');
  const [head, data] = space < 0 ? [whole, ''] : [whole.slice(0, space), whole.slice(space + 1)];
  const [name = '', request = null] = plain(head).split('?', 2);
  return { name, text: plain(data), request };
}

function plain(text: string): string {
  return text.replace(/\\(.)|"/g, (_, escaped?: string) =>
    escaped === undefined ? '' : (ESCAPED[escaped] ?? escaped),
  );
}

/** None of our words needs a quotation mark; a newline in a failure's sentence would end the line. */
export function norayLine(name: string, text: string): string {
  return `${name} ${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`;
}
