/** Friends of a host as rows: for the console of `host` and for `sallyport ctl`, from one state document. */
import { wayText } from '../agent/words.ts';
import type { FriendView, HostingView } from '../app/index.ts';
import { hasGone } from '../app/local-api.ts';
import { PEER_LIMITS } from '../core/peer/base/limits.ts';
import { cleanText } from '../core/wire/text.ts';
import { t, tMaybe } from './words/index.ts';

const WHO_HEAD = ['Friend', 'State', 'Way', 'Lost', 'Seat', 'Here', 'Before', 'Key'] as const;

export function whoHead(): readonly string[] {
  return WHO_HEAD.map((head) => t(head));
}

/** Those that are there or ask, in the order in which they came; who has left is not. */
export function present({ friends }: Pick<HostingView, 'friends'>): readonly FriendView[] {
  return friends.filter((friend) => !hasGone(friend));
}

export function whoRow(view: FriendView, now: number): readonly string[] {
  const { state, kind, via, rttMs, loss, seat, connectedAt, knownAs, fingerprint } = view;
  return [
    shownName(view),
    tMaybe(state),
    kind === null ? '' : wayText({ kind, via, rttMs: rttMs ?? 0 }, tMaybe),
    loss === null || state !== 'connected' ? '' : `${(100 * loss).toFixed(1)} %`,
    seat ?? '',
    connectedAt === null ? '' : spent(now - connectedAt),
    knownAs === null ? t('new here') : shownName({ name: knownAs, friend: view.friend }),
    fingerprint,
  ];
}

export function shownName({ name, friend }: Pick<FriendView, 'name' | 'friend'>): string {
  return cleanText(name, PEER_LIMITS.nameShownMax) || friend.slice(0, 8);
}

/** Columns as wide as their widest text, two spaces between them. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => [...(row[column] ?? '')].length)));
  return all
    .map((row) =>
      row
        .map((text, column) => text + ' '.repeat((widths[column] as number) - [...text].length))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `3m 07s` */
function spent(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const two = (n: number): string => String(n).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3_600)}h ${two(Math.floor(seconds / 60) % 60)}m`;
}

/** By name, or by four digits of the key or more, and where that is nobody by the name it had before; each friend once. */
export function called<Friend extends Pick<FriendView, 'name' | 'friend' | 'knownAs'>>(
  wanted: string,
  among: readonly Friend[],
): readonly Friend[] {
  const lower = wanted.toLowerCase();
  const key = lower.replaceAll('-', '');
  const byKey = (friend: string): boolean => /^[0-9a-f]{4,16}$/.test(key) && friend.startsWith(key);
  const isCalled = (name: string, friend: string): boolean => shownName({ name, friend }).toLowerCase() === lower;
  const now = among.filter(({ name, friend }) => isCalled(name, friend) || byKey(friend));
  if (now.length > 0) return now;
  return among.filter(({ knownAs, friend }) => knownAs !== null && isCalled(knownAs, friend));
}
