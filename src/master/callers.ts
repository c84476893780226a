/**
 * Who calls: the address at the other end, or the one that a proxy says it passes on. Only this computer's own proxies are believed, and
 * those that the operator names: a stranger could otherwise choose the address that his limits are kept under.
 */
import { BlockList, isIP } from 'node:net';
import { isLoopback } from '../core/index.ts';

export interface Callers {
  /** A proxy that passes on what others ask. */
  isProxy(peer: string): boolean;
  /** `forwarded`: X-Forwarded-For, to which each proxy adds whom it was asked by. */
  addressOf(peer: string | undefined, forwarded: string | undefined): string;
}

/** `proxies`: addresses or networks, checked by `readProxy`. */
export function createCallers(proxies: readonly string[] = []): Callers {
  const named = new BlockList();
  for (const proxy of proxies) addProxy(named, proxy);
  const isProxy = (peer: string): boolean =>
    isLoopback(peer) || (isIP(peer) !== 0 && named.check(peer, isIP(peer) === 6 ? 'ipv6' : 'ipv4'));
  return {
    isProxy,
    addressOf(peer, forwarded) {
      let caller = plainAddress(peer ?? '127.0.0.1');
      // From the last one on, as long as it is a proxy who says so.
      const said = forwarded?.split(',').map((one) => one.trim()) ?? [];
      for (let one = said.pop(); one !== undefined && isProxy(caller) && isIP(one) !== 0; one = said.pop())
        caller = plainAddress(one);
      return caller;
    },
  };
}

/** Is this an address or a network, like `10.0.0.0/8`? */
export function isProxyName(text: string): boolean {
  const [address = '', bits] = text.split('/', 2);
  const family = isIP(address);
  if (family === 0 || text.split('/').length > 2) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
}

function addProxy(list: BlockList, text: string): void {
  const [address = '', bits] = text.split('/', 2);
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (bits === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(bits), family);
}

/** Without the prefix that a socket of both families gives an IPv4 address. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
