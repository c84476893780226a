/** Which UDP ports a masterserver has, what its link says of them, and why one can't be bound. */
import { type Endpoint, formatMasterLink, isLoopback, pageOrigin, type TlsPlace } from '../core/index.ts';
import { SallyportError, usage } from '../node/index.ts';
import { PORT, UDP_PORTS } from './options.ts';
import { relayPort, sharesPort } from './relays.ts';
import type { MasterOptions } from './start.ts';

export function linkOf(
  { port = PORT, alsoPort: udp }: MasterOptions,
  host: string,
  key: Uint8Array,
  tls: TlsPlace | null,
): string {
  return formatMasterLink({
    ...{ host, port, key },
    ...(udp === undefined ? {} : { udp }),
    ...(tls === null ? {} : { tls }),
  });
}

/**
 * Where people reach the web page, for invitations: by HTTPS where the operator says or the certificate is, by plain HTTP where it
 * listens to others than this computer; empty where nobody else gets there.
 */
export function pageOf({ https, tls }: MasterOptions, name: string, http: string | null): string {
  if (typeof https === 'string') return pageOrigin(`https://${https}`);
  if (http === null) return '';
  const { hostname, port } = new URL(http);
  if (isInward(hostname)) return '';
  return pageOrigin(
    `${tls ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}${port === '' ? '' : `:${port}`}`,
  );
}

/** `[::1]` as well as `127.0.0.1`. */
function isInward(hostname: string): boolean {
  return hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

export function portsOf({ port = PORT, onePort = false, alsoPort }: MasterOptions) {
  return { port, onePort, ...(alsoPort === undefined ? {} : { furtherPort: alsoPort }) };
}

/** The door names the place; control and probe ports follow it, where it is not all of them. */
export function boundAt({ address, port }: Endpoint, { onePort, alsoPort }: MasterOptions): readonly Endpoint[] {
  const length = onePort === true || port === alsoPort ? 1 : UDP_PORTS;
  return Array.from({ length }, (_, i) => ({ address, port: port + i }));
}

export function bindError({ address, port }: Endpoint, code: string): SallyportError {
  const where = `UDP port ${port} on ${address} can't be bound`;
  if (code === 'unsupported')
    return usage(
      `${where}: this computer does not have that address. Give another --listen, or --advertise behind a 1:1 NAT.`,
    );
  const why = {
    'in-use': 'another program has it. Give another --port',
    denied: 'this user may not. Give a --port from 1024 on',
    limit: 'too many files are open. Raise the limit (ulimit -n)',
  }[code];
  return new SallyportError('PORT_TAKEN', { detail: `${where}: ${why ?? code}.` });
}

/** Nothing more where the relay shares the one port. */
export function relayBoundAt(options: MasterOptions, listen: readonly string[]): readonly Endpoint[] {
  return sharesPort(options) ? [] : listen.map((address) => ({ address, port: relayPort(options) }));
}
