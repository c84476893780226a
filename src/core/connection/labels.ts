/**
 * The labels of a connection: which ours begin with, and which of the other side's are listened for. Numbers count up, and each path and
 * each move of an address takes the next; the other side knows so many ahead of the newest that it has seen.
 */
import type { ConnectionKeys, Label } from '../secure/ratchet.ts';
import { eightBytes } from './datagram.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';

export interface Numbered {
  readonly n: number;
  readonly label: Label;
}

/** Told of each label that is listened for, as a key for tables, and when it is no more. */
export interface Listener {
  listen(label: string, n: number): void;
  deaf(label: string): void;
}

export class Labels {
  private readonly keys: ConnectionKeys;
  private readonly listener: Listener;
  private next = 0;
  /** The newest of ours that the other side has surely seen; -1: none. */
  private confirmed = -1;
  /** Number of the first that is listened for. */
  private first = 0;
  private readonly heard: { readonly name: string; readonly mask: Uint8Array }[] = [];

  constructor(keys: ConnectionKeys, listener: Listener) {
    this.keys = keys;
    this.listener = listener;
    this.listenAhead(-1);
  }

  /** The next of ours; the newest once more where the other side would not know the next. */
  fresh(): Numbered {
    if (this.next <= this.confirmed + LIMITS.labelsAhead) this.next++;
    const n = this.next - 1;
    return { n, label: this.keys.sendLabel(n) };
  }

  /** The other side has seen this one of ours. */
  confirm(n: number): void {
    this.confirmed = Math.max(this.confirmed, n);
  }

  /** Would it soon fall out of what the other side listens for? */
  isOld(n: number): boolean {
    return this.next - n > LIMITS.labelsRenewBehind;
  }

  /** How the sequence is masked under the other side's label number `n`; null where that is not listened for. */
  maskOf(n: number): Uint8Array | null {
    return this.heard[n - this.first]?.mask ?? null;
  }

  /** The other side has used its label `n`: those up to eight further are listened for, those long before it are not. */
  listenAhead(n: number): void {
    while (this.first + this.heard.length <= n + LIMITS.labelsAhead) {
      const next = this.first + this.heard.length;
      const { label, mask } = this.keys.receiveLabel(next);
      const name = eightBytes(label, 0);
      this.heard.push({ name, mask });
      this.listener.listen(name, next);
    }
    while (this.first < n - LIMITS.labelsBehind) {
      this.listener.deaf((this.heard.shift() as { name: string }).name);
      this.first++;
    }
  }

  stop(): void {
    for (const { name } of this.heard.splice(0)) this.listener.deaf(name);
  }
}
