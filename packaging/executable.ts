/** One file of one system: the Node of that system with everything of ours inside, by Node's own `--build-sea`. */
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Bundles } from './bundle.ts';
import { withoutLibatomic } from './elf.ts';
import { run } from './nodes.ts';
import { withoutSignature } from './pe.ts';

export interface Parts {
  /** Where the web app was built to. */
  readonly web: string;
  readonly bundles: Bundles;
  readonly version: string;
  readonly commit: string;
}

/**
 * Puts what goes into every executable in one folder, with names that say nothing of where it was built: the file holds the
 * name of its script.
 */
export async function stage(folder: string, { web, bundles, version, commit }: Parts): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'main.js'), withOwnPlace(await readFile(bundles.main, 'utf8')));
  const files = ['build.json'];
  for (const [name, path] of Object.entries(bundles.threads)) {
    await copyFile(path, join(folder, `${name}.js`));
    files.push(`${name}.js`);
  }
  for (const entry of await readdir(web, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = `web/${relative(web, path).split(sep).join('/')}`;
    await mkdir(join(folder, name, '..'), { recursive: true });
    await copyFile(path, join(folder, name));
    files.push(name);
  }
  files.sort();
  await writeFile(join(folder, 'build.json'), JSON.stringify({ version, commit, files }));
  return files;
}

/** Inside an executable `import.meta.url` is the word by which it was started, as `sallyport`, of which nothing can be made. */
function withOwnPlace(code: string): string {
  const place =
    'import { pathToFileURL as urlOfPlace } from "node:url";const ownPlace=urlOfPlace(process.execPath).href;';
  return `${place}${code.replace(/^#!.*/, '').replaceAll('import.meta.url', 'ownPlace')}`;
}

export interface Making {
  /** A Node of the pinned version for this machine. */
  readonly builder: string;
  /** The Node of the target. */
  readonly node: string;
  readonly system: string;
  readonly staged: string;
  readonly files: readonly string[];
  readonly to: string;
}

export async function makeExecutable({ builder, node, system, staged, files, to }: Making): Promise<void> {
  const bare = join(staged, `node-${system}`);
  const original = await readFile(node);
  const prepared = system.startsWith('linux-')
    ? withoutLibatomic(original)
    : system.startsWith('win-')
      ? withoutSignature(original)
      : original;
  await writeFile(bare, prepared, { mode: 0o755 });
  const config = {
    ...{ main: 'main.js', mainFormat: 'module', executable: `node-${system}`, output: `made-${system}` },
    // A snapshot or a code cache is only right on the system that makes it.
    ...{ disableExperimentalSEAWarning: true, useSnapshot: false, useCodeCache: false, execArgvExtension: 'none' },
    assets: Object.fromEntries(files.map((name) => [name, name])),
  };
  await writeFile(join(staged, `${system}.json`), JSON.stringify(config));
  await run(builder, ['--build-sea', `${system}.json`], { cwd: staged });
  await rename(join(staged, `made-${system}`), to);
}
