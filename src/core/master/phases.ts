/** In what order a masterserver comes and goes. */
import type { Instant } from '../contract.ts';

export type MasterPhase =
  /** `left`: ports whose outcome is not known. `failed`: one could not be bound, so it is never said that all listen. */
  | { readonly in: 'binding'; left: number; failed: boolean }
  | { readonly in: 'listening' }
  /** It goes away: nobody new comes in, and the joins under way have until then. */
  | { readonly in: 'draining'; readonly by: Instant }
  | { readonly in: 'drained' };

/** Which phase may follow which, and when. */
export const MASTER_PHASES = {
  binding: {
    listening: 'all ports are bound',
    draining: 'it is to go away before that',
  },
  listening: { draining: 'it is to go away' },
  draining: {
    draining: 'it is told another time',
    drained: 'no join is under way any more, or the time is over',
  },
  drained: {},
} as const satisfies Record<MasterPhase['in'], Partial<Record<MasterPhase['in'], string>>>;
