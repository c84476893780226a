/**
 * As much XML as a router's answers need: elements by their local names, and the text in them. Each character is looked at once,
 * whatever the document is, because any machine on the local network may write it. Not validated: what is no XML has no elements.
 */

export type XmlPart =
  | { readonly kind: 'open' | 'close'; readonly name: string }
  /** As it is meant: references resolved, CDATA unpacked. */
  | { readonly kind: 'text'; readonly text: string };

/** Sections without elements, by their beginnings; the longer ones first. */
const SECTIONS = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
  ['<!', '>'],
] as const;
const REFERENCES = [
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&quot;', '"'],
  ['&apos;', "'"],
  // Last, so that nothing is resolved twice.
  ['&amp;', '&'],
] as const;

export function* xmlParts(document: string): Generator<XmlPart> {
  let at = 0;
  while (at < document.length) {
    const tag = document.indexOf('<', at);
    const text = document.slice(at, tag < 0 ? document.length : tag).trim();
    if (text !== '') yield { kind: 'text', text: resolved(text) };
    if (tag < 0) return;
    const section = SECTIONS.find(([begin]) => document.startsWith(begin, tag));
    const end = section === undefined ? tagEnd(document, tag) : document.indexOf(section[1], tag + section[0].length);
    if (end < 0) return;
    if (section === undefined) yield* element(document.slice(tag + 1, end));
    else if (section[0] === '<![CDATA[') yield { kind: 'text', text: document.slice(tag + section[0].length, end) };
    at = end + (section?.[1].length ?? 1);
  }
}

/** The text of the first element of this name; null where there is none. */
export function xmlText(document: string, name: string): string | null {
  let text: string | null = null;
  for (const part of xmlParts(document)) {
    if (text === null) {
      if (part.kind === 'open' && part.name === name) text = '';
    } else if (part.kind === 'text') text += part.text;
    else return text;
  }
  return null;
}

/** Where the tag that begins here ends: at the first `>` that is not inside quotes. */
function tagEnd(document: string, begin: number): number {
  let quote = '';
  for (let at = begin + 1; at < document.length; at++) {
    const sign = document[at] as string;
    if (quote !== '') quote = sign === quote ? '' : quote;
    else if (sign === '"' || sign === "'") quote = sign;
    else if (sign === '>') return at;
  }
  return -1;
}

/** `tag`: what stands between `<` and `>`. */
function* element(tag: string): Generator<XmlPart> {
  const closes = tag.startsWith('/');
  const begin = closes ? 1 : 0;
  let end = begin;
  while (end < tag.length && !' \t\r\n/'.includes(tag[end] as string)) end++;
  const name = tag.slice(begin, end);
  const local = name.slice(name.indexOf(':') + 1);
  if (!closes) yield { kind: 'open', name: local };
  if (closes || tag.endsWith('/')) yield { kind: 'close', name: local };
}

function resolved(text: string): string {
  return text.includes('&') ? REFERENCES.reduce((all, [from, to]) => all.replaceAll(from, to), text) : text;
}
