/** The public list: pages, single servers, live changes. Answers are built once per change and question, then reused. */
import { createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context, Hono } from 'hono';
import { addressKeys, isLoopback, Pace } from '../core/index.ts';
import { API, type Server, type ServersPage, type ServersQuery, serversQuerySchema } from './api.ts';
import type { Directory } from './directory.ts';
import { callerAddress, invalid, problem, tooMany } from './http-common.ts';
import { SERVER_LIMITS } from './limits.ts';
import { hasFilter, type ListItem, matcherOf, pageOf, readCursor } from './listing.ts';
import { compareBy } from './order.ts';
import { filterInSlices } from './sorted.ts';

const gzipAsync = promisify(gzip);
/** Below this a gzip header costs more than it saves. */
const GZIP_BYTES_MIN = 1_024;
/** Heartbeats don't change the list; an answer older than this is renewed so that "last heard of" stays honest. */
const ANSWER_AGE_MS = 30_000;

/** Codes that are tried, over whatever way: how long an address has to wait for the next one, and that one was wrong. */
export interface CodeGuesses {
  waitMs(address: string): number;
  wrong(address: string): void;
}

export interface ListRoutes {
  readonly codes: CodeGuesses;
  readonly directory: Directory;
  readonly wallClock: () => number;
  readonly onLimited: () => void;
}

interface Answer {
  readonly etag: string;
  readonly json: Buffer;
  zipped: Promise<Buffer> | null;
}

export function addListRoutes(app: Hono, { directory, wallClock, onLimited, codes }: ListRoutes): void {
  const pace = new Pace(SERVER_LIMITS.httpRates);
  const secret = randomBytes(16);
  const answers = new Map<string, Promise<Answer>>();
  let answersOf = '';
  let scans = 0;

  function limited(c: Context): Response | null {
    const caller = callerAddress(c);
    // This computer itself is no stranger: its operator's tools and tests ask as often as they like.
    return isLoopback(caller) ? null : waits(pace.take(performance.now(), addressKeys(secret, caller)));
  }

  function waits(waitMs: number): Response | null {
    if (waitMs === 0) return null;
    onLimited();
    return tooMany(waitMs);
  }

  /** One answer per generation of the list, question and (rarely) viewer. */
  function answerFor(query: ServersQuery, caller: string): Promise<Answer> {
    const epoch = `${directory.listing.generation}${directory.whole ? '' : 'p'}.${Math.floor(wallClock() / ANSWER_AGE_MS)}`;
    if (epoch !== answersOf || answers.size >= SERVER_LIMITS.pageCacheEntries) {
      answers.clear();
      answersOf = epoch;
    }
    const viewer = directory.local(caller).length > 0 ? caller : '';
    const key = JSON.stringify([query, viewer]);
    let answer = answers.get(key);
    if (answer === undefined) {
      const etag = `W/"${epoch}-${createHash('sha256').update(key).digest('base64url').slice(0, 16)}"`;
      answer = buildPage(directory, query, caller, wallClock()).then((page) => answerWith(etag, page));
      answers.set(key, answer);
    }
    return answer;
  }

  app.get(API.servers, async (c) => {
    const stop = limited(c);
    if (stop !== null) return stop;
    const read = serversQuerySchema.safeParse(c.req.query());
    if (!read.success) return invalid(read.error);
    if (read.data.after !== undefined && readCursor(read.data.after) === null)
      return problem(400, 'Bad request', '`after` is not a `next` of this list.');
    const scanning = hasFilter(read.data);
    if (scanning && scans >= SERVER_LIMITS.scansWaitingMax)
      return problem(503, 'Busy', 'Too many searches just now.', { headers: { 'retry-after': '1' } });
    scans += Number(scanning);
    try {
      return await send(c, await answerFor(read.data, callerAddress(c)));
    } finally {
      scans -= Number(scanning);
    }
  });

  app.get(`${API.servers}/:id`, (c) => {
    const stop = limited(c);
    if (stop !== null) return stop;
    const id = c.req.param('id');
    const caller = callerAddress(c);
    // By its id only what the list shows; a code, like the link it stands in, finds unlisted hosts too.
    let item = directory.listing.get(id);
    if (item?.listed !== true) {
      // One counter with the codes that are tried over the link, or there would be two ways to guess.
      const wait = waits(codes.waitMs(caller));
      if (wait !== null) return wait;
      item = directory.listing.byCode(id.replaceAll('-', '').toUpperCase());
    }
    if (item === undefined) {
      codes.wrong(caller);
      return problem(404, 'Not found', 'No server with this id or code is online.');
    }
    const rttMs = Number(c.req.query('rtt') ?? 0);
    const viewer = { address: caller, rttMs: Number.isFinite(rttMs) ? rttMs : 0 };
    return c.json(directory.server(item, viewer), 200, { 'cache-control': 'no-cache' });
  });
}

/** Who is behind a code, for its page: null where nobody is, or this caller has tried too many. */
export function hostOfCode({ codes, directory }: ListRoutes, c: Context, code: string): Server | null {
  const caller = callerAddress(c);
  if (codes.waitMs(caller) > 0) return null;
  const item = directory.listing.byCode(code.replaceAll('-', '').toUpperCase());
  if (item === undefined) codes.wrong(caller);
  return item === undefined ? null : directory.server(item, { address: caller, rttMs: 0 });
}

function answerWith(etag: string, page: ServersPage): Answer {
  return { etag, json: Buffer.from(JSON.stringify(page)), zipped: null };
}

async function send(c: Context, answer: Answer): Promise<Response> {
  const headers = { etag: answer.etag, 'cache-control': 'no-cache', vary: 'accept-encoding' };
  if (c.req.header('if-none-match') === answer.etag) return c.body(null, 304, headers);
  const type = { ...headers, 'content-type': 'application/json' };
  const accepted = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  if (!accepted || answer.json.length < GZIP_BYTES_MIN) return c.body(new Uint8Array(answer.json), 200, type);
  answer.zipped ??= gzipAsync(answer.json, { level: 4 });
  return c.body(new Uint8Array(await answer.zipped), 200, { ...type, 'content-encoding': 'gzip' });
}

async function buildPage(directory: Directory, query: ServersQuery, caller: string, now: number): Promise<ServersPage> {
  const { listing } = directory;
  const viewer = { address: caller, rttMs: query.rtt ?? null };
  const view = await listing.view(now, query.sort, query.descending);
  const matches = matcherOf(query);
  const found = hasFilter(query) ? await filterInSlices(view, matches) : view;
  const local = directory.local(caller).filter(matches);
  const { page, next } = pageWithLocal(found, local, query);
  const counts = hasFilter(query) ? countSections(found) : listing.counts();
  return {
    generation: listing.generation,
    whole: directory.whole,
    at: now,
    total: found.length,
    sections: { local: local.length, official: counts.official, community: counts.community - local.length },
    games: [...listing.games()],
    servers: page.map((item) => directory.server(item, viewer)),
    next,
  };
}

/** The viewer's own neighbours come first, on the first page, and not again in their place further down. */
function pageWithLocal(found: readonly ListItem[], local: readonly ListItem[], query: ServersQuery) {
  const compare = compareBy(query.sort, query.descending);
  const after = query.after === undefined ? null : readCursor(query.after);
  if (local.length === 0) return pageOf(found, after, compare, query.limit);
  const near = new Set(local);
  const rest = found.filter((item) => !near.has(item));
  const first = after === null ? [...local].sort(compare).slice(0, query.limit - 1) : [];
  const { page, next } = pageOf(rest, after, compare, query.limit - first.length);
  return { page: [...first, ...page], next };
}

function countSections(items: readonly ListItem[]): { readonly official: number; readonly community: number } {
  const official = items.reduce((sum, item) => sum + Number(item.official), 0);
  return { official, community: items.length - official };
}
