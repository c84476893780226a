/** The Nodes that the executables are made of (`packaging/nodes.ts`): only the known ones, whatever lies in the cache. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fetchNode, type Nodes, type NodeTarget } from '../../packaging/nodes.ts';

let cache: string;
let target: NodeTarget;
const packed = (): string => join(cache, 'node-of-a-system-1.2.3.tgz');

/** A package as npm packs it, in the cache, as if it had been fetched. */
function putPackage(node: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-node-'));
  mkdirSync(join(folder, 'package/bin'), { recursive: true });
  writeFileSync(join(folder, 'package/bin/node'), node);
  execFileSync('tar', ['-czf', packed(), '-C', folder, 'package']);
  rmSync(folder, { recursive: true });
}

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'sallyport-dist-cache-'));
  putPackage('the known one');
  const integrity = `sha512-${createHash('sha512').update(readFileSync(packed())).digest('base64')}`;
  target = { package: 'node-of-a-system', file: 'bin/node', integrity };
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

test('the known package is unpacked', async () => {
  expect(readFileSync(await fetchNode(target, '1.2.3', cache), 'utf8')).toBe('the known one');
});

test('another package than the known one is refused, and not kept', async () => {
  putPackage('another one');
  await expect(fetchNode(target, '1.2.3', cache)).rejects.toThrow('is another package than the known one');
  expect(existsSync(packed())).toBe(false);
});

test('what somebody has changed in the unpacked folder is not built in', async () => {
  const file = await fetchNode(target, '1.2.3', cache);
  writeFileSync(file, 'changed');
  expect(readFileSync(await fetchNode(target, '1.2.3', cache), 'utf8')).toBe('the known one');
});

test('each system has a hash of 64 bytes in the checkout', () => {
  const { targets } = JSON.parse(readFileSync('packaging/nodes.json', 'utf8')) as Nodes;
  expect(Object.keys(targets)).toHaveLength(5);
  for (const { integrity } of Object.values(targets)) expect(integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
});
