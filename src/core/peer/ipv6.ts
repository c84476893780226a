/**
 * Our IPv6 address beside IPv4: one socket for all paths that come up over it. Nothing translates there, so no profile is needed;
 * but the master has to know the address before anybody may be told to probe it, and to see it again every half minute.
 */

import { familyOf, isPrivate } from '../address.ts';
import type { Instant, SocketId } from '../contract.ts';
import type { Candidate } from '../model/pair.ts';
import type { Request } from '../wire/messages.ts';
import type { Alarm, PeerContext } from './context.ts';
import { PEER_LIMITS } from './limits.ts';

export class Ipv6 {
  /** Null until the master has answered over IPv6. */
  candidate: Candidate | null = null;
  socket: SocketId = 0;
  private readonly context: PeerContext;
  private readonly onAnswer: (now: Instant, works: boolean) => void;
  private open = false;
  private asked: Alarm | null = null;

  /** `onAnswer` is told after each question whether the master has answered it over IPv6. */
  constructor(context: PeerContext, onAnswer: (now: Instant, works: boolean) => void) {
    this.context = context;
    this.onAnswer = onAnswer;
  }

  /** The network or the session with the master is new. */
  begin(now: Instant): void {
    const { config, network } = this.context;
    const both = (addresses: readonly string[]): boolean =>
      addresses.some((one) => familyOf(one) === 6 && !isPrivate(one));
    this.forget();
    if (config.family === 6 || !both(network().addresses) || !both(config.master.addresses)) return;
    if (this.open) this.prove(now);
    else if (this.socket === 0) {
      this.socket = this.context.open(6, (at, outcome) => {
        this.open = outcome.ok;
        if (outcome.ok) this.prove(at);
        else this.socket = 0;
      });
    }
  }

  /** Nobody waits for the answer: it is repeated by the link, and what it has bought is pushed to the other side. */
  pay(now: Instant, credit: Request & { readonly type: 'credit' }): void {
    if (this.candidate !== null) this.context.request(now, credit, this.socket, () => {}, 6);
  }

  close(): void {
    this.forget();
    if (this.open) this.context.close(this.socket);
    this.open = false;
  }

  private forget(): void {
    this.candidate = null;
    this.asked?.cancel();
    this.asked = null;
  }

  private prove(now: Instant): void {
    const { context, socket } = this;
    this.asked = context.request(
      now,
      { type: 'echo' },
      socket,
      (at, response) => {
        this.candidate = response.type === 'ok' ? { kind: 'ipv6', endpoint: response.observed, socket } : null;
        const againMs = response.type === 'ok' ? PEER_LIMITS.ipv6ProveMs : PEER_LIMITS.ipv6RetryMs;
        this.asked = context.agenda.at(at + againMs, (later) => this.prove(later));
        this.onAnswer(at, response.type === 'ok');
      },
      6,
    );
  }
}
