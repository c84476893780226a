/** What is wrong with a file of webhooks, as a sentence: which entry, which field, and what belongs there. */
import { t } from './words/index.ts';

export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What each field of an entry takes (docs/operating.md, Webhooks). */
const FIELDS = {
  url: 'a whole address that begins with https:// or http://',
  body: 'json, discord or telegram',
  secret: 'a text',
  chat: 'a text, the number of the chat',
  events: 'a list of host.listed, host.gone, alert, ban and test',
} as const;

export function webhookFault(issue: SchemaIssue | undefined): string {
  const [entry, field] = issue?.path ?? [];
  if (typeof entry !== 'number') return t('it is a list of entries, like [{"url": "https://…"}]');
  const n = entry + 1;
  if (typeof field !== 'string') return t('entry {n} is no {"url": "https://…"} with fields of its own', { n });
  const known = Object.hasOwn(FIELDS, field) ? FIELDS[field as keyof typeof FIELDS] : null;
  if (known === null) return t('entry {n}, {field}: {why}', { n, field, why: issue?.message ?? '' });
  return t('entry {n}: "{field}" takes {what}', { n, field, what: t(known) });
}
