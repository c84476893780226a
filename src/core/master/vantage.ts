/**
 * From where does the master see its participants? Behind a container's proxy or a load balancer all of them come from one local address:
 * then no permit names anybody, and its operator should know before the first friend fails, for as long as it is so.
 */
import { assert } from '../errors.ts';
import { isLocalAddress } from '../scope.ts';

/** Two of one household may share a computer; three strangers do not. */
const ALIKE = 3;

type Phase =
  /** `keys`: whoever has come from that local address; null: nobody has come yet. */
  | { readonly in: 'watched'; readonly address: string | null; readonly keys: ReadonlySet<string> }
  | { readonly in: 'rewritten'; readonly address: string }
  | { readonly in: 'clear' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const VANTAGE_PHASES = {
  watched: {
    watched: 'one more comes from the same local address',
    rewritten: 'so many have come from one local address alone',
    clear: 'one comes from elsewhere',
  },
  rewritten: { clear: 'one comes from elsewhere' },
  clear: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Vantage {
  private phase: Phase = { in: 'watched', address: null, keys: new Set() };

  /**
   * A participant was confirmed at this address. Tells what is new: that address, when so many have come from it alone; null, when one
   * comes from elsewhere after that was told; undefined, when nothing is.
   */
  seen(address: string, key: string): string | null | undefined {
    const { phase } = this;
    if (phase.in === 'clear') return undefined;
    // One that comes from elsewhere shows that addresses get through.
    if (address !== (phase.address ?? address) || !isLocalAddress(address)) {
      this.enter({ in: 'clear' });
      return phase.in === 'rewritten' ? null : undefined;
    }
    if (phase.in === 'rewritten') return undefined;
    const keys = new Set([...phase.keys, key]);
    const alike = keys.size >= ALIKE;
    this.enter(alike ? { in: 'rewritten', address } : { in: 'watched', address, keys });
    return alike ? address : undefined;
  }

  private enter(phase: Phase): void {
    assert(phase.in in VANTAGE_PHASES[this.phase.in], `what is seen goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }
}
