import { defineConfig } from 'vite';

/** The web app: one bundle, served by the masterserver and by `sallyport ui` alike (they differ by a meta element). */
export default defineConfig({
  root: 'src/web',
  build: { outDir: '../../dist/web', emptyOutDir: true, target: 'es2022' },
});
