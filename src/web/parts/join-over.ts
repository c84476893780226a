import type { LocalJoin } from '../../app/local-api.ts';

/** Frozen: nothing of it changes any more. */
export function isOver(join: LocalJoin): boolean {
  return join.phase === 'stopped' || join.phase === 'failed';
}

/** Waiting for a person, not for a network. */
export function isAsked(join: LocalJoin): boolean {
  return !isOver(join) && join.phase !== 'connected' && (join.stage === 'asked' || join.stage === 'queued');
}
