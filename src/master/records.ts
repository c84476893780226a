/**
 * The record layer: what the masterserver must remember, as rows with a checksum and a running number of ours, held in memory
 * and written down in a `RecordFile`. It knows no SQLite and no disk; the simulator gives it a disk that tears, loses, flips,
 * fills and stalls (test/sim/master-disk.test.ts).
 *
 * Three things make a loss show. Each row carries the sum of its content, so a flipped bit is seen. A *seal*, written in the same
 * commit as the rows, says how many rows of each kind there are and what their sums add up to, so a row that vanished is seen.
 * The *mark*, a copy of the newest seal outside the database, says how far the writing had come, so a lost tail is seen.
 */
import { SERVER_LIMITS } from './limits.ts';
import {
  DIGEST_MODULUS,
  markText,
  type RecordFile,
  type RecordRow,
  type Seal,
  STORE_VERSION,
  sealRow,
  sumOf,
} from './record-rows.ts';
import { judge, type StoreVerdict } from './records-judge.ts';
import { type FoundRows, type Row, Rows } from './rows.ts';

/**
 * `at-once`: checkpointed before the call returns. `soon`: within `storeSoonMs`. `later`: safe from the death of the process at
 * once, and checkpointed within `storeLaterMs`.
 */
export type Urgency = 'at-once' | 'soon' | 'later';

type About = Partial<Pick<Row, 'at' | 'tag'>>;

export interface Records {
  /** What was found when the store was opened. */
  readonly verdict: StoreVerdict;
  get(kind: string, key: string): string | null;
  /** Keys and bodies of a kind, in the order in which they were written. */
  all(kind: string): readonly { readonly key: string; readonly body: string }[];
  size(kind: string): number;
  /**
   * The bodies of this kind are kept by somebody else, too, who answers them by key: a row that is written down is not kept here as
   * well. Should the file have to be written anew, what is answered then is written; null where there is nothing any more.
   */
  lend(kind: string, bodyOf: (key: string) => string | null): void;
  /** The number that the next change gets: no other row ever has it. */
  readonly next: number;
  /** `about`: what `find` looks at, its time (else now) and 32 bits. */
  put(now: number, kind: string, key: string, body: string, urgency: Urgency, about?: About): void;
  /** Another tag for a row; it is not written down. */
  tag(kind: string, key: string, tag: number): void;
  /** Rows whose time and tag are wanted; no body is read. */
  find(kind: string, isWanted: (at: number, tag: number) => boolean): readonly FoundRows[];
  /** A key in 32 bits, for this run alone, and the keys of these bits: that one, and rarely another. */
  hashOf(kind: string, key: string): number;
  keysWith(kind: string, hash: number): readonly string[];
  remove(now: number, kind: string, key: string, urgency: Urgency): void;
  /** Several changes as one: all or none is written. One within another is part of it. */
  batch(work: () => void): void;
  /** Why something is not written down now, or what was lost before this run, or null. */
  problem(): string | null;
  /** The same, as long as a fact is only in memory, or written but not where it is safe from the death of the computer. */
  unwritten(): string | null;
  /** Once a second: writes what could not be written, checkpoints what is due. */
  tick(now: number): void;
  close(now: number): void;
}

export interface RecordsOptions {
  readonly file: RecordFile;
  /** Milliseconds, to see how long a checkpoint takes. */
  readonly clock: () => number;
  readonly onProblem: (problem: string) => void;
  /** There was a store before. */
  readonly expected?: boolean;
}

/** A change that is not in the file yet. */
interface PendingRow {
  readonly kind: string;
  readonly key: string;
  /** The number under which the file has an older row, or 0. */
  readonly written: number;
  /** What is to be written of a row whose body is lent. */
  readonly body: string | null;
}

/** Reads what there is and says what is missing; the first change or `tick` makes the file ready for writing. */
export function openRecords(options: RecordsOptions): Records {
  return new RecordBook(options);
}

/** Bodies as JSON: their sums were right when they were read, so they are what was written. */
export function rowsOf<Body>(records: Records, kind: string, isWanted: (key: string) => boolean = () => true) {
  const rows = records.all(kind).filter(({ key }) => isWanted(key));
  return rows.map(({ key, body }) => ({ key, body: JSON.parse(body) as Body }));
}

export function bodyOf<Body>(records: Records, kind: string, key: string): Body | null {
  const body = records.get(kind, key);
  return body === null ? null : (JSON.parse(body) as Body);
}

/** What the file holds, checked; throws where the disk can't be read. Nothing is changed. */
export function inspect(file: RecordFile, expected = false): StoreVerdict {
  return judge(file.read(), file.boot, expected);
}

function idOf(kind: string, key: string): string {
  return `${kind}\n${key}`;
}

class RecordBook implements Records {
  readonly verdict: StoreVerdict;
  readonly #options: RecordsOptions;
  readonly #kinds = new Map<string, Rows>();
  /** Kinds whose bodies are somebody else's, by kind. */
  readonly #lent = new Map<string, (key: string) => string | null>();
  readonly #seals = new Map<string, { count: number; digest: number; writes: number }>();
  readonly #pending = new Map<string, PendingRow>();
  #number = 0;
  #turn = 0;
  #at = 0;
  #problem: string | null = null;
  #ready = false;
  #mustReplace = false;
  #batching = false;
  /** Something that was told must not wait for the next checkpoint. */
  #critical = false;
  #retryAt = 0;
  #checkpointAt = Number.POSITIVE_INFINITY;
  #checkpointFree = 0;
  #closed = false;

  constructor(options: RecordsOptions) {
    this.#options = options;
    this.verdict = this.#load();
    this.#mustReplace = this.verdict.replace;
    // Before anything is written: a start that is killed after the writing would leave nothing to say.
    if (this.verdict.lost !== null) options.onProblem(`The store ${options.file.name}: ${this.verdict.lost}`);
  }

  #load(): StoreVerdict {
    const { file } = this.#options;
    try {
      const verdict = inspect(file, this.#options.expected);
      this.#number = verdict.number;
      this.#turn = verdict.turn;
      for (const [kind, seal] of Object.entries(verdict.seal?.kinds ?? {}))
        this.#seals.set(kind, { count: 0, digest: 0, writes: seal.writes });
      for (const { kind, key, body, number, at, sum } of verdict.rows) {
        this.#table(kind).put(key, { number, at, body, sum, tag: 0 });
        this.#count(kind, 1, sum);
        this.#at = Math.max(this.#at, at);
      }
      return verdict;
    } catch (error) {
      const lost = `${file.explain(error)} What it holds is unknown to this run.`;
      return {
        rows: [],
        seal: null,
        number: 0,
        turn: 0,
        whole: false,
        lost,
        replace: false,
        foreign: true,
      };
    }
  }

  get(kind: string, key: string): string | null {
    const row = this.#kinds.get(kind)?.get(key) ?? null;
    return row === null ? null : this.#bodyOf(kind, key, row);
  }

  all(kind: string) {
    const rows = this.#kinds.get(kind)?.all() ?? [];
    const whole = rows.map((row) => ({ key: row.key, body: this.#bodyOf(kind, row.key, row) }));
    return whole.filter((row): row is { readonly key: string; readonly body: string } => row.body !== null);
  }

  #bodyOf(kind: string, key: string, { body }: Row): string | null {
    return body ?? this.#lent.get(kind)?.(key) ?? null;
  }

  lend(kind: string, bodyOf: (key: string) => string | null): void {
    this.#lent.set(kind, bodyOf);
    this.#table(kind).letGo((key) => this.#pending.has(idOf(kind, key)));
  }

  size(kind: string): number {
    return this.#kinds.get(kind)?.size ?? 0;
  }

  get next(): number {
    return this.#number + 1;
  }

  put(now: number, kind: string, key: string, body: string, urgency: Urgency, about: About = {}): void {
    const table = this.#table(kind);
    const old = table.get(key);
    const row = { number: this.#next(now), at: about.at ?? now, kind, key, body };
    const sum = sumOf(row);
    if (old !== null) this.#count(kind, -1, -old.sum);
    this.#count(kind, 1, sum);
    const isLent = this.#lent.has(kind);
    this.#change(kind, key, old, isLent ? body : null);
    table.put(key, { number: row.number, at: row.at, body: isLent ? null : body, sum, tag: about.tag ?? 0 });
    this.#due(now, urgency);
  }

  tag(kind: string, key: string, tag: number): void {
    this.#table(kind).tag(key, tag);
  }

  find(kind: string, isWanted: (at: number, tag: number) => boolean): readonly FoundRows[] {
    return this.#kinds.get(kind)?.find(isWanted) ?? [];
  }

  hashOf(kind: string, key: string): number {
    return this.#table(kind).hashOf(key);
  }

  keysWith(kind: string, hash: number): readonly string[] {
    return this.#kinds.get(kind)?.keysWith(hash) ?? [];
  }

  remove(now: number, kind: string, key: string, urgency: Urgency): void {
    const old = this.#kinds.get(kind)?.get(key) ?? null;
    if (old === null) return;
    this.#next(now);
    this.#count(kind, -1, -old.sum);
    this.#change(kind, key, old, null);
    this.#table(kind).delete(key);
    this.#due(now, urgency);
  }

  batch(work: () => void): void {
    if (this.#batching) {
      work();
      return;
    }
    this.#batching = true;
    try {
      work();
    } finally {
      this.#batching = false;
    }
    this.#write(this.#at, false);
  }

  readonly problem = (): string | null => this.#problem ?? this.verdict.lost;

  readonly unwritten = (): string | null => (this.#pending.size > 0 ? this.problem() : this.#problem);

  tick(now: number): void {
    if (this.#pending.size > 0 || (!this.#ready && !this.verdict.foreign)) this.#write(now, false);
    if (now >= this.#checkpointAt && now >= this.#checkpointFree) this.#checkpoint(now);
  }

  close(now: number): void {
    if (this.#closed) return;
    this.#write(now, true);
    if (this.#ready) {
      this.#checkpoint(now);
      try {
        if (this.#problem === null) this.#mark(false, true);
      } catch (error) {
        this.#fail(now, error);
      }
    }
    this.#closed = true;
    this.#options.file.close();
  }

  #table(kind: string): Rows {
    let table = this.#kinds.get(kind);
    if (table === undefined) {
      table = new Rows();
      this.#kinds.set(kind, table);
    }
    return table;
  }

  #next(now: number): number {
    this.#at = now;
    this.#number += 1;
    return this.#number;
  }

  #count(kind: string, rows: number, sum: number): void {
    const seal = this.#seals.get(kind) ?? { count: 0, digest: 0, writes: 0 };
    seal.count += rows;
    seal.digest = (seal.digest + sum + DIGEST_MODULUS) % DIGEST_MODULUS;
    this.#seals.set(kind, seal);
  }

  #change(kind: string, key: string, old: Row | null, body: string | null): void {
    const id = idOf(kind, key);
    // What is not pending is in the file as it is here.
    const written = this.#pending.get(id)?.written ?? old?.number ?? 0;
    this.#pending.set(id, { kind, key, written, body });
    const seal = this.#seals.get(kind);
    if (seal !== undefined) seal.writes += 1;
  }

  #due(now: number, urgency: Urgency): void {
    const { storeSoonMs, storeLaterMs } = SERVER_LIMITS;
    const withinMs = { 'at-once': 0, soon: storeSoonMs, later: storeLaterMs }[urgency];
    this.#checkpointAt = Math.min(this.#checkpointAt, now + withinMs);
    if (urgency === 'at-once') this.#critical = true;
    if (this.#batching) return;
    this.#write(now, urgency === 'at-once');
    // The first name after a calm second is on the disk at once; a crowd of them shares one checkpoint.
    if (urgency === 'soon' && now >= this.#checkpointFree) this.#checkpoint(now);
  }

  #seal(): Seal {
    return { v: STORE_VERSION, number: this.#number, at: this.#at, kinds: Object.fromEntries(this.#seals) };
  }

  #mark(open: boolean, durable: boolean): void {
    const { file } = this.#options;
    this.#turn += 1;
    file.writeMark(this.#turn % 2, markText({ turn: this.#turn, seal: this.#seal(), boot: file.boot, open }), durable);
  }

  /** Writes all that is pending. After a failure only what is urgent tries again before `storeRetryMs` is over. */
  #write(now: number, urgent: boolean): void {
    if (this.#closed || this.verdict.foreign || (this.#problem !== null && !urgent && now < this.#retryAt)) return;
    if (this.#ready && this.#pending.size === 0 && this.#problem === null) return;
    const { file } = this.#options;
    try {
      if (!this.#ready) this.#prepare();
      const rows: RecordRow[] = [];
      const gone: number[] = [];
      for (const { kind, key, written, body } of this.#pending.values()) {
        const row = this.#kinds.get(kind)?.get(key) ?? null;
        if (written > 0) gone.push(written);
        if (row !== null) rows.push({ ...row, body: row.body ?? body ?? '', kind, key });
      }
      file.commit([...rows, sealRow(this.#seal())], gone);
      this.#pending.clear();
      this.#mark(true, false);
      this.#problem = null;
      // Also where it is written long after it was told, because the disk had been full.
      if (this.#critical) this.#checkpoint(now);
    } catch (error) {
      this.#fail(now, error);
    }
  }

  #prepare(): void {
    const { file } = this.#options;
    if (!this.#mustReplace) this.#mustReplace = file.open() !== null;
    if (this.#mustReplace) {
      const aside = file.replace([...this.#rows(), sealRow(this.#seal())], 'damaged');
      this.#pending.clear();
      this.#mustReplace = false;
      if (aside !== null)
        this.#options.onProblem(`What could be read was written anew; the damaged store is kept as ${aside}.`);
      const damage = file.open();
      if (damage !== null) throw new Error(`the file just written is damaged (${damage})`);
    }
    // On the disk before anything else: without it, a computer that dies would leave no trace of having been at work.
    this.#mark(true, true);
    this.#ready = true;
  }

  /** Everything for a new file. What somebody else has may be newer than what the old file had, or gone. */
  #rows(): readonly RecordRow[] {
    const rows: RecordRow[] = [];
    for (const [kind, table] of this.#kinds) {
      for (const { key, ...old } of table.all()) {
        const body = this.#bodyOf(kind, key, old);
        const row = { ...old, kind, key, body: body ?? '' };
        const sum = body === null ? 0 : old.body === null ? sumOf(row) : old.sum;
        this.#count(kind, body === null ? -1 : 0, sum - old.sum);
        if (body === null) table.delete(key);
        else rows.push({ ...row, sum });
        if (body !== null && sum !== old.sum) table.put(key, { ...old, sum });
      }
    }
    return rows;
  }

  /** A slow disk gets one twentieth of the time at most: introductions wait while it is waited for. */
  #checkpoint(now: number): void {
    if (!this.#ready || this.#closed || this.#pending.size > 0) return;
    const { clock, file } = this.#options;
    const began = clock();
    try {
      file.checkpoint();
      this.#checkpointAt = Number.POSITIVE_INFINITY;
      this.#critical = false;
      this.#problem = null;
    } catch (error) {
      this.#fail(now, error);
    }
    const tookMs = clock() - began;
    this.#checkpointFree = now + tookMs + Math.max(SERVER_LIMITS.storeSoonMs, tookMs * SERVER_LIMITS.storeSlowFactor);
  }

  #fail(now: number, error: unknown): void {
    const { file, onProblem } = this.#options;
    const problem = file.explain(error);
    if (this.#problem !== problem) onProblem(problem);
    this.#problem = problem;
    this.#retryAt = now + SERVER_LIMITS.storeRetryMs;
    if (this.#ready && file.isDamage(error)) {
      // Memory has everything: the next try sets the broken file aside and writes another.
      this.#ready = false;
      this.#mustReplace = true;
      file.close();
    }
    try {
      // It needs no new room. Should nothing of this come to the disk in time, the next start can tell that it is missing.
      if (this.#number > 0) this.#mark(true, false);
    } catch {
      // The disk takes nothing at all; that has been said.
    }
  }
}
