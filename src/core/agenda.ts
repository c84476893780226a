/** What a machine and its parts want to do later: the one tool for their deadlines. */
import { type Instant, NEVER } from './contract.ts';
import { assert } from './errors.ts';
import { LIMITS } from './limits.ts';

/** Work at an instant. `cancel` is harmless when it has run or was cancelled already. */
export interface Alarm {
  cancel(): void;
}

/** Closures by deadline. */
export interface Agenda {
  at(instant: Instant, run: (now: Instant) => void): Alarm;
  run(now: Instant): void;
  clear(): void;
  next(): Instant;
}

export function agenda(): Agenda {
  const entries = new Map<Alarm, { readonly at: Instant; readonly run: (now: Instant) => void }>();
  /** Null: it has to be looked for. It is asked for after every datagram, and changes seldom. */
  let soonest: Instant | null = NEVER;
  const next = (): Instant => {
    if (soonest !== null) return soonest;
    soonest = NEVER;
    for (const { at } of entries.values()) if (at < soonest) soonest = at;
    return soonest;
  };
  const take = (alarm: Alarm): boolean => {
    if (entries.get(alarm)?.at === soonest) soonest = null;
    return entries.delete(alarm);
  };
  return {
    at(instant, run) {
      assert(entries.size < LIMITS.agendaMax, 'the agenda of a peer is bounded');
      const alarm: Alarm = { cancel: () => void take(alarm) };
      entries.set(alarm, { at: instant, run });
      if (soonest !== null && instant < soonest) soonest = instant;
      return alarm;
    },
    run(now) {
      if (next() > now) return;
      const due = [...entries].filter(([, entry]) => entry.at <= now).sort((left, right) => left[1].at - right[1].at);
      // One that has run may cancel another that was due as well.
      for (const [alarm, entry] of due) if (take(alarm)) entry.run(now);
    },
    clear() {
      entries.clear();
      soonest = NEVER;
    },
    next,
  };
}
