/**
 * Loopback addresses that are somebody's own. The one by which a game sees each friend is drawn from the friend's id, so that it is the
 * same on every evening, and kept, so that it stays the same where two ids would draw one. The one at which a friend finds a host whose
 * ports are taken at 127.0.0.1 is drawn from the host's.
 */
import { type FriendId, utf8Encode } from '../core/index.ts';
import { type GuestBook, nodeCrypto } from '../node/index.ts';
import { AGENT_LIMITS } from './limits.ts';

export interface FriendAddresses {
  /** The address of this friend; never that of another. */
  of(friend: FriendId): string;
}

export function friendAddresses(book: Pick<GuestBook, 'addresses' | 'keepAddress'>): FriendAddresses {
  return {
    of(friend) {
      const address = book.addresses.get(friend) ?? freeAddress(friend, new Set(book.addresses.values()));
      book.keepAddress(friend, address);
      return address;
    },
  };
}

/** Of a host, on the computer of a friend: 127.78.x.y, always the same. */
export function hostAddress(host: FriendId): string {
  return addressAt(78, drawn(host));
}

/** The book holds fewer than there are, so one is free. */
function freeAddress(friend: FriendId, taken: ReadonlySet<string>): string {
  let number = drawn(friend);
  let address = '';
  do {
    address = addressAt(77, number);
    number += 1;
  } while (taken.has(address));
  return address;
}

function drawn(id: FriendId): number {
  const [high = 0, low = 0] = nodeCrypto.sha256(utf8Encode(id));
  return (high << 8) | low;
}

function addressAt(net: number, number: number): string {
  const { loopbackFirst, loopbackNumbers } = AGENT_LIMITS;
  const within = Math.max(loopbackFirst, number % loopbackNumbers);
  return `127.${net}.${within >> 8}.${within & 0xff}`;
}
