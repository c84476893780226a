/**
 * UPnP's WANIPv6FirewallControl:1 (AddPinhole, UpdatePinhole, DeletePinhole): lets packets in to one port of one IPv6 address. The router is
 * found over IPv4 as for a mapping; asked it is over IPv6, at its address in our routing table and from the very address that is to be
 * reached, for it lets nobody open the firewall for another.
 */
import { request as httpRequest } from 'node:http';
import {
  bodyOf,
  type Called,
  envelopeOf,
  findService,
  LEASE_SECONDS,
  REQUEST_MS_MAX,
  type UpnpMapping,
  type UpnpOptions,
} from './upnp.ts';
import { xmlText } from './xml.ts';

const SERVICE: ReadonlySet<string> = new Set(['urn:schemas-upnp-org:service:WANIPv6FirewallControl:1']);
/** IANA's number, as the service wants it. */
const UDP = 17;

/** Where the firewall is to be opened. */
export interface PinholePlace {
  /** Our address. */
  readonly own: string;
  /** The router's, with a zone where it is link-local. */
  readonly gateway: string;
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
  options: UpnpOptions,
): Promise<UpnpMapping | null> {
  try {
    const service = await findService(options, SERVICE);
    if (service === null) return null;
    const { type, control } = service;
    const at = { ...place, type, port: control.port, path: `${control.pathname}${control.search}` };
    return await addPinhole(port, at, options);
  } catch {
    return null;
  }
}

async function addPinhole(port: number, at: Control, options: UpnpOptions): Promise<UpnpMapping | null> {
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
  const renewed = async (uid: string): Promise<boolean> =>
    (await call(at, 'UpdatePinhole', { UniqueID: uid, NewLeaseTime: leaseSeconds }, options.signal)).ok;
  const external = { address: at.own, port };
  return {
    external,
    leaseSeconds,
    async renew() {
      if (id !== null && (await renewed(id).catch(() => false))) return external;
      // It has forgotten: it has started again, say.
      id = await add().catch(() => null);
      return id === null ? null : external;
    },
    async remove() {
      // On the way out the caller's signal may have fired already.
      if (id !== null) await call(at, 'DeletePinhole', { UniqueID: id }).catch(() => null);
    },
  };
}

/** One exchange, limited in time and size. Rejects where there is no answer. `fetch` can not choose the address that it goes out by. */
function call(
  { own, gateway, port, path, type }: Control,
  action: string,
  fields: Readonly<Record<string, string | number>>,
  signal?: AbortSignal,
): Promise<Called> {
  const { headers, body } = envelopeOf(type, action, fields);
  const deadline = AbortSignal.timeout(REQUEST_MS_MAX);
  const host = `[${gateway.split('%')[0]}]${port === '' ? '' : `:${port}`}`;
  return new Promise((resolve, reject) => {
    const asked = httpRequest({
      ...{ host: gateway, port: port === '' ? 80 : Number(port), path, method: 'POST', family: 6, localAddress: own },
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
