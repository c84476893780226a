/** A ban as a line, for the console of `host` and for `sallyport ctl`. */
import { type Ban, cleanText, PEER_LIMITS, showFingerprint } from '../core/index.ts';

/** `Mallory, key 9f3a-12cd-55e0-77b1, since 2026-11-28 20:15`. Of a network no more is known than who was there. */
export function banText({ ban, name, at }: { readonly ban: Ban; readonly name: string; readonly at: number }): string {
  const called = cleanText(name, PEER_LIMITS.nameShownMax) || 'a friend without a name';
  const whom =
    ban.by === 'friend' ? `${called}, key ${showFingerprint(ban.friend)}` : `everybody from the network of ${called}`;
  return `${whom}, since ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
