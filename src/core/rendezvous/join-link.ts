/**
 * What a person pastes to join. Four forms, all carrying less or more of the same three things:
 *
 *     K7TQ-9RBW                                           code; any case, dashes and spaces free
 *     sallyport://join/K7TQ9RBW#HOSTKEY                   code and the host's key
 *     sallyport://198.51.100.7:8430/j/K7TQ9RBW#KEY.HOSTKEY   and the master with its key: nothing else is needed
 *     https://ms.example.org/j/K7TQ9RBW#KEY.HOSTKEY       the same as a web page; KEY may be missing
 *
 * Keys stand after `#`, which browsers never send to a server, so the page's server can't swap the host.
 */
import { fromBase64Url, toBase64Url } from '../bytes.ts';

/** No vowels and nothing that looks like something else, so a code spells no word and survives a telephone call. */
export const CODE_ALPHABET = '6789BCDFGHJKLMNPQRTW';
export const CODE_SYMBOLS = 8;
const KEY_BYTES = 32;

export interface JoinTarget {
  readonly code: string;
  readonly hostKey: Uint8Array | null;
  /** The master link inside a join link, to be used where no other is given. */
  readonly master: string | null;
  /** The origin of the web page, where the link is one. */
  readonly page: string | null;
}

/** The canonical code, or null. */
export function parseCode(text: string): string | null {
  const code = text.replace(/[\s-]/g, '').toUpperCase();
  return code.length === CODE_SYMBOLS && [...code].every((symbol) => CODE_ALPHABET.includes(symbol)) ? code : null;
}

/** As it is shown: 4-4. */
export function showCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

export function parseJoinTarget(text: string): JoinTarget | null {
  const trimmed = text.trim();
  const bare = parseCode(trimmed);
  if (bare !== null) return { code: bare, hostKey: null, master: null, page: null };
  const link = /^(sallyport|https?):\/\/([^/?#\s]+)\/(?:j\/)?([^/?#\s]+)(?:#([^\s]*))?$/.exec(trimmed);
  if (link === null) return null;
  const [, scheme, authority, codeText = '', fragment = ''] = link;
  const code = parseCode(codeText);
  const keys = fragment === '' ? [] : fragment.split('.');
  const hostKey = keys.length === 0 ? null : fromBase64Url(keys.at(-1) ?? '');
  if (code === null || keys.length > 2 || (keys.length > 0 && hostKey?.length !== KEY_BYTES)) return null;
  const web = scheme !== 'sallyport';
  const masterKey = keys.length === 2 ? keys[0] : null;
  return {
    code,
    hostKey,
    master: web || masterKey === null ? null : `sallyport://${authority}/#${masterKey}`,
    page: web ? `${scheme}://${authority}` : null,
  };
}

/** The link to give to friends; it holds everything they need. `master`: the link of the master, key included. */
export function joinLink(master: string, code: string, hostKey: Uint8Array): string {
  const [address = '', masterKey = ''] = master.split('#');
  return `${address.replace(/\/$/, '')}/j/${code}#${masterKey}.${toBase64Url(hostKey)}`;
}
