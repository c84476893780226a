/**
 * What a command says. stdout carries results only: with --json one object a line, otherwise the one line a script wants.
 * Everything for people goes to stderr, with addresses masked unless --show-ips; JSON lines are masked only with --mask-ips. Texts
 * that strangers wrote are cleaned here once more, so no escape sequence reaches a terminal whatever a caller forgets.
 */

import { maskText } from '../core/mask.ts';
import type { SallyportError } from '../node/failure.ts';
import { failureWords, type Sentence, t } from './words/index.ts';

/** Terminal controls, C1 included, and everything that reorders or hides text (SECURITY.md row 19); newlines are another matter. */
const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const LINE_BREAKS = /[\n\r\v\f\u0085\u2028\u2029]+/gu;

export interface TerminalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  /** For people: addresses as they are. */
  readonly showIps: boolean;
  /** JSON lines: addresses masked. */
  readonly maskIps: boolean;
  readonly color: boolean;
  /** For people: what is beyond ASCII is written in its letters. */
  readonly ascii?: boolean;
}

export interface Streams {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
}

export type LineMark = 'done' | 'info' | 'warn' | 'fail';
/** A symbol always stands beside words, and colour never says anything alone. */
const MARKS = { done: ['✓', 32], info: ['·', 90], warn: ['!', 33], fail: ['✗', 31] } as const;
/** What a terminal without UTF-8 is shown instead; every other sign is a question mark. */
const IN_ASCII: Readonly<Record<string, string>> = {
  ...{
    '✓': '+',
    '·': '-',
    '✗': 'x',
    '…': '...',
    '→': '->',
    '–': '-',
    '„': '"',
    '“': '"',
    '”': '"',
    '‘': "'",
    '’': "'",
  },
  ...{ ä: 'ae', ö: 'oe', ü: 'ue', Ä: 'Ae', Ö: 'Oe', Ü: 'Ue', ß: 'ss' },
};
const HEAD_COLUMNS = 12;
/** `whole` is for links and masterservers, which are made to be given to others; everybody else's address is masked. */
export type Addresses = 'masked' | 'whole';

export class Terminal {
  readonly options: TerminalOptions;
  readonly #streams: Streams;
  #status = '';

  constructor(options: TerminalOptions, streams: Streams = { out: process.stdout, err: process.stderr }) {
    this.options = options;
    this.#streams = streams;
  }

  /** A result for programs: one JSON line with --json, nothing otherwise. */
  event(ev: string, fields: object, addresses: Addresses = 'masked'): void {
    if (!this.options.json) return;
    const mask = this.options.maskIps && addresses === 'masked';
    const line = JSON.stringify({ v: 1, ev, ...fields, ts: new Date().toISOString() }, mask ? masked : undefined);
    // Inside JSON text these can only stand in strings, where an escape means the same.
    this.#streams.out.write(`${line.replace(UNSAFE, escapeJson)}\n`);
  }

  /** The one line that a script without --json wants. A person who reads both streams has seen it already on stderr. */
  result(text: string): void {
    const { out, err } = this.#streams;
    if (this.options.json || (out.isTTY && err.isTTY && !this.options.quiet)) return;
    out.write(`${plain(oneLine(text))}\n`);
  }

  /** A whole text as the result, such as a report or a list. */
  page(text: string, addresses: Addresses = 'masked'): void {
    const shown = addresses === 'whole' ? this.#written(plain(text)) : this.#shown(text);
    if (!this.options.json) this.#streams.out.write(`${shown}\n`);
  }

  /** `✓ Network     Open: ...` */
  fact(mark: LineMark, head: Sentence, text: string, addresses: Addresses = 'masked'): void {
    const [symbol, color] = MARKS[mark];
    const words = t(head).padEnd(HEAD_COLUMNS - 1);
    this.#line(`${this.#paint(color, this.#written(symbol))} `, oneLine(`${words} ${text}`), addresses);
  }

  say(text = '', addresses: Addresses = 'masked'): void {
    this.#line('', oneLine(text), addresses);
  }

  /** Text of ours that has several lines, such as a log. */
  lines(text: string): void {
    this.#line('', text, 'masked');
  }

  /** A line that the next one replaces; only where a person watches. */
  status(text: string): void {
    if (this.options.quiet || !this.#streams.err.isTTY) return;
    this.#wipe();
    const columns = Math.max(20, (this.#streams.err.columns || 80) - 1);
    this.#status = [...this.#shown(oneLine(text))].slice(0, columns).join('');
    this.#streams.err.write(this.#status);
  }

  clearStatus(): void {
    this.#wipe();
    this.#status = '';
  }

  /** What happened, most likely why, what to do (docs/reference/product.md §4), for `command`. Shown even with --quiet. */
  failure(error: SallyportError, command?: string): void {
    this.event('error', {
      code: error.code,
      message: error.message,
      hint: error.hint,
      retryable: error.retryable,
    });
    this.#wipe();
    const [symbol, color] = MARKS.fail;
    const { message, hint } = failureWords(error, command);
    const text = this.#shown(`${oneLine(message)} (${error.code})\n  ${oneLine(hint)}`);
    this.#streams.err.write(`${this.#paint(color, this.#written(symbol))} ${text}\n`);
  }

  /** `mark` is ours and may hold colour; the text may hold anything. */
  #line(mark: string, text: string, addresses: Addresses): void {
    if (this.options.quiet) return;
    this.#wipe();
    this.#streams.err.write(`${mark}${addresses === 'whole' ? this.#written(plain(text)) : this.#shown(text)}\n`);
    if (this.#status !== '') this.#streams.err.write(this.#status);
  }

  #wipe(): void {
    if (this.#status === '') return;
    this.#streams.err.write('\r\u001b[2K');
  }

  #shown(text: string): string {
    const cleaned = plain(text);
    return this.#written(this.options.showIps ? cleaned : maskText(cleaned));
  }

  #written(text: string): string {
    if (!this.options.ascii) return text;
    return text.replace(/[^\n\u0020-\u007e]/gu, (sign) => IN_ASCII[sign] ?? '?');
  }

  #paint(color: number, text: string): string {
    return this.options.color ? `\u001b[${color}m${text}\u001b[0m` : text;
  }
}

function oneLine(text: string): string {
  const [first = '', ...rest] = text.split(LINE_BREAKS);
  return [first, ...rest.map((line) => line.trim())].join(' ');
}

function plain(text: string): string {
  return text.replace(UNSAFE, '');
}

/** A field of a JSON line. The address in a link is that of a masterserver. */
function masked(key: string, value: unknown): unknown {
  return typeof value === 'string' && key !== 'link' ? maskText(value) : value;
}

function escapeJson(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
