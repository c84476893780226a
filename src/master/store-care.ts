/** What an operator does with a store between runs: look at it, mend it, keep a copy, put the copy back, renew the admin's token. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromHex, toHex } from '../core/index.ts';
import { type Lock, lockHolder, readOrCreateKey, SallyportError, takeLock, usage } from '../node/index.ts';
import { ADMIN_TOKEN } from './office.ts';
import { openRecordFile, writeDatabase } from './record-file.ts';
import { markText, type RecordRow, STORE_VERSION, sealRow, sumOf } from './record-rows.ts';
import { inspect } from './records.ts';
import { kindText, type StoreVerdict } from './records-judge.ts';
import { openStore } from './store.ts';

export interface StoreReport {
  readonly file: string;
  /** Rows of each kind, for programs and for people. */
  readonly counts: Readonly<Record<string, number>>;
  readonly text: string;
  /** When the newest row was written, ms; null where there is none. */
  readonly newestAt: number | null;
  /** What is or may be missing or broken, or null. */
  readonly lost: string | null;
}

/** A master at work changes the file while it is read; that a reading is whole is proven by its seal. */
const READINGS_MAX = 40;
const READING_EVERY_MS = 50;

/** The key of the masterserver travels in its backup: without it every link that was given out is void. */
const KEY_KIND = 'master-key';

/** Changes nothing, and may be asked while the master runs. */
export async function checkStore(stateDir: string): Promise<StoreReport> {
  const file = storeIn(stateDir);
  const running = isRunning(stateDir);
  const verdict = await readUntil(file, (one) => one.lost === null, running);
  const lost = verdict.lost ?? (running ? null : structureOf(file));
  return { ...reportOf(file, verdict), lost };
}

/** Writes a broken store anew from what can be read; the old one is kept beside it. What was said of it. */
export async function repairStore(stateDir: string): Promise<readonly string[]> {
  const file = storeIn(stateDir);
  return alone(stateDir, () => {
    const said: string[] = [];
    const store = openStore({ file, onProblem: (problem) => said.push(problem) });
    store.close();
    const unwritten = store.unwritten();
    if (unwritten !== null) throw new SallyportError('STATE_FOLDER', { detail: unwritten });
    return said;
  });
}

/** One file with everything, the master's key too, for its owner only. The master may run meanwhile. */
export async function backupStore(stateDir: string, target: string): Promise<StoreReport> {
  const file = storeIn(stateDir);
  if (existsSync(target)) throw usage(`${target} is there already: give another name, nothing is written over.`);
  const verdict = await readUntil(file, (one) => one.whole, isRunning(stateDir));
  if (!verdict.whole) throw new SallyportError('STORE_DAMAGED', { detail: verdict.lost ?? file });
  const { secret } = readOrCreateKey(join(stateDir, 'master.key'));
  const number = verdict.number + 1;
  const key = { number, at: Date.now(), kind: KEY_KIND, key: '', body: toHex(secret) };
  try {
    writeDatabase(target, sealed([...verdict.rows, { ...key, sum: sumOf(key) }], number));
  } catch (error) {
    throw new SallyportError('STATE_FOLDER', { detail: `${target} can't be written: ${(error as Error).message}.` });
  }
  const copy = inspect(openRecordFile({ file: target }));
  if (!copy.whole) throw new SallyportError('STORE_DAMAGED', { detail: `The copy ${target}: ${copy.lost}` });
  // A copy has no mark: it is as old as it is.
  return { ...reportOf(target, copy), lost: null };
}

/** Puts a backup in the place of store and key; what stood there is kept beside it, under the names returned. */
export async function restoreStore(stateDir: string, source: string): Promise<readonly string[]> {
  if (!existsSync(source)) throw usage(`There is no file ${source}.`);
  const verdict = inspect(openRecordFile({ file: source }));
  const secret = fromHex(verdict.rows.find(({ kind }) => kind === KEY_KIND)?.body ?? '');
  if (!verdict.whole || secret?.length !== 32) {
    const detail = `${source} is no whole backup of "sallyport master backup" (${verdict.lost}). Nothing was changed.`;
    throw new SallyportError('STORE_DAMAGED', { detail });
  }
  return alone(stateDir, () => {
    const kept: string[] = [];
    const keyFile = join(stateDir, 'master.key');
    if (existsSync(keyFile) && readFileSync(keyFile, 'utf8').trim() !== base64url(secret)) {
      const aside = `${keyFile}.replaced-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}`;
      renameSync(keyFile, aside);
      kept.push(aside);
    }
    if (!existsSync(keyFile)) readOrCreateKey(keyFile, secret);
    const rows = verdict.rows.filter(({ kind }) => kind !== KEY_KIND);
    const file = openRecordFile({ file: join(stateDir, 'master.db') });
    const all = sealed(rows, verdict.number);
    const aside = file.replace(all, 'replaced');
    if (aside !== null) kept.push(aside);
    const seal = JSON.parse(all.at(-1)?.body ?? '');
    for (const turn of [0, 1]) file.writeMark(turn, markText({ turn, seal, boot: file.boot, open: false }), true);
    file.close();
    return kept;
  });
}

/** The next start of the master makes a new token and leaves it in `admin.once`. */
export async function renewToken(stateDir: string): Promise<void> {
  const file = storeIn(stateDir);
  await alone(stateDir, () => {
    const store = openStore({ file, onProblem() {} });
    store.setSetting(ADMIN_TOKEN, '');
    const unwritten = store.unwritten();
    store.close();
    if (unwritten !== null) throw new SallyportError('STATE_FOLDER', { detail: unwritten });
  });
}

function storeIn(stateDir: string): string {
  const file = join(stateDir, 'master.db');
  if (inspectable(file)) return file;
  throw new SallyportError('STATE_FOLDER', { detail: `There is no store of a masterserver in ${stateDir}.` });
}

function inspectable(file: string): boolean {
  return ['', '-wal', '-mark', '.rebuilt'].some((suffix) => existsSync(`${file}${suffix}`));
}

async function readUntil(
  file: string,
  isGood: (verdict: StoreVerdict) => boolean,
  running: boolean,
): Promise<StoreVerdict> {
  for (let reading = 1; ; reading += 1) {
    const verdict = inspect(openRecordFile({ file }));
    if (isGood(verdict) || !running || reading >= READINGS_MAX) return verdict;
    await new Promise((resolve) => setTimeout(resolve, READING_EVERY_MS));
  }
}

/** What SQLite itself says, of a copy: opening the store would change it. */
function structureOf(file: string): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-check-'));
  try {
    const copy = join(folder, 'copy.db');
    for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    const opened = openRecordFile({ file: copy });
    const damage = opened.open();
    opened.close();
    return damage === null ? null : `The file is damaged (${damage}), though every row can be read.`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function reportOf(file: string, { rows, lost }: StoreVerdict): StoreReport {
  const counts: Record<string, number> = {};
  for (const { kind } of rows) counts[kind] = (counts[kind] ?? 0) + 1;
  const newestAt = rows.reduce<number | null>((newest, { at }) => Math.max(newest ?? at, at), null);
  const text = Object.entries(counts)
    .map(([kind, count]) => kindText(kind, count))
    .join(', ');
  return { file, counts, text, newestAt, lost };
}

/** The rows with a seal that counts exactly them. */
function sealed(rows: readonly RecordRow[], number: number): readonly RecordRow[] {
  const kinds: Record<string, { count: number; digest: number; writes: number }> = {};
  for (const { kind, sum } of rows) {
    const { count, digest } = kinds[kind] ?? { count: 0, digest: 0 };
    kinds[kind] = { count: count + 1, digest: digest + sum, writes: count + 1 };
  }
  const at = rows.reduce((newest, row) => Math.max(newest, row.at), 0);
  return [...rows, sealRow({ v: STORE_VERSION, number, at, kinds })];
}

/** Does the work while no master uses the folder. */
async function alone<T>(stateDir: string, work: () => T): Promise<T> {
  let lock: Lock | number;
  try {
    lock = takeLock(join(stateDir, 'master.lock'));
  } catch (error) {
    throw new SallyportError('STATE_FOLDER', { detail: `${stateDir}: ${(error as Error).message}.`, cause: error });
  }
  if (typeof lock === 'number')
    throw new SallyportError('ALREADY_RUNNING', { detail: `Process ${lock} is a master with the folder ${stateDir}.` });
  try {
    return work();
  } finally {
    lock.release();
  }
}

function isRunning(stateDir: string): boolean {
  return lockHolder(join(stateDir, 'master.lock')) !== null;
}

function base64url(secret: Uint8Array): string {
  return Buffer.from(secret).toString('base64url');
}
