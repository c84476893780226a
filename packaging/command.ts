/**
 * The last step of `npm run build`: the command that people and tests start, `dist/command/cli/main.js`, put together from what the
 * compiler wrote in `dist`. It loads a few files where `dist/src` and its packages are five hundred, and starts in half the time.
 * Its folders are those of `dist/src`, so what looks for a neighbour by a relative path finds the same. Names without a hash: a program
 * that runs while somebody builds finds the parts that it has not yet loaded.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { LEFT_OUT, THREADS } from './bundle.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRIES = ['cli/main', ...THREADS.map((name) => `master/${name}`)];

await build({
  ...{ configFile: false, root: ROOT, logLevel: 'warn' },
  ssr: { noExternal: true, external: LEFT_OUT, target: 'node' },
  build: {
    ...{ ssr: true, outDir: join(ROOT, 'dist/command'), emptyOutDir: true, target: 'node20' },
    ...{ minify: false, chunkSizeWarningLimit: 10_000 },
    rolldownOptions: {
      external: LEFT_OUT,
      input: Object.fromEntries(ENTRIES.map((name) => [name, join(ROOT, 'dist/src', `${name}.js`)])),
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'parts/[name].js' },
    },
  },
});
