/** The web app, read once at the start: a few hundred kilobytes, served from memory with strong ETags. */
import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Context, Hono } from 'hono';
import type { WebApp } from '../node/index.ts';
import { SECURITY_HEADERS } from './http-common.ts';
import { type JoinPageParts, joinDocument } from './join-page.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};
const TEXT = /^(text|application\/json|image\/svg)/;

/** Screens of the app; each is the same page, which looks at its own address. */
const SCREENS = ['/', '/admin', '/playground'] as const;

interface Page {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly zipped: Uint8Array<ArrayBuffer> | null;
  readonly etag: string;
  readonly type: string;
  /** Files with a hash in their name never change. */
  readonly immutable: boolean;
}

const WITHOUT_APP = `<!doctype html><html lang="en"><meta charset="utf-8"><title>sallyport</title>
<body><h1>This masterserver is up</h1><p>Its web page was not built. The list: <a href="/api/v1/servers">/api/v1/servers</a></p></body></html>`;

export function addPages(app: Hono, files: WebApp | null, join: JoinPageParts): void {
  const pages = pagesOf(files ?? new Map());
  const index = pages.get('/index.html') ?? pageOf('.html', new Uint8Array(Buffer.from(WITHOUT_APP)), '');
  for (const screen of SCREENS) app.get(screen, (c) => send(c, index));
  const text = Buffer.from(index.bytes).toString('utf8');
  app.get('/j/:code', (c) =>
    c.html(joinDocument(text, join, c), 200, { ...SECURITY_HEADERS, 'cache-control': 'no-cache' }),
  );
  for (const [path, page] of pages) app.get(path, (c) => send(c, page));
}

function pagesOf(files: WebApp): Map<string, Page> {
  const known = [...files].filter(([path]) => TYPES[extname(path)] !== undefined);
  return new Map(known.map(([path, bytes]) => [path, pageOf(extname(path), bytes, path)]));
}

function pageOf(extension: string, bytes: Uint8Array<ArrayBuffer>, name: string): Page {
  const type = TYPES[extension] ?? 'application/octet-stream';
  return {
    bytes,
    zipped: TEXT.test(type) ? new Uint8Array(gzipSync(bytes)) : null,
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    type,
    immutable: /-[\w-]{8}\.\w+$/.test(name),
  };
}

function send(c: Context, page: Page): Response {
  const headers = {
    ...SECURITY_HEADERS,
    etag: page.etag,
    vary: 'accept-encoding',
    'cache-control': page.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  if (c.req.header('if-none-match') === page.etag) return c.body(null, 304, headers);
  const zip = page.zipped !== null && /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  if (!zip) return c.body(page.bytes, 200, { ...headers, 'content-type': page.type });
  return c.body(page.zipped ?? page.bytes, 200, { ...headers, 'content-type': page.type, 'content-encoding': 'gzip' });
}
