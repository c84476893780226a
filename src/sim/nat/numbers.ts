/** Whole numbers for endpoints, so that a table look-up builds no string. */
import type { Endpoint } from '../../core/index.ts';

export class EndpointNumbers {
  readonly #addresses = new Map<string, number>();

  addressOf(address: string): number {
    let number = this.#addresses.get(address);
    if (number === undefined) {
      number = this.#addresses.size;
      this.#addresses.set(address, number);
    }
    return number;
  }

  of(endpoint: Endpoint): number {
    return this.addressOf(endpoint.address) * 65_536 + endpoint.port;
  }
}
