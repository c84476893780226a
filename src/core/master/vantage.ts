/**
 * From where does the master see its participants? Behind a container's proxy or a load balancer all of them come from one local address:
 * then no permit names anybody, and its operator should know before the first friend fails.
 */
import { isLocal, scopeOf } from '../scope.ts';

/** Two of one household may share a computer; three strangers do not. */
const ALIKE = 3;

export class Vantage {
  private address: string | null = null;
  private readonly keys = new Set<string>();
  private over = false;

  /** A participant was confirmed at this address. The address once, when that many have come from it alone. */
  seen(address: string, key: string): string | null {
    if (this.over) return null;
    this.address ??= address;
    // One that comes from elsewhere shows that addresses get through.
    if (address !== this.address || !isLocal(scopeOf(address))) {
      this.over = true;
      this.keys.clear();
      return null;
    }
    this.keys.add(key);
    if (this.keys.size < ALIKE) return null;
    this.over = true;
    this.keys.clear();
    return address;
  }
}
