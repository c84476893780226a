/** What can be said of options and names before anything is opened; it brings no machine with it, so that a command answers at once. */
import { join } from 'node:path';
import type { JoinTarget, MasterLink, RelayMode } from '../core/index.ts';
import { parseJoinTarget } from '../core/wire/join-link.ts';
import { parseHostLink, parseMasterLink } from '../core/wire/master-link.ts';
import { codeFault } from '../core/wire/pasted.ts';
import { SallyportError, usage } from '../node/failure.ts';
import type { NamedEndpoint } from './names.ts';
import { checkRelayMode } from './relay-mode.ts';
import { linkText, reasonText } from './words.ts';

interface CheckedOptions {
  readonly master: string;
  readonly linkMaster?: string;
  readonly stun?: readonly string[];
  readonly relay?: RelayMode;
}

/** What `openAgent` needs, understood; throws USAGE for what can't be meant. Nothing is asked, opened or written. */
export function checkAgentOptions(options: CheckedOptions): {
  readonly masterLink: MasterLink;
  readonly linkMaster: MasterLink;
  readonly stun: readonly NamedEndpoint[];
} {
  if (typeof options.master !== 'string')
    throw usage('master is missing: the link of a masterserver, sallyport://HOST:PORT/#KEY.');
  checkRelayMode(options.relay);
  const masterLink = parseMasterLink(options.master);
  if ('problem' in masterLink) throw usage(`master: ${linkText(masterLink)}`);
  const linkMaster = options.linkMaster === undefined ? masterLink : parseMasterLink(options.linkMaster);
  if ('problem' in linkMaster) throw usage(`linkMaster: ${linkText(linkMaster)}`);
  return { masterLink, linkMaster, stun: (options.stun ?? []).map(readStunServer) };
}

function readStunServer(server: string): NamedEndpoint {
  const [, host, port = '3478'] = /^(?:stun:)?(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(server.trim()) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw usage(`"${server}" is no STUN server: write host:port.`);
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** The identity file of a host, one for each name: two games on one computer have two codes, each the same every evening. */
export function hostKeyFile(stateDir: string, name: string): string {
  return join(stateDir, `host-${name}.key`);
}

/** The same name where it can be one. It becomes part of the name of a file. */
export function hostName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/.test(name)) return name;
  throw usage(`"${name}" can not name a host: use up to 32 letters, digits, - and _.`);
}

/** A code or a join link as it was typed. Throws CODE_MALFORMED for what can be no code, USAGE for a link that is not whole. */
export function readJoinTarget(text: string): JoinTarget {
  const target = parseJoinTarget(text);
  if (target !== null) return target;
  if (!text.includes('://')) {
    throw new SallyportError('CODE_MALFORMED', { detail: reasonText(codeFault(text)) });
  }
  const link = parseHostLink(text);
  const detail = 'problem' in link ? linkText(link) : 'The join link is not whole: copy all of it.';
  throw usage(detail);
}
