/**
 * From where does the master see its participants? Behind a container's proxy or a load balancer all of them come from one local address:
 * then no permit names anybody, and its operator should know before the first friend fails, for as long as it is so.
 */
import { isLocalAddress } from '../scope.ts';

/** Two of one household may share a computer; three strangers do not. */
const ALIKE = 3;

type State =
  | { readonly is: 'watched'; readonly address: string | null }
  | { readonly is: 'rewritten'; readonly address: string }
  | { readonly is: 'clear' };

export class Vantage {
  private readonly keys = new Set<string>();
  private state: State = { is: 'watched', address: null };

  /**
   * A participant was confirmed at this address. Tells what is new: that address, when so many have come from it alone; null, when one
   * comes from elsewhere after that was told; undefined, when nothing is.
   */
  seen(address: string, key: string): string | null | undefined {
    const { state } = this;
    if (state.is === 'clear') return undefined;
    // One that comes from elsewhere shows that addresses get through.
    if (address !== (state.address ?? address) || !isLocalAddress(address)) {
      this.state = { is: 'clear' };
      this.keys.clear();
      return state.is === 'rewritten' ? null : undefined;
    }
    if (state.is === 'rewritten') return undefined;
    this.keys.add(key);
    const alike = this.keys.size >= ALIKE;
    this.state = { is: alike ? 'rewritten' : 'watched', address };
    return alike ? address : undefined;
  }
}
