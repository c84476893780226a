/**
 * Which hostings a later one with the same key has displaced. One that comes back, as a computer does that slept meanwhile, is not the later
 * one for that, and does not take the place again. By what each calls itself and never by whose number is higher: their clocks may differ.
 */
import { MASTER_LIMITS } from './limits.ts';

export class Displaced {
  /** By the text of the key; only of hosts that are there. */
  private readonly byKey = new Map<string, readonly number[]>();

  add(keyText: string, generation: number): void {
    const before = (this.byKey.get(keyText) ?? []).filter((one) => one !== generation);
    this.byKey.set(keyText, [...before, generation].slice(-MASTER_LIMITS.displacedMax));
  }

  has(keyText: string, generation: number): boolean {
    return this.byKey.get(keyText)?.includes(generation) ?? false;
  }

  /** The host is gone: whoever was displaced by it may come back. */
  forget(keyText: string): void {
    this.byKey.delete(keyText);
  }
}
