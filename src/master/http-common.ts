/** What all routes share: RFC 9457 problem bodies, the caller's address, the headers that keep a page's scripts ours. */
import type { Context } from 'hono';
import type { z } from 'zod';
import type { Problem } from './api.ts';
import { type Callers, createCallers } from './callers.ts';

/** SECURITY.md row 19: no script, style, frame or form but our own, whatever a host calls itself. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};

export function problem(
  status: number,
  title: string,
  detail: string,
  more: { readonly errors?: Problem['errors']; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  const errors = more.errors === undefined ? {} : { errors: more.errors };
  const body: Problem = { type: 'about:blank', title, status, detail, ...errors };
  const headers = { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...more.headers };
  return new Response(JSON.stringify(body), { status, headers });
}

export function tooMany(waitMs: number): Response {
  const seconds = Math.ceil(waitMs / 1000);
  const headers = { 'retry-after': String(seconds), 'access-control-allow-origin': '*' };
  return problem(429, 'Too many requests', `Wait ${seconds} s and try again.`, { headers });
}

export function invalid(error: z.ZodError): Response {
  const errors = error.issues.map(({ path, message }) => ({ field: path.map(String).join('.'), message }));
  return problem(400, 'Bad request', errors.map(({ field, message }) => `${field}: ${message}`).join('; '), { errors });
}

/** What the server gives along with each request. */
export interface NodeBindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } };
  readonly callers?: Callers;
}

const LOCAL_PROXIES = createCallers();

/** The caller's address, which a proxy may have passed on (callers.ts). */
export function callerAddress(c: Context): string {
  const { incoming, callers = LOCAL_PROXIES } = (c.env ?? {}) as NodeBindings;
  return callers.addressOf(incoming?.socket?.remoteAddress, c.req.header('x-forwarded-for'));
}
