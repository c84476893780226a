/** Uploads over one line, as they know of each other. */
import { expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/core/index.ts';
import { QueueDelay, SharedLine, STREAM_LIMITS } from '../../src/core/testing.ts';

type Sharer = Parameters<SharedLine['add']>[0];

const { uploadFreshMs, uploadFair, uploadReportMs, uploadFlushMs, uploadFlushShare, uploadPaceMin } = CONNECTION_LIMITS;

function sharer(about: Partial<Sharer>) {
  const did: string[] = [];
  const one: Sharer = {
    ...{ reportedAt: 0, queueMs: 30, emptyAt: 0, knownAt: 0, overuses: 0, overSince: 0, paced: true, carried: 100 },
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

test('whoever came to know its way while another one’s queue was there goes by that one’s', () => {
  const [full, late, early] = [
    sharer({ queueMs: 200, emptyAt: -100 }),
    sharer({ queueMs: 0, knownAt: -50 }),
    sharer({ queueMs: 0, knownAt: -150 }),
  ];
  const line = lineOf(full, late, early);
  expect([full, late, early].map(({ one }) => line.queue(0, one))).toEqual([200, 200, 0]);
  expect(line.queue(uploadFreshMs + 1, late.one), 'what was reported some time ago does not count').toBe(0);
});

test('a line that is thinner than what each has left at least is shared', () => {
  const content = sharer({ hungry: () => false });
  expect(lineOf(content).paceMin(0)).toBe(uploadPaceMin);
  expect(lineOf(sharer({}), sharer({}), content).paceMin(0)).toBe(uploadPaceMin / 2);
});

test('three reports of a queue may come from any of them, but not at once', () => {
  const free = { paced: false, queueMs: 200, overSince: 0 };
  const [one, other, silent, clear] = [
    sharer({ ...free, carried: 150, overuses: 2, reportedAt: 200 }),
    sharer({ ...free, carried: 150, overuses: 1, reportedAt: 200 }),
    sharer({ ...free, reportedAt: -1_000 }),
    sharer({ ...free, queueMs: 0, reportedAt: 200 }),
  ];
  const line = lineOf(one, other, silent, clear);
  line.overused(2 * uploadReportMs - 1, false);
  expect(one.did).toEqual([]);
  line.overused(2 * uploadReportMs, false);
  expect(
    [one, other, silent, clear].map(({ did }) => did),
    'what the two get is for the silent one as well',
  ).toEqual([['share 100'], ['share 100'], ['share 100'], []]);
});

test('one that is sure takes those along that cannot see the queue, and nobody else', () => {
  const free = { paced: false, queueMs: 0, reportedAt: 200 };
  const [one, late, clear] = [
    sharer({ ...free, queueMs: 200, overuses: 1, overSince: 200, emptyAt: 100 }),
    sharer({ ...free, knownAt: 150 }),
    sharer({ ...free, knownAt: 50 }),
  ];
  lineOf(one, late, clear).overused(200, true);
  expect([one, late, clear].map(({ did }) => did)).toEqual([['share 50'], ['share 50'], []]);
  const alone = sharer({ ...free, queueMs: 200, overuses: 3 });
  lineOf(alone).overused(200, true);
  expect(alone.did, 'it knows its own pace').toEqual([]);
});

test('together they empty a queue before it is taken for somebody else’s; one alone does not', () => {
  const [one, free] = [sharer({}), sharer({ paced: false })];
  expect(lineOf(one).flush(0)).toBe(false);
  expect(lineOf(one, free).flush(0)).toBe(true);
  expect([one.did, free.did]).toEqual([['flush'], ['share 100', 'flush']]);
  expect(uploadFlushMs * (1 - uploadFlushShare), 'ms of queue').toBeGreaterThan(350);
});

test('how long a way takes without a queue is known for a minute: clocks part', () => {
  const delay = new QueueDelay(0, 1);
  delay.sample(0, 10);
  expect(delay.sample(STREAM_LIMITS.baseOldMs, 40), 'ms of queue').toBe(30);
  expect(delay.sample(STREAM_LIMITS.baseOldMs + STREAM_LIMITS.baseBucketMs, 40)).toBe(0);
});
