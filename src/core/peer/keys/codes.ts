/** Codes of keys that the driver derives for us: each key is asked for once, however many wait for its code. */

import type { Alarm } from '../../agenda.ts';
import { toHex } from '../../bytes.ts';
import type { Instant } from '../../contract.ts';

type OnCode = (now: Instant, code: string | null) => void;

export class Codes {
  private readonly ask: (key: Uint8Array) => void;
  /** By key as hex. Each join and the hosting wait for one key at a time, so the table is as bounded as they are. */
  private readonly waiting = new Map<string, Set<OnCode>>();

  constructor(ask: (key: Uint8Array) => void) {
    this.ask = ask;
  }

  derive(key: Uint8Array, onCode: OnCode): Alarm {
    const name = toHex(key);
    const waiting = this.waiting.get(name) ?? new Set();
    waiting.add(onCode);
    if (!this.waiting.has(name)) this.ask(key);
    this.waiting.set(name, waiting);
    return { cancel: () => void waiting.delete(onCode) };
  }

  derived(now: Instant, key: Uint8Array, code: string | null): void {
    const name = toHex(key);
    const waiting = this.waiting.get(name) ?? [];
    this.waiting.delete(name);
    for (const onCode of [...waiting]) onCode(now, code);
  }
}
