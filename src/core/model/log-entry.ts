/** What stands behind the flat fields of a line of the log of a join, for whoever turns it into a sentence. */
import type { LogData } from './log.ts';
import type { Help, NextAttempt, StageReason } from './progress.ts';

/** Of the stages of a join; found and networks are lines of their own, which say more. */
const STAGES = ['resolving', 'asking', 'asked', 'queued', 'punching', 'waiting', 'connected'] as const;
type ToldStage = (typeof STAGES)[number];

/** Where the join stood; null where the line tells of something else. */
export function stageOf(
  what: string,
  data: LogData,
): { readonly stage: ToldStage; readonly why: StageReason | null } | null {
  const stage = STAGES.find((one) => one === what);
  if (stage === undefined) return null;
  return {
    stage: what as ToldStage,
    why: data.because === undefined ? null : (nested(data) as unknown as StageReason),
  };
}

/** What the next attempt changes; null where nothing is said of it. */
export function nextOf(data: LogData): NextAttempt | null {
  return data.because === undefined ? null : (nested(data) as unknown as NextAttempt);
}

/** What would help, best first, from `help:side help:side`. */
export function adviceOf(data: LogData): readonly Help[] {
  return String(data.advice ?? '')
    .split(' ')
    .flatMap((one) => {
      const [help, side] = one.split(':');
      return side === undefined ? [] : [{ help, side } as Help];
    });
}

/** What is written as `outer.inner` in a log, as it was before. */
function nested(data: LogData): Readonly<Record<string, unknown>> {
  const whole: Record<string, unknown> = { own: null, peer: null };
  for (const [key, value] of Object.entries(data)) {
    const [outer = '', inner] = key.split('.');
    if (inner === undefined) whole[outer] = value;
    else whole[outer] = { ...(whole[outer] as object | null), [inner]: value };
  }
  return whole;
}
