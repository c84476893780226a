/**
 * UPnP-IGD, as much of it as opens one UDP port: find the router (SSDP), read its description, ask it by SOAP. Own code, see
 * decisions/: the library at hand knows IGD:2 only, and does not remove what it made. Any machine of the network may answer the
 * search: only the default gateway's word counts, only that machine is asked, nothing it says leads to another one, and everything
 * is bounded in size and time.
 */
import { createSocket } from 'node:dgram';
import { addressBytes, type Endpoint, familyOf } from '../core/index.ts';
import { interfaceOf } from './network.ts';
import { lookup4, lookup6 } from './socket.ts';
import { xmlParts, xmlText } from './xml.ts';

const SSDP: Endpoint = { address: '239.255.255.250', port: 1900 };
/** UPnP device architecture 1.1, section A.2.1: to the own link, which is where a home's router is. */
const SSDP6: Endpoint = { address: 'ff02::c', port: 1900 };
const SEARCH_MS = 2_500;
/** Routers answer within MX seconds; the search is sent again in case it was lost. */
const SEARCH_AGAIN_MS = 600;
export const REQUEST_MS_MAX = 3_000;
/** Descriptions of real routers have 3 to 30 kB. */
const BODY_BYTES_MAX = 128 * 1024;
/** Answers to a search have half a kilobyte; longer ones are not looked at. */
const ANSWER_BYTES_MAX = 4_096;
/** Answers of others than the gateway are not counted; of the gateway's, which somebody else may have sent, so many are read. */
const ANSWERS_MAX = 16;
export const LEASE_SECONDS = 3_600;
/** IGD:2 routers answer to the older name too (UPnP device architecture 1.1, section 1.3.2). */
const GATEWAY_DEVICE = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1';
const SERVICES: ReadonlySet<string> = new Set(
  ['WANIPConnection:1', 'WANIPConnection:2', 'WANPPPConnection:1'].map(
    (name) => `urn:schemas-upnp-org:service:${name}`,
  ),
);
/** SOAP errors (WANIPConnection:1, section 2.4.16): only permanent leases are supported; there is no such mapping. */
const ONLY_PERMANENT = 725;
const NO_SUCH_ENTRY = 714;

export interface UpnpOptions {
  /** Local address in the router's network. */
  readonly localAddress: string;
  /** The default gateway's address there: no other machine is believed or asked. */
  readonly gateway: string;
  readonly signal?: AbortSignal;
  /** Where to search; the multicast group unless a test says otherwise. */
  readonly search?: Endpoint;
  /** Asked for; an hour unless a test says otherwise. */
  readonly leaseSeconds?: number;
}

export interface Called {
  readonly ok: boolean;
  readonly body: string;
}

export interface UpnpMapping {
  /** What the router claims; the mapper has it proven. */
  readonly external: Endpoint;
  /** The router has to be asked again before this is over; null = it never forgets. */
  readonly leaseSeconds: number | null;
  /** What the router claims now; null where it refuses. */
  renew(): Promise<Endpoint | null>;
  /** Does it have it still? What it claims now; `gone`: it says that there is none; `silent`: it does not answer at all. */
  look(): Promise<Endpoint | 'gone' | 'silent'>;
  remove(): Promise<void>;
}

export interface RouterService {
  readonly type: string;
  readonly control: URL;
}

/** Opens `port` for UDP; null where there is no such router or it refuses. Never throws. */
export async function mapByUpnp(port: number, options: UpnpOptions): Promise<UpnpMapping | null> {
  try {
    const service = await findService(options, SERVICES);
    return service === null ? null : await addMapping(service, port, options);
  } catch {
    return null;
  }
}

/** The first service of these types that the gateway has; null where there is none. */
export async function findService(options: UpnpOptions, types: ReadonlySet<string>): Promise<RouterService | null> {
  const location = await findGateway(options);
  const description = location === null ? null : await request(location, { method: 'GET' }, options);
  return location === null || !description?.ok ? null : serviceOf(description.body, location, types);
}

/** The description's address, from the first router that answers the search with one of its own. */
function findGateway(options: UpnpOptions): Promise<URL | null> {
  const { localAddress, gateway, search = SSDP, signal } = options;
  return searchGateway({
    ...{ to: search, named: search.address, from: localAddress, gateway },
    ...{ multicastBy: options.search === undefined ? localAddress : null },
    read: (answer) => locationOf(answer, gateway),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The same by IPv6. `own`: one of our addresses in the router's network; `gateway`: as the routing table has it. */
export function findGateway6(own: string, gateway: string, signal?: AbortSignal): Promise<URL | null> {
  const zone = gateway.split('%')[1] ?? interfaceOf(own);
  if (zone === null) return Promise.resolve(null);
  return searchGateway({
    ...{ to: { ...SSDP6, address: `${SSDP6.address}%${zone}` }, named: `[${SSDP6.address.toUpperCase()}]` },
    // It answers from an address of the scope that it is asked from.
    ...{ from: gateway.includes('%') ? '::' : own, gateway, multicastBy: null },
    read: locationOf6,
    ...(signal === undefined ? {} : { signal }),
  });
}

interface Search {
  readonly to: Endpoint;
  /** As the request has the address that it goes to. */
  readonly named: string;
  /** Of ours. */
  readonly from: string;
  /** Nobody else's answer is read. */
  readonly gateway: string;
  /** The address whose interface a search by multicast leaves by; null: it is in the address that it goes to. */
  readonly multicastBy: string | null;
  readonly read: (answer: string) => URL | null;
  readonly signal?: AbortSignal;
}

function searchGateway({ to, named, from, gateway, multicastBy, read, signal }: Search): Promise<URL | null> {
  const text = [
    'M-SEARCH * HTTP/1.1',
    `HOST: ${named}:${to.port}`,
    'MAN: "ssdp:discover"',
    'MX: 1',
    `ST: ${GATEWAY_DEVICE}`,
    '',
    '',
  ].join('\r\n');
  return new Promise((resolve) => {
    const socket = createSocket(
      familyOf(from) === 4 ? { type: 'udp4', lookup: lookup4 } : { type: 'udp6', lookup: lookup6 },
    );
    const timers: NodeJS.Timeout[] = [];
    const done = (location: URL | null) => {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      resolve(location);
    };
    const giveUp = () => done(null);
    signal?.addEventListener('abort', giveUp, { once: true });
    socket.on('error', giveUp);
    let answers = 0;
    socket.on('message', (message, { address }) => {
      if (address !== gateway || ++answers > ANSWERS_MAX || message.length > ANSWER_BYTES_MAX) return;
      const location = read(message.toString('latin1'));
      if (location !== null) done(location);
    });
    socket.bind(0, from, () => {
      if (multicastBy !== null) socket.setMulticastInterface(multicastBy);
      const send = () => socket.send(text, to.port, to.address, () => {});
      send();
      timers.push(setTimeout(send, SEARCH_AGAIN_MS), setTimeout(giveUp, SEARCH_MS));
    });
  });
}

/** Of the gateway's answer to a search; null unless it points to that very machine. */
export function locationOf(answer: string, gateway: string): URL | null {
  const location = headerOf(answer, 'location');
  return location === null ? null : atGateway(location, gateway);
}

/**
 * Of the answer that the gateway has given by IPv6. It may name any of its addresses, with a zone of its own: what counts is the port and
 * the path, for it is asked at the address that we know it by.
 */
export function locationOf6(answer: string): URL | null {
  const location = headerOf(answer, 'location')?.replace(/^(http:\/\/\[[0-9a-f:.]+)%[^\]/]*\]/i, '$1]') ?? '';
  if (!URL.canParse(location)) return null;
  const url = new URL(location);
  return url.hostname.startsWith('[') ? atGateway(location, url.hostname) : null;
}

/** Of an answer to a search; null where it is none, or has no such header. */
function headerOf(answer: string, name: string): string | null {
  const [status = '', ...headers] = answer.split('\r\n');
  if (!status.startsWith('HTTP/1.1 200')) return null;
  const line = headers.find((one) => one.slice(0, name.length + 1).toLowerCase() === `${name}:`);
  return line === undefined ? null : line.slice(name.length + 1).trim();
}

/** The address, if it leads to the gateway: no name, no other machine, no credentials, nothing but HTTP. */
function atGateway(text: string, gateway: string, base?: URL): URL | null {
  if (!URL.canParse(text, base?.href)) return null;
  const url = new URL(text, base);
  const plain = url.protocol === 'http:' && url.username === '' && url.password === '';
  return plain && url.hostname === gateway ? url : null;
}

/** The service in a device description, of a WAN connection unless others are named; its control address must be on the same machine. */
export function serviceOf(
  description: string,
  location: URL,
  types: ReadonlySet<string> = SERVICES,
): RouterService | null {
  let [type, path, inside] = ['', '', ''];
  for (const part of xmlParts(description)) {
    if (part.kind === 'open') {
      inside = part.name;
      if (inside === 'service') [type, path] = ['', ''];
    } else if (part.kind === 'text') {
      if (inside === 'serviceType') type = part.text;
      if (inside === 'controlURL') path = part.text;
    } else {
      inside = '';
      const fits = part.name === 'service' && types.has(type) && path !== '';
      const control = fits ? atGateway(path, location.hostname, location) : null;
      if (control !== null) return { type, control };
    }
  }
  return null;
}

async function addMapping(service: RouterService, port: number, options: UpnpOptions): Promise<UpnpMapping | null> {
  const add = (leaseSeconds: number) =>
    call(
      service,
      'AddPortMapping',
      {
        NewRemoteHost: '',
        NewExternalPort: port,
        NewProtocol: 'UDP',
        NewInternalPort: port,
        NewInternalClient: options.localAddress,
        NewEnabled: 1,
        NewPortMappingDescription: 'sallyport',
        NewLeaseDuration: leaseSeconds,
      },
      options,
    );
  let leaseSeconds = options.leaseSeconds ?? LEASE_SECONDS;
  let answer = await add(leaseSeconds);
  if (answer !== null && soapErrorOf(answer.body) === ONLY_PERMANENT) {
    leaseSeconds = 0;
    answer = await add(leaseSeconds);
  }
  if (answer === null || !answer.ok) return null;
  /** An answer without an address changes nothing. */
  const claimAfter = async (before: Endpoint): Promise<Endpoint> => {
    const told = await call(service, 'GetExternalIPAddress', {}, options);
    const address = xmlText(told?.body ?? '', 'NewExternalIPAddress') ?? '';
    return addressBytes(address)?.length === 4 ? { address, port } : before;
  };
  const entry = { NewRemoteHost: '', NewExternalPort: port, NewProtocol: 'UDP' };
  const external = await claimAfter({ address: '0.0.0.0', port });
  let last = external;
  return {
    external,
    leaseSeconds: leaseSeconds === 0 ? null : leaseSeconds,
    async renew() {
      const renewed = (await add(leaseSeconds).catch(() => null))?.ok === true;
      if (renewed) last = await claimAfter(last).catch(() => last);
      return renewed ? last : null;
    },
    async look() {
      const told = await call(service, 'GetSpecificPortMappingEntry', entry, options).catch(() => null);
      if (told === null) return 'silent';
      const of = told.ok ? xmlText(told.body, 'NewInternalClient') : null;
      const others = of !== null && of !== '' && of !== options.localAddress;
      if (others || soapErrorOf(told.body) === NO_SUCH_ENTRY) return 'gone';
      last = await claimAfter(last).catch(() => last);
      return last;
    },
    remove: async () => {
      // On the way out the caller's signal may have fired already.
      await call(service, 'DeletePortMapping', entry, {}).catch(() => null);
    },
  };
}

/** The number of a SOAP fault (UPnP device architecture 1.1, section 3.2.2); null where there is none. */
export function soapErrorOf(body: string): number | null {
  const code = xmlText(body, 'errorCode') ?? '';
  return /^\d{1,5}$/.test(code) ? Number(code) : null;
}

function call(
  service: RouterService,
  action: string,
  fields: Readonly<Record<string, string | number>>,
  options: Pick<UpnpOptions, 'signal'>,
): Promise<Called | null> {
  return request(service.control, { method: 'POST', ...envelopeOf(service.type, action, fields) }, options);
}

/** What an action is asked by (UPnP device architecture 1.1, section 3.2.1). */
export function envelopeOf(
  type: string,
  action: string,
  fields: Readonly<Record<string, string | number>>,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const inner = Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('');
  const body =
    '<?xml version="1.0"?>' +
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">' +
    `<s:Body><u:${action} xmlns:u="${type}">${inner}</u:${action}></s:Body></s:Envelope>`;
  return { headers: { 'content-type': 'text/xml; charset="utf-8"', soapaction: `"${type}#${action}"` }, body };
}

/** One exchange, limited in time and size; null where it fails. */
async function request(url: URL, init: RequestInit, options: Pick<UpnpOptions, 'signal'>): Promise<Called | null> {
  const deadline = AbortSignal.timeout(REQUEST_MS_MAX);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const response = await fetch(url, { ...init, signal, redirect: 'error' });
  const body = await bodyOf(response.body ?? []);
  return body === null ? null : { ok: response.ok, body };
}

/** Null where it is larger than it may be. */
export async function bodyOf(parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of parts) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
