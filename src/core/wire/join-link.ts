/**
 * What a person pastes to join. Five forms, carrying less or more of the same three things:
 *
 *     K7TQ9-RBWXM                                              code; any case, dashes and spaces free; also in a sentence
 *     sallyport://join/K7TQ9RBWXM#HOSTKEY                      code and the host's key
 *     sallyport://198.51.100.7:8430/j/K7TQ9RBWXM#KEY.HOSTKEY   and the master with its key: nothing else is needed
 *     https://ms.example.org/j/K7TQ9RBWXM#KEY.HOSTKEY          the same as an invitation that chats make clickable (`invite.ts`)
 *     https://ms.example.org/j/K7TQ9RBWXM#HOSTKEY              the page of a host at the master's web server
 *
 * What chats and mails add (`pasted.ts`) is taken off, and the one of these in a longer text is found. Keys stand after `#`, which browsers never send to a server, so the page's server can't swap the host.
 */
import { fromBase64Url } from '../bytes.ts';
import { normalizeCode } from '../model/code.ts';
import { isPublicKey } from '../secure/keys.ts';
import { parsePageLink } from './invite.ts';
import { formatMasterLink, readHostLink } from './master-link.ts';
import { codeIn, linksIn, plainText } from './pasted.ts';

export interface JoinTarget {
  readonly code: string;
  readonly hostKey: Uint8Array | null;
  /** The master link inside a join link, to be used where no other is given. */
  readonly master: string | null;
  /** Where the page of a web link is served: its master's link can be asked for there, where the link does not have it. */
  readonly page: string | null;
}

/** Null where it is none of the forms, or one of them but not whole: half a link must not be used. */
export function parseJoinTarget(text: string): JoinTarget | null {
  const plain = plainText(text);
  for (const link of linksIn(plain)) {
    const target = parseLink(link);
    if (target !== null) return target;
  }
  const code = codeIn(plain);
  return code === null ? null : { code, hostKey: null, master: null, page: null };
}

/** Of a longer text the link that `parseJoinTarget` reads, else the code; null where that finds neither. */
export function joinTextIn(text: string): string | null {
  const target = parseJoinTarget(text);
  return linksIn(plainText(text)).find((link) => parseLink(link) !== null) ?? target?.code ?? null;
}

function parseLink(text: string): JoinTarget | null {
  const host = readHostLink(text);
  if (!('problem' in host)) {
    return { code: host.code, hostKey: host.hostKey, master: formatMasterLink(host.master), page: null };
  }
  const web = parsePageLink(text);
  if (web !== null) return { ...web, master: web.master === null ? null : formatMasterLink(web.master) };
  const [, codeText = '', keyText] = /^sallyport:\/\/join\/([^/?#\s]+)(?:#(\S*))?$/i.exec(text) ?? [];
  const code = normalizeCode(codeText);
  const hostKey = keyText === undefined || keyText === '' ? null : fromBase64Url(keyText);
  if (code === null || (keyText && (hostKey === null || !isPublicKey(hostKey)))) return null;
  return { code, hostKey, master: null, page: null };
}
