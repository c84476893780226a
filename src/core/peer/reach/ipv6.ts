/**
 * Our IPv6 address beside IPv4: one socket for all paths that come up over it. Nothing translates there, so no profile is needed;
 * but the master has to know the address before anybody may be told to probe it, and to see it again every half minute.
 */

import { familyOf, isPrivate } from '../../address.ts';
import type { Instant, SocketId } from '../../contract.ts';
import { assert } from '../../errors.ts';
import type { Candidate } from '../../model/pair.ts';
import type { Request, Response } from '../../wire/messages.ts';
import type { Alarm, PeerContext } from '../base/context.ts';
import { PEER_LIMITS } from '../base/limits.ts';

type Phase =
  | { readonly in: 'none' }
  | { readonly in: 'opening' | 'unused' | 'over'; readonly socket: SocketId }
  /** `asked`: the question that is under way, or when the next one is due. */
  | { readonly in: 'proving'; readonly socket: SocketId; readonly asked: Alarm }
  | { readonly in: 'proven'; readonly socket: SocketId; asked: Alarm; readonly candidate: Candidate };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const IPV6_PHASES = {
  none: { opening: 'this computer and the master both have public IPv6' },
  opening: { proving: 'the socket is open', none: 'it can not be opened' },
  unused: { proving: 'the network or the session is new, and has IPv6 still or again', over: 'the end' },
  proving: {
    proven: 'the master has answered over IPv6',
    proving: 'it has not, and is asked again later',
    unused: 'the network or the session is new',
    over: 'the end',
  },
  proven: {
    proven: 'the master has answered once more',
    proving: 'it has not',
    unused: 'the network or the session is new',
    over: 'the end',
  },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

type Credit = Request & { readonly type: 'credit' };

interface Ipv6Parts {
  /** Told after each question whether the master has answered it over IPv6. */
  onAnswer(now: Instant, works: boolean): void;
  /** The master sees us for the first time, or again and perhaps elsewhere: who was told of us before that was told something else. */
  onSeen(now: Instant): void;
}

export class Ipv6 {
  private readonly context: PeerContext;
  private readonly parts: Ipv6Parts;
  private phase: Phase = { in: 'none' };
  /** The master's last answer: where it saw us, null before the first. */
  private seen: string | null = null;
  /** To be paid when the master sees us again: a network that changes does so several times within a second. */
  private owed: readonly Credit[] = [];
  /** Questions in a row without an answer. */
  private unanswered = 0;

  constructor(context: PeerContext, parts: Ipv6Parts) {
    this.context = context;
    this.parts = parts;
  }

  /** Null until the master has answered over IPv6. */
  get candidate(): Candidate | null {
    return this.phase.in === 'proven' ? this.phase.candidate : null;
  }

  /** 0 where there is none. */
  get socket(): SocketId {
    return this.phase.in === 'none' ? 0 : this.phase.socket;
  }

  /** The network or the session with the master is new. */
  begin(now: Instant): void {
    const { network } = this.context;
    const both = (addresses: readonly string[]): boolean =>
      addresses.some((one) => familyOf(one) === 6 && !isPrivate(one));
    this.forget();
    this.unanswered = 0;
    if (this.context.family() === 6 || !both(network().addresses) || !both(this.context.link.addresses)) return;
    if (this.phase.in === 'unused') this.prove(now, this.phase.socket);
    if (this.phase.in !== 'none') return;
    const socket = this.context.open(6, (at, outcome) => {
      if (outcome.ok) this.prove(at, socket);
      else this.enter({ in: 'none' });
    });
    this.enter({ in: 'opening', socket });
  }

  /** Nobody waits for the answer: it is repeated by the link, and what it has bought is pushed to the other side. */
  pay(now: Instant, credit: Credit): void {
    if (this.candidate !== null) this.context.request(now, credit, this.socket, () => {}, { family: 6 });
    else if (this.seen !== null) this.owed = [...this.owed, credit].slice(-PEER_LIMITS.joinsMax);
  }

  close(): void {
    this.forget();
    if (this.phase.in !== 'unused') return;
    const { socket } = this.phase;
    this.context.close(socket);
    this.enter({ in: 'over', socket });
  }

  private forget(): void {
    const { phase } = this;
    if (phase.in !== 'proving' && phase.in !== 'proven') return;
    phase.asked.cancel();
    this.enter({ in: 'unused', socket: phase.socket });
  }

  /** The answer before holds until there is another one. */
  private prove(now: Instant, socket: SocketId): void {
    const { context } = this;
    const asked = context.request(
      now,
      { type: 'echo' },
      socket,
      (at, response) => this.answered(at, socket, response),
      { family: 6 },
    );
    if (this.phase.in === 'proven') this.phase.asked = asked;
    else this.enter({ in: 'proving', socket, asked });
  }

  private answered(now: Instant, socket: SocketId, response: Response): void {
    const works = response.type === 'ok';
    const againMs = works ? PEER_LIMITS.ipv6ProveMs : this.patience();
    this.unanswered = works ? 0 : this.unanswered + 1;
    const asked = this.context.agenda.at(now + againMs, (later) => this.prove(later, socket));
    if (!works) {
      this.enter({ in: 'proving', socket, asked });
      this.parts.onAnswer(now, false);
      return;
    }
    const { observed } = response;
    const anew = this.phase.in === 'proving' || this.seen !== observed.address;
    this.seen = observed.address;
    this.enter({ in: 'proven', socket, asked, candidate: { kind: 'ipv6', endpoint: observed, socket } });
    const { owed } = this;
    this.owed = [];
    for (const credit of owed) this.pay(now, credit);
    this.parts.onAnswer(now, true);
    if (anew) this.parts.onSeen(now);
  }

  private patience(): number {
    const { ipv6RetryMs, ipv6RetryMsMax } = PEER_LIMITS;
    return Math.min(ipv6RetryMs * 2 ** this.unanswered, ipv6RetryMsMax);
  }

  private enter(phase: Phase): void {
    const from = this.phase.in;
    assert(phase.in in IPV6_PHASES[from], `IPv6 goes from ${from} to ${phase.in}`);
    this.phase = phase;
    if (phase.in !== from) this.context.log(null, 'ipv6', { from, to: phase.in });
  }
}
