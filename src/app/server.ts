/**
 * The web server of `sallyport ui`: bound to 127.0.0.1, every call carries a random bearer token, Host and Origin are checked,
 * no CORS header is ever sent (SECURITY.md row 20: a web page elsewhere, or one that rebinds its name to 127.0.0.1, gets nothing).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { LOCAL_API, type LocalAnswer, type LocalChange, type LocalCommand, type LocalState } from './local-api.ts';
import { commandSchema } from './schema.ts';

/** What the pages look at and command; the agent's side is in `engine.ts`. */
export interface UiEngine {
  state(): LocalState;
  /** Calls back after every change; returns how to stop. */
  onChange(listener: () => void): () => void;
  command(command: LocalCommand): Promise<LocalAnswer>;
}

export interface UiServer {
  /** With the token in the fragment: whoever has it may command. */
  readonly link: string;
  close(): Promise<void>;
}

/** dist/web, beside dist/src. */
const WEB_ROOT = fileURLToPath(new URL('../../web/', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** Changes of the state are sent at most this often, however fast the machines talk. */
const STATE_INTERVAL_MS = 100;
const KEEPALIVE_MS = 15_000;

const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

function sameToken(given: string, token: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(token);
  return left.length === right.length && timingSafeEqual(left, right);
}

function uiApp(engine: UiEngine, token: string, port: () => number, webRoot: string = WEB_ROOT): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    const names = [`127.0.0.1:${port()}`, `localhost:${port()}`];
    const origin = context.req.header('origin');
    if (!names.includes(context.req.header('host') ?? '')) return context.text('wrong host', 403);
    if (origin !== undefined && !names.some((name) => origin === `http://${name}`))
      return context.text('wrong origin', 403);
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.header(name, value);
    return;
  });
  app.use('/api/*', async (context, next) => {
    const given = /^Bearer (.+)$/.exec(context.req.header('authorization') ?? '')?.[1] ?? '';
    if (!sameToken(given, token)) return context.text('token missing or wrong', 401);
    await next();
    return;
  });
  app.get(LOCAL_API.state, (context) => context.json(engine.state()));
  app.get(LOCAL_API.events, (context) => streamSSE(context, (stream) => sendChanges(stream, engine)));
  app.post(LOCAL_API.command, async (context) => {
    const body: unknown = await context.req.json().catch(() => null);
    const parsed = commandSchema.safeParse(body);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const answer: LocalAnswer = { ok: false, failure: 'USAGE', problem: null, field: issue?.path.join('.') ?? null };
      return context.json(answer, 400);
    }
    return context.json(await engine.command(parsed.data));
  });
  app.get('*', async (context) => {
    const file = await readWebFile(webRoot, context.req.path);
    return file === null ? context.text('not found', 404) : context.body(file.body, 200, { 'content-type': file.type });
  });
  return app;
}

/** The whole state document, then whatever changes of it, until the page is gone. */
async function sendChanges(stream: SSEStreamingApi, engine: UiEngine): Promise<void> {
  let sent: LocalChange = {};
  let dirty = true;
  let wake = (): void => {};
  const stop = engine.onChange(() => {
    dirty = true;
    wake();
  });
  stream.onAbort(() => wake());
  while (!stream.aborted) {
    if (dirty) {
      dirty = false;
      const state = engine.state();
      await stream.writeSSE({ event: 'change', data: JSON.stringify(changeOf(sent, state)) });
      sent = state;
      await stream.sleep(STATE_INTERVAL_MS);
    } else {
      const alive = setTimeout(() => wake(), KEEPALIVE_MS);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      clearTimeout(alive);
      if (!dirty) await stream.write(': alive\n\n');
    }
  }
  stop();
}

/** The parts of `next` that are other objects or values than in `before`: the engine never changes one in its place. */
function changeOf(before: LocalChange, next: LocalState): LocalChange {
  return Object.fromEntries(Object.entries(next).filter(([key, value]) => before[key as keyof LocalState] !== value));
}

/** A file of the web app; every path without a dot is a screen, so it gets the document, marked as the local page. */
async function readWebFile(
  webRoot: string,
  path: string,
): Promise<{ body: Uint8Array<ArrayBuffer>; type: string } | null> {
  const extension = extname(path);
  const relative = extension === '' ? 'index.html' : normalize(path).replace(/^(\.\.[/\\])+/, '');
  const type = TYPES[extension === '' ? '.html' : extension];
  if (type === undefined) return null;
  try {
    const bytes = await readFile(join(webRoot, relative));
    if (extension !== '') return { body: new Uint8Array(bytes), type };
    const marked = bytes.toString('utf8').replace('<head>', '<head><meta name="sallyport-page" content="local" />');
    return { body: new Uint8Array(Buffer.from(marked)), type };
  } catch {
    return null;
  }
}

/** Starts serving on 127.0.0.1. `port` 0 = any free one. Rejects with the system's error where the port is taken. */
export async function serveUi(engine: UiEngine, port: number): Promise<UiServer> {
  const token = randomBytes(24).toString('base64url');
  let bound = port;
  const app = uiApp(engine, token, () => bound);
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const starting = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (info) => {
      bound = info.port;
      resolve(starting);
    });
    starting.once('error', reject);
  });
  return {
    link: `http://127.0.0.1:${bound}/#t=${token}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}
