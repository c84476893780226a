/** One stream at one side: both its parts, and what has to be said of it. */
import { Incoming, type SharedWindow } from './incoming.ts';
import type { StreamId } from './interface.ts';
import { Outgoing } from './outgoing.ts';

/** A frame that is said until the other side has it. */
interface Word {
  readonly code: number;
  due: boolean;
}

export class CarriedStream {
  /** As the application calls it. */
  readonly name: StreamId;
  /** On the wire. */
  readonly id: number;
  readonly incoming: Incoming;
  readonly outgoing = new Outgoing();
  /** At the host: known with the first byte. */
  service: number | null;
  /** The application was told that it is reset, or has said so. */
  dead = false;
  reset: (Word & { readonly size: number; done: boolean }) | null = null;
  stop: Word | null = null;

  constructor(name: StreamId, id: number, service: number | null, shared: SharedWindow) {
    this.name = name;
    this.id = id;
    this.service = service;
    this.incoming = new Incoming(shared);
  }

  /** Something has to be said that is not bytes. */
  get speaks(): boolean {
    return this.incoming.due || this.reset?.due === true || this.stop?.due === true;
  }

  /** Both sides know its end. */
  get settled(): boolean {
    return this.incoming.settled && this.outgoing.over && this.reset?.done !== false;
  }

  /** Nothing more is sent of it, and the other side is told. */
  abandon(code: number): void {
    if (this.outgoing.over) return;
    this.reset = { code, size: this.outgoing.abandon(), due: true, done: false };
  }

  /** Nothing more is read of it, and the other side is told. */
  refuse(code: number): void {
    if (this.incoming.over) return;
    this.incoming.stop();
    this.incoming.due = false;
    this.stop = { code, due: true };
  }
}
