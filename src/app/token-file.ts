/**
 * How others on this computer find a program of ours that runs, and may command it: one file for each process in the folder `control` of
 * the state directory, readable by its owner alone, with where it listens and the token. Files of programs that have died are removed
 * by whoever comes across them.
 */
import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { readDocument, writePrivateFile } from '../node/state.ts';
import { APP_LIMITS } from './limits.ts';
import { tokenFileSchema } from './schema.ts';

export type TokenFile = z.infer<typeof tokenFileSchema>;

export interface LiveProgram extends TokenFile {
  /** The program has gone without a word: its file is of no use to anybody. */
  forget(): void;
}

const FOLDER = 'control';

/** Throws where the folder can't be written; gives how to remove the file. */
export function writeTokenFile(stateDir: string, file: TokenFile): () => void {
  return writeTokenFileAt(join(stateDir, FOLDER, `${file.pid}.json`), file);
}

/** The same where whoever started the program wishes it. */
export function writeTokenFileAt(path: string, file: TokenFile): () => void {
  writePrivateFile(path, `${JSON.stringify(tokenFileSchema.parse(file))}\n`);
  return () => remove(path);
}

/** All programs of this state directory that may be running, the oldest first. */
export function running(stateDir: string): readonly LiveProgram[] {
  const folder = join(stateDir, FOLDER);
  return namesIn(folder)
    .flatMap((name) => {
      const path = join(folder, name);
      const parsed = tokenFileSchema.safeParse(readDocument(path));
      if (!parsed.success) return [];
      if (isAlive(parsed.data.pid)) return [{ ...parsed.data, forget: () => remove(path) }];
      remove(path);
      return [];
    })
    .sort((left, right) => left.startedAt - right.startedAt);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d{1,10}\.json$/.test(name))
      .slice(0, APP_LIMITS.programsMax);
  } catch {
    return [];
  }
}

/** Signal 0 only asks; a process of somebody else is one, too. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody has tidied up before us.
  }
}
