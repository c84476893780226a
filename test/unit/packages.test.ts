/** What comes with this package from others: named, few, checked by their hashes, and running nothing when they are installed. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const manifest = JSON.parse(read('package.json')) as Readonly<
  Record<string, Readonly<Record<string, string>> | undefined>
>;
const lock = JSON.parse(read('package-lock.json')) as {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, Locked>>;
};
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

/** What runs on a user's computer; each has its line of reason in decisions/. */
const DEPENDENCIES = ['@hono/node-server', 'hono', 'libsodium', 'libsql', 'pino', 'ws', 'zod'];
/** With what they bring, binaries of other platforms left out. */
const INSTALLED_MAX = 21;
/** Packages that run something when they are installed; koffi is the lab's, which only developers have. */
const INSTALL_SCRIPTS = ['node_modules/koffi'];

test('every package of the lock file has a hash of its content, and none says where it comes from', () => {
  expect(lock.lockfileVersion).toBe(3);
  expect(packages.length).toBeGreaterThan(100);
  const unchecked = packages.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''));
  expect(unchecked.map(([path]) => path)).toEqual([]);
  const placed = packages.filter(([, { resolved, link }]) => resolved !== undefined || link === true);
  expect(placed.map(([path]) => path)).toEqual([]);
  for (const kind of ['dependencies', 'devDependencies', 'peerDependencies'])
    for (const [name, range] of Object.entries(manifest[kind] ?? {}))
      expect(range, name).toMatch(/^[\^~]?\d+\.\d+\.\d+$/);
});

test('nothing runs at installation but what the lab needs', () => {
  const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true);
  expect(scripted.map(([path]) => path)).toEqual(INSTALL_SCRIPTS);
  for (const [path, { dev }] of scripted) expect(dev, path).toBe(true);
  // npm builds what has a binding.gyp, whether it names a script or not.
  const own = Object.keys(manifest.scripts ?? {}).filter((name) =>
    /^(pre|post)?install$|^(pre|post)prepare$/.test(name),
  );
  expect(own).toEqual([]);
});

test('the dependencies are the few that have their reasons, and bring few others', () => {
  expect(Object.keys(manifest.dependencies ?? {}).sort()).toEqual(DEPENDENCIES);
  const installed = packages.filter(([, { dev, devOptional, optional }]) => !dev && !devOptional && !optional);
  expect(installed.length).toBeLessThanOrEqual(INSTALLED_MAX);
  const reasons = readdirSync(new URL('decisions/', ROOT))
    .map((name) => read(`decisions/${name}`))
    .join('\n');
  for (const name of DEPENDENCIES) expect(reasons).toContain(name);
});
