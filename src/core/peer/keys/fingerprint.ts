/** A friend's key as people compare it: 64 bits of its hash, in four groups. */
import type { FriendId } from '../base/interface.ts';

/** `9f3a12cd55e077b1` is shown as `9f3a-12cd-55e0-77b1`. */
export function showFingerprint(friend: FriendId): string {
  return (friend.match(/.{1,4}/g) ?? []).join('-');
}
