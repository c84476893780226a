/**
 * Do the probe ports let anybody in? Whoever has just started asks some of them within a second of its first session. Where several from
 * outside had one and none of their questions came, a firewall keeps these ports shut, and the operator should know: nobody else is told.
 */
import { type Instant, NEVER } from '../contract.ts';
import { isLocalAddress } from '../scope.ts';
import { MASTER_LIMITS } from './limits.ts';

/** One may be gone again, or its network let nothing else out. */
const ALIKE = 3;

interface Awaited {
  readonly own: string;
  readonly from: string;
  readonly dueAt: Instant;
}

export class PortWatch {
  /** Addresses of this very computer: what comes from there has passed no firewall. */
  private readonly ours: ReadonlySet<string>;
  /** Soonest first. */
  private readonly awaited: Awaited[] = [];
  /** Of each address of ours where nothing was heard: who ought to have been. */
  private readonly silent = new Map<string, Set<string>>();
  private readonly open = new Set<string>();
  private readonly told = new Set<string>();

  constructor(ours: readonly string[]) {
    this.ours = new Set(ours);
  }

  /** A participant at `from` has its first session, and asks at our address `own`. */
  joined(now: Instant, own: string, from: string): void {
    if (this.open.has(own) || this.told.has(own) || !this.counts(from)) return;
    if (this.awaited.length >= MASTER_LIMITS.portWatchMax) return;
    this.awaited.push({ own, from, dueAt: now + MASTER_LIMITS.portWatchMs });
  }

  /** A question came through. True where the opposite was told before. */
  heard(own: string, from: string): boolean {
    if (this.open.has(own) || !this.counts(from)) return false;
    this.open.add(own);
    this.silent.delete(own);
    return this.told.delete(own);
  }

  next(): Instant {
    return this.awaited[0]?.dueAt ?? NEVER;
  }

  /** Addresses of ours of which it is known from now on that their probe ports are shut. */
  due(now: Instant): readonly string[] {
    const found: string[] = [];
    for (let [first] = this.awaited; first !== undefined && first.dueAt <= now; [first] = this.awaited) {
      this.awaited.shift();
      if (this.open.has(first.own) || this.told.has(first.own)) continue;
      const silent = this.silent.get(first.own) ?? new Set();
      this.silent.set(first.own, silent.add(first.from));
      if (silent.size < ALIKE) continue;
      this.told.add(first.own);
      this.silent.delete(first.own);
      found.push(first.own);
    }
    return found;
  }

  private counts(from: string): boolean {
    return !isLocalAddress(from) && !this.ours.has(from);
  }
}
