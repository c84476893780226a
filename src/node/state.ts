/**
 * What this computer remembers between runs: keys and small JSON documents, in one folder. Every file is written whole beside
 * its place and then moved there, so a crash or a full disk never leaves half a file.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { SallyportError } from './failure.ts';
import { NODE_LIMITS } from './limits.ts';

const KEY_BYTES = 32;

/** `$XDG_STATE_HOME/sallyport`, by default `~/.local/state/sallyport`; on Windows `%LOCALAPPDATA%\sallyport`. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (process.platform === 'win32' && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, 'sallyport');
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'sallyport');
}

/**
 * The 32-byte secret in a key file; made on the first use, by chance or as given. `created` tells the two apart for the person.
 * A file that is there but unreadable or malformed is an error: overwriting it would change who we are.
 */
export function readOrCreateKey(
  path: string,
  secret: Uint8Array = new Uint8Array(randomBytes(KEY_BYTES)),
): { readonly secret: Uint8Array; readonly created: boolean } {
  const present = readKey(path);
  if (present !== null) return { secret: present, created: false };
  try {
    createFile(path, `${Buffer.from(secret).toString('base64url')}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, error);
    // Another process of ours was a moment faster: its key holds.
    const winner = readKey(path);
    if (winner !== null) return { secret: winner, created: false };
    throw unusable(path, error);
  }
  return { secret, created: true };
}

/**
 * Replaces a key that nobody knows yet by a new one, for a host whose join code belongs to somebody else. The old file is renamed to
 * `.taken`, so that no key is ever lost.
 */
export function replaceKey(path: string): Uint8Array {
  renameSync(path, `${path}.taken`);
  return readOrCreateKey(path).secret;
}

export function readKey(path: string): Uint8Array | null {
  const text = readSmallFile(path);
  if (text === null) return null;
  const secret = Buffer.from(text.trim(), 'base64url');
  if (secret.length !== KEY_BYTES) throw unusable(path, new Error('it does not hold a key of 32 bytes'));
  // Others on this computer must not read it, even where it was copied here with a wider mode.
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) narrow(path);
  return new Uint8Array(secret);
}

function narrow(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    // A read-only disk: nobody can mend it there, and the key is as good as before.
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw unusable(path, error);
  }
}

/** A JSON document, or null where there is none or it is not JSON: such documents can be made anew, unlike keys. */
export function readDocument(path: string): unknown {
  try {
    const text = readSmallFile(path);
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * A document whose loss would do harm: null where there is none, an error where there is one that can't be read, so that nothing is
 * written over it. `parse` gives null for what it does not understand.
 */
export function readRecord<Value>(path: string, parse: (document: unknown) => Value | null): Value | null {
  const text = readSmallFile(path);
  if (text === null) return null;
  try {
    const value = parse(JSON.parse(text));
    if (value !== null) return value;
  } catch {
    // It is no JSON.
  }
  throw unusable(path, new Error('it is damaged; put it right, or move it away to begin a new one'));
}

/**
 * The secret of this device, from which its key towards each host comes; one for the command and the app. Where the folder takes no
 * file it holds until the program ends, which `onProblem` is told: that must not keep anybody from joining.
 */
export function deviceSecret(stateDir: string, onProblem: (problem: string) => void): Uint8Array {
  const path = join(stateDir, 'device.key');
  try {
    return readOrCreateKey(path).secret;
  } catch (error) {
    if (existsSync(path)) throw error;
    onProblem(`${(error as Error).message} Until then hosts take you for somebody new each time.`);
    return new Uint8Array(randomBytes(KEY_BYTES));
  }
}

export function writeDocument(path: string, document: unknown): void {
  writePrivateFile(path, `${JSON.stringify(document, null, 2)}\n`);
}

/** A file that only its owner reads (mode 0600), whole from the moment it is there. */
export function writePrivateFile(path: string, content: string): void {
  const temporary = writeTemporary(path, content);
  try {
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}

/** Creates the file with its whole content, or fails with EEXIST: `link` never replaces, and shows no half file. */
function createFile(path: string, content: string): void {
  const temporary = writeTemporary(path, content);
  try {
    linkSync(temporary, path);
  } finally {
    unlinkSync(temporary);
  }
}

/**
 * The folder with all above it, for its owner only. Not `recursive`: where a file system takes no folders (`/proc`), Node's
 * tries for ever.
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path || existsSync(parent)) throw error;
    makeFolder(parent);
    makeFolder(path);
  }
}

function writeTemporary(path: string, content: string): string {
  makeFolder(dirname(path));
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return temporary;
}

function readSmallFile(path: string): string | null {
  try {
    if (statSync(path).size > NODE_LIMITS.stateFileBytesMax) throw new Error('it is too large');
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): SallyportError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SallyportError('STATE_FOLDER', { detail: `The file ${path} can't be used: ${reason}.`, cause });
}
