/** Ports of a box that are open to everybody, by hand or for a program. */
import type { Endpoint } from '../../core/index.ts';

export class Forwards {
  readonly #inward = new Map<number, { readonly internal: Endpoint; readonly number: number }>();
  /** External ports, by the number of the internal endpoint. */
  readonly #outward = new Map<number, number>();

  open(port: number, internal: Endpoint, number: number): void {
    this.#inward.set(port, { internal, number });
    this.#outward.set(number, port);
  }

  close(port: number): void {
    this.#outward.delete(this.#inward.get(port)?.number ?? -1);
    this.#inward.delete(port);
  }

  internal(port: number): Endpoint | undefined {
    return this.#inward.get(port)?.internal;
  }

  external(number: number): number | undefined {
    return this.#outward.get(number);
  }
}
