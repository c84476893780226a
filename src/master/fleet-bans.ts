/**
 * The bans of a fleet: each node's own copy, and how two copies become one. A rule is known by what it says; a change of it has the next
 * number, and of two changes with one number the ban holds, so that none is forgotten because somebody lifted another. No clock decides: one
 * that has expired is neither told nor lifted, it is left to each node's own time.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SERVER_LIMITS } from './limits.ts';
import type { BanRow } from './store.ts';

const TEXT = 512;
export const banFactSchema = z.object({
  kind: z.enum(['key', 'cidr', 'name']),
  pattern: z.string().max(TEXT),
  label: z.string().max(TEXT),
  scope: z.enum(['ban', 'unannounced']),
  reason: z.string().max(TEXT),
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
  version: z.int().min(1).max(0xffff_ffff),
  lifted: z.boolean(),
});
export type BanFact = z.infer<typeof banFactSchema>;

/** What this node's own rules have to become. */
export interface BanChanges {
  readonly put: readonly BanFact[];
  readonly lift: readonly BanFact[];
}

export class FleetBans {
  private readonly facts = new Map<string, BanFact>();
  /** Each node asks for it with every word of another: made anew only after a change. */
  private known: string | null = null;

  constructor(kept: readonly BanFact[]) {
    for (const fact of kept) this.facts.set(idOf(fact), fact);
  }

  /** What has been changed here since: the rules as they are now. Answers the facts that are new. */
  changed(rows: readonly BanRow[], now: number): readonly BanFact[] {
    const news: BanFact[] = [];
    const present = new Map(rows.map((row) => [idOf(row), row]));
    for (const [id, row] of present) {
      const known = this.facts.get(id);
      if (known !== undefined && !known.lifted && known.expiresAt === row.expiresAt && known.reason === row.reason)
        continue;
      const { id: _own, ...ban } = row;
      news.push({ ...ban, version: (known?.version ?? 0) + 1, lifted: false });
    }
    for (const [id, fact] of this.facts) {
      if (present.has(id) || fact.lifted || isOver(fact, now)) continue;
      news.push({ ...fact, version: fact.version + 1, lifted: true });
    }
    for (const fact of news) this.keep(fact);
    return news;
  }

  /** What another node knows. */
  merge(facts: readonly BanFact[], now: number): BanChanges {
    const put: BanFact[] = [];
    const lift: BanFact[] = [];
    for (const fact of facts) {
      if (!isNewer(fact, this.facts.get(idOf(fact)))) continue;
      if (!this.keep(fact)) continue;
      if (fact.lifted) lift.push(fact);
      else if (!isOver(fact, now)) put.push(fact);
    }
    return { put, lift };
  }

  all(): readonly BanFact[] {
    return [...this.facts.values()];
  }

  /** The same for two nodes that know the same. */
  digest(): string {
    this.known ??= digestOf(this.all());
    return this.known;
  }

  /** False where there is no room: of what was lifted the oldest goes first, of what holds nothing does. */
  private keep(fact: BanFact): boolean {
    const id = idOf(fact);
    if (!this.facts.has(id) && this.facts.size >= SERVER_LIMITS.banFactsMax) {
      const lifted = this.oldestLifted();
      if (lifted === null) return false;
      this.facts.delete(lifted);
    }
    this.known = null;
    this.facts.delete(id);
    this.facts.set(id, fact);
    return true;
  }

  private oldestLifted(): string | null {
    for (const [id, { lifted }] of this.facts) if (lifted) return id;
    return null;
  }
}

function digestOf(facts: readonly BanFact[]): string {
  const lines = facts.map((fact) => JSON.stringify([idOf(fact), fact.version, fact.lifted]));
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 16);
}

/** Does this rule still stand where it says the same as one of ours? */
export function idOf({ kind, pattern, scope }: Pick<BanRow, 'kind' | 'pattern' | 'scope'>): string {
  return JSON.stringify([kind, pattern, scope]);
}

function isNewer(fact: BanFact, known: BanFact | undefined): boolean {
  if (known === undefined || fact.version !== known.version) return known === undefined || fact.version > known.version;
  if (fact.lifted !== known.lifted) return known.lifted;
  return JSON.stringify(fact) > JSON.stringify(known);
}

function isOver({ expiresAt }: BanFact, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}
