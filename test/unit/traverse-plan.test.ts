import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { limitsFor, NATURES, plansPage } from '../../bench/plans.ts';
import type { NatProfile } from '../../src/core/index.ts';
import type { AllocatorKind, Filtering, Mapping, PlanLimits, Role } from '../../src/core/testing.ts';
import {
  LEAD_LIMITS,
  type Method,
  PLAN_LIMITS,
  type Plan,
  planFor,
  plansFor,
  UNKNOWN_ALLOCATOR,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';

const MAPPINGS: readonly Mapping[] = ['eim', 'adm', 'apdm', 'unknown'];
const FILTERINGS: readonly Filtering[] = ['eif', 'adf', 'apdf', 'unknown'];
const ALLOCATORS: readonly AllocatorKind[] = ['preserve', 'step', 'time', 'range', 'block', 'random', 'unknown'];
const LIMITS_OF_PAIR = {
  client: { quota: null, lifetimeMs: null },
  host: { quota: 512, lifetimeMs: 30_000 },
  sampleAgeMs: 140,
};

function everyProfile(): NatProfile[] {
  return MAPPINGS.flatMap((mapping) =>
    FILTERINGS.flatMap((filtering) =>
      ALLOCATORS.map((kind) => {
        const allocator = { ...UNKNOWN_ALLOCATOR, kind, step: 2, low: 2048, high: 2559, backgroundPerSecond: 20 };
        return { ...UNKNOWN_PROFILE, mapping, filtering, allocator, mixture: [allocator], confidence: 0.9 };
      }),
    ),
  );
}

const ROLLING: readonly Method[] = ['row', 'lattice'];
const PREDICTING: readonly Method[] = ['known', 'window', 'cross'];

/** Mappings that a plan has open at once on each side; each sample of the own NAT is one too. */
function openedBy({ method, hard, settle, mappings, probes }: Plan): Record<Role, number> {
  const sandwich = (inside: number) => 2 * inside + 1;
  const sides = (ofHard: number, ofOther: number) =>
    hard === 'client' ? { client: ofHard, host: ofOther } : { client: ofOther, host: ofHard };
  const opened = {
    none: { client: 0, host: 0 },
    known: sides(hard === null ? 1 : sandwich(mappings), 1),
    window: sides(sandwich(mappings), 1),
    birthday: sides(mappings, 1),
    cross: sides(mappings + 2, mappings + 2),
    row: sides(mappings, sandwich(probes)),
    lattice: { client: mappings, host: probes },
  }[method];
  for (const role of ['client', 'host'] as const) {
    if (settle === role) opened[role] += sandwich(0);
    // How long a mapping lives is found out meanwhile.
    if (ROLLING.includes(method)) opened[role] += PLAN_LIMITS.canariesMax;
  }
  return opened;
}

/** What is wrong with a plan, or null. */
function fault(plan: Plan, limits: PlanLimits): string | null {
  if (!(plan.expected > 0 && plan.expected <= 1)) return `expected ${plan.expected}`;
  const opened = openedBy(plan);
  const most = PREDICTING.includes(plan.method) ? PLAN_LIMITS.predictionMappings : PLAN_LIMITS.birthdayMappings;
  for (const role of ['client', 'host'] as const) {
    const { quota } = limits[role];
    const cap = quota === null ? most : Math.min(most, quota / 2);
    if (opened[role] > cap) return `${plan.method}: ${opened[role]} mappings at the ${role}, ${cap} are allowed`;
  }
  if (plan.probes > PLAN_LIMITS.birthdayBurst) return 'more probes than the cap';
  if (plan.durationMs > LEAD_LIMITS.salvoMs) return 'too long';
  return null;
}

test.each<[string, PlanLimits]>([
  ['a quota at both', { ...LIMITS_OF_PAIR, client: { quota: 256, lifetimeMs: null } }],
  ['no quota known', { ...LIMITS_OF_PAIR, host: { quota: null, lifetimeMs: 30_000 } }],
])('every pair of profiles has a plan that keeps the limits of both sides: %s', (_name, limits) => {
  const profiles = everyProfile();
  const name = (one: NatProfile) => `${one.mapping}/${one.filtering}/${one.allocator.kind}`;
  const faults: string[] = [];
  const methods = new Set<Method>();
  for (const client of profiles) {
    for (const host of profiles) {
      const plan = plansFor(client, host, new Map(), limits);
      methods.add(plan.method);
      const wrong = fault(plan, limits);
      if (wrong !== null) faults.push(`${name(client)} – ${name(host)}: ${wrong}`);
    }
  }
  expect(profiles.length).toBe(112);
  expect([...methods].sort()).toEqual(['birthday', 'cross', 'known', 'lattice', 'row', 'window']);
  expect(faults).toEqual([]);
});

test('a plan does not depend on who is client and who is host', () => {
  for (const left of Object.values(NATURES)) {
    for (const right of Object.values(NATURES)) {
      const one = planFor(left, right, limitsFor(left, right));
      const other = planFor(right, left, limitsFor(right, left));
      expect(other.method).toBe(one.method);
      expect(other.expected).toBeCloseTo(one.expected, 10);
      if (one.settle === null) expect(other.packets).toEqual({ client: one.packets.host, host: one.packets.client });
    }
  }
});

test('a network that was taken for easy and never meets is taken for a hard one', () => {
  const easy = { ...UNKNOWN_PROFILE, mapping: 'eim', filtering: 'apdf', confidence: 0.98 } as const;
  const failed = new Map<string, number>();
  const methods: string[] = [];
  for (let attempt = 0; attempt < 12; attempt++) {
    const plan = plansFor(easy, easy, failed, LIMITS_OF_PAIR);
    methods.push(plan.method);
    failed.set(plan.key, (failed.get(plan.key) ?? 0) + 1);
  }
  expect(methods.slice(0, 2)).toEqual(['known', 'known']);
  expect(methods).toContain('window');
  expect(methods).toContain('birthday');
});

test('the heavier hypothesis of a mixture is tried first, and the other next', () => {
  const step = { ...UNKNOWN_ALLOCATOR, kind: 'step', step: 1, weight: 0.6, backgroundPerSecond: 3 } as const;
  const random = { ...UNKNOWN_ALLOCATOR, kind: 'random', weight: 0.4 } as const;
  const mixed: NatProfile = {
    ...UNKNOWN_PROFILE,
    mapping: 'apdm',
    filtering: 'apdf',
    allocator: step,
    mixture: [step, random],
    confidence: 0.98,
  };
  const easy = { ...UNKNOWN_PROFILE, mapping: 'eim', filtering: 'apdf', confidence: 0.98 } as const;
  const first = plansFor(easy, mixed, new Map(), LIMITS_OF_PAIR);
  const next = plansFor(easy, mixed, new Map([[first.key, 1]]), LIMITS_OF_PAIR);
  expect([first.method, next.method]).toEqual(['window', 'birthday']);
});

test('a reading of the networks that is unlikely does not keep the likelier ones waiting for minutes', () => {
  const easy = { ...UNKNOWN_PROFILE, mapping: 'eim', filtering: 'apdf', confidence: 0.98 } as const;
  const block = { ...UNKNOWN_ALLOCATOR, kind: 'block', weight: 1, low: 20_480, high: 20_991 } as const;
  const hard: NatProfile = { ...easy, mapping: 'apdm', allocator: block, mixture: [block] };
  const sure = plansFor(hard, hard, new Map(), LIMITS_OF_PAIR);
  expect([sure.method, sure.durationMs]).toEqual(['lattice', 300_000]);
  const failed = new Map<string, number>();
  // Until even that has failed so often that the wild reading is the likelier one.
  const methods = Array.from({ length: 6 }, () => {
    const { key, method, durationMs } = plansFor(easy, hard, failed, LIMITS_OF_PAIR);
    failed.set(key, (failed.get(key) ?? 0) + 1);
    expect(durationMs, key).toBeLessThanOrEqual(40_000);
    return method;
  });
  expect(methods).toContain('row');
});

test('docs/plans.md says what the planner does', () => {
  expect(readFileSync('docs/plans.md', 'utf8')).toBe(plansPage());
});
