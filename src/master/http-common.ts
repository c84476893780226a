/** What all routes share: RFC 9457 problem bodies, the caller's address, the headers that keep a page's scripts ours. */

import { isIP } from 'node:net';
import type { Context } from 'hono';
import type { z } from 'zod';
import { isLoopback } from '../core/index.ts';
import type { Problem } from './api.ts';

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

export function invalid(error: z.ZodError): Response {
  const errors = error.issues.map(({ path, message }) => ({ field: path.map(String).join('.'), message }));
  return problem(400, 'Bad request', errors.map(({ field, message }) => `${field}: ${message}`).join('; '), { errors });
}

interface NodeBindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } };
}

/**
 * The caller's address. A proxy on this machine says whose request it passes on; nobody else is believed (a stranger could
 * otherwise choose the address that his limits and his "local" section are kept under).
 */
export function callerAddress(c: Context): string {
  const peer = plainAddress((c.env as NodeBindings | undefined)?.incoming?.socket?.remoteAddress ?? '127.0.0.1');
  if (!isLoopback(peer)) return peer;
  const forwarded = c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() ?? '';
  return isIP(forwarded) === 0 ? peer : plainAddress(forwarded);
}

/** Without the prefix that a socket of both families gives an IPv4 address. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
