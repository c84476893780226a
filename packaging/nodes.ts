/** The Nodes that the executables are made of: fetched by npm once, kept outside the checkout, and compared with their known hashes. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);

export interface NodeTarget {
  readonly package: string;
  /** Inside the package. */
  readonly file: string;
  /** Of Node and its parts; not every package has it. */
  readonly licence?: string;
  /** Of the package, as the registry and npm's lock files write it. */
  readonly integrity: string;
}

export interface Nodes {
  readonly version: string;
  readonly targets: Readonly<Record<string, NodeTarget>>;
}

function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.SALLYPORT_DIST_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sallyport-dist');
}

/** Unpacks one of them into the cache and returns its file. Rejects where the package is not the one that is known. */
export async function fetchNode(target: NodeTarget, version: string, cache = cacheFolder()): Promise<string> {
  await mkdir(cache, { recursive: true });
  const name = `${target.package}-${version}`;
  const packed = join(cache, `${name}.tgz`);
  if (!(await exists(packed))) await pack(`${target.package}@${version}`, packed, cache);
  const integrity = `sha512-${createHash('sha512')
    .update(await readFile(packed))
    .digest('base64')}`;
  if (integrity !== target.integrity) {
    await rm(packed);
    throw new Error(`${name} is another package than the known one: ${integrity} instead of ${target.integrity}.`);
  }
  // Unpacked anew each time, so that what is built in is what has just been compared.
  const folder = join(cache, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const wanted = [target.file, ...(target.licence === undefined ? [] : [target.licence])];
  const names = wanted.map((name) => `package/${name}`);
  await run('tar', ['-xzf', packed, '-C', folder, '--strip-components=1', ...names]);
  const file = join(folder, target.file);
  await chmod(file, 0o755);
  return file;
}

async function pack(what: string, to: string, cache: string): Promise<void> {
  const folder = await mkdtemp(join(cache, 'fetching-'));
  try {
    const { stdout } = await run('npm', ['pack', what, '--json', '--pack-destination', folder], { cwd: folder });
    const [packed] = Object.values(JSON.parse(stdout) as Record<string, { readonly filename: string }>);
    if (packed === undefined) throw new Error(`npm has packed nothing of ${what}.`);
    await rename(join(folder, packed.filename), to);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
