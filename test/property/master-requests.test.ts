/** Participants that the master has let in and that ask whatever the protocol can say, in any order and from any socket of theirs. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MASTER_LIMITS } from '../../src/core/index.ts';
import { LINK_LIMITS, type Request } from '../../src/core/testing.ts';
import { request } from '../unit/rendezvous-arbitraries.ts';
import { ANNOUNCEMENT, world } from '../unit/rendezvous-net.ts';
import { FUZZ_SEED } from './wire-fuzz.ts';

const WHO = 3;
/** Few enough that what one asks often meets what another has asked. */
const SIDS = [1, 2, 3].map((byte) => new Uint8Array(16).fill(byte));

const asked = fc.record({
  who: fc.nat(WHO - 1),
  request: fc.oneof(
    { weight: 2, arbitrary: request },
    request.filter(({ type }) => ['join', 'answer', 'step', 'credit', 'refuse'].includes(type)),
    fc.constant({
      type: 'register',
      code: '',
      announcement: ANNOUNCEMENT,
      players: 0,
      profile: null,
      generation: 0,
    } as Request),
  ),
  /** Whose key it names, and which session; beyond the last: what the request says itself. */
  host: fc.nat(WHO),
  sid: fc.nat(SIDS.length),
  socket: fc.nat(2),
  waitMs: fc.oneof(fc.constant(0), fc.nat(400), fc.nat(30_000)),
});

test('whatever three participants ask, in whatever order, the master answers each and keeps its tables small', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(asked, { minLength: 20, maxLength: 60 }), (acts) => {
      const w = world();
      const all = Array.from({ length: WHO }, (_, n) => w.participant(`p${n}`, `203.0.113.${n + 1}`).start());
      const sockets = all.map((one) => [null, one.socket(), one.socket()]);
      for (const act of acts) {
        const who = all[act.who]!;
        const sid = SIDS[act.sid];
        const hostKey = all[act.host]?.key.publicKey;
        const message = {
          ...act.request,
          ...('sid' in act.request && sid ? { sid } : {}),
          ...('hostKey' in act.request && hostKey ? { hostKey } : {}),
        } as Request;
        const before = who.events.length;
        who.ask(message, sockets[act.who]![act.socket]!);
        w.net.run(Math.max(100, act.waitMs));
        for (const event of who.events.slice(before))
          if (event.ev === 'response')
            seen.add(`${message.type} ${event.response.type === 'failed' ? event.response.failure : ''}`);
      }
      w.net.run(LINK_LIMITS.requestGiveUpMs);
      const unanswered = all.flatMap(({ events }) =>
        events.filter(
          (event) =>
            event.ev === 'response' &&
            event.response.type === 'failed' &&
            event.response.failure === 'MASTER_UNREACHABLE',
        ),
      );
      expect(unanswered).toEqual([]);
      w.net.run(10 * MASTER_LIMITS.joinIdleMs);
      const { joins, registry } = w.master.machine as unknown as Record<
        'joins' | 'registry',
        { readonly size: number }
      >;
      expect(joins.size).toBe(0);
      expect(registry.size).toBeLessThanOrEqual(WHO);
      expect(w.counters().sessions).toBe(WHO);
    }),
    { numRuns: 120, seed: FUZZ_SEED },
  );
  for (const type of ['join', 'answer', 'step', 'credit', 'done', 'refuse', 'register', 'heartbeat', 'resolve', 'list'])
    expect(
      [...seen].filter((one) => one.startsWith(`${type} `)),
      type,
    ).not.toEqual([]);
  expect(seen).toContain('credit ');
  expect(seen).toContain('step ');
});
