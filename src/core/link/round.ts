/**
 * One round of handshakes: the ways to a master, raced. UDP to its addresses comes first; another UDP port and the tunnel begin when
 * those before them have not been answered within 800 ms. All wait for one that was, which may only have asked for a cookie.
 *
 *     0 ms UDP, the first address · 250 ms the second … · 800 ms the further UDP port · 1600 ms (or 800) TLS
 */
import { type Endpoint, familyOf } from '../address.ts';
import { type Instant, NEVER } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import type { LinkHandshake } from './handshake.ts';
import type { MasterAddress, MasterWay } from './interface.ts';
import type { LegKind, Legs } from './legs.ts';
import { LINK_LIMITS } from './limits.ts';

/** What is to be tried, and from when on. */
interface Try {
  readonly way: MasterWay;
  readonly leg: LegKind;
  /** Where HELLO goes; through a tunnel that is where the master is known to be. */
  readonly door: Endpoint;
  readonly at: Instant;
}

export class Round {
  readonly handshakes: LinkHandshake[] = [];
  /** When it is over without a session. */
  endsAt: Instant;
  private readonly legs: Legs;
  private waiting: Try[];
  /** Until then a way that was answered has the time to end its handshake. */
  private heldUntil: Instant = 0;

  /** Opens the sockets for UDP; that for the tunnel once its time has come. */
  constructor(now: Instant, master: MasterAddress, legs: Legs) {
    this.legs = legs;
    this.waiting = triesOf(now, master);
    for (const { leg } of this.waiting) if (leg !== 'tls') legs.open(leg);
    const last = Math.max(now, ...this.waiting.filter(({ way }) => way !== 'udp').map(({ at }) => at));
    this.endsAt = last + LINK_LIMITS.handshakeMsMax;
  }

  next(): Instant {
    let next = this.endsAt;
    for (const one of this.waiting) next = Math.min(next, this.startsAt(one));
    for (const { nextAt } of this.handshakes) next = Math.min(next, nextAt);
    return next;
  }

  /** Begins what is due: `begin` makes a handshake, or null where the master's key is no key. False where that is so. */
  begin(
    now: Instant,
    begin: (next: Omit<Try, 'at' | 'leg'> & { readonly socket: number }) => LinkHandshake | null,
  ): boolean {
    for (const one of this.waiting) {
      if (this.startsAt(one) > now) continue;
      if (one.leg === 'tls' && this.legs.state('tls') === null) this.legs.open('tls');
      const socket = this.legs.state(one.leg);
      if (typeof socket !== 'number') continue;
      this.waiting = this.waiting.filter((other) => other !== one);
      const handshake = begin({ way: one.way, door: one.door, socket });
      if (handshake === null) return false;
      this.handshakes.push(handshake);
    }
    return true;
  }

  /** Somebody answers there, if only with a RETRY: what comes after waits until that handshake has had its time. */
  heard(handshake: LinkHandshake): void {
    this.heldUntil = Math.max(this.heldUntil, handshake.endsAt);
    this.endsAt = Math.max(this.endsAt, handshake.endsAt);
    if (this.waiting.length > 0) this.endsAt = Math.max(this.endsAt, this.heldUntil + LINK_LIMITS.handshakeMsMax);
  }

  /** What is known of the failure; null while the round may still succeed. */
  failure(now: Instant): FailureCode | null {
    const refused = this.handshakes.find(({ failure }) => failure !== 'MASTER_UNREACHABLE');
    if (refused !== undefined) return refused.failure;
    const unusable =
      this.legs.allFailed && !this.waiting.some(({ leg }) => leg === 'tls' && this.legs.state(leg) === null);
    return this.endsAt <= now || unusable ? 'MASTER_UNREACHABLE' : null;
  }

  /** `NEVER` while its socket is not there; the tunnel's is opened by beginning it. */
  private startsAt({ leg, at }: Try): Instant {
    const state = this.legs.state(leg);
    if (typeof state !== 'number' && !(leg === 'tls' && state === null)) return NEVER;
    return Math.max(at, this.heldUntil);
  }
}

function triesOf(now: Instant, master: MasterAddress): Try[] {
  const addresses = master.addresses.slice(0, LINK_LIMITS.linkAddressesMax);
  const udp = (way: MasterWay, port: number, from: Instant): Try[] =>
    addresses.map((address, i) => ({
      ...{ way, leg: familyOf(address), door: { address, port } },
      at: from + i * LINK_LIMITS.linkAddressStaggerMs,
    }));
  const tries = udp('udp', master.port, now);
  let at = now;
  if (master.furtherPort !== undefined) {
    at += LINK_LIMITS.linkWayMs;
    tries.push(...udp('further', master.furtherPort, at));
  }
  const [address] = addresses;
  if (master.tunnel === true && address !== undefined) {
    at += LINK_LIMITS.linkWayMs;
    tries.push({ way: 'tls', leg: 'tls', door: { address, port: master.port }, at });
  }
  return tries;
}
