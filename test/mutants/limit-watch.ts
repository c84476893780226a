/**
 * Runs before each test file where `SALLYPORT_LIMITS` names a file (`npm run mutants:limits -- --find`). It writes down there which limits each
 * test reads, or gives one limit another value for the time of one test and writes down whether that test fails.
 */
import { appendFileSync } from 'node:fs';
import { beforeEach } from 'vitest';
import { type LimitChange, SCALED } from './limits.ts';

/** One line of the file. `begun` without `ended`: the test did not come to its end. */
export interface Watched {
  readonly what: 'read' | 'begun' | 'failed' | 'ended';
  readonly test: string;
  readonly change?: LimitChange;
  readonly ms?: number;
  readonly limits?: readonly string[];
}

export interface Watch {
  readonly file: string;
  /** What is changed in each test, by its whole name; none: what each reads is written down. */
  readonly changes?: Readonly<Record<string, LimitChange>>;
}

type Limits = Record<string, unknown>;

const { file, changes } = JSON.parse(process.env.SALLYPORT_LIMITS ?? '{}') as Watch;
const scaled = new Function(`return ${SCALED}`)() as (value: unknown, factor: number) => unknown;
const rooms = new Map<string, Limits>();
let read = new Set<string>();

/** Called by every `limits.ts` (`limitPlugins`): the object whose reads are seen, in place of its own. */
Object.assign(globalThis, {
  sallyportLimits(name: string, limits: Limits): Limits {
    rooms.set(name, limits);
    return new Proxy(limits, {
      get(target, key) {
        read.add(`${name}.${String(key)}`);
        return target[key as string];
      },
    });
  },
});

function say(line: Watched): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

beforeEach((context) => {
  const { task, onTestFailed, onTestFinished } = context;
  const names = [task.name];
  for (let suite = task.suite; suite !== undefined && suite.name !== ''; suite = suite.suite) names.unshift(suite.name);
  const test = `${task.file.name.replace(/^test\/|\.test\.ts$/g, '')} ${names.join(' ')}`;
  if (changes === undefined) {
    const began = performance.now();
    read = new Set();
    onTestFinished(() => say({ what: 'read', test, ms: Math.round(performance.now() - began), limits: [...read] }));
    return;
  }
  const change = changes[test];
  if (change === undefined) return;
  const [room = '', name = ''] = change.limit.split('.');
  const limits = rooms.get(room);
  if (limits === undefined) return;
  const old = limits[name];
  limits[name] = scaled(old, change.factor);
  say({ what: 'begun', test, change });
  onTestFailed(() => say({ what: 'failed', test, change }));
  onTestFinished(() => {
    limits[name] = old;
    say({ what: 'ended', test, change });
  });
});
