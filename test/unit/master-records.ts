import { createHash } from 'node:crypto';
import { type HostAnnouncement, type HostRecord, toBase32 } from '../../src/core/index.ts';

/** A registered host as the machine would tell it; its identity follows from `n`. */
export function hostRecord(
  n: number,
  change: Partial<HostRecord> & { readonly announcement?: HostAnnouncement } = {},
  announcement: Partial<HostAnnouncement> = {},
): HostRecord {
  const hostKey = new Uint8Array(createHash('sha256').update(`host ${n}`).digest());
  return {
    hostId: toBase32(createHash('sha256').update(hostKey).digest()).slice(0, 26),
    hostKey,
    code: codeOf(n),
    announcement: {
      name: `Server ${n}`,
      game: 'luanti',
      public: true,
      playersMax: 8,
      map: 'hills',
      mode: 'ctf',
      version: '5.9',
      passwordNeeded: false,
      ...announcement,
    },
    players: 0,
    natType: 'cone',
    verdict: 'moderate',
    delta: 0,
    observed: { address: `198.51.${(n >> 8) & 255}.${n & 255}`, port: 40_000 },
    rttMs: 20,
    since: 0,
    generation: 0,
    ...change,
  };
}

const ALPHABET = '6789BCDFGHJKLMNPQRTWX';

function codeOf(n: number): string {
  let code = '';
  for (let i = 0, rest = n; i < 8; i += 1, rest = Math.floor(rest / 20)) code = ALPHABET.charAt(rest % 20) + code;
  return code;
}
