/**
 * How many steps a backtracking matcher takes, and the inputs on which it takes most. V8's own engine does not tell, and a clock
 * tells something else each time; so here is a plain one of the same kind (a program of splits, jumps and character sets, tried
 * from each place of the text), for the constructs that this project uses. A test keeps what it finds equal to what V8 finds.
 */

type Instruction =
  | { readonly op: 'set'; readonly has: (character: string) => boolean }
  /** Tries `first`, then `second`. */
  | { readonly op: 'split'; first: number; second: number }
  | { readonly op: 'jump'; to: number }
  /** Notes the place, and later fails where the loop has eaten nothing. */
  | { readonly op: 'mark' | 'progress'; readonly register: number }
  | { readonly op: 'assert'; readonly holds: (text: string, at: number) => boolean }
  | { readonly op: 'look'; readonly program: Program; readonly wanted: boolean }
  | { readonly op: 'end' };

type Program = readonly Instruction[];

export interface Outcome {
  /** Of all matches, one after the other: place and length. */
  readonly found: readonly (readonly [number, number])[];
  readonly steps: number;
  /** Given up before the end, for want of steps. */
  readonly spent: boolean;
}

/** Every character that an input is made of, beside those of the expression itself. */
const CHARACTERS = 'aAfz09 \n\r\t.,-_:;/<>"\'\\[]{}()*?#=%@|~é\u0301\u200b\u0000';

export class Expression {
  readonly source: string;
  private readonly flags: string;
  private readonly program: Program;
  private registers = 0;

  constructor(expression: RegExp) {
    this.source = expression.source;
    this.flags = expression.flags;
    const parser = new Parser(expression.source, expression.flags, () => this.registers++);
    this.program = [...parser.alternatives(), { op: 'end' }];
    parser.done();
  }

  /** All matches of a text, as `matchAll` finds them. */
  run(text: string, stepsMax = Number.POSITIVE_INFINITY): Outcome {
    const found: [number, number][] = [];
    const counter = { steps: 0, stepsMax };
    for (let at = 0; at <= text.length && counter.steps < stepsMax; ) {
      const end = match(this.program, text, at, counter);
      if (end === null) at++;
      else {
        found.push([at, end - at]);
        at = end === at ? at + 1 : end;
      }
    }
    return { found, steps: counter.steps, spent: counter.steps >= stepsMax };
  }

  /** Texts that might be the worst: something that gets into a loop, much that stays there, an end that fails. */
  *texts(): Generator<(length: number) => string> {
    const letters = this.letters();
    const ways = [...this.ways(letters)];
    const pairs = letters.length > 6 ? [] : letters.flatMap((one) => letters.map((other) => one + other));
    const pumps = new Set([...letters, ...pairs, ...ways, ...this.loops(letters)]);
    pumps.delete('');
    for (const beginning of new Set(['', ...ways]))
      for (const pump of pumps)
        for (const end of ['', '\u0000', '\n!'])
          yield (length) => beginning + pump.repeat(Math.ceil(length / pump.length)) + end;
  }

  /** One character of every kind that the expression tells apart. */
  private letters(): string[] {
    const sets = [...setsOf(this.program)];
    const kinds = new Map<string, string>();
    for (const letter of new Set([...this.source.replace(/\\./g, ''), ...CHARACTERS])) {
      const kind = sets.map(({ has }) => (has(letter) ? '1' : '0')).join('') + (letter === '\n' ? 'line' : '');
      if (!kinds.has(kind)) kinds.set(kind, letter);
    }
    return [...kinds.values()];
  }

  /** For every place of the program a short text that leads there. */
  private ways(letters: readonly string[]): Set<string> {
    return new Set(walk(this.program, 0, letters).values());
  }

  /** For every place a short text that leads back to it. */
  private *loops(letters: readonly string[]): Generator<string> {
    for (let at = 0; at < this.program.length; at++) {
      if (this.program[at]?.op !== 'split') continue;
      const body = this.program[at] as Extract<Instruction, { op: 'split' }>;
      for (const inside of [body.first, body.second]) {
        const back = walk(this.program, inside, letters).get(at);
        if (back !== undefined && back !== '') yield back;
      }
    }
  }
}

/** The end of the match from here, or null. */
function match(
  program: Program,
  text: string,
  from: number,
  counter: { steps: number; readonly stepsMax: number },
): number | null {
  const waiting: { at: number; place: number; marks: readonly number[] }[] = [];
  let [at, place] = [0, from];
  let marks: readonly number[] = [];
  const fail = (): boolean => {
    const next = waiting.pop();
    if (next === undefined) return false;
    ({ at, place, marks } = next);
    return true;
  };
  for (;;) {
    if (++counter.steps >= counter.stepsMax) return null;
    const step = program[at] as Instruction;
    if (step.op === 'end') return place;
    let goes = true;
    at++;
    if (step.op === 'set') goes = place < text.length && step.has(text[place++] as string);
    else if (step.op === 'jump') at = step.to;
    else if (step.op === 'assert') goes = step.holds(text, place);
    else if (step.op === 'look') goes = (match(step.program, text, place, counter) !== null) === step.wanted;
    else if (step.op === 'split') {
      waiting.push({ at: step.second, place, marks });
      at = step.first;
    } else if (step.op === 'mark') {
      const noted = [...marks];
      noted[step.register] = place;
      marks = noted;
    } else goes = marks[step.register] !== place;
    if (!goes && !fail()) return null;
  }
}

function* setsOf(program: Program): Generator<Extract<Instruction, { op: 'set' }>> {
  for (const step of program) {
    if (step.op === 'set') yield step;
    if (step.op === 'look') yield* setsOf(step.program);
  }
}

/** Breadth first, over sets and splits; what is asserted is not looked at. */
function walk(program: Program, from: number, letters: readonly string[]): Map<number, string> {
  const ways = new Map([[from, '']]);
  for (const [at, way] of ways) {
    const step = program[at] as Instruction;
    const reach = (next: number, text: string): void => void (ways.has(next) || ways.set(next, text));
    if (step.op === 'set') {
      const letter = letters.find((one) => step.has(one));
      if (letter !== undefined) reach(at + 1, way + letter);
    } else if (step.op === 'split') {
      reach(step.first, way);
      reach(step.second, way);
    } else if (step.op === 'jump') reach(step.to, way);
    else if (step.op !== 'end') reach(at + 1, way);
  }
  return ways;
}

const shifted = (program: Program, by: number): Instruction[] =>
  program.map((step) => {
    if (step.op === 'split') return { ...step, first: step.first + by, second: step.second + by };
    return step.op === 'jump' ? { ...step, to: step.to + by } : step;
  });

function sequence(...parts: readonly Program[]): Instruction[] {
  const whole: Instruction[] = [];
  for (const part of parts) whole.push(...shifted(part, whole.length));
  return whole;
}

/** Reads the source of an expression; throws on what it does not know, so that such a one is noticed. */
class Parser {
  private readonly source: string;
  private readonly flags: string;
  private readonly register: () => number;
  private at = 0;

  constructor(source: string, flags: string, register: () => number) {
    this.source = source;
    this.flags = flags;
    this.register = register;
  }

  done(): void {
    if (this.at < this.source.length) throw new Error(`not understood: ${this.source.slice(this.at)}`);
  }

  alternatives(): Instruction[] {
    let whole = this.terms();
    while (this.takes('|')) {
      const rest = this.alternatives();
      const split: Instruction = { op: 'split', first: 1, second: whole.length + 2 };
      const over: Instruction = { op: 'jump', to: whole.length + 2 + rest.length };
      whole = [split, ...shifted(whole, 1), over, ...shifted(rest, whole.length + 2)];
    }
    return whole;
  }

  private terms(): Instruction[] {
    const parts: Program[] = [];
    while (this.at < this.source.length && !'|)'.includes(this.source[this.at] as string)) parts.push(this.term());
    return sequence(...parts);
  }

  private term(): Program {
    const atom = this.atom();
    const counted = /^\{(\d+)(,?)(\d*)\}/.exec(this.source.slice(this.at));
    if (counted !== null) {
      this.at += counted[0].length;
      const least = Number(counted[1]);
      const most = counted[2] === '' ? least : counted[3] === '' ? Number.POSITIVE_INFINITY : Number(counted[3]);
      return this.repeated(atom, least, most, !this.takes('?'));
    }
    if (this.takes('*')) return this.repeated(atom, 0, Number.POSITIVE_INFINITY, !this.takes('?'));
    if (this.takes('+')) return this.repeated(atom, 1, Number.POSITIVE_INFINITY, !this.takes('?'));
    if (this.takes('?')) return this.repeated(atom, 0, 1, !this.takes('?'));
    return atom;
  }

  private repeated(atom: Program, least: number, most: number, greedy: boolean): Program {
    const needed = Array.from({ length: least }, () => atom);
    if (most === Number.POSITIVE_INFINITY) return sequence(...needed, this.endless(atom, greedy));
    let optional: Instruction[] = [];
    for (let i = least; i < most; i++) {
      const inner = sequence(atom, optional);
      const [on, out] = [1, inner.length + 1];
      optional = [{ op: 'split', first: greedy ? on : out, second: greedy ? out : on }, ...shifted(inner, 1)];
    }
    return sequence(...needed, optional);
  }

  private endless(atom: Program, greedy: boolean): Program {
    const register = this.register();
    const [on, out] = [1, atom.length + 4];
    return [
      { op: 'split', first: greedy ? on : out, second: greedy ? out : on },
      { op: 'mark', register },
      ...shifted(atom, 2),
      { op: 'progress', register },
      { op: 'jump', to: 0 },
    ];
  }

  private atom(): Program {
    if (this.takes('^'))
      return [{ op: 'assert', holds: (text, at) => at === 0 || (this.multiline && endsLine(text[at - 1])) }];
    if (this.takes('$'))
      return [{ op: 'assert', holds: (text, at) => at === text.length || (this.multiline && endsLine(text[at])) }];
    if (this.takes('\\b')) return [{ op: 'assert', holds: (text, at) => wordAt(text, at) !== wordAt(text, at - 1) }];
    if (this.takes('(')) return this.group();
    const part = /^(?:\[(?:[^\]\\]|\\.)*\]|\\p\{\w+\}|\\u[0-9a-f]{4}|\\[^1-9B]|[^\\[\]*+?{}])/iu.exec(
      this.source.slice(this.at),
    )?.[0];
    const literal = part ?? (this.flags.includes('u') ? undefined : /^[\]{}]/.exec(this.source.slice(this.at))?.[0]);
    if (literal === undefined) throw new Error(`not understood: ${this.source.slice(this.at)}`);
    this.at += literal.length;
    return [this.set(literal)];
  }

  private group(): Program {
    const kind = /^\?(?:[:=!]|<[=!])/.exec(this.source.slice(this.at))?.[0] ?? '';
    this.at += kind.length;
    const inner = this.alternatives();
    if (!this.takes(')')) throw new Error(`no end of a group in ${this.source}`);
    if (kind === '' || kind === '?:') return inner;
    const wanted = kind.endsWith('=');
    if (!kind.startsWith('?<')) return [{ op: 'look', program: [...inner, { op: 'end' }], wanted }];
    const [only] = inner;
    if (inner.length !== 1 || only?.op !== 'set') throw new Error('looking behind is understood for one character');
    return [{ op: 'assert', holds: (text, at) => (at > 0 && only.has(text[at - 1] as string)) === wanted }];
  }

  /** What V8 itself says of single characters. */
  private set(part: string): Instruction {
    const one = new RegExp(`^${part}$`, this.flags.replace(/[gymd]/g, ''));
    const known = new Map<string, boolean>();
    const has = (character: string): boolean => {
      const answer = known.get(character) ?? one.test(character);
      known.set(character, answer);
      return answer;
    };
    return { op: 'set', has };
  }

  private get multiline(): boolean {
    return this.flags.includes('m');
  }

  private takes(text: string): boolean {
    const there = this.source.startsWith(text, this.at);
    if (there) this.at += text.length;
    return there;
  }
}

function wordAt(text: string, at: number): boolean {
  return /^\w$/.test(text[at] ?? '');
}

/** Line terminators of ECMAScript (ECMA-262 §12.3). */
function endsLine(character: string | undefined): boolean {
  return character !== undefined && /^[\n\r\u2028\u2029]$/.test(character);
}
