/** docs/library.md against the types: whatever a program can import, set or call has its word there. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';
import { expect, test } from 'vitest';
import { FAILURES } from '../../src/node/index.ts';
import { nodesOf, type SyntaxNode } from './syntax.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

const nameOf = (value: unknown): string => (value as { readonly name: string }).name;
const programOf = (path: string): SyntaxNode => parseSync(path, read(path)).program as unknown as SyntaxNode;

/** Everything in code marks, and in blocks of code. */
const page = read('docs/library.md');
const marked = [...page.matchAll(/```[\s\S]*?```|`[^`\n]+`/g)].map(([text]) => text).join('\n');
const words = new Set(marked.match(/[A-Za-z_]\w*/g));

function membersOf(path: string, name: string): readonly string[] {
  const [found] = [...nodesOf(programOf(path))].filter(
    (node) => node.type === 'TSInterfaceDeclaration' && nameOf(node.id) === name,
  );
  const { body } = (found as SyntaxNode).body as { readonly body: readonly SyntaxNode[] };
  return [...new Set(body.map(({ key }) => nameOf(key)))];
}

test('every name that can be imported is in docs/library.md', () => {
  const exported = [...nodesOf(programOf('src/agent/index.ts'))]
    .filter(({ type }) => type === 'ExportSpecifier')
    .map(({ exported }) => nameOf(exported));
  expect(exported.length).toBeGreaterThan(50);
  expect(exported.filter((name) => !words.has(name))).toEqual([]);
});

test.each([
  ['src/agent/open.ts', 'AgentOptions'],
  ['src/agent/interface.ts', 'Agent'],
  ['src/agent/hosting.ts', 'HostOptions'],
  ['src/agent/hosting.ts', 'Hosting'],
  ['src/agent/hosting.ts', 'HostingEvents'],
  ['src/agent/hosting.ts', 'ServiceWish'],
  ['src/agent/hosting.ts', 'FriendNews'],
  ['src/agent/joining.ts', 'JoinOptions'],
  ['src/agent/path.ts', 'Path'],
  ['src/agent/path.ts', 'PathEvents'],
  ['src/agent/path.ts', 'ConnectionStats'],
  ['src/agent/path.ts', 'Released'],
  ['src/agent/forward-join.ts', 'LocalServicesOptions'],
  ['src/agent/forward-join.ts', 'LocalServices'],
])('every member of %s %s is in docs/library.md', (path, name) => {
  expect(membersOf(path, name).filter((member) => !words.has(member))).toEqual([]);
});

test('its table of failures is the one of the code', () => {
  for (const [code, { exit, what, why, next }] of Object.entries(FAILURES))
    expect(page).toMatch(
      new RegExp(
        `^\\| \`${code}\` \\| ${exit} \\| (?:yes|no) \\| ${[what, why, next].map(literal).join(' \\| ')} \\|$`,
        'm',
      ),
    );
});

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
