import { t } from './messages/index.ts';

/** `K7TQ9RBW` -> `K7TQ-9RBW`, as people read it out. */
export function showCode(code: string): string {
  return code.length === 8 ? `${code.slice(0, 4)}-${code.slice(4)}` : code;
}

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

/** Ping as the list shows it: capped, `~` for an estimate (product.md section 7). */
export function pingText(ms: number, estimated: boolean): string {
  const text = ms > 999 ? '>999' : String(Math.round(ms));
  return estimated ? `~${text}` : text;
}

const IPV4 = /\b(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\b/g;
const IPV6 =
  /\b(?:[0-9a-f]{1,4}:){2,7}(?:[0-9a-f]{1,4})?(?:::?[0-9a-f]{1,4})*\b|\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?/gi;

/** Addresses in a text replaced by `peer-A`, `peer-B`, ...; the same address gets the same name, so a pasted log stays readable. */
export function createMask(): (text: string) => string {
  const names = new Map<string, string>();
  const nameOf = (address: string): string => {
    if (address.startsWith('127.')) return address;
    const known = names.get(address);
    if (known !== undefined) return known;
    const index = names.size;
    const name = `peer-${String.fromCharCode(65 + (index % 26))}${index >= 26 ? Math.floor(index / 26) : ''}`;
    names.set(address, name);
    return name;
  };
  return (text) => text.replace(IPV4, nameOf).replace(IPV6, nameOf);
}
