/** What has to be true of a simulated fleet when its troubles are over: one list, one truth for each code, every ban, one holder of a name. */
import { nodeCrypto } from '../src/node/index.ts';
import { type World, weakCodeOf } from '../src/sim/index.ts';
import type { FleetNews, OfficeState } from './fleet-office.ts';

const BANS = 4;

/** Rules that operators make and lift at any node that runs, whatever befalls the fleet meanwhile. */
export class Rulings {
  /** By pattern: does it hold? */
  private readonly made = new Map<string, boolean>();
  private readonly news: FleetNews;

  constructor(news: FleetNews) {
    this.news = news;
  }

  readonly plan = (world: World, endsAt: number): void => {
    const random = world.random('rulings');
    const someone = (): OfficeState | null => {
      const running = [...this.news.states.values()];
      return running.length === 0 ? null : random.pick(running);
    };
    for (let n = 0; n < BANS; n += 1) {
      const pattern = `gold${n}*`;
      world.after(random.between(0, endsAt), () => this.ban(someone(), pattern));
      if (random.float() < 0.5) world.after(random.between(0, endsAt), () => this.lift(someone(), pattern));
    }
  };

  private ban(at: OfficeState | null, pattern: string): void {
    if (at === null) return;
    const ban = { kind: 'name', pattern, label: pattern, scope: 'ban', reason: '', expiresAt: null } as const;
    at.moderation.ban(0, ban);
    at.fleet.rulesChanged();
    this.made.set(pattern, true);
  }

  private lift(at: OfficeState | null, pattern: string): void {
    const row = at?.moderation.bans().find((one) => one.pattern === pattern);
    if (at === null || row === undefined) return;
    at.moderation.unban(row.id);
    at.fleet.rulesChanged();
    this.made.set(pattern, false);
  }

  wrong(): string[] {
    const faults: string[] = [];
    for (const [name, { moderation }] of this.news.states) {
      const here = new Set(moderation.bans().map(({ pattern }) => pattern));
      for (const [pattern, holds] of this.made) {
        if (here.has(pattern) === holds) continue;
        faults.push(
          holds ? `${name} has forgotten the ban ${pattern}` : `${name} has the ban ${pattern} that was lifted`,
        );
      }
    }
    return faults;
  }
}

/** The same at all nodes? */
function differing(news: FleetNews, what: string, of: (state: OfficeState) => readonly string[]): string[] {
  const told = [...news.states].map(([name, state]) => [name, [...of(state)].sort().join(' ')] as const);
  const [first] = told;
  return told.flatMap(([name, text]) =>
    text === first?.[1] ? [] : [`${what} of ${name}: ${text}, of ${first?.[0]}: ${first?.[1]}`],
  );
}

export function wrongIn(news: FleetNews, nodes: number): string[] {
  const faults: string[] = [];
  if (news.states.size < nodes) faults.push(`${news.states.size} nodes run`);
  for (const [name, { directory }] of news.states) {
    for (const { host } of directory.listing.all())
      if (host.code !== weakCodeOf(nodeCrypto, host.hostKey))
        faults.push(`${name} lists ${host.hostId} under the code of another`);
  }
  const list = ({ directory }: OfficeState): string[] =>
    [...directory.listing.all()].map(({ hostId, host }) => `${hostId.slice(0, 6)}:${host.code}:${host.generation}`);
  const names = ({ store }: OfficeState): string[] =>
    [...store.heldNames()].map(({ skeleton, hostKey }) => `${skeleton}:${hostKey.slice(0, 6)}`);
  faults.push(...differing(news, 'the list', list), ...differing(news, 'the names', names));
  return faults;
}
