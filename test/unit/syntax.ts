/** The syntax tree of a source, for tests that read the program's own text. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** This node and all below it. */
export function* nodesOf(value: unknown): Generator<SyntaxNode> {
  if (Array.isArray(value)) for (const item of value) yield* nodesOf(item);
  else if (value !== null && typeof value === 'object') {
    if ('type' in value && 'start' in value) yield value as SyntaxNode;
    for (const child of Object.values(value)) yield* nodesOf(child);
  }
}
