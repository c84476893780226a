/**
 * The limits of every room (`limits.ts`), and the test that reaches each. A test reaches a limit where it names it (`PAY_LIMITS.answersReserved`),
 * or where it fails once the limit has another value: those are in `limits.json`, each with the factor that its test notices, which
 * `npm run mutants:limits` tries. What no test reaches yet is in `limits-unreached.json`, to which nothing may be added.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface LimitChange {
  /** As the program has it: `PAY_LIMITS.answersReserved`. */
  readonly limit: string;
  readonly factor: number;
}

export interface Reached extends LimitChange {
  /** Below `test/`, without `.test.ts`. */
  readonly test: string;
  /** A part of the test's title. */
  readonly title: string;
}

/** The file of each limit, by its name. */
export function limitsOf(root: string): ReadonlyMap<string, string> {
  const files = readdirSync(`${root}/src`, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(?:^|[\\/])limits\.ts$/.test(path))
    .map((path) => `src/${path}`);
  const found = new Map<string, string>();
  for (const file of files) {
    const text = readFileSync(`${root}/${file}`, 'utf8');
    for (const [, object, members] of text.matchAll(/^export const (\w+) = \{\n([\s\S]*?)^\} as const;/gm))
      for (const [, name] of members!.matchAll(/^ {2}(\w+):/gm)) found.set(`${object}.${name}`, file);
  }
  return found;
}

export function readReached(root: string): readonly Reached[] {
  return JSON.parse(readFileSync(`${root}/test/mutants/limits.json`, 'utf8'));
}

export function readUnreached(root: string): readonly string[] {
  return JSON.parse(readFileSync(`${root}/test/mutants/limits-unreached.json`, 'utf8'));
}

/** Numbers of a limit, however deep, by the factor; a count stays a count. */
export const SCALED = `(function scaled(value, factor) {
  if (typeof value === 'number') return Number.isInteger(value) ? Math.max(Math.min(value, 1), Math.round(value * factor)) : value * factor;
  if (Array.isArray(value)) return value.map((item) => scaled(item, factor));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, scaled(item, factor)]));
})`;

/** For Vite's `plugins`: the limit that the environment names has another value, all are watched (`limit-watch.ts`), or nothing. */
export function limitPlugins(root: string, json = process.env.SALLYPORT_LIMIT) {
  if (process.env.SALLYPORT_LIMITS !== undefined) return [watchPlugin()];
  if (json === undefined) return [];
  const { limit, factor } = JSON.parse(json) as LimitChange;
  const file = limitsOf(root).get(limit);
  if (file === undefined) throw new Error(`There is no limit ${limit}: name one that stands in a limits.ts.`);
  const transform = (text: string, id: string): string | null =>
    id.split('?')[0] === `${root}/${file}` ? `${text}\n${limit} = ${SCALED}(${limit}, ${factor});\n` : null;
  return [{ name: 'sallyport-limit', enforce: 'pre' as const, transform }];
}

/** Every object of every `limits.ts` is handed to who watches. */
function watchPlugin() {
  const transform = (text: string, id: string): string | null =>
    /\/src\/(?:.*\/)?limits\.ts$/.test(id.split('?')[0] ?? '')
      ? text.replace(
          /^export const (\w+) = \{\n([\s\S]*?)^\} as const;/gm,
          (_, name, members) => `export const ${name} = globalThis.sallyportLimits('${name}', {\n${members}});`,
        )
      : null;
  return { name: 'sallyport-limits', enforce: 'pre' as const, transform };
}
