/**
 * The punching socket: the one whose mapping the peer is told of, so that it knows where to probe. A new attempt takes a new one
 * (docs/seed.md S5): it is opened, a source is asked where it is seen, and only then the old one is given back.
 */
import type { Endpoint } from '../../address.ts';
import { type Instant, NEVER, type SocketId } from '../../contract.ts';
import { assert } from '../../errors.ts';
import type { LogData } from '../../model/log.ts';
import type { TraversalConfig } from './interface.ts';
import type { Sockets } from './sockets.ts';

/** A new punching socket asks so often, a different source each time, before its endpoint counts as unknown. */
const ASK_GAP_MS = 150;
const ASK_TRIES = 6;
/** Of four addresses, as of MODIFIERS.pooledAddresses, nine sockets in ten get the one asked for within so many. */
const DRAWS = 8;

type Phase =
  /** Where it is seen, or where the peer meets it by prediction. */
  | { readonly in: 'seen'; readonly endpoint: Endpoint }
  /** No source has answered, or the socket did not open. */
  | { readonly in: 'unseen' }
  /** `drawn`: how many sockets before it got an address that the peer may not probe. */
  | { readonly in: 'opening'; readonly socket: SocketId; readonly drawn: number }
  | { readonly in: 'asking'; readonly socket: SocketId; readonly drawn: number; tries: number; askAt: Instant };

/** Which phase may follow which, and when. */
export const PUNCHING_PHASES = {
  seen: {
    opening: 'an attempt wants a new one',
    seen: 'its endpoint for the peer was predicted',
  },
  unseen: {
    opening: 'an attempt wants a new one',
  },
  opening: {
    asking: 'the socket is open',
    unseen: 'the socket could not be opened',
    opening: 'the next attempt wants another one',
  },
  asking: {
    seen: 'a source has answered',
    opening: 'it has an address that the peer may not probe, or the next attempt wants another one',
    unseen: 'no source has answered',
  },
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export interface PunchingConfig {
  readonly config: TraversalConfig;
  readonly sockets: Sockets;
  /** Asks the next source where the socket is seen. */
  ask(now: Instant, socket: SocketId): void;
  log(what: string, data: LogData): void;
}

export class PunchingSocket {
  private readonly around: PunchingConfig;
  /** The address that the master has seen: of a pool, the only one that the peer may probe at first. */
  private readonly joinedAt: string | null;
  private current: SocketId;
  private phase: Phase;

  constructor(around: PunchingConfig) {
    const endpoint = reflexiveOf(around.config);
    this.around = around;
    this.current = around.config.socket;
    this.joinedAt = endpoint?.address ?? null;
    this.phase = endpoint === null ? { in: 'unseen' } : { in: 'seen', endpoint };
  }

  /** The old one while a new one is being asked about. */
  get socket(): SocketId {
    return this.current;
  }

  /** As the peer must address it; null while it is being asked for or unknown. */
  endpoint(): Endpoint | null {
    return this.phase.in === 'seen' ? this.phase.endpoint : null;
  }

  renewing(): boolean {
    return this.renewed() !== null;
  }

  renew(): void {
    this.open(0);
  }

  /** The endpoint under which the peer reaches us was predicted, not observed (ADM). */
  assume(endpoint: Endpoint): void {
    this.enter({ in: 'seen', endpoint });
  }

  /** True where the socket is the new one. */
  opened(now: Instant, socket: SocketId, ok: boolean): boolean {
    const { phase } = this;
    if (this.renewed() !== socket) return false;
    if (!ok) this.enter({ in: 'unseen' });
    else if (phase.in === 'opening') this.enter({ in: 'asking', socket, drawn: phase.drawn, tries: 0, askAt: now });
    return true;
  }

  /** True where the socket is the new one: it is seen there. */
  answered(socket: SocketId, observed: Endpoint): boolean {
    const { phase } = this;
    if (phase.in !== 'asking' || phase.socket !== socket) return false;
    // Of a pool of addresses the peer may probe only what the master has seen: another socket may get that one.
    const pooled = this.around.config.own.profile().pooling === 'arbitrary';
    const elsewhere = pooled && this.joinedAt !== null && observed.address !== this.joinedAt;
    if (elsewhere && phase.drawn + 1 < DRAWS) {
      this.open(phase.drawn + 1);
      return true;
    }
    if (this.current !== socket) this.around.sockets.giveBack(this.current);
    this.current = socket;
    this.enter({ in: 'seen', endpoint: observed });
    return true;
  }

  run(now: Instant): void {
    const { phase } = this;
    if (phase.in !== 'asking' || now < phase.askAt) return;
    if (phase.tries++ >= ASK_TRIES) {
      this.around.sockets.giveBack(phase.socket);
      this.enter({ in: 'unseen' });
      return;
    }
    phase.askAt = now + ASK_GAP_MS;
    this.around.ask(now, phase.socket);
  }

  next(): Instant {
    return this.phase.in === 'asking' ? this.phase.askAt : NEVER;
  }

  private open(drawn: number): void {
    const before = this.renewed();
    if (before !== null) this.around.sockets.giveBack(before);
    this.enter({ in: 'opening', socket: this.around.sockets.open(), drawn });
  }

  /** The new socket that is not in use yet. */
  private renewed(): SocketId | null {
    return this.phase.in === 'opening' || this.phase.in === 'asking' ? this.phase.socket : null;
  }

  private enter(phase: Phase, data: LogData = {}): void {
    const from = this.phase.in;
    assert(phase.in in PUNCHING_PHASES[from], `a punching socket goes from ${from} to ${phase.in}`);
    this.phase = phase;
    this.around.log('punching-socket', { from, to: phase.in, ...data });
  }
}

/** Where the punching socket was seen when it carried JOIN or ANSWER. */
function reflexiveOf({ own }: TraversalConfig): Endpoint | null {
  return own.candidates.find((one) => one.kind === 'reflexive' && one.socket === undefined)?.endpoint ?? null;
}
