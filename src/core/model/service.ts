/**
 * What a host lets friends reach: port numbers, each with the protocols spoken there. A person writes them as `30000`, `64738/udp+tcp`,
 * `2456-2457`, `28801,28802`, `192.168.1.50:30000/tcp` or `[::1]:30000`. The place in the list is the number of the service, 0 to 15,
 * and is what travels beside the data (`connection/datagram.ts`), so the list is as the person wrote it.
 */
import { addressBytes, addressText } from '../address.ts';
import { LIMITS } from '../limits.ts';

/** In the order of their bits on the wire: bit 0 for UDP, bit 1 for TCP. */
const PROTOCOLS = ['udp', 'tcp', 'udp+tcp'] as const;
export type Protocols = (typeof PROTOCOLS)[number];

export interface Service {
  readonly port: number;
  readonly protocols: Protocols;
}

/** At the host: also where the server is. */
export interface ServiceTarget extends Service {
  readonly address: string;
}

/** Why a text is no list of services; `part` is the word that is wrong. */
export type ServicesProblem =
  | { readonly problem: 'none' }
  | { readonly problem: 'too-many'; readonly most: number }
  /** Nothing of the kind. */
  | { readonly problem: 'not-a-service'; readonly part: string }
  | { readonly problem: 'port'; readonly part: string }
  /** `2457-2456`. */
  | { readonly problem: 'range'; readonly part: string }
  | { readonly problem: 'protocol'; readonly part: string }
  /** No IP address: a name would have to be looked up, and may lead elsewhere tomorrow. */
  | { readonly problem: 'address'; readonly part: string }
  /** The same port again: friends would not know which is meant. */
  | { readonly problem: 'twice'; readonly port: number };

const LOCALHOST = '127.0.0.1';
/** What people write for this very computer, and what servers say that listen everywhere. */
const HERE: Readonly<Record<string, string>> = { localhost: LOCALHOST, '0.0.0.0': LOCALHOST, '[::]': '::1' };
/** Address, first and last number, protocols. */
const PART = /^(?:(\[[^\]]*\]|[^:/[\]]*):)?(\d+)(?:-(\d+))?(?:\/(.*))?$/;

export function speaks({ protocols }: Pick<Service, 'protocols'>, protocol: 'udp' | 'tcp'): boolean {
  return protocols === protocol || protocols === 'udp+tcp';
}

/** Words between commas or spaces; without a protocol it is UDP, without an address 127.0.0.1. */
export function parseServices(text: string): readonly ServiceTarget[] | ServicesProblem {
  const services: ServiceTarget[] = [];
  for (const part of text.split(/[\s,]+/).filter((word) => word !== '')) {
    const read = parsePart(part);
    if ('problem' in read) return read;
    for (const target of read) services.push(target);
    if (services.length > LIMITS.servicesMax) return { problem: 'too-many', most: LIMITS.servicesMax };
  }
  return checkServices(services);
}

/** The same list where it can be one. A port of one address that is named once for each protocol counts once. */
export function checkServices(services: readonly ServiceTarget[]): readonly ServiceTarget[] | ServicesProblem {
  const byPort = new Map<number, ServiceTarget>();
  for (const service of services) {
    const { port, protocols, address } = service;
    if (!isPort(port)) return { problem: 'port', part: String(port) };
    if (!PROTOCOLS.includes(protocols)) return { problem: 'protocol', part: String(protocols) };
    if (addressBytes(address) === null) return { problem: 'address', part: address };
    const before = byPort.get(port);
    const both = before === undefined ? protocols : bothOf(before.protocols, protocols);
    if (both === null || (before !== undefined && before.address !== address)) return { problem: 'twice', port };
    byPort.set(port, { port, protocols: both, address });
  }
  if (byPort.size === 0) return { problem: 'none' };
  if (byPort.size > LIMITS.servicesMax) return { problem: 'too-many', most: LIMITS.servicesMax };
  return [...byPort.values()];
}

/** As `parseServices` reads it. */
export function formatService({ port, protocols, address }: ServiceTarget): string {
  const at = address === LOCALHOST ? '' : `${address.includes(':') ? `[${address}]` : address}:`;
  return `${at}${port}${protocols === 'udp' ? '' : `/${protocols}`}`;
}

export function protocolBits(protocols: Protocols): number {
  return PROTOCOLS.indexOf(protocols) + 1;
}

/** Further bits are of versions to come; null where there is none that we know. */
export function protocolsOf(bits: number): Protocols | null {
  return PROTOCOLS[(bits & 3) - 1] ?? null;
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function parsePart(part: string): readonly ServiceTarget[] | ServicesProblem {
  const [, at = LOCALHOST, low, high = low, protocols = 'udp'] = PART.exec(part) ?? [];
  if (low === undefined || high === undefined) return { problem: 'not-a-service', part };
  const [first, last] = [Number(low), Number(high)];
  if (!isPort(first) || !isPort(last)) return { problem: 'port', part };
  if (last < first) return { problem: 'range', part };
  if (last - first >= LIMITS.servicesMax) return { problem: 'too-many', most: LIMITS.servicesMax };
  const named = protocols.toLowerCase();
  const spoken = named === 'tcp+udp' ? 'udp+tcp' : PROTOCOLS.find((one) => one === named);
  if (spoken === undefined) return { problem: 'protocol', part };
  const bytes = addressBytes(HERE[at] ?? at.replace(/^\[|\]$/g, ''));
  if (bytes === null) return { problem: 'address', part };
  const address = addressText(bytes) as string;
  return Array.from({ length: last - first + 1 }, (_, n) => ({ port: first + n, protocols: spoken, address }));
}

/** Null where one is named twice. */
function bothOf(left: Protocols, right: Protocols): Protocols | null {
  const [a, b] = [protocolBits(left), protocolBits(right)];
  return (a & b) === 0 ? protocolsOf(a | b) : null;
}
