/** A ban as a line, for the console of `host` and for `sallyport ctl`. */
import type { Ban } from '../core/index.ts';
import { PEER_LIMITS } from '../core/peer/base/limits.ts';
import { showFingerprint } from '../core/peer/keys/fingerprint.ts';
import { cleanText } from '../core/wire/text.ts';
import { t } from './words/index.ts';

/** `Mallory, key 9f3a-12cd-55e0-77b1, since 2026-11-28 20:15`. Of a network no more is known than who was there. */
export function banText({ ban, name, at }: { readonly ban: Ban; readonly name: string; readonly at: number }): string {
  const called = cleanText(name, PEER_LIMITS.nameShownMax) || t('a friend without a name');
  const since = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
  return ban.by === 'friend'
    ? t('{called}, key {key}, since {since} UTC', { called, key: showFingerprint(ban.friend), since })
    : t('everybody from the network of {called}, since {since} UTC', { called, since });
}
