/**
 * Everything that the command is, as three files of JavaScript: the command, and the code of the two kinds of threads. The lab
 * stays out, because it is a developer's, and so do the packages with native parts: Node 26 has SQLite of its own.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'vite';

/** Packages with native parts, which are asked for at run time; whoever lacks one is told what to do. */
export const LEFT_OUT = ['libsql', 'udx-native', 'koffi'];
/** Code of the master's threads, in `src/master`. */
export const THREADS = ['probe-worker', 'relay-worker'];

const WITHOUT_LAB: Plugin = {
  name: 'sallyport-without-lab',
  enforce: 'pre',
  load: (id) =>
    /\/src\/cli\/lab\.[tj]s$/.test(id) ? 'export const labCommand = () => Promise.reject(new Error("no lab"));' : null,
};

export interface Bundles {
  /** The command as an ES module. */
  readonly main: string;
  /** By name, like `probe-worker`. */
  readonly threads: Readonly<Record<string, string>>;
  /** Which packages are in it, for the list of parts. */
  readonly packages: readonly string[];
}

export async function bundle(root: string, folder: string): Promise<Bundles> {
  const packages = new Set<string>();
  const one = async (entry: string, name: string): Promise<string> => {
    await build({
      ...{ configFile: false, root, logLevel: 'warn' },
      plugins: [WITHOUT_LAB, listPackages(packages)],
      ssr: { noExternal: true, external: LEFT_OUT, target: 'node' },
      build: {
        ...{ ssr: join(root, entry), outDir: folder, emptyOutDir: false, target: 'node26', minify: true },
        rolldownOptions: { external: LEFT_OUT, output: { format: 'es', entryFileNames: name, codeSplitting: false } },
      },
    });
    return join(folder, name);
  };
  await mkdir(folder, { recursive: true });
  // Compared byte by byte by whoever rebuilds it, so nothing of this machine may be in it.
  const main = await one('src/cli/main.ts', 'main.js');
  const threads: Record<string, string> = {};
  for (const name of THREADS) threads[name] = await one(`src/master/${name}.ts`, `${name}.js`);
  for (const file of [main, ...Object.values(threads)]) {
    if ((await readFile(file, 'utf8')).includes(root))
      throw new Error(`${file} names the folder in which it was built.`);
  }
  return { main, threads, packages: [...packages].sort() };
}

/** Those that the web app holds, which `vite build` has put together. */
export async function webPackages(root: string): Promise<ReadonlySet<string>> {
  const packages = new Set<string>();
  const configFile = join(root, 'vite.config.ts');
  await build({ configFile, logLevel: 'warn', build: { write: false }, plugins: [listPackages(packages)] });
  return packages;
}

function listPackages(packages: Set<string>): Plugin {
  return {
    name: 'sallyport-packages',
    generateBundle(_options, files) {
      for (const file of Object.values(files)) {
        if (file.type !== 'chunk') continue;
        for (const id of Object.keys(file.modules)) {
          const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
          if (name !== undefined) packages.add(name);
        }
      }
    },
  };
}
