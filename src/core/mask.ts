/**
 * Addresses are masked in everything that a person may show to others: screens, copied logs, reports (SECURITY.md row 18).
 * Loopback addresses stay, because they are what a player types into the game and say nothing about anybody.
 */
import { addressBytes, isLoopback } from './address.ts';

/** What is shown in the place of an address. */
export type Mask = (address: string) => string;

const IPV4 = /(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.]*\d)/g;
/** Anything with two colons or more among hex digits; whether it is an address is decided by parsing it. */
const IPV6 = /(?<![0-9a-zA-Z:.])([0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:\d{0,3}(?:\.\d{1,3}){3})?)/g;

/** `203.0.113.9` becomes `203.0.113.*`, `2001:db8:1:2::3` becomes `2001:db8:1:*`. What is no address comes back as it is. */
export function maskAddress(address: string): string {
  const bytes = addressBytes(address);
  if (bytes === null || isLoopback(address)) return address;
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.*`;
  const group = (index: number): string => ((bytes[2 * index]! << 8) | bytes[2 * index + 1]!).toString(16);
  return `${group(0)}:${group(1)}:${group(2)}:*`;
}

/** Masks every address inside a text; ports and everything else stay, so a pasted log remains readable. */
export function maskText(text: string, mask: Mask = maskAddress): string {
  const hide = (found: string): string => (addressBytes(found) === null || isLoopback(found) ? found : mask(found));
  return text.replace(IPV6, hide).replace(IPV4, hide);
}

/** A mask that shows nothing of an address: `peer-A`, `peer-B`, ...; the same address has the same name from then on. */
export function namingMask(): Mask {
  const names = new Map<string, string>();
  return (address) => {
    const index = names.size;
    const name = `peer-${String.fromCharCode(65 + (index % 26))}${index >= 26 ? Math.floor(index / 26) : ''}`;
    if (!names.has(address)) names.set(address, name);
    return names.get(address) ?? name;
  };
}
