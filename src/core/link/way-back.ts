/**
 * While a session goes over TLS: does UDP get through again? Now and then a HELLO that insists goes to the master by UDP. The RETRY
 * that it gets costs the master a cookie and changes nothing there; once it comes, the link makes itself anew, by UDP first.
 */
import { familyOf } from '../address.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import type { Outputs } from '../machine.ts';
import { noiseInitiate } from '../secure/noise.ts';
import { CONTROL_PROLOGUE, helloPayload, readRetry, writeHello } from '../wire/datagrams.ts';
import type { LinkConfig } from './interface.ts';
import { LINK_LIMITS } from './limits.ts';

export class WayBack {
  private readonly config: LinkConfig;
  private readonly out: Pick<Outputs<never>, 'open' | 'close' | 'transmit'>;
  private socket: SocketId = 0;
  private message1: Uint8Array | null = null;
  private startedAt: Instant = NEVER;
  private sent = 0;
  private nextAt: Instant;

  constructor(now: Instant, config: LinkConfig, out: Pick<Outputs<never>, 'open' | 'close' | 'transmit'>) {
    this.config = config;
    this.out = out;
    this.nextAt = now + LINK_LIMITS.udpAgainMs;
  }

  next(): Instant {
    return this.nextAt;
  }

  work(now: Instant): void {
    if (now < this.nextAt) return;
    if (this.socket === 0) this.begin(now);
    else if (this.message1 === null || now >= this.startedAt + LINK_LIMITS.handshakeMsMax) this.end(now);
    else this.send(this.message1);
  }

  /** False where the socket is none of ours. */
  outcome(now: Instant, socket: SocketId, ok: boolean): boolean {
    if (socket !== this.socket || socket === 0) return false;
    if (!ok) this.socket = 0;
    const { crypto, identity, master, wallClock } = this.config;
    const initiator = noiseInitiate(crypto, {
      ...{ prologue: CONTROL_PROLOGUE, own: identity, remoteStatic: master.key, payload: helloPayload(wallClock()) },
    });
    if (!ok || initiator === null) {
      this.end(now);
      return true;
    }
    this.message1 = initiator.message1;
    this.startedAt = now;
    this.nextAt = now;
    return true;
  }

  /** Is this the answer, from our own question? */
  answered(socket: SocketId, bytes: Uint8Array): boolean {
    return socket === this.socket && this.message1 !== null && readRetry(this.message1, bytes) !== null;
  }

  /** Nothing is asked any more. */
  stop(): void {
    if (this.socket !== 0) this.out.close(this.socket);
    this.socket = 0;
    this.nextAt = NEVER;
  }

  private begin(now: Instant): void {
    const [address] = this.config.master.addresses;
    if (address === undefined) {
      this.stop();
      return;
    }
    this.socket = this.config.sockets.next();
    this.message1 = null;
    this.sent = 0;
    this.nextAt = now + LINK_LIMITS.handshakeMsMax;
    this.out.open(this.socket, familyOf(address));
  }

  private send(message1: Uint8Array): void {
    const { addresses, port } = this.config.master;
    const [address] = addresses;
    if (address !== undefined) this.out.transmit(this.socket, { address, port }, writeHello(message1, null, true));
    this.sent++;
    const next = LINK_LIMITS.helloRepeatAtMs[this.sent] ?? LINK_LIMITS.handshakeMsMax;
    this.nextAt = this.startedAt + next;
  }

  private end(now: Instant): void {
    this.stop();
    this.nextAt = now + LINK_LIMITS.udpAgainMs;
  }
}
