/** What is told of a join: data in the events, one reduction of them, words at the edges in each language. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  adviceText,
  isOver,
  type JoinEvent,
  type JoinView,
  losePath,
  NEW_JOIN,
  nextText,
  reduceJoin,
  stageText,
} from '../../src/agent/index.ts';
import { reasonText } from '../../src/agent/testing.ts';
import { logText } from '../../src/cli/testing.ts';
import type { FailureReason, Help, NatView, NextAttempt, PeerEvent, StageReason } from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { runPair } from '../../src/sim/index.ts';
import * as page from '../../src/web/join-words.ts';
import { lineText } from '../../src/web/log-words.ts';
import { LANGUAGES, type Language, language } from '../../src/web/messages/index.ts';

const NATS: readonly NatView[] = [
  { kind: 'open' },
  { kind: 'easy' },
  { kind: 'blocked' },
  { kind: 'step', timed: false, step: 2, perSecond: 7 },
  { kind: 'step', timed: true, step: 1, perSecond: 40 },
  { kind: 'random', low: 1024, high: 65_535, addresses: 1 },
  { kind: 'random', low: 1024, high: 65_535, addresses: 4 },
];
const NEXTS: readonly NextAttempt[] = [
  { because: 'host-connects-others', ahead: 1 },
  { because: 'host-connects-others', ahead: 3 },
  { because: 'host-rests', seconds: 12 },
  { because: 'unanswered', method: 'window' },
  ...NATS.map((nat) => ({ because: 'not-met', method: 'window', last: 'known', own: nat, peer: null }) as const),
  ...NATS.map((nat) => ({ because: 'not-met', method: 'row', last: 'row', own: null, peer: nat }) as const),
  { because: 'not-met', method: 'known', last: 'known', own: null, peer: null },
];
const STAGES: readonly StageReason[] = [
  ...NEXTS,
  { because: 'host-asked-about-others', ahead: 2 },
  { because: 'host-silent' },
  { because: 'master-silent' },
  { because: 'failure', failure: 'BUSY' },
];
const HELPS = (
  ['other-network', 'port-mapping', 'public-address', 'ipv6', 'vpn', 'vpn-off', 'between'] as const
).flatMap((help) => (['own', 'peer', 'either', 'both'] as const).map((side): Help => ({ help, side })));
/** One of each: the compiler demands every one. */
const REASONS: { readonly [Because in FailureReason['because']]: FailureReason & { readonly because: Because } } = {
  'host-silent': { because: 'host-silent' },
  'host-undecided': { because: 'host-undecided' },
  'master-silent': { because: 'master-silent' },
  'code-malformed': { because: 'code-malformed', symbols: 9, foreign: '' },
  'link-contradicts-itself': { because: 'link-contradicts-itself' },
  'host-of-another-code': { because: 'host-of-another-code' },
  'other-key-than-before': { because: 'other-key-than-before' },
  'other-key-for-name': { because: 'other-key-for-name', name: 'Arena' },
  'not-that-host': { because: 'not-that-host' },
  'key-unusable': { because: 'key-unusable' },
  'too-many-joins': { because: 'too-many-joins' },
  socket: { because: 'socket', error: 'EMFILE' },
  'codes-tried': { because: 'codes-tried' },
};

/** Everything that can be told, in the language of the page. */
function saidByPage(): readonly string[] {
  return [
    ...STAGES.map(page.waitText),
    ...NEXTS.map(page.nextText),
    ...HELPS.map((help) => page.adviceText([help])),
    ...Object.values(REASONS).map(page.reasonText),
    ...NATS.map((nat) => page.pairText({ own: nat, peer: nat })),
  ];
}

function saidByCommand(): readonly string[] {
  return [
    ...STAGES.map((why) => stageText({ stage: 'waiting', why })),
    ...NEXTS.map((next) => nextText(next)),
    ...HELPS.map((help) => adviceText([help])),
    ...Object.values(REASONS).map(reasonText),
  ];
}

/** All events of the client and of the host, of a pair that does not meet soon. */
function hardJoin(): { readonly events: readonly PeerEvent[]; readonly view: JoinView } {
  const events: PeerEvent[] = [];
  let view = NEW_JOIN;
  runPair({
    ...{ clientClass: 'S4', hostClass: 'S4', seed: 5, limitMs: 60_000, crypto: nodeCrypto },
    onEvent(side, event, at) {
      events.push(event);
      if (side === 'client' && 'join' in event && event.join !== null) view = reduceJoin(view, event as JoinEvent, at);
    },
  });
  return { events, view };
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  return Object.values(value).flatMap(textsIn);
}

/** Three words in a row, or a word and a full stop. */
const SENTENCE = /[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}|[a-z]\.( |$)/;

describe('words', () => {
  afterEach(() => {
    language.value = 'en';
  });

  test.each(Object.keys(LANGUAGES) as Language[])('the page has words for all that is told, in %s', (name) => {
    language.value = name;
    for (const text of saidByPage()) expect(text).toMatch(/^[^{}]{4,}$/);
  });

  test('no two languages say the same, and each says every number', () => {
    const english = saidByPage();
    language.value = 'de';
    const german = saidByPage();
    english.forEach((text, i) => {
      expect(german[i]).not.toBe(text);
      expect(german[i]?.match(/\d+/g)?.sort()).toEqual(text.match(/\d+/g)?.sort());
    });
  });

  test('the command has words for all that is told, of one line each', () => {
    for (const text of saidByCommand()) {
      expect(text).toMatch(/^[^\n]{8,}$/);
      expect(text).not.toMatch(/undefined|null|NaN|\[object/);
    }
  });

  test('the advice of this very pair reaches the page in both languages', () => {
    const advice = [{ help: 'port-mapping', side: 'peer' }] as const;
    expect(page.adviceText(advice)).toContain('the host’s router');
    language.value = 'de';
    expect(page.adviceText(advice)).toContain('Router des Hosts');
  });
});

describe('a join of the real machines', () => {
  const { events, view } = hardJoin();

  test('core tells codes and numbers: no event holds a sentence', () => {
    expect(new Set(events.map(({ ev }) => ev))).toContain('hard');
    expect(events.flatMap(textsIn).filter((text) => SENTENCE.test(text))).toEqual([]);
  });

  test('its log is in no language, and the command shows it as the sentences of the screen', () => {
    expect(view.log.length).toBeGreaterThan(20);
    expect(JSON.stringify(view.log).match(SENTENCE)).toBeNull();
    const text = logText(view, true);
    expect(text).toContain('Attempt 1 begins: ');
    expect(text).toContain(nextText(view.attempts[0]?.next as never));
    expect(text).toContain('What helps, best first: ');
    expect(text).not.toMatch(/[{}]|undefined|NaN|\[object/);
  });

  test('the page shows it in the language of whoever reads it', () => {
    const shown = (): readonly string[] => view.log.map(lineText);
    const english = shown();
    language.value = 'de';
    const german = shown();
    language.value = 'en';
    expect(english.join('\n')).toContain('Attempt 1 begins: ');
    expect(german.join('\n')).toContain('Versuch 1 beginnt: ');
    for (const text of [...english, ...german]) expect(text).not.toMatch(/[{}]|undefined|NaN|\[object/);
    // What people are told of, not what a machine notes of its own steps.
    const told = [
      'found',
      'networks',
      'attempt',
      'attempt-over',
      'hard',
      'plan',
      'salvo',
      'over',
      'asking',
      'punching',
    ];
    const same = view.log.filter(({ what }, i) => told.includes(what) && english[i] === german[i]);
    expect(same).toEqual([]);
  });

  test('the view has the pair, its chance and what would help', () => {
    expect(view.hard).toMatchObject({ pair: { own: { kind: expect.any(String) }, peer: { kind: 'random' } } });
    expect(view.hard?.likely).toBeLessThan(0.5);
    expect(view.hard?.advice.length).toBeGreaterThan(0);
    expect(view.attempts[0]?.result).toBe('timeout');
    expect(view.attempts[0]?.next?.because).toBe('not-met');
  });
});

describe('the reduction', () => {
  const attempt = {
    ev: 'attempt',
    join: 1,
    n: 1,
    plan: { method: 'known', expected: 1, packets: 3 },
    sinceMs: 0,
  } as const;
  const waiting = { ev: 'stage', join: 1, stage: 'waiting', why: { because: 'host-silent' } } as const;
  const aborted = { ev: 'join-failed', join: 1, failure: 'ABORTED', detail: null } as const;

  test('what it was given stays as it was', () => {
    const before = Object.freeze({ ...NEW_JOIN, log: Object.freeze([]), attempts: Object.freeze([]) });
    const after = reduceJoin(before, attempt, 5);
    expect(before.attempts).toEqual([]);
    expect(after.attempts).toHaveLength(1);
    expect(after.log).toEqual([{ atMs: 5, attempt: 1, what: 'attempt', data: attempt.plan }]);
  });

  test('a wait is over with the next attempt; after an abort nothing changes any more, and what ran has stopped', () => {
    const wait = reduceJoin(NEW_JOIN, waiting, 1);
    expect([wait.stage, wait.why]).toEqual(['waiting', { because: 'host-silent' }]);
    const trying = reduceJoin(wait, attempt, 2);
    expect([trying.stage, trying.why]).toEqual(['punching', null]);
    const over = reduceJoin(trying, aborted, 3);
    expect(isOver(over)).toBe(true);
    expect(over.attempts[0]?.result).toBe('aborted');
    expect(over.endedAtMs).toBe(3);
    expect(reduceJoin(over, attempt, 4)).toBe(over);
    expect(losePath(over, 'consent')).toBe(over);
  });

  test('of a join that goes on for ever the newest lines and attempts are kept', () => {
    let view = NEW_JOIN;
    for (let n = 1; n <= 2_500; n++) view = reduceJoin(view, { ...attempt, n }, n);
    expect([view.log.length, view.log.at(-1)?.atMs]).toEqual([2_000, 2_500]);
    expect([view.attempts.length, view.attempts.at(-1)?.n]).toEqual([500, 2_500]);
  });
});
