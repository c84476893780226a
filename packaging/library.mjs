/**
 * `npm run pack`: the npm package for programs that use the library, in `dist/package` and as a tarball beside `package.json`. It holds the
 * three entries as bundles and the types that they name, and nothing of the command, the masterserver or the pages: those are in the
 * executable (decisions/0055).
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILT = join(ROOT, 'dist');
const PACKAGE = resolve(process.argv[2] ?? join(BUILT, 'package'));
const ENTRIES = { index: 'src/agent/index', core: 'src/core/index', sim: 'src/sim/index' };
/** What the library loads; each is pure JavaScript or WebAssembly. */
const DEPENDENCIES = ['libsodium', 'ws'];
const NO_BROWSER =
  'sallyport needs UDP, which no page of a browser has: use it in Node or in the main process of Electron, or run "sallyport sidecar" beside the page.';
const PAGES = ['docs/library.md', 'LICENSE'];

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

rmSync(PACKAGE, { recursive: true, force: true });
await bundle();
for (const file of typesFrom(Object.values(ENTRIES).map((entry) => join(BUILT, `${entry}.d.ts`)))) copyTypes(file);
for (const page of PAGES) copy(page);
cpSync(join(ROOT, 'examples'), join(PACKAGE, 'examples'), {
  recursive: true,
  filter: (from) => !/\.[a-z]*$/i.test(from) || from.endsWith('.mjs'),
});
copyFileSync(join(ROOT, 'docs/library.md'), join(PACKAGE, 'README.md'));
// Bundlers for pages take this one, so that the reason is said and not a missing module of Node's.
writeFileSync(
  join(PACKAGE, 'lib/browser.js'),
  `throw new Error(${JSON.stringify(NO_BROWSER)});\nexport const openAgent = null;\n`,
);
writeFileSync(join(PACKAGE, 'package.json'), `${JSON.stringify(manifestOfPackage(), null, 2)}\n`);
execFileSync('npm', ['pack', '--silent', '--pack-destination', dirname(PACKAGE) === BUILT ? ROOT : dirname(PACKAGE)], {
  cwd: PACKAGE,
  stdio: ['ignore', 'inherit', 'inherit'],
});

function manifestOfPackage() {
  const { name, version, description, license, type, engines, peerDependencies, peerDependenciesMeta } = manifest;
  const entry = (file, types) => ({ types: `./types/${types}.d.ts`, default: `./lib/${file}.js` });
  return {
    ...{ name, version, description, license, type, engines },
    exports: {
      '.': { types: `./types/${ENTRIES.index}.d.ts`, browser: './lib/browser.js', default: './lib/index.js' },
      './core': entry('core', ENTRIES.core),
      './sim': entry('sim', ENTRIES.sim),
      './package.json': './package.json',
    },
    dependencies: Object.fromEntries(DEPENDENCIES.map((one) => [one, manifest.dependencies[one]])),
    ...{ peerDependencies, peerDependenciesMeta },
  };
}

/** One file an entry, and what two of them share once: a module of 200 files takes longer to load than to run. */
async function bundle() {
  const input = Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(BUILT, `${path}.js`)]));
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    build: {
      ssr: true,
      outDir: join(PACKAGE, 'lib'),
      emptyOutDir: true,
      target: 'node20',
      minify: false,
      rollupOptions: {
        input,
        output: {
          ...{ format: 'es', entryFileNames: '[name].js', chunkFileNames: 'shared-[hash].js' },
          // What the comments say stands beside the types and in the sources.
          comments: false,
          // Names stay, for whoever reads a stack.
          minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
        },
      },
    },
  });
}

/** The declarations that these reach, themselves included. */
function typesFrom(entries) {
  const found = new Set();
  const queue = [...entries];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    for (const [, from] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)) {
      const named = resolve(dirname(file), from);
      const declared = named.endsWith('.d.ts') ? named : named.replace(/\.(?:ts|js)$/, '.d.ts');
      if (existsSync(declared)) queue.push(declared);
      // A declaration that was written by hand stands in the sources alone.
      else if (existsSync(join(ROOT, relative(BUILT, declared)))) copy(relative(BUILT, declared), 'types');
    }
  }
  return found;
}

/** Before TypeScript 5.7 an array of bytes had no type argument; without one it means the same to newer ones. */
function copyTypes(file) {
  const text = readFileSync(file, 'utf8')
    .replace(/\b(Uint8Array|Buffer)<ArrayBuffer(?:Like)?>/g, '$1')
    .replace(/\n?\/\/# sourceMappingURL=.*\n?/, '\n')
    // What is inside of this package alone, and comes without types of its own.
    .replace(/^import type \{ ([^}]*) \} from 'ws';$/gm, (_, names) =>
      names
        .split(', ')
        .map((name) => `type ${name} = object;`)
        .join('\n'),
    );
  const target = join(PACKAGE, 'types', relative(BUILT, file));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}

function copy(file, into = '') {
  const target = join(PACKAGE, into, file);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(ROOT, file), target);
}
