/**
 * The local interface `/v1` of every program of ours, and the page of `sallyport ui`: bound to 127.0.0.1, every call carries a random
 * bearer token, Host and Origin are checked, no CORS header is ever sent (SECURITY.md row 20: a web page elsewhere, or one that rebinds
 * its name to 127.0.0.1, gets nothing, and neither do other users of this computer).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { extname } from 'node:path';
import { type HttpBindings, serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { readWebApp, type WebApp } from '../node/index.ts';
import { APP_LIMITS } from './limits.ts';
import {
  commandPath,
  LOCAL_API,
  type LocalAnswer,
  type LocalChange,
  type LocalCommand,
  type LocalError,
  type LocalState,
} from './local-api.ts';
import { openApiDocument } from './openapi.ts';
import { problem, statusOf } from './problems.ts';
import { COMMANDS } from './schema.ts';

type App = Hono<{ Bindings: HttpBindings }>;

/** What others look at and command; the agent's side is in `engine.ts`. */
export interface LocalEngine {
  state(): LocalState;
  /** Brings figures that change all the time up to date. */
  refresh(): void;
  /** Calls back after every change; returns how to stop. */
  onChange(listener: () => void): () => void;
  command(command: LocalCommand): Promise<LocalAnswer>;
}

export interface LocalServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
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

/** Connections over which nobody has shown the token, the oldest first: beyond so many the oldest is closed. */
class Strangers {
  private readonly sockets = new Set<Socket>();

  add(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    const [oldest] = this.sockets;
    if (this.sockets.size > APP_LIMITS.strangersMax) oldest?.destroy();
  }

  /** Whoever is at the other end has the token. */
  trust(socket: Socket | undefined): void {
    if (socket !== undefined) this.sockets.delete(socket);
  }
}

function refuse(context: Context, error: LocalError): Response {
  return context.json({ ok: false, error } satisfies LocalAnswer, statusOf(error));
}

function localApp(engine: LocalEngine, token: string, port: () => number, strangers: Strangers): App {
  const app: App = new Hono();
  app.use(async (context, next) => {
    const names = [`127.0.0.1:${port()}`, `localhost:${port()}`];
    const origin = context.req.header('origin');
    const foreign = origin !== undefined && !names.some((name) => origin === `http://${name}`);
    if (foreign || !names.includes(context.req.header('host') ?? '')) return refuse(context, problem('FORBIDDEN'));
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.header(name, value);
    return;
  });
  app.use('/v1/*', async (context, next) => {
    const given = /^Bearer (.+)$/.exec(context.req.header('authorization') ?? '')?.[1] ?? '';
    if (!sameToken(given, token)) return refuse(context, problem('TOKEN'));
    strangers.trust(context.env.incoming.socket);
    await next();
    return;
  });
  app.get(LOCAL_API.state, (context) => {
    engine.refresh();
    return context.json(engine.state());
  });
  app.get(LOCAL_API.events, (context) => streamSSE(context, (stream) => sendChanges(stream, engine)));
  app.get(LOCAL_API.document, (context) => context.json(openApiDocument(engine.state().version)));
  const limit = bodyLimit({
    maxSize: APP_LIMITS.bodyBytesMax,
    onError: (context) => refuse(context, problem('TOO_LARGE')),
  });
  app.post(commandPath(':do'), limit, (context) => obey(context, engine));
  app.all('/v1/*', (context) => refuse(context, problem('UNKNOWN')));
  return app;
}

async function obey(context: Context, engine: LocalEngine): Promise<Response> {
  const name = context.req.param('do') ?? '';
  if (!Object.hasOwn(COMMANDS, name)) return refuse(context, problem('UNKNOWN'));
  const body: unknown = await context.req.json().catch(() => null);
  const parsed = COMMANDS[name as keyof typeof COMMANDS].safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(context, problem('BODY', { field: issue?.path.join('.') || null, why: `${issue?.message}.` }));
  }
  const answer = await engine.command({ do: name, ...parsed.data } as LocalCommand);
  return answer.ok ? context.json(answer) : refuse(context, answer.error);
}

function servePage(app: App, files: WebApp): void {
  app.get('*', (context) => {
    const file = webFile(files, context.req.path);
    return file === null ? context.text('not found', 404) : context.body(file.body, 200, { 'content-type': file.type });
  });
}

/** The whole state document, then whatever changes of it, until the page is gone. */
async function sendChanges(stream: SSEStreamingApi, engine: LocalEngine): Promise<void> {
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
function webFile(files: WebApp, path: string): { body: Uint8Array<ArrayBuffer>; type: string } | null {
  const extension = extname(path);
  const type = TYPES[extension === '' ? '.html' : extension];
  const bytes = files.get(extension === '' ? '/index.html' : path);
  if (type === undefined || bytes === undefined) return null;
  if (extension !== '') return { body: bytes, type };
  const document = Buffer.from(bytes).toString('utf8');
  const marked = document.replace('<head>', '<head><meta name="sallyport-page" content="local" />');
  return { body: new Uint8Array(Buffer.from(marked)), type };
}

/**
 * Starts serving on 127.0.0.1. `port` 0 = any free one; `page`: the web app as well. Rejects with the system's error where the port is
 * taken.
 */
export async function serveLocal(
  engine: LocalEngine,
  { port = 0, page = false }: { readonly port?: number; readonly page?: boolean } = {},
): Promise<LocalServer> {
  const token = randomBytes(24).toString('base64url');
  let bound = port;
  const strangers = new Strangers();
  const app = localApp(engine, token, () => bound, strangers);
  if (page) servePage(app, readWebApp() ?? new Map());
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const starting = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (info) => {
      bound = info.port;
      resolve(starting);
    });
    starting.once('error', reject);
    starting.on('connection', (socket: Socket) => strangers.add(socket));
  });
  return {
    url: `http://127.0.0.1:${bound}`,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}
