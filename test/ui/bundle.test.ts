/** What everybody loads is small: the limit of docs/ui.md, held where it is built. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const WEB = fileURLToPath(new URL('../../dist/web/', import.meta.url));
/** Bytes, gzipped, of what every visitor loads. */
const LIMIT_BYTES = 120_000;

test('the page with its style and its Latin type is at most 120 kB gzipped', () => {
  const assets = join(WEB, 'assets');
  const first = readdirSync(assets).filter((file) => !/^(playground|admin|plot|uPlot)|latin-ext/.test(file));
  expect(first.some((file) => extname(file) === '.woff2')).toBe(true);
  const bytes = ['../index.html', ...first].map((file) => gzipSync(readFileSync(join(assets, file))).length);
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(LIMIT_BYTES);
});
