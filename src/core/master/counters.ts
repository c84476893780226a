/** What the master counts. Plain additions on the hot path; `src/master` reads them when somebody asks for metrics. */
import type { MasterCounters } from './interface.ts';

/** Every reason for which a datagram or message is dropped without an answer. */
export type DropReason =
  | 'door-malformed'
  | 'door-limited'
  | 'door-draining'
  | 'cookie-bad'
  | 'handshake-forged'
  | 'ticket-refused'
  | 'control-malformed'
  | 'control-unknown'
  | 'control-forged'
  | 'control-frame'
  | 'control-unproven'
  | 'probe-malformed'
  | 'probe-unknown'
  | 'probe-forged'
  | 'push-unanswered'
  | 'socket-unknown';

/** Every limit that was reached. */
export type LimitName =
  | 'hello'
  | 'handshake'
  | 'control'
  | 'probe'
  | 'resolve'
  | 'list'
  | 'join-client'
  | 'join-host'
  | 'join-table'
  | 'grant'
  | 'step'
  | 'credit'
  | 'hosts'
  | 'codes'
  | 'contests'
  | 'pushes';

export class Counters implements MasterCounters {
  sessions = 0;
  hosts = 0;
  probes = 0;
  heartbeats = 0;
  handshakes = 0;
  resumptions = 0;
  challenges = 0;
  controls = 0;
  readonly dropped: Record<string, number> = {};
  readonly limited: Record<string, number> = {};

  drop(reason: DropReason): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  limit(name: LimitName): void {
    this.limited[name] = (this.limited[name] ?? 0) + 1;
  }
}
