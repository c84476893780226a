/**
 * `/j/CODE` as it leaves the server: the document of the app with a card for chats (Open Graph) and, for whoever runs no scripts, the whole
 * page as text. The server is never told the fragment, so no key and no address stands here; what a host calls itself is escaped.
 */
import type { Context } from 'hono';
import { showCode } from '../core/index.ts';
import type { MasterInfo, Server } from './api.ts';

const WHAT =
  "With sallyport you play on a friend's game server from computer to computer, encrypted: no account, no router settings.";

export interface JoinPageParts {
  readonly info: () => MasterInfo;
  /** The host of a code as this visitor may see it; null where none is online, or too many codes have been tried. */
  readonly find: (c: Context, code: string) => Server | null;
}

/** `index`: the document of the app. */
export function joinDocument(index: string, parts: JoinPageParts, c: Context): string {
  const code = c.req.param('code') ?? '';
  const server = parts.find(c, code);
  const info = parts.info();
  const title = server === null ? 'An invitation to play' : `Join "${server.name}"`;
  const about = server === null ? WHAT : `${playedText(server)}${WHAT}`;
  const tags = [
    ['og:site_name', 'sallyport'],
    ['og:type', 'website'],
    ['og:title', title],
    ['og:description', about],
    ...(info.page === '' || server === null ? [] : [['og:url', `${info.page}/j/${server.code}`]]),
  ].map(([name = '', content = '']) => `<meta property="${name}" content="${escaped(content)}" />`);
  const head = [
    `<title>${escaped(title)} · sallyport</title>`,
    `<meta name="description" content="${escaped(about)}" />`,
    '<meta name="robots" content="noindex" />',
    ...tags,
  ].join('\n    ');
  return index
    .replace(/<title>[^<]*<\/title>/, () => head)
    .replace('</body>', () => `<noscript>${textPage(title, server, info)}</noscript>\n  </body>`);
}

function playedText({ game, map, mode }: Server): string {
  const words = [game, mode, map].filter((word) => word !== '');
  return words.length === 0 ? '' : `${words.join(' · ')}. `;
}

function textPage(title: string, server: Server | null, info: MasterInfo): string {
  const state =
    server === null
      ? 'This game is not open just now, or the link is old. Ask whoever sent it.'
      : `${playedText(server)}${playersText(server)}${server.passwordNeeded ? ' A password is needed.' : ''}`;
  const code = server === null ? '' : `<p>Join code: <strong>${showCode(server.code)}</strong></p>`;
  const contact = info.contact === null ? '' : `<p>Who runs this masterserver: ${escaped(info.contact)}</p>`;
  return `<main class="plain-page"><h1>${escaped(title)}</h1><p>${WHAT}</p><p>${escaped(state)}</p>
<ol><li>${getText(info)}</li>
<li>Start it, choose "Join a friend" and paste the whole address of this page, with what stands behind the #. In a terminal:
<code>sallyport join 'ADDRESS'</code></li></ol>${code}${contact}</main>`;
}

function playersText({ players, playersMax }: Server): string {
  const most = playersMax > 0 ? ` of ${playersMax}` : '';
  return `${players}${most} ${players === 1 && playersMax === 0 ? 'player' : 'players'} just now.`;
}

function getText({ downloads }: MasterInfo): string {
  if (downloads.at !== null)
    return `Get sallyport: <a href="${escaped(downloads.at)}" rel="noreferrer">${escaped(downloads.at)}</a>`;
  const files = downloads.files.filter(({ system }) => system !== null);
  if (files.length === 0) return 'Get sallyport from whoever invited you.';
  const links = files.map(({ name, path }) => `<a href="${escaped(path)}">${escaped(name)}</a>`);
  return `Get sallyport: ${links.join(', ')}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
