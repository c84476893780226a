/** The list of what is inside (CycloneDX), from npm's own, less what only builds, plus the Node that all of it stands in. */
import { createHash } from 'node:crypto';
import { run } from './nodes.ts';

interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

interface Document {
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
  readonly metadata: { readonly component: object; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

export interface PartsOptions {
  readonly root: string;
  /** Names of the packages that the bundles hold. */
  readonly packages: ReadonlySet<string>;
  readonly node: string;
  readonly epoch: number;
}

export async function partsList({ root, packages, node, epoch }: PartsOptions): Promise<string> {
  const argv = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  // Vite has set NODE_ENV, with which npm would leave out what is bundled from the development dependencies.
  const env = { ...process.env, NODE_ENV: '' };
  const { stdout } = await run('npm', argv, { cwd: root, env, maxBuffer: 64 * 1024 * 1024 });
  const all = JSON.parse(stdout) as Document;
  // A nested copy has the name of its package too; both are named rather than the wrong one.
  const inside = all.components.filter(({ name }) => packages.has(name));
  const missing = [...packages].filter((name) => !inside.some((component) => component.name === name));
  if (missing.length > 0) throw new Error(`npm does not know ${missing.join(', ')}, which the program holds.`);
  const refs = new Set(inside.map((component) => component['bom-ref']));
  const runtime = {
    ...{ 'bom-ref': `node@${node}`, type: 'platform', name: 'node', version: node },
    ...{ purl: `pkg:generic/node@${node}`, licenses: [{ license: { id: 'MIT' } }] },
  };
  const list = {
    ...all,
    // npm names the folder of the checkout.
    metadata: {
      ...{ ...all.metadata, timestamp: new Date(epoch * 1000).toISOString() },
      component: { ...all.metadata.component, type: 'application', name: 'sallyport' },
    },
    components: [...inside, runtime],
    dependencies: all.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) })),
  };
  // npm draws a new number each time; a hash of the content is as unique and stays.
  const { serialNumber: _, ...rest } = list as typeof list & { readonly serialNumber?: string };
  const hash = createHash('sha256').update(JSON.stringify(rest)).digest('hex');
  const uuid = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `5${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ];
  return `${JSON.stringify({ ...rest, serialNumber: `urn:uuid:${uuid.join('-')}` }, null, 2)}\n`;
}
