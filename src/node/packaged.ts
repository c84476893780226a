/**
 * What comes with the program: which build it is, the web app, and the code of its threads. In the single-file executable all of that is
 * built in (decisions/0053); otherwise it lies in files, where `npm run build` has put it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { getAsset, isSea } from 'node:sea';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Build {
  readonly version: string;
  /** Short hash of the commit, where `npm run dist` has made the program; null for a checkout and a package of npm. */
  readonly commit: string | null;
  /** Only a checkout and a package of npm have the lab. */
  readonly lab: boolean;
  /** The program is this one file, so it is started by its own path without a script. */
  readonly executable: boolean;
}

interface Manifest extends Partial<Build> {
  readonly name?: string;
  /** Names of everything that is built in. */
  readonly files?: readonly string[];
}

const executable = isSea();
const manifest = readManifest();

export const BUILD: Build = {
  ...{ version: manifest.version ?? '0.0.0', commit: manifest.commit ?? null, executable },
  lab: (manifest.commit ?? null) === null,
};

/** What starts this program once more: node and the script, or the executable alone. */
export function ownCommand(): readonly string[] {
  return executable
    ? [process.execPath]
    : [process.execPath, fileURLToPath(new URL('../cli/main.js', import.meta.url))];
}

/** How a person reads it: `0.1.0 (abc1234)`. */
export function buildText({ version, commit }: Build = BUILD): string {
  return commit === null ? version : `${version} (${commit})`;
}

export type WebApp = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** The web app: its files by their path in it, like `/index.html`, or null where it was not built. */
export function readWebApp(): WebApp | null {
  if (executable) {
    const names = (manifest.files ?? []).filter((name) => name.startsWith('web/'));
    return new Map(names.map((name) => [name.slice('web'.length), new Uint8Array(getAsset(name))]));
  }
  const folder = firstOf(['../../web/', '../../dist/web/'], 'index.html');
  if (folder === null) return null;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [`/${relative(folder, path).split(sep).join('/')}`, new Uint8Array(readFileSync(path))];
    }),
  );
}

/** For `new Worker(code, { eval })`: threads run compiled code only, which seen from the source (tests) lies in `dist`. */
export function threadCode(name: 'probe-worker' | 'relay-worker'): {
  readonly code: string | URL;
  readonly eval: boolean;
} {
  if (executable) return { code: getAsset(`${name}.js`, 'utf8'), eval: true };
  const folder = firstOf(['../master/', '../../dist/src/master/'], `${name}.js`);
  return { code: pathToFileURL(join(folder ?? '', `${name}.js`)), eval: false };
}

function readManifest(): Manifest {
  if (executable) return JSON.parse(getAsset('build.json', 'utf8')) as Manifest;
  // From the compiled file and from the source the same walk upwards finds it.
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const found = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as Manifest;
      if (found.name === 'sallyport' && found.version !== undefined) return found;
    } catch {
      // Not there: the next place.
    }
  }
  return {};
}

function firstOf(places: readonly string[], file: string): string | null {
  const folders = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  return folders.find((folder) => existsSync(join(folder, file))) ?? null;
}
