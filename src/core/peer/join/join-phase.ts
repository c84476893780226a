/**
 * The phases of a join. They are about the way to a path: a connection that is up stands beside, while a further path is looked for.
 */
import type { Alarm } from '../../agenda.ts';
import type { ConnectionId } from '../base/interface.ts';
import type { Session } from '../reach/session.ts';
import type { Knock } from './knock.ts';

/** A connection that is up. */
export interface Established {
  readonly path: ConnectionId;
  /** As it is called between the two ends. */
  readonly id: Uint8Array;
  /** The session that found its newest path: its traversal still answers late probes. Null where none has. */
  session: Session | null;
}

/** A session on its way to a path. */
export interface Attempt {
  readonly session: Session;
  /** The connection that is to have the path: the one that stands, or a new one. */
  readonly path: ConnectionId;
  /** The newest attempt of it, null before the first. */
  n: number | null;
  method: string;
  /** As far as its attempts are over. */
  packetsSent: number;
  /** The master has said itself that the session is over. */
  dismissed: boolean;
}

export type JoinPhase =
  /** Waits for the master, which has to be there before `late`. */
  | { readonly in: 'linking'; readonly late: Alarm }
  | { readonly in: 'resolving'; readonly request: Alarm }
  /** Does the key that the master names belong to the code? */
  | { readonly in: 'checking'; readonly derivation: Alarm }
  /** Waits for the own profile. */
  | { readonly in: 'profiling' }
  /** `ahead`: how many the host answers before us, as it has said; null where it has not. */
  | { readonly in: 'knocking'; readonly knock: Knock; readonly quiet: Alarm; ahead: number | null }
  | { readonly in: 'punching'; readonly attempt: Attempt }
  /** Either side comes through a relay only, which both are being bound at. */
  | { readonly in: 'relaying'; readonly path: ConnectionId; readonly id: Uint8Array; readonly late: Alarm }
  /** Before it asks again. */
  | { readonly in: 'resting'; readonly again: Alarm }
  | { readonly in: 'connected' }
  | { readonly in: 'over' };

const OVER = 'it is aborted, its time is over, or something stands in its way that a person has to act on';

/** Which phase may follow which, and when. */
export const JOIN_PHASES = {
  linking: {
    resolving: 'the master is there, and the host is known by its code',
    profiling: 'the master is there, the host is known by its key, and the own profile is not known yet',
    knocking: 'the master is there, the host is known by its key, and so is the own profile',
    over: `${OVER}; or the master does not answer`,
  },
  resolving: {
    checking: 'the master has named a key',
    resting: 'the master asks for patience, or the host may still be on its way back to it',
    over: OVER,
  },
  checking: {
    profiling: 'the key belongs to the code, and the own profile is not known yet',
    knocking: 'the key belongs to the code',
    over: `${OVER}; or the key does not belong to the code`,
  },
  profiling: { knocking: 'the own profile is known as far as it will be for now', over: OVER },
  knocking: {
    knocking: 'nobody has answered for 10 s: again, from a new socket',
    punching: 'the host lets us in',
    relaying: 'the host lets us in, through a relay only',
    resting: 'the master or the host asks for patience, or what failed may pass',
    connected: 'the connection has a path again that works, or goes on through its relay for now',
    over: `${OVER}; or the host refuses`,
  },
  punching: {
    knocking: 'the master says that the session is over',
    resting: 'the session is lost, or the host asks for patience',
    connected: 'a path is proven, the connection has one again that works, or goes on through its relay for now',
    over: `${OVER}; or the host refuses`,
  },
  relaying: {
    connected: 'both sides are bound at the relay',
    knocking: 'they are not for long, or the host has let go',
    resting: 'the host has let go, or asks for patience',
    over: `${OVER}; or the host refuses`,
  },
  resting: {
    resolving: 'it has rested, and only the code is known',
    knocking: 'it has rested',
    connected: 'the connection has a path again that works, or goes on through its relay for now',
    over: OVER,
  },
  connected: {
    knocking:
      'its path does not answer or has died, this computer has changed its network, or a direct one is looked for again',
    resting: 'the host has ended and is waited for',
    over: 'the connection is left, by either side, or the program ends',
  },
  over: {},
} as const satisfies Record<JoinPhase['in'], Partial<Record<JoinPhase['in'], string>>>;
