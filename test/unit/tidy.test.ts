/**
 * Holds the repository to its own rules (docs/architecture.md, CONTRIBUTING.md): which layer imports which, one entry file a
 * layer, sizes, nothing of the clock or of chance in core and sim, and no trace of the machine it was written on.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';
import { describe, expect, test } from 'vitest';
import { nodesOf, type SyntaxNode } from './syntax.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILE_LINES_MAX = 450;
const FUNCTION_LINES_MAX = 70;
/** A component of the web app is mostly markup, one attribute a line. */
const COMPONENT_LINES_MAX = 100;

/** Files that are longer, and why; each must still be. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'src/core/connection/connection.ts':
    'one connection with all its paths; sizes, seals and what is said of the game stand beside it',
  'src/core/peer/peer.ts': 'one machine that routes to all its children; what goes into src/core/connection leaves it',
  'src/core/peer/join/joining.ts': 'one join in all its phases; how it knocks, searches and reports stands beside it',
  'src/core/peer/host/hosting.ts': 'one host with all its visits; its door, its welcome and its line stand beside it',
  'src/master/start.ts': 'the start of a masterserver in its order; what a flag makes stands beside it',
  'src/languages/en.ts': 'a catalogue: one line a sentence',
  'src/languages/de.ts': 'the same catalogue, and that of the command',
  'test/loopback/cli.test.ts': 'one command, its processes started once',
  'test/unit/master-http.test.ts': 'one interface, its server started once',
};

/** Functions that are longer with the functions inside them, and why. Inside core there is none. */
const LONG_FUNCTIONS: Readonly<Record<string, string>> = {
  'src/master/directory.ts createDirectory': 'one object, its methods inside: the list and what changes it',
  'src/master/held-names.ts createHeldNames': 'one object, its methods inside: names by key and by network',
  'src/master/listing.ts createListing': 'one object, its methods inside: entries, and their sorted views',
  'src/master/fleet.ts startFleet': 'one node, its words inside: what it says, and what it makes of what others say',
  'src/master/office.ts createOffice': 'puts the parts of the masterserver together, each given to the others',
  'src/master/start.ts startLocked': 'the start of a masterserver in its order, and what is closed in the opposite one',
  'src/node/drive.ts drive': 'one machine and its sockets; 10^5 datagrams a second go through its closures',
};

/** Names of two things, and why; every other class and exported type of the product has its name for itself. */
const SHARED_NAMES: Readonly<Record<string, string>> = {
  Path: 'what the application holds, and in core the data behind it',
  Hosting: 'what the application holds, and in core the part behind it',
  Verdict: 'on a NAT, and at the door of a host; neither is seen where the other is',
};

/** What each layer may import; `types` marks layers of which only types may be taken. */
const LAYERS: Readonly<Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }>> = {
  'src/core': { values: [], types: [] },
  'src/games': { values: [], types: [] },
  'src/languages': { values: [], types: [] },
  'src/sim': { values: ['src/core'], types: [] },
  'src/node': { values: ['src/core'], types: [] },
  'src/master': { values: ['src/core', 'src/node'], types: [] },
  'src/agent': { values: ['src/core', 'src/node'], types: [] },
  'src/app': { values: ['src/core', 'src/games', 'src/node', 'src/agent'], types: [] },
  'src/cli': {
    values: [
      'src/core',
      'src/games',
      'src/languages',
      'src/sim',
      'src/node',
      'src/master',
      'src/agent',
      'src/app',
      'lab',
    ],
    types: [],
  },
  'src/web': {
    values: ['src/games', 'src/languages', 'src/sim'],
    types: ['src/core', 'src/master', 'src/agent', 'src/app'],
  },
  lab: { values: ['src/core', 'src/games', 'src/sim', 'src/node', 'src/master', 'src/agent'], types: [] },
  bench: { values: ['src/core', 'src/sim', 'src/node', 'src/master', 'src/agent', 'lab'], types: [] },
  packaging: { values: ['src/node', 'src/master', 'src/cli'], types: [] },
};

/**
 * The rooms of core, the lowest first: the files in `src/core` itself are the ground. A room may import the ground and the rooms
 * before it, types included, so no two import each other. `index.ts` and `testing.ts` are the doors to the outside.
 */
const ROOMS = [
  ...[
    'ground',
    'secure',
    'rate',
    'nat',
    'model',
    'stun',
    'sources',
    'wire',
    'fleet',
    'relay',
    'link',
    'detect',
    'portmap',
  ],
  ...['streams', 'connection'],
  ...['traverse/plan', 'traverse/pay', 'traverse/prove', 'traverse/learn', 'traverse/run', 'traverse/lead', 'traverse'],
  ...['peer/base', 'peer/keys', 'peer/reach', 'peer/carry', 'peer/host', 'peer/join', 'peer'],
  'master',
];

/** Neither of two wings may import the other. */
const WINGS = [['peer/host', 'peer/join']] as const;

/** The masterserver and the participants have only these in common. */
const MASTER_MAY = ['ground', 'secure', 'rate', 'nat', 'model', 'stun', 'sources', 'wire', 'fleet'];

/**
 * Second entries: what the web app and its server agree on. They hold shapes and schemas, import nothing of Node, and
 * therefore take types straight from core's files, whose index would bring the whole protocol into the browser.
 */
const WEB_ENTRIES = ['src/app/local-api.ts', 'src/master/api.ts'];

/** Pure helpers of core that the page shares as values, so that nothing is written twice; they bring no machine with them. */
const WEB_CORE = [
  'mask.ts',
  'model/code.ts',
  'model/fill.ts',
  'model/log-entry.ts',
  'model/service.ts',
  'wire/join-link.ts',
  'wire/master-link.ts',
].map((file) => `src/core/${file}`);

/**
 * What a command loads before its first line, by its own files: an index would bring the whole layer, 140 ms of modules for core alone
 * (`npm run bench:first-line`). They are small and hold no state; those of the layers may enter core the same way.
 */
const FRONT = [
  ...[
    'errors.ts',
    'limits.ts',
    'address.ts',
    'mask.ts',
    'model/code.ts',
    'model/fill.ts',
    'model/pair.ts',
    'model/service.ts',
    'wire/join-link.ts',
  ].map(core),
  ...[
    'wire/master-link.ts',
    'wire/pasted.ts',
    'wire/entry-wire.ts',
    'wire/text.ts',
    'peer/keys/fingerprint.ts',
    'peer/base/limits.ts',
  ].map(core),
  ...[
    'src/app/local-api.ts',
    'src/node/failure.ts',
    'src/node/state.ts',
    'src/node/listening.ts',
    'src/node/packaged.ts',
    'src/agent/check-options.ts',
  ],
  ...['src/agent/words.ts', 'src/app/token-file.ts'],
];
const FRONT_USERS = [...FRONT, 'src/agent/relay-mode.ts', 'src/app/schema.ts'];
function core(file: string): string {
  return `src/core/${file}`;
}

/**
 * The doors of a layer for tests: `testing.ts` names the parts that tests look at by themselves, and no layer may import it. What
 * goes past the doors is counted: it holds internals, not behaviour. Before core had rooms it was 101.
 */
/** Benchmarks measure parts, and run a masterserver on virtual time. */
const BENCH_ENTRIES = ['src/core/testing.ts', 'src/master/testing.ts'];
const TEST_ENTRY = /^src\/[a-z]+\/(?:.+\/)?(?:index|testing)\.ts$/;
const PAST_ENTRIES_MAX = 33;

/** Layers that must not know what time it is or throw dice. The compiler refuses them timers, `process` and the like already. */
const PURE = ['src/core', 'src/games', 'src/sim'];

interface Source {
  readonly path: string;
  readonly text: string;
  readonly layer: string | null;
  readonly program: SyntaxNode;
  readonly imports: readonly { readonly from: string; readonly typeOnly: boolean }[];
}

function filesUnder(folder: string): string[] {
  const skip = new Set(['node_modules', 'dist', '.git', 'coverage', '.lab', '.mutants']);
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skip.has(entry.name) ? [] : filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}

function layerOf(path: string): string | null {
  return Object.keys(LAYERS).find((layer) => path.startsWith(`${layer}/`)) ?? null;
}

function importsOf(program: SyntaxNode): Source['imports'] {
  const imports: { from: string; typeOnly: boolean }[] = [];
  for (const node of nodesOf(program)) {
    const source = node.source as { readonly value?: unknown } | null | undefined;
    if (typeof source?.value !== 'string') continue;
    imports.push({ from: source.value, typeOnly: node.importKind === 'type' || node.exportKind === 'type' });
  }
  return imports;
}

function parse(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const program = parseSync(path, text).program as unknown as SyntaxNode;
  return { path, text, layer: layerOf(path), program, imports: importsOf(program) };
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function isFunction(node: SyntaxNode): boolean {
  return /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
}

/** Lines of code of a function and of those inside it, without blank ones and comments. */
function codeLines(node: SyntaxNode, text: string): number {
  const lines = text.slice(node.start, node.end).split('\n');
  return lines.filter((line) => !/^\s*(?:$|\/\/|\/?\*)/.test(line)).length;
}

const everything = filesUnder('');
const sources = everything.filter((path) => /\.tsx?$/.test(path)).map(parse);
const product = sources.filter((source) => source.layer !== null);
/** A benchmark is a script: one long reading from top to bottom. */
const sized = sources.filter((source) => source.layer !== 'bench');

function faults(check: (source: Source) => readonly string[], among: readonly Source[]): string[] {
  return among.flatMap((source) => check(source).map((fault) => `${source.path}: ${fault}`));
}

describe('the repository is tidy:', () => {
  test('there is something to look at', () => {
    expect(product.length).toBeGreaterThan(20);
    expect(product.flatMap((source) => source.imports).length).toBeGreaterThan(20);
  });

  test('a layer imports only what its line in the architecture says', () => {
    const check = ({ path, layer, imports }: Source): string[] =>
      imports.flatMap(({ from, typeOnly }) => {
        if (!from.startsWith('.')) return [];
        const file = normalize(join(dirname(path), from));
        const target = layerOf(file);
        const allowed = LAYERS[layer!]!;
        if (layer === 'src/web' && [...WEB_ENTRIES, ...WEB_CORE].includes(file)) return [];
        if (target === null || target === layer || allowed.values.includes(target)) return [];
        return typeOnly && allowed.types.includes(target) ? [] : [`imports ${from}`];
      });
    expect(faults(check, product)).toEqual([]);
  });

  test('a room of core imports only the rooms below it', () => {
    const roomOf = (path: string): string => {
      const folder = dirname(path).slice('src/core'.length + 1);
      return folder === '' ? 'ground' : folder;
    };
    const core = product.filter(
      ({ path, layer }) => layer === 'src/core' && !/^src\/core\/(?:index|testing)\.ts$/.test(path),
    );
    expect([...new Set(core.map(({ path }) => roomOf(path)))].filter((room) => !ROOMS.includes(room))).toEqual([]);
    const check = ({ path, imports }: Source): string[] =>
      imports.flatMap(({ from }) => {
        const room = roomOf(path);
        const other = roomOf(normalize(join(dirname(path), from)));
        const allowed = room === 'master' ? MASTER_MAY : ROOMS.slice(0, ROOMS.indexOf(room));
        const wings = WINGS.some(
          (two) => other !== room && [room, other].every((one) => two.some((wing) => wing === one)),
        );
        return other === room || (allowed.includes(other) && !wings) ? [] : [`imports ${from}`];
      });
    expect(faults(check, core)).toEqual([]);
  });

  test('core and sim import no package and no part of Node', () => {
    const check = ({ imports }: Source): string[] =>
      imports.filter(({ from }) => !from.startsWith('.')).map(({ from }) => `imports ${from}`);
    expect(
      faults(
        check,
        product.filter(({ layer }) => PURE.includes(layer!)),
      ),
    ).toEqual([]);
  });

  test('a layer is entered only through its index.ts', () => {
    const check = ({ path, layer, imports }: Source): string[] => {
      const forWeb = layer === 'src/web' || WEB_ENTRIES.includes(path);
      return imports.flatMap(({ from, typeOnly }) => {
        if (!from.startsWith('.')) return [];
        const target = normalize(join(dirname(path), from));
        const into = layerOf(target);
        if (into === null || into === layer || target === `${into}/index.ts`) return [];
        if (layer === 'bench' && BENCH_ENTRIES.includes(target)) return [];
        if ((layer === 'src/cli' || FRONT_USERS.includes(path)) && FRONT.includes(target)) return [];
        if (forWeb && ([...WEB_ENTRIES, ...WEB_CORE].includes(target) || (typeOnly && into === 'src/core'))) return [];
        return [`imports ${from}`];
      });
    };
    expect(faults(check, product)).toEqual([]);
  });

  test('no layer builds on what is for tests, and core names for its layers only what they use', () => {
    const check = ({ imports }: Source): string[] =>
      imports.filter(({ from }) => /(?:^|\/)testing\.ts$/.test(from)).map(({ from }) => `imports ${from}`);
    // A benchmark measures what nobody else looks at.
    const layers = product.filter(({ layer }) => layer !== 'bench');
    expect(faults(check, layers)).toEqual([]);

    const specifiers = (node: SyntaxNode): readonly SyntaxNode[] =>
      (node.specifiers as readonly SyntaxNode[] | undefined) ?? [];
    const nameOf = (value: unknown): string => (value as { readonly name: string }).name;
    const used = new Set<string>();
    for (const { path, layer, program } of layers) {
      if (layer === 'src/core') continue;
      for (const node of program.body as readonly SyntaxNode[]) {
        const from = (node.source as { readonly value?: string } | null | undefined)?.value ?? '';
        const file = normalize(join(dirname(path), from));
        if (file !== 'src/core/index.ts' && !FRONT.includes(file)) continue;
        for (const one of specifiers(node)) used.add(nameOf(one.imported ?? one.local));
      }
    }
    const index = product.filter(({ path }) => path === 'src/core/index.ts');
    const statements = index.flatMap(({ program }) => program.body as readonly SyntaxNode[]);
    const named = statements.flatMap(specifiers).map(({ exported }) => nameOf(exported));
    expect(named.length).toBeGreaterThan(100);
    expect(statements.filter(({ type }) => type === 'ExportAllDeclaration')).toEqual([]);
    expect(named.filter((name) => !used.has(name))).toEqual([]);
  });

  test(`at most ${PAST_ENTRIES_MAX} imports of tests go past the entries of a layer`, () => {
    const check = ({ path, imports }: Source): string[] =>
      imports.flatMap(({ from }) => {
        if (!from.startsWith('.')) return [];
        const file = normalize(join(dirname(path), from));
        return !file.startsWith('src/') || TEST_ENTRY.test(file) || WEB_ENTRIES.includes(file)
          ? []
          : [`imports ${from}`];
      });
    const tests = sources.filter(({ path }) => path.startsWith('test/'));
    const past = faults(check, tests);
    expect(past.length, ['through testing.ts, or test what it does:', ...past].join('\n')).toBeLessThanOrEqual(
      PAST_ENTRIES_MAX,
    );
  });

  test('core and sim know neither date nor chance', () => {
    const check = ({ program, text }: Source): string[] =>
      [...nodesOf(program)].flatMap((node) => {
        const code = text.slice(node.start, node.end);
        const isDate = node.type === 'Identifier' && code === 'Date';
        const isChance = node.type === 'MemberExpression' && code === 'Math.random';
        return isDate || isChance ? [`${code} on line ${lineAt(text, node.start)}`] : [];
      });
    const pure = product.filter(({ layer }) => PURE.includes(layer!));
    expect(faults(check, pure)).toEqual([]);
  });

  test(`no file is longer than ${FILE_LINES_MAX} lines but those that are named`, () => {
    const long = sized.filter(({ text }) => text.split('\n').length - 1 > FILE_LINES_MAX).map(({ path }) => path);
    expect(long.toSorted()).toEqual(Object.keys(LONG_FILES).toSorted());
  });

  test(`no function is longer than ${FUNCTION_LINES_MAX} lines, with those inside it, but those that are named`, () => {
    const isLong = (node: SyntaxNode, { path, text }: Source): boolean =>
      isFunction(node) && codeLines(node, text) > (path.endsWith('.tsx') ? COMPONENT_LINES_MAX : FUNCTION_LINES_MAX);
    const name = (node: SyntaxNode, text: string): string =>
      (node.id as { readonly name?: string } | null | undefined)?.name ?? `on line ${lineAt(text, node.start)}`;
    const long = sized.flatMap((source) => {
      if (source.layer === null) return [];
      const nodes = [...nodesOf(source.program)].filter((node) => isLong(node, source));
      return nodes.map((node) => `${source.path} ${name(node, source.text)}`);
    });
    expect(long.toSorted()).toEqual(Object.keys(LONG_FUNCTIONS).toSorted());
  });

  test('what bounds a table, a queue, a retry or a loop of core stands in a limits.ts', () => {
    // Numbers of a model of NATs, and how the plans are shaped that docs/plans.md shows, stand beside their formulas.
    const models = /^src\/core\/(?:nat|traverse\/plan)\//;
    // A share, and sizes of what is on the wire, which follow from its fields.
    const bound = /^(?:export )?const ((?!LOAD_MAX)\w+_(?:MAX|TRIES)) = \d/gm;
    const core = product.filter(({ layer, path }) => layer === 'src/core' && !models.test(path));
    const loose = core.filter(({ path }) => !path.endsWith('/limits.ts'));
    const found = loose.flatMap(({ path, text }) => [...text.matchAll(bound)].map(([, name]) => `${path} ${name}`));
    expect(found.filter((one) => !one.endsWith('_BYTES_MAX'))).toEqual([]);
  });

  test('what the log of core says happened is one word, its parts joined by hyphens', () => {
    const word = /(?:\.log\((?:[\w.]+, )?|\bwhat: )'([^']+)'/g;
    const core = product.filter(({ layer }) => layer === 'src/core');
    const words = core.flatMap(({ text }) => [...text.matchAll(word)].map(([, what]) => what as string));
    expect(words.length).toBeGreaterThan(20);
    expect(words.filter((what) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(what))).toEqual([]);
  });

  test('one word, one meaning: no two classes or exported types share a name', () => {
    const declares = /^(?:ClassDeclaration|TSInterfaceDeclaration|TSTypeAliasDeclaration)$/;
    const places = new Map<string, Set<string>>();
    for (const { path, program } of product) {
      if (!path.startsWith('src/') || path.endsWith('.d.ts')) continue;
      for (const statement of program.body as readonly SyntaxNode[]) {
        // What a file keeps to itself it may call as it likes, unless it is a class.
        const declared = (statement.declaration as SyntaxNode | null | undefined) ?? statement;
        if (!declares.test(declared.type) || (declared === statement && declared.type !== 'ClassDeclaration')) continue;
        const { name } = declared.id as { readonly name: string };
        places.set(name, (places.get(name) ?? new Set()).add(path));
      }
    }
    const shared = [...places].filter(([, paths]) => paths.size > 1);
    const unnamed = shared.filter(([name]) => !(name in SHARED_NAMES));
    expect(unnamed.map(([name, paths]) => `${name}: ${[...paths].join(', ')}`)).toEqual([]);
    expect(Object.keys(SHARED_NAMES).filter((name) => !shared.some(([found]) => found === name))).toEqual([]);
  });

  test('nothing is exported as default', () => {
    // Vitest wants its configuration and its reporters that way, Vite its configuration.
    const exempt = (path: string): boolean => path.endsWith('.config.ts') || path === 'test/reporter.ts';
    const check = ({ path, program }: Source): string[] =>
      [...nodesOf(program)].some((node) => node.type === 'ExportDefaultDeclaration') && !exempt(path)
        ? ['default']
        : [];
    expect(faults(check, sources)).toEqual([]);
  });

  test('each decision has a number of its own, the one in its title', () => {
    const files = readdirSync(join(ROOT, 'decisions')).filter((name) => name.endsWith('.md'));
    const numbers = files.map((name) => name.slice(0, 4));
    const titles = files.map((name) => readFileSync(join(ROOT, 'decisions', name), 'utf8').slice(2, 6));
    expect(new Set(numbers).size).toBe(files.length);
    expect(titles).toEqual(numbers);
  });

  test('no file names a path of the machine it was written on', () => {
    const path = /(?<![\w.-])\/(?:work|root|home\/\w+|tmp\/wt)\//;
    const text = everything.filter((name) => /\.(?:tsx?|m?js|json|md|ya?ml|sh|html|css)$|(?:^|\/)[^.]+$/.test(name));
    const found = text.filter((name) => path.test(readFileSync(join(ROOT, name), 'utf8')));
    expect(found).toEqual([]);
  });
});
