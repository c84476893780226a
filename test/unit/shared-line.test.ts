/** Uploads over one line, as they know of each other. */
import { expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/core/index.ts';
import { SharedLine } from '../../src/core/testing.ts';

type Sharer = Parameters<SharedLine['add']>[0];

const { uploadFreshMs, uploadFair, uploadReportMs, uploadFlushMs, uploadFlushShare } = CONNECTION_LIMITS;

function sharer(about: Partial<Sharer>) {
  const did: string[] = [];
  const one: Sharer = {
    ...{ reportedAt: 0, queueMs: 30, overuses: 0, overSince: 0, paced: true, carried: 100 },
    hungry: () => true,
    busy: () => true,
    share: (_now, pace) => void did.push(`share ${pace}`),
    flush: () => void did.push('flush'),
    ...about,
  };
  return { one, did };
}

function lineOf(...sharers: readonly { readonly one: Sharer }[]): SharedLine {
  const line = new SharedLine();
  for (const { one } of sharers) line.add(one);
  return line;
}

test('those whose queue is as long draw near to their mean, and nobody else', () => {
  const [one, alike, longer, content] = [
    sharer({}),
    sharer({ carried: 300 }),
    sharer({ carried: 900, queueMs: 200 }),
    sharer({ carried: 900, hungry: () => false }),
  ];
  const line = lineOf(one, alike, longer, content);
  expect(line.mean(0, one.one)).toBe(200);
  expect(line.mean(0, longer.one)).toBe(null);
  expect((1 - uploadFair) ** (10_000 / uploadReportMs), 'what is left of a difference after ten seconds').toBeLessThan(
    0.001,
  );
});

test('what was reported some time ago does not count', () => {
  const [one, other] = [sharer({}), sharer({ queueMs: 80 })];
  const line = lineOf(one, other);
  expect(line.longest(uploadFreshMs, one.one)).toBe(80);
  expect(line.longest(uploadFreshMs + 1, one.one)).toBe(0);
});

test('three reports of a queue may come from any of them, but not at once', () => {
  const free = { paced: false, queueMs: 200, overSince: 0 };
  const [one, other, silent, clear] = [
    sharer({ ...free, overuses: 2, reportedAt: 200 }),
    sharer({ ...free, overuses: 1, reportedAt: 200 }),
    sharer({ ...free, reportedAt: -1_000 }),
    sharer({ ...free, queueMs: 0, reportedAt: 200 }),
  ];
  const line = lineOf(one, other, silent, clear);
  line.overused(2 * uploadReportMs - 1);
  expect(one.did).toEqual([]);
  line.overused(2 * uploadReportMs);
  expect([one, other, silent, clear].map(({ did }) => did)).toEqual([['share 100'], ['share 100'], ['share 100'], []]);
});

test('together they empty a queue before it is taken for somebody else’s; one alone does not', () => {
  const [one, free] = [sharer({}), sharer({ paced: false })];
  expect(lineOf(one).flush(0)).toBe(false);
  expect(lineOf(one, free).flush(0)).toBe(true);
  expect([one.did, free.did]).toEqual([['flush'], ['share 100', 'flush']]);
  expect(uploadFlushMs * (1 - uploadFlushShare), 'ms of queue').toBeGreaterThan(350);
});
