/**
 * Links that people copy.
 *
 *     sallyport://198.51.100.7:8430/#KEY                      a master; an IPv6 address in brackets, a name is allowed
 *     sallyport://198.51.100.7:8430/j/K7TQ9RBWXM#KEY.HOSTKEY    a host there; the host's key may be missing
 *     sallyport://198.51.100.7:8430/?udp=443&tls=ms.example.org#KEY    further ways to the same master, for networks that let
 *                                                               little through: another UDP port, and its HTTPS (port 443 unless
 *                                                               written). What else stands there is left alone.
 *
 * KEY and HOSTKEY are 32 bytes in base64url (43 symbols), after `#` so that no web server ever sees them.
 */
import { addressBytes, addressText } from '../address.ts';
import { fromBase64Url, toBase64Url } from '../bytes.ts';
import { normalizeCode } from '../model/code.ts';
import { isPublicKey } from '../secure/keys.ts';
import { linksIn, plainText } from './pasted.ts';

const SCHEME = 'sallyport://';
const MASTER_PORT_DEFAULT = 8430;
const HTTPS_PORT = 443;

export interface MasterLink {
  /** An IP address in canonical form, or a name that is still to be resolved. */
  readonly host: string;
  readonly port: number;
  readonly key: Uint8Array;
  /** Another UDP port of the same addresses. */
  readonly udp?: number;
  /** Where its HTTPS is: for a tunnel. */
  readonly tls?: TlsPlace;
}

export interface TlsPlace {
  readonly host: string;
  readonly port: number;
}

export interface HostLink {
  readonly master: MasterLink;
  readonly code: string;
  /** Pinned where present. */
  readonly hostKey: Uint8Array | null;
}

/** What is wrong with a link, and the part of it that is; empty where something is missing. */
export interface LinkProblem {
  readonly problem: LinkFault;
  readonly part: string;
}

export type LinkFault =
  | 'scheme'
  | 'malformed'
  | 'no-address'
  | 'address'
  | 'brackets'
  | 'port'
  | 'way'
  | 'no-key'
  | 'key'
  | 'too-many-keys'
  | 'path'
  | 'no-code'
  | 'code';

export function formatMasterLink(link: MasterLink): string {
  return `${origin(link)}/${ways(link)}#${toBase64Url(link.key)}`;
}

export function formatHostLink(link: HostLink): string {
  const keys = link.hostKey === null ? [link.master.key] : [link.master.key, link.hostKey];
  return `${origin(link.master)}/j/${link.code}${ways(link.master)}#${keys.map(toBase64Url).join('.')}`;
}

export function parseMasterLink(text: string): MasterLink | LinkProblem {
  const link = parse(text);
  if ('problem' in link) return link;
  if (link.path === '' || link.path === '/') return link.keys.length > 1 ? problem('too-many-keys') : link.master;
  return problem('path', link.path);
}

export function parseHostLink(text: string): HostLink | LinkProblem {
  return hostOf(parse(text));
}

/** Of a link that stands alone: nothing is looked for in it. */
export function readHostLink(link: string): HostLink | LinkProblem {
  return hostOf(link.toLowerCase().startsWith(SCHEME) ? parseLink(link) : problem('scheme'));
}

function hostOf(link: Parts | LinkProblem): HostLink | LinkProblem {
  if ('problem' in link) return link;
  const code = /^\/j\/([^/]+)$/.exec(link.path)?.[1];
  if (code === undefined) return problem('no-code');
  const normal = normalizeCode(code);
  if (normal === null) return problem('code', code);
  return { master: link.master, code: normal, hostKey: link.keys[1] ?? null };
}

interface Parts {
  readonly master: MasterLink;
  readonly path: string;
  readonly keys: readonly Uint8Array[];
}

/** The first in a text that is whole; else what is wrong with the first. */
function parse(text: string): Parts | LinkProblem {
  const links = linksIn(plainText(text)).filter((one) => one.toLowerCase().startsWith(SCHEME));
  const all = links.map(parseLink);
  return all.find((parts) => !('problem' in parts)) ?? all[0] ?? problem('scheme');
}

function parseLink(link: string): Parts | LinkProblem {
  const match = /^([^/#]*)(\/[^#]*)?(?:#(.*))?$/.exec(link.slice(SCHEME.length));
  if (match === null) return problem('malformed');
  const place = parsePlace(match[1] ?? '', MASTER_PORT_DEFAULT);
  if ('problem' in place) return place;
  const [path = '', query = ''] = (match[2] ?? '').split(/\?(.*)/s, 2);
  const further = parseWays(query);
  if ('problem' in further) return further;
  const keys = parseKeys(match[3]);
  if ('problem' in keys) return keys;
  const key = keys[0];
  return key === undefined ? problem('no-key') : { master: { ...place, ...further, key }, path, keys };
}

/** `HOST:PORT` or `HOST` as it stands in a link; null where it is neither. */
export function parseTlsPlace(text: string): TlsPlace | null {
  const place = parsePlace(text, HTTPS_PORT);
  return 'problem' in place ? null : place;
}

/** What is named twice counts the first time. */
export function parseWays(query: string): Pick<MasterLink, 'udp' | 'tls'> | LinkProblem {
  let ways: Pick<MasterLink, 'udp' | 'tls'> = {};
  for (const part of query.split('&')) {
    const [name = '', value = ''] = part.split(/=(.*)/s, 2);
    if (name === 'udp' && ways.udp === undefined) {
      const udp = /^\d{1,5}$/.test(value) ? Number(value) : 0;
      if (udp < 1 || udp > 65_535) return problem('way', part);
      ways = { ...ways, udp };
    } else if (name === 'tls' && ways.tls === undefined) {
      const tls = parseTlsPlace(value);
      if (tls === null) return problem('way', part);
      ways = { ...ways, tls };
    }
  }
  return ways;
}

/** `HOST:PORT` or `HOST`; a name is brought into lower case, an address into its one form. */
export function parsePlace(text: string, portDefault: number): { host: string; port: number } | LinkProblem {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) {
    return text.split(':').length > 2 ? problem('brackets', text) : problem('no-address');
  }
  const port = match[3] === undefined ? portDefault : Number(match[3]);
  if (port < 1 || port > 65535) return problem('port', String(port));
  const host = match[1] === undefined ? nameOrAddress(match[2] ?? '') : bracketed(match[1]);
  return host === null ? problem('address', match[1] ?? match[2]) : { host, port };
}

function bracketed(text: string): string | null {
  const bytes = text.includes(':') ? addressBytes(text) : null;
  return bytes === null ? null : addressText(bytes);
}

function nameOrAddress(text: string): string | null {
  if (/^[\d.]+$/.test(text)) return addressBytes(text) === null ? null : text;
  const name = text.toLowerCase();
  const labels = (name.endsWith('.') ? name.slice(0, -1) : name).split('.');
  const fits = name.length <= 253 && labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  return fits ? name : null;
}

/** One or two, with a dot between them. */
export function parseKeys(text: string | undefined): readonly Uint8Array[] | LinkProblem {
  if (text === undefined || text === '') return problem('no-key');
  const keys: Uint8Array[] = [];
  for (const part of text.split('.')) {
    const key = fromBase64Url(part);
    if (key === null || !isPublicKey(key)) return problem('key');
    keys.push(key);
  }
  return keys.length > 2 ? problem('too-many-keys') : keys;
}

function origin(link: MasterLink): string {
  return `${SCHEME}${bracketedHost(link.host)}:${link.port}`;
}

function ways({ udp, tls }: MasterLink): string {
  const parts: string[] = [];
  if (udp !== undefined) parts.push(`udp=${udp}`);
  if (tls !== undefined) parts.push(`tls=${placeText(tls, HTTPS_PORT)}`);
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** As `parsePlace` reads it; the port stands there unless it is the default. */
export function placeText({ host, port }: TlsPlace, portDefault: number): string {
  return `${bracketedHost(host)}${port === portDefault ? '' : `:${port}`}`;
}

function bracketedHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function problem(fault: LinkFault, part = ''): LinkProblem {
  return { problem: fault, part };
}
