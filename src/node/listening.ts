/** What listens on this computer? Linux tells without a packet or a bind (proc(5), /proc/net/udp and /proc/net/tcp). */
import { readFileSync } from 'node:fs';
import { addressText, familyOf, isLoopback } from '../core/address.ts';
import { interfacesNow } from './network.ts';

/** A socket that takes what anybody sends there. */
export interface ListeningSocket {
  readonly address: string;
  readonly port: number;
  /** It is a program of the same user. */
  readonly own: boolean;
}

/** `0A` in the column of states. */
const TCP_LISTEN = '0A';
const MAPPED = '::ffff:';

/** Is it an address of this computer? Of others nothing here tells what listens there. */
export function isHere(address: string): boolean {
  if (isLoopback(address)) return true;
  return Object.values(interfacesNow()).some((list) => list?.some((one) => one.address === address));
}

/** Whether a socket would take what is sent to this address and port from here; null where the system does not say. */
export function isListenedTo(protocol: 'udp' | 'tcp', address: string, port: number): boolean | null {
  return listeners(protocol)?.some((listener) => hears(listener, address, port)) ?? null;
}

/** Bound to the address or to all; a socket of IPv6 that is bound to all takes IPv4 as well. */
export function hears(listener: ListeningSocket, address: string, port: number): boolean {
  if (listener.port !== port) return false;
  return (
    listener.address === address ||
    listener.address === (familyOf(address) === 4 ? '0.0.0.0' : '::') ||
    listener.address === '::'
  );
}

/** Null where the system does not say. */
export function listeners(protocol: 'udp' | 'tcp'): readonly ListeningSocket[] | null {
  const found: ListeningSocket[] = [];
  let read = false;
  for (const table of [protocol, `${protocol}6`]) {
    try {
      const lines = readFileSync(`/proc/net/${table}`, 'latin1').split('\n').slice(1);
      read = true;
      for (const line of lines) {
        const listener = listenerOf(line, protocol);
        if (listener !== null) found.push(listener);
      }
    } catch {
      // Not Linux, or no IPv6.
    }
  }
  return read ? found : null;
}

/** `sl  local_address rem_address st tx:rx tr:when retrnsmt uid ...`; a socket that is connected to somebody takes nothing of others. */
function listenerOf(line: string, protocol: 'udp' | 'tcp'): ListeningSocket | null {
  const [, local = '', remote = '', state, , , , uid] = line.trim().split(/\s+/);
  if (protocol === 'udp' ? !/^0+:0000$/.test(remote) : state !== TCP_LISTEN) return null;
  const [hex = '', port = ''] = local.split(':');
  const address = addressOf(hex);
  const own = Number(uid) === process.getuid?.();
  return address === null ? null : { address, port: Number.parseInt(port, 16), own };
}

/** Words of four bytes, each the wrong way round on all computers that games run on. */
function addressOf(hex: string): string | null {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  const text = addressText(Uint8Array.from(bytes));
  // A server of IPv6 that is bound to an address of IPv4.
  return text?.startsWith(MAPPED) ? addressText(Uint8Array.from(bytes.slice(12))) : text;
}
