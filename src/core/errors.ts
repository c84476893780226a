/**
 * Every failure a person can meet, and whether trying again may help without anything changed. Protocol code refers to the codes;
 * what they mean is said at the edge (`node/failure.ts` in English, the catalogues of the page).
 */
export const RETRYABLE = {
  /** What was typed can be no code, in contrast to one that nobody has. */
  CODE_MALFORMED: false,
  CODE_UNKNOWN: false,
  HOST_OFFLINE: true,
  MASTER_UNREACHABLE: true,
  /** The port in its link answers, and none of those that it names then. */
  MASTER_PORTS_SHUT: true,
  MASTER_KEY_MISMATCH: false,
  UDP_BLOCKED: true,
  HOST_KEY_CHANGED: false,
  CODE_MISMATCH: false,
  CODE_TAKEN: false,
  /** Another computer hosts with the same key, and came later. */
  HOST_REPLACED: false,
  PASSWORD: false,
  REFUSED: false,
  BANNED: false,
  /** One side wants a relay only, and the other none, or the masterserver has none. */
  RELAY_MODE: false,
  /** One has IPv6 alone, the other IPv4 alone, and there is no relay that has both. */
  NO_COMMON_FAMILY: false,
  /** A socket is asked for, and the connection has no direct path of its own just now. */
  NO_DIRECT_PATH: true,
  FULL: true,
  BUSY: true,
  VERSION: false,
  LOCAL_PORT_BUSY: false,
  GAME_SILENT: true,
  GAVE_UP: true,
  ABORTED: true,
  TOO_STRICT: false,
  PORT_TAKEN: true,
  ALREADY_RUNNING: true,
  /** No program of ours runs here that could be commanded. */
  NOT_RUNNING: true,
  STATE_FOLDER: true,
  STORE_DAMAGED: false,
  USAGE: false,
  INTERNAL: false,
} as const satisfies Record<string, boolean>;

export type FailureCode = keyof typeof RETRYABLE;

/** For our own mistakes; on in production. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
