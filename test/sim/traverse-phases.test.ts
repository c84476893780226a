/** The phases of a traversal's machines, as its log tells them, in the situations that lead through them; and the own profile. */
import { expect, test } from 'vitest';
import type { NatProfile } from '../../src/core/index.ts';
import {
  CLIENT_PHASES,
  COMMANDER_PHASES,
  decodeStep,
  device,
  encodeStep,
  HOST_PHASES,
  PLAN_LIMITS,
  PUNCHING_PHASES,
  type SidePlan,
  type Step,
  TRAVERSAL_PHASES,
  UNKNOWN_ALLOCATOR,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';
import { type Alone, type AloneOptions, alone, TWIN } from './traverse-alone.ts';

/** What one of the machines has gone through, its first phase included. */
function phasesOf({ events }: Alone, what: string): readonly string[] {
  const changes = events.flatMap((event) =>
    event.ev === 'log' && event.what === what && 'to' in event.data ? [event.data] : [],
  );
  return changes.length === 0 ? [] : [String(changes[0]!.from), ...changes.map(({ to }) => String(to))];
}

const BURST: SidePlan = {
  ...{ class: 'birthday', from: 'fresh', sockets: 300, tuples: 300, addresses: [TWIN] },
  ...{ ports: { kind: 'fixed', port: 9 }, portEvery: 1, ratePerSecond: 400, passes: [{ afterMs: 0, ttl: null }] },
  ...{ again: { mode: 'none', everyMs: 0 }, sampleEvery: 0, durationMs: 5_000 },
};

/** Draws from so few ports that both sides keep at it for minutes, with mappings that are replaced as they expire. */
const RANGE = { ...UNKNOWN_ALLOCATOR, kind: 'range', low: 33_792, high: 34_303 } as const;
const RANDOM: NatProfile = {
  ...{ ...UNKNOWN_PROFILE, mapping: 'apdm', filtering: 'apdf', confidence: 0.98, external: [TWIN] },
  ...{ allocator: RANGE, mixture: [RANGE] },
};

test('a host has the device for a hard pair in its turn, and not before the mappings of the one before have expired', () => {
  const shared = device();
  const [first, second] = [1, 2].map((n) => alone('host', { device: shared, sid: new Uint8Array(16).fill(n) })) as [
    Alone,
    Alone,
  ];
  let order = 0;
  const ask = (who: Alone, at: number, sockets: number): void => {
    who.run(at);
    who.tell(encodeStep({ order: ++order, run: { startInMs: 0, side: { ...BURST, sockets, tuples: sockets } } }));
  };
  ask(first, 0, 300);
  ask(second, 500, 1_500);
  first.run(6_000);
  ask(second, 6_000, 1_500);
  ask(second, 36_000, 1_500);
  second.run(50_000);
  for (const { machine } of [first, second]) machine.handleCommand(50_000, { do: 'abort' });
  first.run(50_000);
  second.run(50_000);
  expect(phasesOf(first, 'host')).toEqual(['free', 'holding', 'free', 'over']);
  expect(phasesOf(second, 'host')).toEqual([
    ...['free', 'queued', 'inherited', 'awaiting-room', 'holding', 'free', 'over'],
  ]);
  expect(second.sent.length).toBe(1_500);
  expect(phasesOf(second, 'traversal')).toEqual(['new', 'running', 'aborted']);
});

/** A client towards a host that answers each step, or no step at all. */
function client(answer: ((step: Step) => Step) | null, options: AloneOptions = {}): Alone {
  const twin = (bytes: Uint8Array): Uint8Array | null => {
    const step = decodeStep(bytes);
    return answer === null || step === null ? null : encodeStep(answer(step));
  };
  const candidates = [{ kind: 'reflexive', endpoint: { address: TWIN, port: 4_000 } } as const];
  return alone('client', { own: RANDOM, peer: RANDOM, candidates, twin, ...options });
}

test('a client attempts and rests in turn, for ever, and knows whether the host has said anything', () => {
  const silent = client(null, { own: { ...RANDOM, mapping: 'eim' }, peer: { ...RANDOM, mapping: 'eim' } });
  silent.run(20_000);
  expect(phasesOf(silent, 'client').slice(0, 6)).toEqual([
    ...['new', 'attempting', 'resting', 'attempting', 'resting', 'attempting'],
  ]);
  expect(phasesOf(silent, 'commander').slice(0, 4)).toEqual(['unasked', 'asking', 'unasked', 'asking']);
  // Each attempt after the first takes a new punching socket.
  expect(phasesOf(silent, 'punching-socket').slice(0, 5)).toEqual(['seen', 'opening', 'asking', 'seen', 'opening']);
  expect(silent.events.some((event) => event.ev === 'stale' && event.why === 'host-silent')).toBe(true);
  silent.machine.handleCommand(20_000, { do: 'abort' });
  silent.run(20_000);
  expect(phasesOf(silent, 'client').at(-1)).toBe('over');
  const answered = client(({ order }) => ({ order, refused: { allowedInMs: 3_000 } }));
  answered.run(20_000);
  expect(phasesOf(answered, 'commander').slice(0, 4)).toEqual(['unasked', 'asking', 'heard', 'unasked']);
});

test('what is found out of the own network while a traversal goes on holds for its next attempt', () => {
  let own = RANDOM;
  const { run, events } = client(({ order }) => ({ order, refused: { allowedInMs: 3_000 } }), {
    ownProfile: () => own,
  });
  /** After how long the client replaces a mapping, in each of its salvos. */
  const againMs = (): readonly unknown[] =>
    events.flatMap((event) =>
      event.ev === 'log' && event.what === 'salvo' && event.data.side === 'client' ? [event.data.againMs] : [],
    );
  run(2_000);
  own = { ...RANDOM, idleLifetimeMs: 120_000 };
  const before = againMs();
  expect(new Set(before)).toEqual(new Set([PLAN_LIMITS.quotaLifetimeMs + 20]));
  run(30_000);
  const after = againMs().slice(before.length);
  expect(after.length).toBeGreaterThan(0);
  expect(new Set(after)).toEqual(new Set([120_020]));
});

test.each(Object.entries({ CLIENT_PHASES, COMMANDER_PHASES, HOST_PHASES, PUNCHING_PHASES, TRAVERSAL_PHASES }))(
  '%s names every phase that may follow another, and says when',
  (_name, table: Readonly<Record<string, Readonly<Record<string, string>>>>) => {
    const phases = Object.keys(table);
    for (const next of Object.values(table))
      for (const [phase, when] of Object.entries(next)) {
        expect(phases).toContain(phase);
        expect(when.length).toBeGreaterThan(5);
      }
  },
);
