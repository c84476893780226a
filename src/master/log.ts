/**
 * Logs of the masterserver. No address is ever written: whoever logs one gives it to `pseudonym` first (SECURITY.md row 18),
 * which is the same for the same address within a day and tells nothing to who has not the key.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { type DestinationStream, type Logger, pino } from 'pino';
import { addressPrefixes } from '../core/index.ts';

export type { Logger } from 'pino';

const DAY_MS = 86_400_000;

export interface Pseudonyms {
  of(address: string): string;
}

/** The key lives in memory and changes every day, so yesterday's pseudonyms can't be matched with today's addresses. */
export function createPseudonyms(wallClock: () => number): Pseudonyms {
  let day = -1;
  let key = randomBytes(16);
  return {
    of(address) {
      const today = Math.floor(wallClock() / DAY_MS);
      if (today !== day) {
        day = today;
        key = randomBytes(16);
      }
      const digest = createHmac('sha256', key).update(addressPrefixes(address)[0]).digest('hex');
      return `addr-${digest.slice(0, 8)}`;
    },
  };
}

export function createLog(level: string, destination: DestinationStream): Logger {
  // Neither host name nor process id: the journal knows both, and a pasted log should not.
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
