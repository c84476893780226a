/** The HTTP ports of a masterserver: the pages and the API, and the metrics on a port of their own. */
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { isIPv6 } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { parseTlsPlace, type TableState, type TlsPlace } from '../core/index.ts';
import { SallyportError } from '../node/index.ts';
import { type Callers, createCallers } from './callers.ts';
import { createHttpConnections, type HttpConnections, oneAtATime } from './http-connections.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { Office } from './office.ts';
import { placeOf, readTls } from './options.ts';
import { RelayWays } from './relay-ways.ts';
import type { MasterFact, MasterOptions } from './start.ts';
import { createTunnels, type Tunnels } from './tunnel.ts';

const HTTP = '127.0.0.1:8420';
const METRICS = '127.0.0.1:9464';

/** What is to be closed, in the order in which it was opened. */
export type Closers = (() => Promise<void> | void)[];

/** Who comes in by TCP: their addresses, their shares of connections, and the tunnels of those whose network lets no UDP out. */
export interface Front {
  readonly callers: Callers;
  readonly connections: HttpConnections;
  readonly tunnels: Tunnels;
  /** Of the relay: through tunnels, and at the one port. */
  readonly relayWays: RelayWays;
  tables(): readonly TableState[];
}

export function createFront({ trustedProxies }: MasterOptions): Front {
  const callers = createCallers(trustedProxies);
  const connections = createHttpConnections(callers);
  const relayWays = new RelayWays();
  const tunnels = createTunnels(callers, relayWays);
  return { callers, connections, tunnels, relayWays, tables: () => [...connections.tables(), ...tunnels.tables()] };
}

/** Where tunnels find this master, for its link: as the operator says, or at its own HTTPS; null where it has none. */
export function httpsPlace({ https, tls }: MasterOptions, host: string, http: string | null): TlsPlace | null {
  if (https !== undefined) return https === null ? null : parseTlsPlace(https);
  const port = tls && http !== null ? Number(new URL(http).port || 443) : null;
  return port === null ? null : { host, port };
}

export async function startHttp(
  options: MasterOptions,
  office: Office,
  { callers, connections, tunnels }: Front,
  closers: Closers,
): Promise<string | null> {
  const at = options.http === undefined ? HTTP : options.http;
  if (at === null) return null;
  const tls = options.tls ?? null;
  const listener = oneAtATime(
    getRequestListener((request, env) => office.app.fetch(request, { ...env, callers })) as RequestListener,
  );
  const checked = { connectionsCheckingInterval: SERVER_LIMITS.httpCheckMs };
  const server =
    tls === null
      ? createPlainServer(checked, listener)
      : createTlsServer({ ...checked, ...readTls(tls), handshakeTimeout: SERVER_LIMITS.httpHeadersMs }, listener);
  connections.guard(server);
  tunnels.attach(server);
  const bound = await listenOn(server, at, '--http');
  closers.push(() => {
    tunnels.close();
    return closeServer(server);
  });
  return `${tls === null ? 'http' : 'https'}://${bound}`;
}

/** Metrics are for the operator only, hence a port of their own; when it is taken the master works without. */
export async function startMetrics(
  wished: string | null | undefined,
  office: Pick<Office, 'metrics'>,
  closers: Closers,
  tell: (fact: MasterFact) => void,
): Promise<string | null> {
  const at = wished === undefined ? METRICS : wished;
  if (at === null) return null;
  const server = createPlainServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(office.metrics());
  });
  try {
    const bound = await listenOn(server, at, '--metrics-listen');
    closers.push(() => closeServer(server));
    return `http://${bound}/metrics`;
  } catch (error) {
    if (wished !== undefined) throw error;
    tell({ fact: 'metrics-problem', detail: error instanceof SallyportError ? error.detail : String(error) });
    return null;
  }
}

async function listenOn(server: Server, at: string, flag: string): Promise<string> {
  const { host, port } = placeOf(at, flag);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'another program has it'
          : error.code === 'EACCES'
            ? 'this user may not'
            : error.message;
      reject(new SallyportError('PORT_TAKEN', { detail: `${at} can't be bound for ${flag}: ${why}.` }));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  return isIPv6(host) ? `[${host}]:${boundPort}` : `${host}:${boundPort}`;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
