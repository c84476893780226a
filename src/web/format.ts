import { maskText, namingMask } from '../core/mask.ts';
import { language, t } from './messages/index.ts';

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t('time.s', { n: seconds });
  if (seconds < 3600) return t('time.m', { n: Math.round(seconds / 60) });
  if (seconds < 86_400) return t('time.h', { n: Math.round(seconds / 3600) });
  return t('time.d', { n: Math.round(seconds / 86_400) });
}

/** `mm:ss` since the beginning, for the connecting screen. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** The visitor's own spelling of the language that the page speaks: en-GB where the page is English and the visitor British. */
function spelling(): string {
  return navigator.languages.find((one) => one.split('-')[0] === language.value) ?? language.value;
}

export function dateTime(at: number): string {
  return new Date(at).toLocaleString(spelling(), { dateStyle: 'short', timeStyle: 'short' });
}

export function timeOfDay(at: number): string {
  return new Date(at).toLocaleTimeString(spelling(), { timeStyle: 'short' });
}

export function number(value: number, digits = 0): string {
  return value.toLocaleString(spelling(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Ping as the list shows it: capped, `~` for an estimate (docs/reference/product.md §7). */
export function pingText(ms: number, estimated: boolean): string {
  const text = ms > 999 ? '>999' : String(Math.round(ms));
  return estimated ? `~${text}` : text;
}

/** For what is shown or pasted: addresses become `peer-A`, `peer-B`, ..., the same one the same name throughout. */
export function createMask(): (text: string) => string {
  const mask = namingMask();
  return (text) => maskText(text, mask);
}
