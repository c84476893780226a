/** The salvos of an attempt as the log tells them, and which of their probes are in the air at a moment. */
import type { LocalJoin } from '../../app/local-api.ts';
import type { LogEntry } from '../../core/model/log.ts';

export interface DrawnSalvo {
  readonly side: 'client' | 'host';
  /** Milliseconds since the join began. */
  readonly at: number;
  readonly tuples: number;
  readonly passes: number;
  readonly ratePerSecond: number;
  /** From the first pass to the last. */
  readonly spreadMs: number;
  /** After the passes each tuple is repeated so often until the end; 0 = not. */
  readonly againMs: number;
  readonly durationMs: number;
}

export interface Flying {
  readonly side: 'client' | 'host';
  readonly n: number;
  /** 0 = just sent, 1 = at the far router. */
  readonly way: number;
}

/** A probe is shown for so long. Real ones are faster than an eye: times of sending are true, the flight is slowed down. */
export const FLIGHT_MS = 600;
/** Dots drawn for one salvo; of more, every so manyth. */
const DRAWN_MAX = 24;

export function salvosOf(join: LocalJoin, attempt: number): readonly DrawnSalvo[] {
  return join.log.filter((line) => line.attempt === attempt && line.what === 'salvo').map(salvoOf);
}

function salvoOf({ atMs, data }: LogEntry): DrawnSalvo {
  const number = (key: string): number => Number(data[key] ?? 0);
  return {
    side: data.side === 'host' ? 'host' : 'client',
    at: atMs + number('inMs'),
    tuples: number('tuples'),
    passes: number('passes'),
    ratePerSecond: Math.max(1, number('ratePerSecond')),
    spreadMs: number('spreadMs'),
    againMs: number('againMs'),
    durationMs: number('durationMs'),
  };
}

/** Probes that a side was told to send in all passes of these salvos. */
export function probesOf(salvos: readonly DrawnSalvo[], side: DrawnSalvo['side']): number {
  return salvos.filter((salvo) => salvo.side === side).reduce((sum, { tuples, passes }) => sum + tuples * passes, 0);
}

export function flyingAt(salvos: readonly DrawnSalvo[], now: number): readonly Flying[] {
  return salvos.flatMap((salvo, index) => passStarts(salvo, now).flatMap((start) => inPass(salvo, index, start, now)));
}

/** When the passes began whose probes may be in the air at `now`. */
function passStarts(salvo: DrawnSalvo, now: number): readonly number[] {
  const { at, passes, spreadMs, againMs, durationMs, tuples, ratePerSecond } = salvo;
  const gap = passes > 1 ? spreadMs / (passes - 1) : 0;
  const starts = Array.from({ length: passes }, (_, pass) => at + pass * gap);
  if (againMs > 0 && now < at + durationMs) {
    // Of the repetitions only those that have begun and whose last probe may still fly.
    const newest = Math.floor((now - at - spreadMs) / againMs);
    const oldest = Math.max(1, newest - Math.ceil(((tuples * 1000) / ratePerSecond + FLIGHT_MS) / againMs));
    for (let n = oldest; n <= newest; n++) starts.push(at + spreadMs + n * againMs);
  }
  return starts;
}

function inPass(salvo: DrawnSalvo, index: number, start: number, now: number): readonly Flying[] {
  const perMs = salvo.ratePerSecond / 1000;
  const first = Math.max(0, Math.ceil((now - start - FLIGHT_MS) * perMs));
  const last = Math.min(salvo.tuples - 1, Math.floor((now - start) * perMs));
  const step = Math.max(1, Math.ceil((last - first + 1) / DRAWN_MAX));
  const flying: Flying[] = [];
  // On multiples of the step, so that the same dots are drawn from one frame to the next.
  for (let n = Math.ceil(first / step) * step; n <= last; n += step) {
    flying.push({ side: salvo.side, n: index * 7919 + n, way: (now - start - n / perMs) / FLIGHT_MS });
  }
  return flying;
}
