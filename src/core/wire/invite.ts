/**
 * The link by which somebody is invited. Where the master has a web page, it is an address that every chat makes clickable:
 *
 *     https://ms.example.org/j/K7TQ9RBWXM#KEY.HOSTKEY
 *     https://ms.example.org/j/K7TQ9RBWXM#KEY.HOSTKEY&at=198.51.100.7:9000&udp=443&tls
 *
 * The fragment has what a `sallyport://` link (`master-link.ts`) has besides: the keys, the UDP address where it is not port 8430 of the
 * page's own (`at`), a further UDP port (`udp`), and where tunnels go (`tls`; without a place: to the page's own). Browsers send no
 * fragment, so the server learns neither key nor that they were clicked together; a script of its page could (SECURITY.md).
 */
import { toBase64Url } from '../bytes.ts';
import { normalizeCode } from '../model/code.ts';
import {
  formatHostLink,
  type HostLink,
  type MasterLink,
  parseKeys,
  parsePlace,
  parseWays,
  placeText,
  type TlsPlace,
} from './master-link.ts';

const HTTPS = 'https://';
const HTTP = 'http://';
const MASTER_PORT = 8430;
const WEB_PORTS: Readonly<Record<string, number>> = { [HTTPS]: 443, [HTTP]: 80 };

export interface PageLink {
  readonly code: string;
  /** `https://ms.example.org`, without a slash at its end. */
  readonly page: string;
  /** Null where the link says only where the page is. */
  readonly master: MasterLink | null;
  readonly hostKey: Uint8Array | null;
}

interface Page {
  readonly scheme: string;
  readonly place: TlsPlace;
}

/** A place on the web as a master tells it, in one spelling; empty where it is none: with a path, a user, or another scheme. */
export function pageOrigin(text: string): string {
  const page = parsePage(text);
  return page === null ? '' : originOf(page);
}

/** `page`: where the master's web page is; empty where it has none, then the link is `sallyport://`. */
export function formatInvite(host: HostLink, page: string): string {
  const web = parsePage(page);
  if (web === null || host.hostKey === null) return formatHostLink(host);
  const { master, code, hostKey } = host;
  const keys = `${toBase64Url(master.key)}.${toBase64Url(hostKey)}`;
  return `${originOf(web)}/j/${code}#${[keys, ...furtherParts(master, web)].join('&')}`;
}

/** Null where it is no link of a page, or not whole. A query is passed over: some chats add one to whatever is clicked. */
export function parsePageLink(text: string): PageLink | null {
  const match = /^(https?:\/\/[^/?#\s]+)\/j\/([^/?#\s]+)(?:\?[^#\s]*)?(?:#(\S*))?$/i.exec(text);
  const page = parsePage(match?.[1] ?? '');
  const code = normalizeCode(match?.[2] ?? '');
  if (page === null || code === null) return null;
  const link = { code, page: originOf(page), master: null, hostKey: null };
  const [keysText = '', ...parts] = (match?.[3] ?? '').split('&');
  if (keysText === '') return parts.length === 0 ? link : null;
  const keys = parseKeys(keysText);
  if ('problem' in keys) return null;
  const [first, second] = keys;
  // One key is the host's; whose page it is tells its master.
  if (first === undefined || second === undefined)
    return parts.length === 0 ? { ...link, hostKey: first ?? null } : null;
  const way = readFurther(parts, page);
  return way === null ? null : { ...link, master: { ...way, key: first }, hostKey: second };
}

function furtherParts(master: MasterLink, { scheme, place }: Page): readonly string[] {
  const parts: string[] = [];
  if (master.host !== place.host || master.port !== MASTER_PORT) parts.push(`at=${placeText(master, MASTER_PORT)}`);
  if (master.udp !== undefined) parts.push(`udp=${master.udp}`);
  const { tls } = master;
  const own = scheme === HTTPS && tls?.host === place.host && tls.port === place.port;
  if (tls !== undefined) parts.push(own ? 'tls' : `tls=${placeText(tls, WEB_PORTS[HTTPS] ?? 443)}`);
  return parts;
}

function readFurther(parts: readonly string[], { scheme, place }: Page): Omit<MasterLink, 'key'> | null {
  const at = parts.find((part) => part.startsWith('at='))?.slice(3);
  const where = at === undefined ? { host: place.host, port: MASTER_PORT } : parsePlace(at, MASTER_PORT);
  const own = scheme === HTTPS ? `tls=${placeText(place, WEB_PORTS[HTTPS] ?? 443)}` : '';
  const ways = parseWays(parts.map((part) => (part === 'tls' ? own : part)).join('&'));
  return 'problem' in where || 'problem' in ways ? null : { ...where, ...ways };
}

function parsePage(text: string): Page | null {
  const scheme = [HTTPS, HTTP].find((one) => text.toLowerCase().startsWith(one));
  if (scheme === undefined) return null;
  const place = parsePlace(text.slice(scheme.length), WEB_PORTS[scheme] ?? 443);
  return 'problem' in place ? null : { scheme, place };
}

function originOf({ scheme, place }: Page): string {
  return `${scheme}${placeText(place, WEB_PORTS[scheme] ?? 443)}`;
}
