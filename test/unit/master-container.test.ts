import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8');

test('the container starts the command of the package, as nobody special, with ports, volume and a health check', () => {
  const lines = read('Dockerfile').replaceAll('\\\n', ' ').split('\n');
  const of = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const { bin, engines } = JSON.parse(read('package.json')) as {
    bin: { sallyport: string };
    engines: { node: string };
  };
  const [entry] = of('ENTRYPOINT').map((text) => JSON.parse(text) as string[]);
  expect(entry?.slice(0, 3)).toEqual(['node', bin.sallyport, 'master']);
  expect(of('USER')).toEqual(['node']);
  expect(of('HEALTHCHECK')[0]).toContain('/readyz');
  expect(of('VOLUME')[0]).toBe(entry?.[4]);
  // One address: the door, 8 control ports, 16 probe ports, the relay.
  const [, first = 0, last = 0] = /(\d+)-(\d+)\/udp/.exec(of('EXPOSE')[0] ?? '')?.map(Number) ?? [];
  expect(last - first + 1).toBe(26);
  const node = Number(/^node:(\d+)/.exec(of('FROM')[0] ?? '')?.[1]);
  expect(node).toBeGreaterThanOrEqual(Number(/\d+/.exec(engines.node)?.[0]));
  // What runs is in the image, what builds is not.
  const copied = of('COPY').filter((text) => text.startsWith('--from=build'));
  expect(copied.join()).toContain('dist/command');
  expect(copied.join()).toContain('dist/web');
  expect(copied.join()).not.toMatch(/\/build \.|lab|bench|test/);
});
