/**
 * The edge between what strangers send and everything that shows, prints, copies or keeps it: each event of the machine passes here,
 * whole, before the library, the command or the app sees it. Codes are parsed, texts cleaned, whatever the field is called, so that a
 * field that is added tomorrow is clean, too. What comes from outside by another way (the local network, HTTP, a game that is asked)
 * is cleaned where it is parsed.
 */
import { cleanText, normalizeCode, type PeerEvent, WIRE_LIMITS } from '../core/index.ts';
import { AGENT_LIMITS } from './limits.ts';

/** What a person would take for a line of ours can't be made of one line of theirs, however long: texts of hosts are shorter still. */
const CHARACTERS_MAX: Readonly<Record<string, number>> = {
  name: WIRE_LIMITS.announcedNameBytesMax,
  game: WIRE_LIMITS.announcedTextBytesMax,
  map: WIRE_LIMITS.announcedTextBytesMax,
  mode: WIRE_LIMITS.announcedTextBytesMax,
  version: WIRE_LIMITS.announcedTextBytesMax,
};
const PLAIN = /^(?:[!-~]|(?<! ) (?! |$))*$/;

/** The same event where nothing in it needs cleaning. Bytes are left alone: nobody shows them as text. */
export function cleanEvent<Event extends PeerEvent>(event: Event): Event {
  // The data of a game: no text, and as many as there are datagrams.
  if (event.ev === 'message' || event.ev === 'stream-data') return event;
  return clean(event, '', event.ev !== 'log') as Event;
}

/** `codes`: a field called `code` holds a join code; in the data of a log it may be anything. */
function clean(value: unknown, field: string, codes: boolean): unknown {
  if (typeof value === 'string') return cleanString(value, field, codes);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => clean(item, field, codes));
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  const entries = Object.entries(value).map(([key, inner]) => [key, inner, clean(inner, key, codes)] as const);
  if (entries.every(([, before, after]) => before === after)) return value;
  return Object.fromEntries(entries.map(([key, , after]) => [key, after]));
}

function cleanString(text: string, field: string, codes: boolean): string {
  if (codes && field === 'code') return normalizeCode(text) ?? '';
  const charactersMax = CHARACTERS_MAX[field] ?? AGENT_LIMITS.eventTextMax;
  return text.length <= charactersMax && PLAIN.test(text) ? text : cleanText(text, charactersMax);
}
