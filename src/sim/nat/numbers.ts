/** Small whole numbers for endpoints, so that a pair of them is one exact number and a table look-up builds no string. */
import type { Endpoint } from '../../core/index.ts';

/** 2^26 endpoints in one box; two numbers then fit a double's 53 bits. */
const NUMBERS_MAX = 67_108_864;

export class EndpointNumbers {
  readonly #addresses = new Map<string, number>();
  readonly #endpoints = new Map<number, number>();

  addressOf(address: string): number {
    let number = this.#addresses.get(address);
    if (number === undefined) {
      number = this.#addresses.size;
      this.#addresses.set(address, number);
    }
    return number;
  }

  of(endpoint: Endpoint): number {
    const full = this.addressOf(endpoint.address) * 65_536 + endpoint.port;
    let number = this.#endpoints.get(full);
    if (number === undefined) {
      number = this.#endpoints.size + 1;
      this.#endpoints.set(full, number);
    }
    return number;
  }
}

export function pairKey(left: number, right: number): number {
  return left * NUMBERS_MAX + right;
}
