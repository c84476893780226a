/**
 * What a session buys from the master: each credit is a request from the address that the other side probes, and lets it send some more
 * probes there. It is our line that they take, and the other side that asks: so many at once, and a few each second.
 */
import { familyOf } from '../../address.ts';
import type { Alarm } from '../../agenda.ts';
import type { Instant, SocketId } from '../../contract.ts';
import { allowAt } from '../../rate/pace.ts';
import { LEAD_LIMITS } from '../../traverse/lead/limits.ts';
import type { Request } from '../../wire/messages.ts';
import type { PeerContext } from '../base/context.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import type { SessionConfig } from './session.ts';

type SendCredit = (now: Instant, credit: Request & { readonly type: 'credit' }, socket: SocketId | null) => void;

export class Credits {
  private readonly context: PeerContext;
  private readonly session: SessionConfig;
  private readonly send: SendCredit;
  /** The punching socket: its address is the one that has to pay. */
  private payer: SocketId;
  private bought = 0;
  private wanted = 0;
  private fullAt: Instant = 0;
  /** When our IPv6 address has last paid. */
  private ipv6PaidAt: Instant;
  private rest: Alarm | null = null;

  constructor(now: Instant, context: PeerContext, session: SessionConfig, send: SendCredit) {
    this.context = context;
    this.session = session;
    this.send = send;
    this.payer = session.socket;
    this.ipv6PaidAt = now;
  }

  buy(now: Instant, credits: number, payer: SocketId): void {
    this.payer = payer;
    this.want(credits);
    this.buyOn(now);
  }

  /** All credits rest, for as long as the master says of one. */
  refused(now: Instant, restMs: number): void {
    this.want(1);
    this.restFor(now, restMs);
  }

  stop(): void {
    this.rest?.cancel();
    this.wanted = 0;
  }

  /** What was wanted and refused long ago is of no use to the attempt of today: one purchase is kept, not their sum. */
  private want(credits: number): void {
    this.wanted = Math.min(this.wanted + credits, LEAD_LIMITS.creditsAtOnce);
  }

  private buyOn(now: Instant): void {
    const { sid } = this.session;
    for (; this.wanted > 0 && this.rest === null; this.wanted--) {
      const fullAt = allowAt(this.fullAt, now, PEER_LIMITS.creditRate);
      if (fullAt === null) {
        this.restFor(now, 1000 / PEER_LIMITS.creditRate.perSecond);
        return;
      }
      this.fullAt = fullAt;
      this.send(now, { type: 'credit', sid, n: ++this.bought }, this.socket());
      if (now - this.ipv6PaidAt < LEAD_LIMITS.permitRenewMs) continue;
      this.ipv6PaidAt = now;
      this.context.payIpv6(now, { type: 'credit', sid, n: ++this.bought });
    }
  }

  /**
   * Whose bytes a credit is made of, that address it buys for. The session's own socket mostly has the address that the peer probes;
   * not where the NAT draws one for each socket, nor where we have the master over the other family.
   */
  private socket(): SocketId | null {
    const master = this.context.masterAddress();
    const same = master === null || familyOf(master) === this.context.family();
    return same && this.context.profile().pooling !== 'arbitrary' ? null : this.payer;
  }

  private restFor(now: Instant, restMs: number): void {
    this.rest ??= this.context.agenda.at(now + restMs, (at) => {
      this.rest = null;
      this.buyOn(at);
    });
  }
}
