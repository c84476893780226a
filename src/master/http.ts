/** The HTTP side of the masterserver, put together: list, live changes, admin, pages, health, and the metrics apart. */
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import type { WebApp } from '../node/index.ts';
import { API, type MasterInfo } from './api.ts';
import { addDownloads, type Downloads } from './downloads.ts';
import { type AdminRoutes, addAdminRoutes } from './http-admin.ts';
import { problem, SECURITY_HEADERS } from './http-common.ts';
import { addEventRoutes, type EventStreams } from './http-events.ts';
import { addListRoutes, hostOfCode, type ListRoutes } from './http-list.ts';
import type { Logger } from './log.ts';
import type { Counter, Histogram } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { addPages } from './pages.ts';

export interface HttpOptions extends ListRoutes {
  readonly admin: AdminRoutes;
  readonly info: () => MasterInfo;
  readonly ready: () => { readonly ready: boolean; readonly reason: string };
  readonly webApp: WebApp | null;
  readonly downloads: () => Downloads;
  readonly log: Logger;
  readonly requests: Counter;
  readonly durations: Histogram;
}

export function createHttpApp(options: HttpOptions): { readonly app: Hono; readonly events: EventStreams } {
  const { info, ready } = options;
  const app = new Hono();

  app.use(async (c, next) => {
    const startedAt = performance.now();
    await next();
    // The pattern, not the path: a stranger must not be able to make label values.
    const route = c.req.routePath === '/*' ? 'other' : c.req.routePath;
    options.requests.add({ route, code: c.res.status });
    options.durations.observe({ route }, (performance.now() - startedAt) / 1000);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!c.res.headers.has(name)) c.header(name, value);
  });
  app.onError((error) => {
    options.log.error({ error: error.message, stack: error.stack }, 'a request failed');
    return problem(500, 'Fault', 'The masterserver met a fault of its own; its log has the details.');
  });
  app.notFound(() => problem(404, 'Not found', 'There is nothing here.'));

  const open = cors({ origin: '*', allowMethods: ['GET'], exposeHeaders: ['etag', 'retry-after'], maxAge: 86_400 });
  for (const path of [API.servers, `${API.servers}/*`, API.events, API.master, API.openapi]) app.use(path, open);

  addListRoutes(app, options);
  const events = addEventRoutes(app, options.directory);
  app.get(API.master, (c) => c.json(info(), 200, { 'cache-control': 'no-cache' }));
  const document = JSON.stringify(openApiDocument(info().version));
  app.get(API.openapi, (c) => c.body(document, 200, { 'content-type': 'application/json' }));
  addAdminRoutes(app, options.admin);

  app.get('/livez', (c) => c.text('ok\n'));
  app.get('/readyz', (c) => {
    const state = ready();
    return state.ready ? c.text('ok\n') : problem(503, 'Not ready', state.reason);
  });
  app.get('/version', (c) => c.json({ name: 'sallyport', version: info().version }));
  addDownloads(app, options.downloads);
  addPages(app, options.webApp, { info, find: (c, code) => hostOfCode(options, c, code) });
  return { app, events };
}
