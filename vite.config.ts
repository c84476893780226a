import { defineConfig } from 'vite';

/**
 * The web app: one bundle, served by the masterserver and by `sallyport ui` alike (they differ by a meta element).
 * `vite build --mode playground` makes the playground alone, for any web space, from the same code.
 */
export default defineConfig(({ mode }) => {
  const playground = mode === 'playground';
  return {
    root: 'src/web',
    base: playground ? './' : '/',
    // The playground holds the simulator, and is loaded by nobody else.
    build: {
      ...{ outDir: playground ? '../../dist/playground' : '../../dist/web', emptyOutDir: true, target: 'es2022' },
      chunkSizeWarningLimit: 600,
    },
    plugins: [
      {
        name: 'sallyport-page',
        transformIndexHtml: () =>
          playground
            ? [{ tag: 'meta', attrs: { name: 'sallyport-page', content: 'playground' }, injectTo: 'head' as const }]
            : [],
      },
    ],
  };
});
