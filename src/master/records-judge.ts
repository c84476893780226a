/** Compares what a store file holds with what its seal and its mark say it should hold, and puts the difference into words. */
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import {
  DIGEST_MODULUS,
  type FileContent,
  type KindSeal,
  type Mark,
  type RecordRow,
  type Seal,
  STORE_VERSION,
  sumOf,
} from './record-rows.ts';

export interface StoreVerdict {
  /** Each row whose sum is right, the newest of each kind and key, in the order of writing; without the seal. */
  readonly rows: readonly RecordRow[];
  /** The newest seal that could be read, of file and mark. */
  readonly seal: Seal | null;
  /** The highest number ever given. */
  readonly number: number;
  /** The newest writing of the mark. */
  readonly turn: number;
  /** What is or may be missing, in words for the operator; null = nothing is. */
  readonly lost: string | null;
  /** The rows are exactly those that the file itself says it has, whatever the mark knows of newer ones. */
  readonly whole: boolean;
  /** The file must be written anew before it can be used. */
  readonly replace: boolean;
  /** Not ours to write to: of a newer version, or not readable. */
  readonly foreign: boolean;
}

/** One and many of each kind, for people. */
const NOUNS: Readonly<Record<string, readonly [string, string]>> = {
  ban: ['ban', 'bans'],
  code: ['join code', 'join codes'],
  name: ['held name', 'held names'],
  setting: ["setting (admin's token, ticket keys)", "settings (admin's token, ticket keys)"],
  audit: ['audit entry', 'audit entries'],
  traversal: ['sum of traversals', 'sums of traversals'],
  point: ['point of the history', 'points of the history'],
  snapshot: ['entry of the list', 'entries of the list'],
  'master-key': ['key of the masterserver', 'keys of the masterserver'],
  told: ['note of what webhooks told', 'notes of what webhooks told'],
};

const kindSchema = z.object({ count: z.int(), digest: z.int(), writes: z.int() });
const sealSchema = z.object({ v: z.int(), number: z.int(), at: z.number(), kinds: z.record(z.string(), kindSchema) });
const markSchema = z.object({ turn: z.int(), seal: sealSchema, boot: z.string(), open: z.boolean() });

interface RowsView {
  /** In the order of their numbers. */
  readonly rows: readonly RecordRow[];
  readonly seal: Seal | null;
  readonly kinds: ReadonlyMap<string, KindSeal>;
  /** Rows whose sum is wrong. */
  readonly wrong: number;
}

/** `expected`: there was a store before, so that nothing at all means that everything is gone. */
export function judge(content: FileContent, boot: string, expected: boolean): StoreVerdict {
  const views = content.views.map(viewOf);
  const marks = content.marks.map(readMark);
  const mark = newest(marks, ({ turn }) => turn);
  const seal = newest([...views.map((view) => view.seal), mark?.seal ?? null], (one) => one.number);
  const fresh = !content.present && content.marks.every((text) => text === '');
  const best = pick(views, seal);
  const number = Math.max(seal?.number ?? 0, best.rows.at(-1)?.number ?? 0);
  const whole = isWhole(best, content);
  const verdict = { rows: best.rows, seal, number, turn: mark?.turn ?? 0, whole };
  if (fresh) {
    const lost = expected ? 'It is not there, though it was: nobody can tell what it held.' : null;
    return { ...verdict, lost, replace: false, foreign: false };
  }
  if (seal !== null && seal.v > STORE_VERSION) {
    const lost = `It was written by a newer version of sallyport (store ${seal.v}, known ${STORE_VERSION}) and is left alone: this run remembers nothing. Use that version.`;
    return { ...verdict, rows: [], lost, replace: false, foreign: true };
  }
  const broken = brokenKinds(best, seal);
  const said = [
    ...(content.damage === null ? [] : [`The file is damaged (${content.damage}).`]),
    ...broken,
    ...(broken.length === 0 && best.wrong > 0
      ? [`${best.wrong} rows were damaged; good copies of them were found.`]
      : []),
    ...tailOf(best, seal),
    ...doubts(best, content, marks, boot),
  ];
  const sound = content.present && content.damage === null && best === views[0];
  const replace = !sound || best.wrong > 0 || broken.length > 0 || best.seal === null;
  return { ...verdict, lost: said.length === 0 ? null : said.join(' '), replace, foreign: false };
}

function viewOf(found: readonly RecordRow[]): RowsView {
  const byKind = new Map<string, Map<string, RecordRow>>();
  let seal: Seal | null = null;
  let wrong = 0;
  for (const row of found) {
    if (sumOf(row) !== row.sum) wrong += 1;
    else if (row.kind === 'seal') seal = newest([seal, readSeal(row.body)], (one) => one.number);
    else {
      const byKey = byKind.get(row.kind) ?? new Map<string, RecordRow>();
      if (byKey.size === 0) byKind.set(row.kind, byKey);
      if ((byKey.get(row.key)?.number ?? 0) < row.number) byKey.set(row.key, row);
    }
  }
  const all = [...byKind.values()].flatMap((byKey) => [...byKey.values()]);
  const rows = all.sort((left, right) => left.number - right.number);
  const kinds = new Map<string, KindSeal>();
  for (const [kind, byKey] of byKind) {
    let digest = 0;
    for (const { sum } of byKey.values()) digest = (digest + sum) % DIGEST_MODULUS;
    if (byKey.size > 0) kinds.set(kind, { count: byKey.size, digest, writes: 0 });
  }
  return { rows, seal, kinds, wrong };
}

/**
 * The first view that is as the newest seal says; failing that, the one whose own seal is the newest, and of several the nearest
 * to the newest seal; without any seal, the one with the most rows.
 */
function pick(views: readonly RowsView[], seal: Seal | null): RowsView {
  const empty: RowsView = { rows: [], seal: null, kinds: new Map(), wrong: 0 };
  if (seal === null) return views.reduce((best, view) => (view.rows.length > best.rows.length ? view : best), empty);
  const perfect = views.find((view) => distance(view, seal) === 0 && view.rows.length > 0);
  if (perfect !== undefined) return perfect;
  return views.reduce((best, view) => {
    const [own, other] = [view.seal?.number ?? -1, best.seal?.number ?? -1];
    if (own !== other) return own > other ? view : best;
    if (own < 0) return view.rows.length > best.rows.length ? view : best;
    return distance(view, seal) < distance(best, seal) ? view : best;
  }, empty);
}

function distance(view: RowsView, seal: Seal): number {
  return kindsOf(view, seal).reduce((sum, kind) => {
    const [have, want] = [view.kinds.get(kind), seal.kinds[kind]];
    return sum + (same(have, want) ? 0 : 1 + Math.abs((have?.count ?? 0) - (want?.count ?? 0)));
  }, 0);
}

function kindsOf(view: RowsView, seal: Seal): readonly string[] {
  return [...new Set([...Object.keys(seal.kinds), ...view.kinds.keys()])];
}

function same(have: KindSeal | undefined, want: KindSeal | undefined): boolean {
  return (have?.count ?? 0) === (want?.count ?? 0) && (have?.digest ?? 0) === (want?.digest ?? 0);
}

/** Rows that the file's own seal counts and that are not there any more, or are others. */
function brokenKinds(view: RowsView, newestSeal: Seal | null): readonly string[] {
  const seal = view.seal ?? newestSeal;
  if (seal === null) return ['Neither its seal nor its mark can be read, so nobody can tell what is missing.'];
  if (newestSeal !== null && distance(view, newestSeal) === 0) return [];
  return kindsOf(view, seal).flatMap((kind) => {
    const [have, want] = [view.kinds.get(kind), seal.kinds[kind]];
    if (same(have, want)) return [];
    const [, many] = nounsOf(kind);
    const less = (want?.count ?? 0) - (have?.count ?? 0);
    if (less > 0) return [`${less} of ${want?.count} ${many} can't be read.`];
    if (less < 0) return [`There are ${-less} more ${many} than there should be: some that had ended are back.`];
    return [`Some ${many} are older than they should be.`];
  });
}

/** What came after the newest state that the file has. */
function tailOf(view: RowsView, seal: Seal | null): readonly string[] {
  const own = view.seal;
  if (own === null || seal === null || seal.number <= own.number || distance(view, seal) === 0) return [];
  const changes = Object.entries(seal.kinds).flatMap(([kind, { writes }]) => {
    const count = writes - (own.kinds[kind]?.writes ?? 0);
    return count <= 0 ? [] : [kindText(kind, count)];
  });
  return [`What was written from ${timeText(own.at)} to ${timeText(seal.at)} is missing: ${changes.join(', ')}.`];
}

/** Where nobody can tell exactly. */
function doubts(
  view: RowsView,
  content: FileContent,
  marks: readonly (Mark | null)[],
  boot: string,
): readonly string[] {
  const mark = newest(marks, ({ turn }) => turn);
  const since = view.seal === null ? '' : ` after ${timeText(view.seal.at)}`;
  // One copy alone is right only after the very first writing.
  const torn = marks.some((one, index) => one === null && (content.marks[index] !== '' || (mark?.turn ?? 0) > 1));
  if (mark === null || torn)
    return [`Its mark is ${torn ? 'damaged' : 'missing'}: what was written${since} may be missing.`];
  if (!mark.open || (mark.boot === boot && boot !== '')) return [];
  // Those are on the disk before anybody is told; but only a file that is whole still has them.
  const critical = isWhole(view, content) ? ', though no ban, token or key' : '';
  return [`The computer stopped without warning: what was written${since} may be missing${critical}.`];
}

function isWhole(view: RowsView, { damage }: FileContent): boolean {
  return view.seal !== null && view.wrong === 0 && damage === null && distance(view, view.seal) === 0;
}

/** `3 bans` */
export function kindText(kind: string, count: number): string {
  return `${count} ${nounsOf(kind)[count === 1 ? 0 : 1]}`;
}

function nounsOf(kind: string): readonly [string, string] {
  return NOUNS[kind] ?? [kind, kind];
}

/** To the second, UTC. */
function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

function newest<T>(items: readonly (T | null)[], numberOf: (item: T) => number): T | null {
  return items.reduce((best, item) => {
    if (best === null || item === null) return best ?? item;
    return numberOf(item) > numberOf(best) ? item : best;
  }, null);
}

function readSeal(text: string): Seal | null {
  return read(sealSchema, text);
}

function readMark(text: string): Mark | null {
  const [sum = '', body = ''] = text.trimEnd().split(/ (.*)/s, 2);
  return Number.parseInt(sum, 16) === crc32(body) ? read(markSchema, body) : null;
}

function read<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
