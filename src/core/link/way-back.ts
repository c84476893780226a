/**
 * While a session goes over TLS: does UDP get through again? Now and then a HELLO that insists goes to the master by UDP. The RETRY
 * that it gets costs the master a cookie and changes nothing there; once it comes, the link makes itself anew, by UDP first.
 */
import { familyOf } from '../address.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Outputs } from '../machine.ts';
import { noiseInitiate } from '../secure/noise.ts';
import { CONTROL_PROLOGUE, helloPayload, readRetry, writeHello } from '../wire/datagrams.ts';
import type { LinkConfig } from './interface.ts';
import { LINK_LIMITS } from './limits.ts';

type Phase =
  | { readonly in: 'resting'; readonly until: Instant }
  /** `until`: so long for its socket. */
  | { readonly in: 'opening'; readonly socket: SocketId; readonly until: Instant }
  | {
      readonly in: 'asking';
      readonly socket: SocketId;
      readonly message1: Uint8Array;
      readonly startedAt: Instant;
      readonly sent: number;
    }
  | { readonly in: 'stopped' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const WAY_BACK_PHASES = {
  resting: {
    opening: 'it is time to look again',
    stopped: 'the session over TLS has ended, or no address of the master is known',
  },
  opening: {
    asking: 'its socket is open: HELLO goes out',
    resting: 'its socket can not be opened, or not in time',
    stopped: 'the session over TLS has ended',
  },
  asking: {
    asking: 'HELLO goes out again',
    resting: 'nothing has come in its time, or its socket is gone',
    stopped: 'the session over TLS has ended, also because the answer has come',
  },
  stopped: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class WayBack {
  private readonly config: LinkConfig;
  private readonly out: Pick<Outputs<never>, 'open' | 'close' | 'transmit'>;
  private phase: Phase;

  constructor(now: Instant, config: LinkConfig, out: Pick<Outputs<never>, 'open' | 'close' | 'transmit'>) {
    this.config = config;
    this.out = out;
    this.phase = { in: 'resting', until: now + LINK_LIMITS.udpAgainMs };
  }

  next(): Instant {
    const { phase } = this;
    if (phase.in === 'stopped') return NEVER;
    if (phase.in !== 'asking') return phase.until;
    return phase.startedAt + (LINK_LIMITS.helloRepeatAtMs[phase.sent] ?? LINK_LIMITS.handshakeMsMax);
  }

  work(now: Instant): void {
    const { phase } = this;
    if (now < this.next()) return;
    if (phase.in === 'resting') this.begin(now);
    else if (phase.in === 'asking' && now < phase.startedAt + LINK_LIMITS.handshakeMsMax) this.send(phase);
    else this.rest(now);
  }

  /** False where the socket is none of ours. */
  outcome(now: Instant, socket: SocketId, ok: boolean): boolean {
    if (socket !== this.socket) return false;
    const message1 = ok ? this.hello() : null;
    if (message1 !== null) this.enter({ in: 'asking', socket, message1, startedAt: now, sent: 0 });
    else this.rest(now, ok);
    return true;
  }

  /** Is this the answer, from our own question? */
  answered(socket: SocketId, bytes: Uint8Array): boolean {
    const { phase } = this;
    return phase.in === 'asking' && socket === phase.socket && readRetry(phase.message1, bytes) !== null;
  }

  /** Nothing is asked any more. */
  stop(): void {
    if (this.phase.in === 'stopped') return;
    this.close();
    this.enter({ in: 'stopped' });
  }

  private get socket(): SocketId | null {
    return 'socket' in this.phase ? this.phase.socket : null;
  }

  private enter(phase: Phase): void {
    assert(phase.in in WAY_BACK_PHASES[this.phase.in], `a way back goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }

  private begin(now: Instant): void {
    const [address] = this.config.master.addresses;
    if (address === undefined) {
      this.stop();
      return;
    }
    const socket = this.config.sockets.next();
    this.enter({ in: 'opening', socket, until: now + LINK_LIMITS.handshakeMsMax });
    this.out.open(socket, familyOf(address));
  }

  private hello(): Uint8Array | null {
    const { crypto, identity, master, wallClock } = this.config;
    const initiator = noiseInitiate(crypto, {
      ...{ prologue: CONTROL_PROLOGUE, own: identity, remoteStatic: master.key, payload: helloPayload(wallClock()) },
    });
    return initiator?.message1 ?? null;
  }

  private send(phase: Phase & { readonly in: 'asking' }): void {
    const { addresses, port } = this.config.master;
    const [address] = addresses;
    if (address !== undefined)
      this.out.transmit(phase.socket, { address, port }, writeHello(phase.message1, null, true));
    this.enter({ ...phase, sent: phase.sent + 1 });
  }

  /** `isOpen`: its socket still is. */
  private rest(now: Instant, isOpen = true): void {
    if (isOpen) this.close();
    this.enter({ in: 'resting', until: now + LINK_LIMITS.udpAgainMs });
  }

  private close(): void {
    if (this.socket !== null) this.out.close(this.socket);
  }
}
