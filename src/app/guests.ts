/** Friends and bans as the page of a host shows them. */
import type { FriendNews, KeptBan } from '../agent/index.ts';
import { showFingerprint } from '../core/index.ts';
import { keepNewest } from './keep.ts';
import { APP_LIMITS } from './limits.ts';
import type { BanView, FriendView } from './local-api.ts';

export function banView({ ban, name, at }: KeptBan): BanView {
  return { ban, name, at, fingerprint: ban.by === 'friend' ? showFingerprint(ban.friend) : null };
}

/** The list with this news in it; who asks keeps its place in the line. */
export function withFriend(before: readonly FriendView[], news: FriendNews): readonly FriendView[] {
  const view = friendView(news);
  if (asks(view) && before.some((friend) => isSame(friend, view)))
    return before.map((friend) => (isSame(friend, view) ? view : friend));
  // One that comes back with another program is told of once.
  const stale = (friend: FriendView): boolean =>
    isSame(friend, view) || (isGone(friend) && friend.friend === view.friend);
  return keepNewest([...before.filter((friend) => !stale(friend)), view], isGone, APP_LIMITS.friendsGoneMax);
}

function friendView({ friend, instance, name, state, knownAs, path, seenAs }: FriendNews): FriendView {
  return {
    ...{ friend, instance, state, knownAs },
    name: name === '' ? friend.slice(0, 6) : name,
    fingerprint: showFingerprint(friend),
    kind: path?.kind ?? null,
    via: path?.via ?? null,
    rttMs: path?.rttMs ?? null,
    seenAs: seenAs?.address ?? null,
    words: path?.words ?? null,
  };
}

function asks({ state }: FriendView): boolean {
  return state === 'asking' || state === 'waiting';
}

function isGone({ state }: FriendView): boolean {
  return state === 'left' || state === 'refused';
}

function isSame(left: FriendView, right: FriendView): boolean {
  return left.friend === right.friend && left.instance === right.instance;
}
