/** The hosting of a program as it is shown, whoever has begun it: the page, or the command that runs. */
import type { FriendNews, HostForwardNotice, Hosting, Path } from '../agent/index.ts';
import type { FailureCode } from '../core/index.ts';
import { banView, figuresOf, withFigures, withFriend } from './guests.ts';
import type { ConnectionWays, FriendFigures, FriendView, HostingView } from './local-api.ts';

export class HostingDesk {
  readonly #onChange: () => void;
  #hosting: Hosting | null = null;
  #view: HostingView | null = null;
  /** Of those connected, by friend and instance. */
  readonly #paths = new Map<string, Path>();
  /** Friends to whom more goes than the line takes. */
  readonly #uploadsFull = new Set<FriendNews['friend']>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get hosting(): Hosting | null {
    return this.#hosting;
  }

  get view(): HostingView | null {
    return this.#view;
  }

  begin(called: Pick<HostingView, 'name' | 'services'>): void {
    this.#view = {
      ...called,
      ...{ state: 'starting', failure: null, code: '', link: '', invite: '', copied: false },
      ...{ silentPorts: [], uploadFull: false, addressesShared: false, friends: [], bans: [], wrongPasswords: 0 },
    };
    this.#onChange();
  }

  /** False where it has been ended meanwhile. */
  open(hosting: Hosting): boolean {
    if (this.#view === null) return false;
    this.#hosting = hosting;
    const { code, link, invite, services } = hosting;
    this.change({ state: 'open', code, link, invite, services, bans: hosting.bans.map(banView) });
    hosting.on('code', (code) => this.change({ code, link: hosting.link, invite: hosting.invite }));
    hosting.on('friend', (news) => this.#friend(news));
    hosting.on('way', (news) => this.#friend(news));
    hosting.on('bans', (bans) => this.change({ bans: bans.map(banView) }));
    hosting.on('wrongPasswords', (wrongPasswords) => this.change({ wrongPasswords }));
    hosting.on('notice', (notice) => this.#notice(notice, services));
    hosting.on('replaced', (error) =>
      this.change({ state: error === null ? 'open' : 'replaced', failure: error?.code ?? null }),
    );
    hosting.on('failed', (error) => this.fail(error.code));
    return true;
  }

  fail(failure: FailureCode): void {
    this.change({ state: 'failed', failure });
  }

  change(change: Partial<HostingView>): void {
    if (this.#view !== null) this.#view = { ...this.#view, ...change };
    this.#onChange();
  }

  /** Round trips and losses of those connected, as they are now. */
  refresh(): void {
    const before = this.#view?.friends ?? [];
    const friends = before.map((view) => {
      const path = this.#paths.get(programOf(view));
      return view.state === 'connected' && path?.state === 'up' ? withFigures(view, path) : view;
    });
    if (friends.some((view, n) => view !== before[n])) this.change({ friends });
  }

  /** Those connected, in short. */
  figures(): readonly FriendFigures[] {
    return (this.#view?.friends ?? []).flatMap((view) => {
      const path = this.#paths.get(programOf(view));
      if (view.state !== 'connected' || path?.state !== 'up') return [];
      const { friend, instance, name, seat } = view;
      return [{ friend, instance, name, seat, figures: figuresOf(path) }];
    });
  }

  ways(): readonly ConnectionWays[] {
    return [...this.#paths.values()].map((path) => ({ join: null, friend: path.friend, ways: path.paths }));
  }

  async close(): Promise<void> {
    await this.#hosting?.close();
    this.#hosting = null;
    this.#view = null;
    this.#paths.clear();
  }

  #notice(notice: HostForwardNotice, services: HostingView['services']): void {
    if (notice.kind === 'addresses-shared') this.change({ addressesShared: true });
    if (notice.kind === 'upload') this.#upload(notice.friend, notice.full);
    if (notice.kind !== 'game-silent' && notice.kind !== 'game-answers') return;
    const port = services[notice.service]?.port ?? 0;
    const others = (this.#view?.silentPorts ?? []).filter((other) => other !== port);
    this.change({ silentPorts: notice.kind === 'game-silent' ? [...others, port] : others });
  }

  #upload(friend: FriendNews['friend'], full: boolean): void {
    if (full) this.#uploadsFull.add(friend);
    else this.#uploadsFull.delete(friend);
    const uploadFull = this.#uploadsFull.size > 0;
    if (this.#view?.uploadFull !== uploadFull) this.change({ uploadFull });
  }

  #friend(news: FriendNews): void {
    if (news.state !== 'connected') this.#upload(news.friend, false);
    if (news.state === 'connected' && news.path !== null) this.#paths.set(programOf(news), news.path);
    else if (news.state === 'left') this.#paths.delete(programOf(news));
    this.change({ friends: withFriend(this.#view?.friends ?? [], news, Date.now()) });
  }
}

function programOf({ friend, instance }: Pick<FriendView, 'friend' | 'instance'>): string {
  return `${friend}/${instance}`;
}
