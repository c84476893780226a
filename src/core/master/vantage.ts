/**
 * From where does the master see its participants? Behind a container's proxy or a load balancer all of them come from one local address, or
 * from the few that the balancer has: then no permit names anybody, and its operator should know before the first friend fails, for as
 * long as it is so.
 */
import { assert } from '../errors.ts';
import { isLocalAddress } from '../scope.ts';
import { MASTER_LIMITS } from './limits.ts';

/** Two of one household may share a computer; three strangers do not. */
const ALIKE = 3;

type Phase =
  /** `keys`: some of those who have come from each local address. */
  | { readonly in: 'watched'; readonly keys: ReadonlyMap<string, ReadonlySet<string>> }
  | { readonly in: 'rewritten'; readonly addresses: readonly string[] }
  | { readonly in: 'clear' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const VANTAGE_PHASES = {
  watched: {
    watched: 'one more comes from a local address',
    rewritten: 'so many have come from each of a few local addresses, and nobody from elsewhere',
    clear: 'one comes from a public address, or from one local address more than a balancer has',
  },
  rewritten: { clear: 'one comes from elsewhere' },
  clear: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Vantage {
  private phase: Phase = { in: 'watched', keys: new Map() };

  /**
   * A participant was confirmed at this address. Tells what is new: those addresses, when so many have come from each of them and nobody
   * from elsewhere; null, when one comes from elsewhere after that was told; undefined, when nothing is.
   */
  seen(address: string, key: string): readonly string[] | null | undefined {
    const { phase } = this;
    if (phase.in === 'clear') return undefined;
    if (phase.in === 'rewritten') {
      if (phase.addresses.includes(address)) return undefined;
      this.enter({ in: 'clear' });
      return null;
    }
    const known = [...(phase.keys.get(address) ?? [])].slice(0, ALIKE - 1);
    const keys = new Map(phase.keys).set(address, new Set([...known, key]));
    // One that comes from elsewhere shows that addresses get through.
    if (!isLocalAddress(address) || keys.size > MASTER_LIMITS.gatewaysMax) {
      this.enter({ in: 'clear' });
      return undefined;
    }
    const addresses = [...keys.keys()].toSorted();
    const alike = [...keys.values()].every(({ size }) => size >= ALIKE);
    this.enter(alike ? { in: 'rewritten', addresses } : { in: 'watched', keys });
    return alike ? addresses : undefined;
  }

  private enter(phase: Phase): void {
    assert(phase.in in VANTAGE_PHASES[this.phase.in], `what is seen goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }
}
