/** What the operator may do over HTTP: look, ban, lift, evict. Bearer token; every act is written into the audit log. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { Context, Hono, Next } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { addressKeys, Pace } from '../core/index.ts';
import {
  type AdminBan,
  type AdminHosts,
  API,
  adminHostsQuerySchema,
  type BanInput,
  banInputSchema,
  historyQuerySchema,
  type Overview,
} from './api.ts';
import type { Directory } from './directory.ts';
import { callerAddress, invalid, problem } from './http-common.ts';
import { SERVER_LIMITS } from './limits.ts';
import { type ListItem, textFilter } from './listing.ts';
import type { Pseudonyms } from './log.ts';
import { type Moderation, parseCidr } from './moderation.ts';
import type { Statistics } from './statistics.ts';
import type { BanRow, Store } from './store.ts';

export interface AdminRoutes {
  /** SHA-256 of the token, hex. */
  readonly tokenHash: string;
  /** Names the page may be reached under; addresses and localhost always are. */
  readonly domains: readonly string[];
  readonly store: Store;
  readonly directory: Directory;
  readonly moderation: Moderation;
  readonly statistics: Statistics;
  readonly pseudonyms: Pseudonyms;
  readonly wallClock: () => number;
  readonly overview: () => Omit<Overview, 'at' | 'hosts' | 'pairs' | 'success' | 'joinsPerMinute' | 'store'>;
  readonly evict: (item: ListItem) => void;
  readonly onRulesChanged: (ban: BanRow | null) => void;
  readonly onFirstUse: () => void;
  readonly testWebhooks: () => void;
}

const tooLarge = bodyLimit({
  maxSize: SERVER_LIMITS.bodyBytesMax,
  onError: () => problem(413, 'Too large', `At most ${SERVER_LIMITS.bodyBytesMax} bytes.`),
});

export function addAdminRoutes(app: Hono, routes: AdminRoutes): void {
  const { store, directory, moderation, statistics, wallClock } = routes;
  const pace = new Pace(SERVER_LIMITS.adminFailureRates);
  const secret = randomBytes(16);
  const failures = (address: string): number => pace.take(performance.now(), addressKeys(secret, address));
  const audit = (act: string, detail: string): void => store.audit(wallClock(), act, detail);

  app.use(`${API.admin}/*`, async (c, next) => (await guard(c, next, routes, failures)) ?? undefined);
  app.use(`${API.admin}/*`, tooLarge);

  app.get(`${API.admin}/overview`, (c) => {
    const problemText = store.problem();
    const overview: Overview = {
      at: wallClock(),
      ...routes.overview(),
      hosts: directory.counts(),
      joinsPerMinute: statistics.joinsPerMinute(),
      success: { ...statistics.totals(), medianMs: statistics.medianMs() },
      pairs: statistics.pairs(),
      store: { ok: problemText === null, problem: problemText },
    };
    return c.json(overview);
  });

  app.get(`${API.admin}/history`, (c) => {
    const query = historyQuerySchema.safeParse(c.req.query());
    return query.success ? c.json(statistics.history(query.data.hours)) : invalid(query.error);
  });

  app.get(`${API.admin}/hosts`, (c) => {
    const query = adminHostsQuerySchema.safeParse(c.req.query());
    return query.success ? c.json(findHosts(routes, query.data.q, query.data.limit)) : invalid(query.error);
  });

  app.post(`${API.admin}/hosts/:id/evict`, (c) => {
    const item = directory.listing.get(c.req.param('id'));
    if (item === undefined) return problem(404, 'Not found', 'No such host is registered.');
    routes.evict(item);
    audit('evict', `${item.hostId} ${item.name}`);
    return c.body(null, 204);
  });

  app.get(`${API.admin}/bans`, (c) => c.json({ bans: moderation.bans().map(banView) }));

  app.post(`${API.admin}/bans`, async (c) => {
    const read = banInputSchema.safeParse(await c.req.json().catch(() => null));
    if (!read.success) return invalid(read.error);
    const rule = ruleFor(routes, read.data);
    if (rule instanceof Response) return rule;
    if (moderation.bans().length >= SERVER_LIMITS.bansMax)
      return problem(409, 'Too many rules', `At most ${SERVER_LIMITS.bansMax}; lift some.`);
    audit(rule.scope, `${rule.kind} ${rule.label || rule.pattern} ${rule.reason}`);
    const ban = moderation.ban(wallClock(), rule);
    const unwritten = store.unwritten();
    routes.onRulesChanged(unwritten === null ? ban : null);
    return unwritten === null ? c.json(banView(ban), 201) : notWritten('The rule works now', unwritten);
  });

  app.delete(`${API.admin}/bans/:id`, (c) => {
    const ban = moderation.unban(Number(c.req.param('id')));
    if (ban === null) return problem(404, 'Not found', 'No such rule.');
    audit('lift', `${ban.kind} ${ban.label || ban.pattern}`);
    routes.onRulesChanged(null);
    const unwritten = store.unwritten();
    return unwritten === null ? c.body(null, 204) : notWritten('The rule is lifted now', unwritten);
  });

  app.get(`${API.admin}/audit`, (c) => c.json({ entries: store.auditEntries(200) }));

  app.post(`${API.admin}/webhooks/test`, (c) => {
    routes.testWebhooks();
    audit('webhook-test', '');
    return c.body(null, 202);
  });
}

/** Token, and the checks of SECURITY.md row 20: a page on another site must not reach this one under a name of its own. */
async function guard(
  c: Context,
  next: Next,
  routes: AdminRoutes,
  failures: (address: string) => number,
): Promise<Response | null> {
  const host = c.req.header('host') ?? new URL(c.req.url).host;
  if (!allowedHost(host, routes.domains))
    return problem(421, 'Unknown name', `This masterserver does not know the name ${host}; start it with --domain.`);
  const origin = c.req.header('origin');
  if (origin !== undefined && originHost(origin) !== host)
    return problem(403, 'Foreign page', 'Requests of another site are not taken.');
  const token = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1];
  if (token === undefined || !tokenFits(token, routes.tokenHash)) {
    const headers = { 'www-authenticate': 'Bearer' };
    if (token !== undefined && failures(callerAddress(c)) > 0)
      return problem(429, 'Too many requests', 'Too many wrong tokens; wait a minute.', {
        headers: { 'retry-after': '60' },
      });
    return problem(401, 'Token needed', 'Give the token of the file admin.once as a bearer token.', { headers });
  }
  routes.onFirstUse();
  c.header('cache-control', 'no-store');
  await next();
  return null;
}

function originHost(origin: string): string {
  try {
    return new URL(origin).host;
  } catch {
    return '';
  }
}

function allowedHost(host: string, domains: readonly string[]): boolean {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  return isIP(name) !== 0 || name === 'localhost' || domains.includes(name);
}

function tokenFits(token: string, tokenHash: string): boolean {
  return timingSafeEqual(createHash('sha256').update(token).digest(), Buffer.from(tokenHash, 'hex'));
}

function findHosts({ directory, pseudonyms }: AdminRoutes, q: string | undefined, limit: number): AdminHosts {
  const wanted = q?.toLowerCase() ?? '';
  const hasText = textFilter(wanted);
  const found = [...directory.listing.all()].filter((item) => {
    if (wanted === '') return true;
    return (
      hasText(item) ||
      item.hostId.includes(wanted) ||
      item.host.code.toLowerCase().includes(wanted.replaceAll('-', '')) ||
      (wanted.startsWith('addr-') && pseudonyms.of(item.host.observed.address).startsWith(wanted))
    );
  });
  return { total: found.length, hosts: found.slice(0, limit).map((item) => directory.adminHost(item)) };
}

type BanRule = Omit<BanInput, 'kind'> & { readonly kind: BanRow['kind']; readonly label: string };

function ruleFor({ directory, pseudonyms }: AdminRoutes, input: BanInput): BanRule | Response {
  const fault = (message: string): Response =>
    problem(400, 'Bad request', message, { errors: [{ field: 'pattern', message }] });
  const { kind, pattern } = input;
  if (kind === 'host-address') {
    const item = directory.listing.get(pattern);
    if (item === undefined) return fault('No such host is registered.');
    const { address } = item.host.observed;
    // An IPv6 host has a whole /64 to move in.
    const cidr = address.includes(':') ? `${address}/64` : `${address}/32`;
    return { ...input, kind: 'cidr', pattern: cidr, label: pseudonyms.of(address) };
  }
  if (kind === 'cidr' && parseCidr(pattern) === null)
    return fault('This is no address and no CIDR (like 203.0.113.0/24).');
  if (kind === 'name' && !/[^*?\s]/.test(pattern)) return fault('This pattern would fit every name.');
  const key = pattern.toLowerCase();
  if (kind === 'key' && !/^([0-9a-f]{64}|[a-z2-7]{26})$/.test(key))
    return fault('This is no host key (64 hex digits) or host id.');
  return { ...input, kind, pattern: kind === 'key' ? key : pattern, label: '' };
}

function banView({ id, kind, pattern, label, scope, reason, createdAt, expiresAt }: BanRow): AdminBan {
  return { id, kind, pattern: label === '' ? pattern : label, scope, reason, createdAt, expiresAt };
}

/** It is written as soon as that is possible again; only a restart before then would forget it. */
function notWritten(done: string, why: string): Response {
  return problem(507, 'Not written down', `${done}, but a restart before this is mended would forget it. ${why}`);
}
