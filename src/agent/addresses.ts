/**
 * The loopback address by which a game sees each friend: drawn from the friend's id, so that it is the same on every evening, and kept,
 * so that it stays the same where two ids would draw one.
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

/** The book holds fewer than there are, so one is free. */
function freeAddress(friend: FriendId, taken: ReadonlySet<string>): string {
  const { loopbackFirst, loopbackNumbers } = AGENT_LIMITS;
  const [high = 0, low = 0] = nodeCrypto.sha256(utf8Encode(friend));
  let number = (high << 8) | low;
  let address = '';
  do {
    number = Math.max(loopbackFirst, number % loopbackNumbers);
    address = `127.77.${number >> 8}.${number & 0xff}`;
    number += 1;
  } while (taken.has(address));
  return address;
}
