/** Friends and bans as the page of a host shows them. */
import type { FriendNews, KeptBan, Path } from '../agent/index.ts';
import { endpointKey, showFingerprint } from '../core/index.ts';
import { keepNewest } from './keep.ts';
import { APP_LIMITS } from './limits.ts';
import { asksToCome, type BanView, type Figures, type FriendView, hasGone } from './local-api.ts';

export function banView({ ban, name, at }: KeptBan): BanView {
  return { ban, name, at, fingerprint: ban.by === 'friend' ? showFingerprint(ban.friend) : null };
}

/** The list with this news in it; who asks keeps its place in the line. */
export function withFriend(before: readonly FriendView[], news: FriendNews, now: number): readonly FriendView[] {
  const known = before.find((friend) => isSame(friend, news));
  const view = { ...friendView(news), connectedAt: connectedAt(known, news, now) };
  if (asksToCome(view) && before.some((friend) => isSame(friend, view)))
    return before.map((friend) => (isSame(friend, view) ? view : friend));
  // One that comes back with another program is told of once.
  const stale = (friend: FriendView): boolean =>
    isSame(friend, view) || (hasGone(friend) && friend.friend === view.friend);
  return keepNewest([...before.filter((friend) => !stale(friend)), view], hasGone, APP_LIMITS.friendsGoneMax);
}

/** A friend that comes another way now has been here all the time. */
function connectedAt(known: FriendView | undefined, { state }: FriendNews, now: number): number | null {
  return state === 'connected' ? (known?.connectedAt ?? now) : null;
}

/** What of a friend's path changes all the time, as far as it is shown. */
export function withFigures(view: FriendView, path: Path): FriendView {
  const carrying = path.paths.find(({ carries }) => carries);
  const loss = carrying === undefined ? view.loss : Math.round(carrying.loss * 1_000) / 1_000;
  const rttMs = Math.round(path.rttMs * 10) / 10;
  return loss === view.loss && rttMs === view.rttMs ? view : { ...view, loss, rttMs };
}

/** Of a path that is up, since it has been there. */
export function figuresOf(path: Path): Figures {
  const { relay, ...figures } = path.stats();
  return { ...figures, via: relay };
}

function friendView({ friend, instance, name, state, knownAs, path, seenAs }: FriendNews): FriendView {
  return {
    ...{ friend, instance, state, knownAs },
    name: name === '' ? friend.slice(0, 6) : name,
    fingerprint: showFingerprint(friend),
    kind: path?.kind ?? null,
    via: path?.via ?? null,
    rttMs: path === null ? null : Math.round(path.rttMs * 10) / 10,
    loss: path === null ? null : 0,
    seenAs: seenAs?.address ?? null,
    seat: seenAs === null ? null : endpointKey(seenAs),
    connectedAt: null,
    words: path?.words ?? null,
  };
}

function isSame(left: FriendView, right: Pick<FriendView, 'friend' | 'instance'>): boolean {
  return left.friend === right.friend && left.instance === right.instance;
}
