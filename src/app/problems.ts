/** Failures of the local interface as sentences: its own, and those that everybody can meet (`node/failure.ts`). */
import { RETRYABLE } from '../core/index.ts';
import { FAILURES, type SallyportError } from '../node/index.ts';
import type { LocalError, LocalProblem } from './local-api.ts';

interface ProblemText {
  readonly what: string;
  readonly why: string;
  readonly next: string;
  /** Of the HTTP answer. */
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 500;
}

export const PROBLEMS: Readonly<Record<Exclude<LocalProblem, 'OFFLINE'>, ProblemText>> = {
  MASTER_LINK: {
    what: 'This is not the link of a masterserver.',
    why: 'It looks like sallyport://198.51.100.7:8430/#KEY.',
    next: 'Copy the whole link that "sallyport master" prints.',
    status: 400,
  },
  SETTINGS_NOT_WRITTEN: {
    what: 'The settings could not be written.',
    why: 'The state directory is full or read-only.',
    next: 'Free some space there; until then they hold as long as the program runs.',
    status: 500,
  },
  NOT_HERE: {
    what: 'This program does not do that.',
    why: '"sallyport host" and "sallyport join" do the one thing that they were started for, with their flags.',
    next: 'Start another one, or send it to "sallyport ui" or "sallyport sidecar".',
    status: 409,
  },
  FORBIDDEN: {
    what: 'The request is for another name, or from a page of somebody else.',
    why: 'Only 127.0.0.1 and localhost with the port of this program are taken, as Host and as Origin.',
    next: 'Use the url of the token file as it stands there.',
    status: 403,
  },
  TOKEN: {
    what: 'The token is missing or wrong.',
    why: 'Every program has a new one each time it starts.',
    next: 'Send "authorization: Bearer TOKEN" with the token of the file in the folder "control" of the state directory.',
    status: 401,
  },
  UNKNOWN: {
    what: 'There is no such request.',
    why: 'The path or the method is another one, or of another version.',
    next: 'GET /v1/openapi.json describes all there are.',
    status: 404,
  },
  BODY: {
    what: 'The body of the request is not right.',
    why: 'A field is missing, malformed or too long.',
    next: 'GET /v1/openapi.json describes the fields of every command.',
    status: 400,
  },
  TOO_LARGE: {
    what: 'The body is too large.',
    why: 'No command needs as much.',
    next: 'Send the fields that /v1/openapi.json describes, and nothing else.',
    status: 413,
  },
};

/** `why`: where more is known than the usual cause; `field`: the part of the body that is wrong. */
export function problem(
  code: Exclude<LocalProblem, 'OFFLINE'>,
  { why, field = null }: { readonly why?: string; readonly field?: string | null } = {},
): LocalError {
  const text = PROBLEMS[code];
  const { what, next } = text;
  return { code, what, why: why ?? text.why, next, hint: next, retryable: false, field };
}

export function failure({ code, detail }: SallyportError): LocalError {
  // Whatever can't be meant has come in the body here.
  if (code === 'USAGE') return problem('BODY', { why: detail });
  const { what, why, next } = FAILURES[code];
  const known = { what, why: detail === '' ? why : detail, next, hint: next };
  return { code, ...known, retryable: RETRYABLE[code], field: null };
}

export function statusOf({ code }: LocalError): ProblemText['status'] {
  if (code in PROBLEMS) return PROBLEMS[code as keyof typeof PROBLEMS].status;
  return code === 'INTERNAL' ? 500 : 409;
}
