/**
 * UPnP's WANIPv6FirewallControl:1 (AddPinhole, UpdatePinhole, DeletePinhole): lets packets in to one port of one IPv6 address. The router is
 * looked for over IPv4 as for a mapping and, where that leads to none, over IPv6; asked it is over IPv6, at its address in our routing table
 * and from the very address that is to be reached, for it lets nobody open the firewall for another.
 */
import { request as httpRequest } from 'node:http';
import {
  bodyOf,
  type Called,
  envelopeOf,
  findGateway6,
  findService,
  LEASE_SECONDS,
  REQUEST_MS_MAX,
  type RouterService,
  serviceOf,
  soapErrorOf,
  type UpnpMapping,
  type UpnpOptions,
} from './upnp.ts';
import { xmlText } from './xml.ts';

const SERVICE: ReadonlySet<string> = new Set(['urn:schemas-upnp-org:service:WANIPv6FirewallControl:1']);
/** SOAP error (WANIPv6FirewallControl:1, section 2.5.7): there is no such pinhole. */
const NO_SUCH_ENTRY = 704;
/** IANA's number, as the service wants it. */
const UDP = 17;

/** Where the firewall is to be opened. */
export interface PinholePlace {
  /** Our address. */
  readonly own: string;
  /** The router's, with a zone where it is link-local. */
  readonly gateway: string;
}

/** `router`: where there is one over IPv4 as well. */
export interface PinholeOptions extends Pick<UpnpOptions, 'leaseSeconds' | 'signal'> {
  readonly router: Pick<UpnpOptions, 'localAddress' | 'gateway'> | null;
}

interface Control extends PinholePlace {
  readonly type: string;
  readonly port: string;
  readonly path: string;
}

/** Null where there is no such router or it refuses. Never throws. */
export async function openPinholeByUpnp(
  port: number,
  place: PinholePlace,
  { router, ...options }: PinholeOptions,
): Promise<UpnpMapping | null> {
  try {
    const found = router === null ? null : await findService({ ...options, ...router }, SERVICE).catch(() => null);
    const service = found ?? (await findOver6(place, options.signal));
    if (service === null) return null;
    const { type, control } = service;
    return await addPinhole(port, { ...place, type, ...partsOf(control) }, options);
  } catch {
    return null;
  }
}

async function findOver6(place: PinholePlace, signal?: AbortSignal): Promise<RouterService | null> {
  const location = await findGateway6(place.own, place.gateway, signal);
  if (location === null) return null;
  const description = await ask({ ...place, ...partsOf(location) }, { method: 'GET', headers: {}, body: '' }, signal);
  return description.ok ? serviceOf(description.body, location, SERVICE) : null;
}

function partsOf({ port, pathname, search }: URL): { readonly port: string; readonly path: string } {
  return { port, path: `${pathname}${search}` };
}

async function addPinhole(
  port: number,
  at: Control,
  options: Pick<UpnpOptions, 'leaseSeconds' | 'signal'>,
): Promise<UpnpMapping | null> {
  const leaseSeconds = options.leaseSeconds ?? LEASE_SECONDS;
  const add = async (): Promise<string | null> => {
    const fields = {
      ...{ RemoteHost: '', RemotePort: 0, InternalClient: at.own, InternalPort: port },
      ...{ Protocol: UDP, LeaseTime: leaseSeconds },
    };
    const answer = await call(at, 'AddPinhole', fields, options.signal);
    const id = answer.ok ? (xmlText(answer.body, 'UniqueID') ?? '') : '';
    // An unsigned short.
    return /^\d{1,5}$/.test(id) ? id : null;
  };
  let id = await add();
  if (id === null) return null;
  const update = (uid: string): Promise<Called> =>
    call(at, 'UpdatePinhole', { UniqueID: uid, NewLeaseTime: leaseSeconds }, options.signal);
  const external = { address: at.own, port };
  return {
    external,
    leaseSeconds,
    async renew() {
      if (id !== null && (await update(id).catch(() => null))?.ok === true) return external;
      // It has forgotten: it has started again, say.
      id = await add().catch(() => null);
      return id === null ? null : external;
    },
    async look() {
      const told = id === null ? null : await update(id).catch(() => null);
      if (told === null) return 'silent';
      return soapErrorOf(told.body) === NO_SUCH_ENTRY ? 'gone' : external;
    },
    async remove() {
      // On the way out the caller's signal may have fired already.
      if (id !== null) await call(at, 'DeletePinhole', { UniqueID: id }).catch(() => null);
    },
  };
}

function call(
  at: Control,
  action: string,
  fields: Readonly<Record<string, string | number>>,
  signal?: AbortSignal,
): Promise<Called> {
  return ask(at, { method: 'POST', ...envelopeOf(at.type, action, fields) }, signal);
}

interface Asked {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One exchange, limited in time and size. Rejects where there is no answer. `fetch` can not choose the address that it goes out by. */
function ask(
  { own, gateway, port, path }: Omit<Control, 'type'>,
  { method, headers, body }: Asked,
  signal?: AbortSignal,
): Promise<Called> {
  const deadline = AbortSignal.timeout(REQUEST_MS_MAX);
  const host = `[${gateway.split('%')[0]}]${port === '' ? '' : `:${port}`}`;
  return new Promise((resolve, reject) => {
    const asked = httpRequest({
      ...{ host: gateway, port: port === '' ? 80 : Number(port), path, method, family: 6, localAddress: own },
      headers: { ...headers, host, 'content-length': Buffer.byteLength(body), connection: 'close' },
      ...{ agent: false, signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]) },
    });
    asked.once('error', reject);
    asked.once('response', (response) => {
      const ok = response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300;
      bodyOf(response).then((text) => {
        asked.destroy();
        if (text === null) reject(new Error('the router says more than it may'));
        else resolve({ ok, body: text });
      }, reject);
    });
    asked.end(body);
  });
}
