/**
 * Failures as sentences, in one table: what happened, why most likely, what to do next, and the exit code of the command
 * (docs/reference/product.md §5); and as an exception, which the library rejects with and the command prints.
 */
import { type FailureCode, RETRYABLE } from '../core/errors.ts';
import type { LogEntry } from '../core/index.ts';

export interface FailureText {
  readonly exit: number;
  readonly what: string;
  readonly why: string;
  readonly next: string;
}

export const FAILURES: Readonly<Record<FailureCode, FailureText>> = {
  CODE_MALFORMED: {
    exit: 2,
    what: 'That is no join code, and no join link.',
    why: 'Something is missing, or it is another text.',
    next: 'Copy the code or the link of the host once more, as a whole.',
  },
  CODE_UNKNOWN: {
    exit: 4,
    what: 'No host has this join code.',
    why: 'A letter may be wrong, or the host uses another masterserver.',
    next: 'Check the code with the host, and that both use the same masterserver.',
  },
  HOST_OFFLINE: {
    exit: 4,
    what: 'The host is not online.',
    why: 'The code is right, but the host has stopped or lost its connection.',
    next: 'Ask the host to start again; the code stays the same.',
  },
  MASTER_UNREACHABLE: {
    exit: 3,
    what: 'The masterserver does not answer.',
    why: 'It may be down, the link may name a wrong address, or a firewall blocks UDP to it.',
    next: 'Check the link of the masterserver, and try again.',
  },
  MASTER_PORTS_SHUT: {
    exit: 3,
    what: 'The masterserver answers at the port of its link, and at no other one.',
    why: 'Its operator may have opened that one alone in a firewall: it uses 25 UDP ports, that one and the next ones.',
    next: 'Tell the operator of the masterserver, who can have it use a single one.',
  },
  MASTER_KEY_MISMATCH: {
    exit: 8,
    what: 'The masterserver does not have the key in the link.',
    why: 'The link is outdated, or somebody else answers at that address.',
    next: 'Get a fresh link from the operator of the masterserver.',
  },
  UDP_BLOCKED: {
    exit: 3,
    what: 'UDP does not get out of this network.',
    why: 'A firewall on this computer or in this network drops UDP.',
    next: 'Allow outgoing UDP, or try another network (a phone hotspot shows the difference).',
  },
  HOST_KEY_CHANGED: {
    exit: 8,
    what: 'The host has another key than expected.',
    why: 'The host was installed anew, or somebody pretends to be it.',
    next: 'Ask the host, not through the game, whether it has a new key. If it has, join with acceptNewKey, which remembers that one.',
  },
  CODE_MISMATCH: {
    exit: 8,
    what: 'The masterserver calls this host by a join code that is not its own.',
    why: 'A code is derived from the key of the host. The masterserver is broken, or sends your friends to somebody else.',
    next: 'Give that code to nobody, and use another masterserver.',
  },
  HOST_REPLACED: {
    exit: 8,
    what: 'Another computer hosts with the key of this one now: friends reach that one.',
    why: 'The state folder was copied, or the same host was started on a second computer.',
    next: 'Stop one of the two. This one is found again as soon as the other has gone.',
  },
  CODE_TAKEN: {
    exit: 8,
    what: 'Another host has the join code of this one.',
    why: 'Two keys have one code, which is rarer than one in a million for all hosts of a large masterserver together.',
    next: 'Move the key file of this host away and host again: it gets a new key, and with that a new code and link.',
  },
  PASSWORD: {
    exit: 5,
    what: 'The password is missing or wrong.',
    why: 'This host asks for a password.',
    next: 'Ask the host for it, and join with it as password.',
  },
  REFUSED: {
    exit: 5,
    what: 'The host refused the join.',
    why: 'The person who hosts said no, or does not take joins now.',
    next: 'Ask the host.',
  },
  BANNED: {
    exit: 5,
    what: 'You are banned here.',
    why: 'The host or the masterserver keeps you out.',
    next: 'Ask whoever runs it.',
  },
  RELAY_MODE: {
    exit: 5,
    what: 'The two sides want different ways.',
    why: 'One goes through a relay only, and the other through none, or the masterserver has no relay.',
    next: 'Agree on the option relay: allow fits everything.',
  },
  NO_COMMON_FAMILY: {
    exit: 6,
    what: 'The two networks have no kind of address in common.',
    why: 'One of them has IPv6 alone and the other IPv4 alone, and the masterserver has no relay that both reach.',
    next: 'Use another network on one side (a phone as hotspot often has both), or a masterserver with a relay.',
  },
  NO_DIRECT_PATH: {
    exit: 6,
    what: 'There is no socket of a direct path to give away.',
    why: 'The connection goes through a relay, or through a port that other connections use, too.',
    next: 'Wait for the path event of a direct kind; until then send through the connection.',
  },
  FULL: {
    exit: 5,
    what: 'The host is full.',
    why: 'All its places are taken.',
    next: 'Try again when somebody has left.',
  },
  BUSY: {
    exit: 5,
    what: 'Too many requests just now.',
    why: 'The masterserver or the host limits how often it can be asked.',
    next: 'Wait a few seconds and try again.',
  },
  VERSION: {
    exit: 8,
    what: 'The other side speaks another version.',
    why: 'One of the two programs is older.',
    next: 'Update the older one.',
  },
  LOCAL_PORT_BUSY: {
    exit: 7,
    what: 'The local port is taken.',
    why: 'Another program uses it.',
    next: 'Choose another one, or 0 for any.',
  },
  GAME_SILENT: {
    exit: 7,
    what: 'Nothing listens on the game port.',
    why: 'The game server is not running, or it uses another port.',
    next: 'Start the game server, or give the right port.',
  },
  GAVE_UP: {
    exit: 6,
    what: 'No direct path was found in the time allowed.',
    why: 'Both networks change ports in a way that takes long to meet.',
    next: 'Allow more time, turn on UPnP or forward one UDP port on either side.',
  },
  ABORTED: {
    exit: 6,
    what: 'Stopped.',
    why: 'You stopped it.',
    next: 'Start it again when you like.',
  },
  TOO_STRICT: {
    exit: 9,
    what: 'This network is as strict as was asked, or stricter.',
    why: 'The router, or the provider, gives each connection a port of its own or lets nobody in unasked.',
    next: 'The report says what would help.',
  },
  PORT_TAKEN: {
    exit: 7,
    what: 'A port can not be bound.',
    why: 'Another program uses it, or this user may not.',
    next: 'Stop the other program, or give another port or address.',
  },
  ALREADY_RUNNING: {
    exit: 7,
    what: 'It is running already.',
    why: 'Another process uses the same key or folder.',
    next: 'Stop that one, or give this one another key or folder.',
  },
  NOT_RUNNING: {
    exit: 4,
    what: 'There is nothing to talk to.',
    why: 'No host, join or app of yours runs with this state directory.',
    next: 'Start it first, or name the state directory that it was started with.',
  },
  STATE_FOLDER: {
    exit: 10,
    what: 'The state folder can not be used.',
    why: "It is somebody else's, read-only or damaged, or the disk is full.",
    next: 'Mend that, or give another folder.',
  },
  STORE_DAMAGED: {
    exit: 10,
    what: 'The store is not whole.',
    why: 'A disk, a copy or a program has changed it, or the computer stopped without warning.',
    next: 'Whoever runs the masterserver can write it anew, or put a backup in its place.',
  },
  USAGE: {
    exit: 2,
    what: 'What was given is not right.',
    why: 'An option, number or file is missing or malformed.',
    next: 'See docs/library.md.',
  },
  INTERNAL: {
    exit: 1,
    what: 'A fault in sallyport itself.',
    why: 'This should not happen.',
    next: 'Please report it with the log.',
  },
};

export interface FailureDetail {
  /** What the table cannot know: which port, which file, why in truth. */
  readonly detail?: string;
  readonly log?: readonly LogEntry[];
  readonly cause?: unknown;
}

export class SallyportError extends Error {
  override readonly name = 'SallyportError';
  readonly code: FailureCode;
  /** The next step; before it the likely cause, where `detail` does not tell the true one. Whole sentences. */
  readonly hint: string;
  readonly retryable: boolean;
  readonly log: readonly LogEntry[];
  readonly detail: string;
  /** What the table has of the code, for whoever says it in another language or to other people. */
  readonly what: string;
  readonly why: string;
  readonly next: string;

  constructor(code: FailureCode, { detail = '', log = [], cause }: FailureDetail = {}) {
    const failure = FAILURES[code];
    super(detail === '' ? failure.what : `${failure.what} ${detail}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = detail === '' ? `${failure.why} ${failure.next}` : failure.next;
    this.retryable = RETRYABLE[code];
    this.log = log;
    this.detail = detail;
    this.what = failure.what;
    this.why = failure.why;
    this.next = failure.next;
  }
}

/** What was given can't be meant; `detail` says what and why, in whole sentences. */
export function usage(detail: string, cause?: unknown): SallyportError {
  return new SallyportError('USAGE', { detail, cause });
}
