/**
 * `npm run dist`: executables and packages for people without Node, into dist/executables. Reads the checkout and the cache of
 * Nodes, and asks npm only for Nodes that are not there yet.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Common, companions, dateOf, deb, type Tree, tarXz, writeTree, zip } from './archives.ts';
import { type Bundles, bundle, webPackages } from './bundle.ts';
import { makeExecutable, stage } from './executable.ts';
import { fetchNode, type Nodes, run } from './nodes.ts';
import { partsList } from './parts.ts';
import { dockerfile, homebrew, winget } from './templates.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const USAGE = `npm run dist -- [--only SYSTEM[,SYSTEM]] [--to DIR] [--fast]
  --only   linux-x64, linux-arm64, win-x64, darwin-x64, darwin-arm64 (default: all of them)
  --to     the folder to write into (default dist/executables); it is emptied first
  --fast   next to no compression, for tests`;

interface Job extends Common {
  readonly out: string;
  readonly work: string;
  readonly licence: string;
  readonly bundles: Bundles;
  readonly staged: string;
  readonly files: readonly string[];
  readonly builder: string;
  readonly nodes: Nodes;
}

async function main(): Promise<void> {
  const options = { only: { type: 'string' }, to: { type: 'string' }, fast: { type: 'boolean' } } as const;
  const { values } = parseArgs({ options });
  const nodes = JSON.parse(await readFile(join(ROOT, 'packaging/nodes.json'), 'utf8')) as Nodes;
  const systems = values.only?.split(',') ?? Object.keys(nodes.targets);
  if (systems.some((system) => !Object.hasOwn(nodes.targets, system))) throw new Error(USAGE);
  const out = values.to ?? join(ROOT, 'dist/executables');
  const job = await prepare(out, nodes, values.fast === true);
  for (const system of systems) {
    await buildFor(system, job);
    say(`${system} is built`);
  }
  await writeFile(join(out, `sallyport-${job.version}.cdx.json`), await listParts(job));
  const built = await sumsOf(out);
  if (systems.length === Object.keys(nodes.targets).length) await writeTemplates(job, built);
  else await writeFile(join(out, 'Dockerfile'), dockerfile({ version: job.version, date: '', sums: new Map() }));
  await rm(job.work, { recursive: true });
  const sums = await sumsOf(out, built);
  await writeFile(join(out, 'SHA256SUMS'), [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join(''));
  for (const name of sums.keys()) {
    const { size } = await stat(join(out, name));
    say(`${(size / 1e6).toFixed(1).padStart(7)} MB  ${name}`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function prepare(out: string, nodes: Nodes, fast: boolean): Promise<Job> {
  const work = join(out, 'work');
  await rm(out, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const { commit, epoch } = await commitOf();
  const own = nodes.targets[`linux-${arch()}`];
  if (own === undefined || process.platform !== 'linux')
    throw new Error('The executables are built on Linux, x64 or arm64.');
  const builder = await fetchNode(own, nodes.version);
  const bundles = await bundle(ROOT, join(work, 'bundles'));
  const staged = join(work, 'staged');
  const files = await stage(staged, { web: join(ROOT, 'dist/web'), bundles, version, commit });
  const licence = await readFile(join(ROOT, 'LICENSE'), 'utf8');
  const nodeLicence = await readFile(join(builder, '../../LICENSE'), 'utf8');
  return { version, epoch, root: ROOT, nodeLicence, fast, out, work, licence, bundles, staged, files, builder, nodes };
}

/** What is not committed is named with a plus; its time is that of the commit before it. */
async function commitOf(): Promise<{ readonly commit: string; readonly epoch: number }> {
  const git = async (...argv: string[]): Promise<string> => (await run('git', argv, { cwd: ROOT })).stdout.trim();
  const changed = (await git('status', '--porcelain', '--', 'src', 'packaging', 'package-lock.json')) === '' ? '' : '+';
  return {
    commit: `${await git('rev-parse', '--short=10', 'HEAD')}${changed}`,
    epoch: Number(await git('log', '-1', '--format=%ct')),
  };
}

async function buildFor(system: string, job: Job): Promise<void> {
  const target = job.nodes.targets[system]!;
  const node = await fetchNode(target, job.nodes.version);
  const name = `sallyport-${job.version}-${system}`;
  const making = { builder: job.builder, node, system, staged: job.staged, files: job.files };
  if (system.startsWith('darwin-')) {
    await mkdir(join(job.out, 'unsigned'), { recursive: true });
    await makeExecutable({ ...making, to: join(job.out, 'unsigned', name) });
    await tarred(name, { ...(await launcherTree(node, job)), ...companions(job, job.licence) }, job);
    return;
  }
  const program = join(job.out, system === 'win-x64' ? `${name}.exe` : name);
  await makeExecutable({ ...making, to: program });
  if (system === 'win-x64') {
    const folder = join(job.work, name);
    await writeTree(folder, {
      'sallyport.exe': { program },
      'LICENSE.txt': job.licence,
      'LICENSE.node.txt': job.nodeLicence,
    });
    await zip(folder, join(job.out, `${name}.zip`), job);
    return;
  }
  await tarred(name, { sallyport: { program }, ...companions(job, job.licence) }, job);
  const machine = system === 'linux-x64' ? 'amd64' : 'arm64';
  const to = join(job.out, `sallyport_${job.version}_${machine}.deb`);
  await deb({ ...job, machine, program, work: join(job.work, `deb-${machine}`), to });
}

async function tarred(name: string, tree: Tree, job: Job): Promise<void> {
  const folder = join(job.work, name);
  await writeTree(folder, tree);
  await tarXz(folder, join(job.out, `${name}.tar.xz`), job);
}

/**
 * macOS starts no file whose signature was broken, and none can be made here: Node as its makers have signed it, the bundle in the folders
 * that `npm run build` would have made, and a launcher.
 */
async function launcherTree(node: string, job: Job): Promise<Tree> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8');
  const build = JSON.parse(await read(join(job.staged, 'build.json'))) as {
    readonly version: string;
    readonly commit: string;
  };
  const web = job.files.filter((file) => file.startsWith('web/'));
  return {
    sallyport: LAUNCHER,
    'lib/node': { program: node },
    'lib/package.json': JSON.stringify({
      name: 'sallyport',
      version: build.version,
      commit: build.commit,
      type: 'module',
    }),
    'lib/dist/src/cli/main.js': await read(job.bundles.main),
    ...Object.fromEntries(
      await Promise.all(
        Object.entries(job.bundles.threads).map(async ([name, path]) => [
          `lib/dist/src/master/${name}.js`,
          await read(path),
        ]),
      ),
    ),
    ...Object.fromEntries(web.map((file) => [`lib/dist/${file}`, { file: join(job.staged, file) }])),
  };
}

const LAUNCHER = `#!/bin/sh
# Follows links, so that it may be linked into a folder of the path. Without words it opens the app.
self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in /*) self=$target ;; *) self=$(dirname "$self")/$target ;; esac
done
here=$(cd "$(dirname "$self")" && pwd)
[ $# -gt 0 ] || set -- ui
exec "$here/lib/node" "$here/lib/dist/src/cli/main.js" "$@"
`;

async function listParts({ bundles, nodes, epoch }: Job): Promise<string> {
  const packages = new Set([...bundles.packages, ...(await webPackages(ROOT))]);
  return partsList({ root: ROOT, packages, node: nodes.version, epoch });
}

async function writeTemplates({ out, version, epoch }: Job, sums: ReadonlyMap<string, string>): Promise<void> {
  const release = { version, date: dateOf(epoch), sums };
  await mkdir(join(out, 'templates'));
  const files = { 'sallyport.rb': homebrew(release), ...winget(release) };
  for (const [name, text] of Object.entries(files)) await writeFile(join(out, 'templates', name), text);
  await writeFile(join(out, 'Dockerfile'), dockerfile(release));
}

/** Of every file that is there, by its name in the folder. Those of `known` have not changed, and are not read again. */
async function sumsOf(
  folder: string,
  known: ReadonlyMap<string, string> = new Map(),
): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((name) => !name.startsWith('work/'))
    .sort();
  const sums = new Map<string, string>();
  for (const name of names) sums.set(name, known.get(name) ?? (await sumOf(join(folder, name))));
  return sums;
}

async function sumOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

await main();
