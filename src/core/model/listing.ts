/** What a host says of itself, and what a list of hosts shows of it. */
import type { NatType, Verdict } from '../nat/profile.ts';

export interface HostAnnouncement {
  readonly name: string;
  readonly game: string;
  readonly public: boolean;
  readonly playersMax: number;
  readonly map: string;
  readonly mode: string;
  readonly version: string;
  readonly passwordNeeded: boolean;
}

/** A row of the list: the same names and meanings as `Server` of the master's HTTP interface (`master/api.ts`). */
export interface ListEntry {
  readonly hostId: string;
  /** Empty for an official server without an agent: it is joined by its address. */
  readonly code: string;
  readonly name: string;
  readonly game: string;
  readonly map: string;
  readonly mode: string;
  readonly version: string;
  readonly players: number;
  readonly playersMax: number;
  readonly passwordNeeded: boolean;
  readonly natType: NatType;
  readonly verdict: Verdict;
  /** Signed step per new mapping, 0 for a cone, null when unpredictable or unknown. */
  readonly natDelta: number | null;
  /** `local`: it shares the asker's public address. */
  readonly section: 'local' | 'official' | 'community';
  readonly pingEstimateMs: number | null;
  /** Unix times in milliseconds, to the second; 0 = the master does not tell. `verifiedAt`: when the master itself last joined it. */
  readonly verifiedAt: number | null;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** Known from before a restart of the master, not heard of since. */
  readonly returning: boolean;
  /** Of official public servers alone: join it directly, without traversal. */
  readonly address: string | null;
}
