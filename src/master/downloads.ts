/**
 * Where visitors of a join page get the program: files of the operator's folder, served from here, or an address that the operator names.
 * Nothing else is ever suggested, because whoever follows a link from a chat runs what it leads to.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Hono } from 'hono';
import { addressKeys, isLoopback, Pace } from '../core/index.ts';
import { usage } from '../node/index.ts';
import type { Download } from './api.ts';
import { callerAddress, problem, tooMany } from './http-common.ts';
import { SERVER_LIMITS } from './limits.ts';

export interface Downloads {
  /** Files of the folder, by name. */
  readonly files: readonly Download[];
  /** The address elsewhere; null where there is none. */
  readonly at: string | null;
  readonly folder: string | null;
}

export const NO_DOWNLOADS: Downloads = { files: [], at: null, folder: null };

/** What a name on the disk may be: it becomes a part of an address as it stands. */
const NAME = /^[A-Za-z0-9][\w.+~-]{0,120}$/;
const SYSTEMS = [
  // Before Windows, whose pattern is in "darwin" too.
  ['macos', /mac|darwin|osx|\.dmg$|\.pkg$/i],
  ['windows', /win|\.exe$|\.msi$/i],
  ['linux', /linux|\.deb$|\.rpm$|appimage/i],
] as const;
const MACHINES = [
  ['arm64', /arm64|aarch64/i],
  ['x64', /x64|x86[_-]?64|amd64/i],
] as const;
/** Beside a download, not one: sums, signatures, lists of parts. */
const BESIDE = /\.(sha\d+|sig|asc|minisig|pem|json|txt|md)$|^SHA\d+SUMS/i;

/** Throws USAGE where it is neither a folder that can be read nor an address of the web. */
export function readDownloads(where: string | null): Downloads {
  if (where === null) return NO_DOWNLOADS;
  if (/^https?:/i.test(where)) {
    if (!URL.canParse(where)) throw usage(`--downloads ${where} is no address of the web.`);
    return { files: [], at: new URL(where).href, folder: null };
  }
  try {
    const names = readdirSync(where)
      .filter((name) => NAME.test(name) && statSync(join(where, name)).isFile())
      .sort()
      .slice(0, SERVER_LIMITS.downloadsMax);
    return { files: names.map((name) => downloadOf(where, name)), at: null, folder: where };
  } catch (error) {
    throw usage(`--downloads ${where} can't be read: ${(error as Error).message}.`);
  }
}

function downloadOf(folder: string, name: string): Download {
  const { size } = statSync(join(folder, name));
  const system = BESIDE.test(name) ? null : (SYSTEMS.find(([, pattern]) => pattern.test(name))?.[0] ?? null);
  const machine = MACHINES.find(([, pattern]) => pattern.test(name))?.[0] ?? null;
  return { name, path: `/downloads/${name}`, bytes: size, system, machine };
}

/** Only what stood in the folder at the start: a name that is asked for is looked up, never put together to a path. */
export function addDownloads(app: Hono, downloads: () => Downloads): void {
  const pace = new Pace(SERVER_LIMITS.downloadRates);
  const secret = randomBytes(16);
  app.get('/downloads/:name', (c) => {
    const { files, folder } = downloads();
    const file = files.find(({ name }) => name === c.req.param('name'));
    if (file === undefined || folder === null) return problem(404, 'Not found', 'There is no such download.');
    const headers = {
      'content-type': 'application/octet-stream',
      'content-length': String(file.bytes),
      'content-disposition': `attachment; filename="${file.name}"`,
      'cache-control': 'no-cache',
    };
    if (c.req.method === 'HEAD') return c.body(null, 200, headers);
    const caller = callerAddress(c);
    const waitMs = isLoopback(caller) ? 0 : pace.take(performance.now(), addressKeys(secret, caller));
    if (waitMs > 0) return tooMany(waitMs);
    // Exactly as long as told: a file that grows meanwhile must not break the answer.
    const stream = createReadStream(join(folder, file.name), { end: Math.max(0, file.bytes - 1) });
    return c.body(Readable.toWeb(stream) as ReadableStream, 200, headers);
  });
}
