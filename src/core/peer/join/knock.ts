/**
 * The client's knock at a host's door: a fresh socket, JOIN sent from it (so that the master reads the reflexive address off
 * the packet, docs/seed.md S7), and what comes back. One knock has one sid and one result.
 */

import { type Endpoint, NOWHERE, sameEndpoint } from '../../address.ts';
import { equalBytes } from '../../bytes.ts';
import type { Instant, SocketId, SocketOutcome } from '../../contract.ts';
import { assert, type FailureCode } from '../../errors.ts';
import { normalizeCode } from '../../model/code.ts';
import type { Candidate, PermittedAddress } from '../../model/pair.ts';
import type { FailureReason } from '../../model/progress.ts';
import type { Service } from '../../model/service.ts';
import type { KeyPair } from '../../secure/crypto.ts';
import { WIRE_LIMITS } from '../../wire/limits.ts';
import type { Push, Response, SessionId } from '../../wire/messages.ts';
import type { RelayGrant } from '../../wire/relay.ts';
import type { Alarm, PeerConfig, PeerContext } from '../base/context.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import { modeOfBoth, NO_RELAY, type RelayId, type RelayMode, shownOf } from '../base/relay-choice.ts';
import { type ClientHandshake, friendKey, instanceOf, openAsClient, passwordProof } from '../keys/handshake.ts';
import { ownCandidates, unseenAddresses, usableCandidates } from '../reach/candidates.ts';
import type { SessionConfig } from '../reach/session.ts';

/** The host's, as the client stands before it. */
export interface Doorstep {
  /** Of the host; empty where only its key is known. */
  readonly code: string;
  readonly hostKey: Uint8Array;
  /** Who knocks: a key for this host alone. */
  readonly own: KeyPair;
  readonly password: string | null;
  readonly name: string;
  /** The connection with this host that is to have one more path; `NO_CONNECTION` where there is none. */
  readonly connection: Uint8Array;
  readonly mode: RelayMode;
}

export type KnockResult =
  /** The host lets us in; the socket belongs to whoever makes the session. */
  | { readonly kind: 'welcome'; readonly session: SessionConfig; readonly answer: HostAnswer }
  | {
      readonly kind: 'refused';
      readonly failure: FailureCode;
      readonly retryAfterMs: number;
      readonly detail: FailureReason | null;
    }
  | { readonly kind: 'silence' };

/** What comes with a welcome beside what a session needs. */
export interface HostAnswer {
  /** The connection that was named goes on. */
  readonly goesOn: boolean;
  /** Does either side come through a relay only? */
  readonly relayedOnly: boolean;
  readonly relay: RelayId;
  readonly grant: RelayGrant | null;
  readonly services: readonly Service[];
}

type Phase =
  /** Its socket is not open yet. */
  | { readonly in: 'opening' }
  /** JOIN goes out as soon as our round trip to the master is known. `port`: of our socket. */
  | { readonly in: 'waiting'; readonly port: number }
  /** JOIN has gone out, `at` that instant. */
  | {
      readonly in: 'asking';
      readonly at: Instant;
      readonly handshake: ClientHandshake;
      readonly own: SessionConfig['own'];
    }
  | { readonly in: 'over' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const KNOCK_PHASES = {
  opening: {
    waiting: 'its socket is open',
    over: 'its socket can not be opened, nothing has come of it in its time, or it is given up',
  },
  waiting: {
    asking: 'the round trip to the master is known: JOIN goes out',
    over: 'the key of the host can not be used, nothing has come of it in its time, or it is given up',
  },
  asking: {
    over: 'the host has answered, or the master for it, nothing has come of it in its time, or it is given up',
  },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Knock {
  readonly sid: SessionId;
  private readonly context: PeerContext;
  private readonly door: Doorstep;
  private readonly onResult: (now: Instant, result: KnockResult) => void;
  private readonly socket: SocketId;
  private readonly alarms: Alarm[] = [];
  private phase: Phase = { in: 'opening' };
  /** Our address as the master saw it in the JOIN. */
  private observed: Endpoint | null = null;
  /** Our address of IPv6 has paid for what is sent to it. */
  private paid = false;
  /** What another address of the host has bought, told before the answer. */
  private credited: readonly PermittedAddress[] = [];

  constructor(
    context: PeerContext,
    now: Instant,
    door: Doorstep,
    onResult: (now: Instant, result: KnockResult) => void,
  ) {
    this.context = context;
    this.door = door;
    this.onResult = onResult;
    this.sid = context.config.crypto.randomBytes(16);
    this.socket = context.open(context.family(), (at, outcome) => this.bound(at, outcome));
    this.alarms.push(context.agenda.at(now + PEER_LIMITS.knockMs, (at) => this.finish(at, { kind: 'silence' }, true)));
  }

  /** What the host is told of where we are; null before it is. */
  get told(): readonly Candidate[] | null {
    return this.phase.in === 'asking' ? this.phase.own.candidates : null;
  }

  push(now: Instant, push: Push): boolean {
    if (this.phase.in === 'over' || !('sid' in push) || !equalBytes(push.sid, this.sid)) return false;
    if (push.type === 'answered') this.answered(now, push);
    else if (push.type === 'credited')
      this.credited = [...this.credited, ...push.permit.addresses].slice(-WIRE_LIMITS.permitAddressesMax);
    else if (push.type === 'refused') this.refuse(now, push.failure, push.retryAfterMs, null);
    else if (push.type === 'over') this.finish(now, { kind: 'silence' }, true);
    return true;
  }

  /** The client goes away: the host need not wait for it. */
  abort(now: Instant): void {
    const { phase } = this;
    if (phase.in === 'over') return;
    if (phase.in === 'asking') {
      const nothing = { path: null, method: '', attempts: 0, packetsSent: 0, hostNat: 'unknown' } as const;
      const clientNat = phase.own.profile.type;
      const elapsedMs = now - phase.at;
      const family = this.context.family();
      const done = {
        type: 'done',
        sid: this.sid,
        outcome: 'aborted',
        clientNat,
        family,
        elapsedMs,
        ...nothing,
      } as const;
      this.context.request(now, done, null, () => {});
    }
    this.stop();
  }

  private stop(): void {
    this.end();
    this.context.close(this.socket);
  }

  private end(): void {
    this.enter({ in: 'over' });
    for (const alarm of this.alarms) alarm.cancel();
  }

  private enter(phase: Phase): void {
    assert(phase.in in KNOCK_PHASES[this.phase.in], `a knock goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }

  private bound(now: Instant, outcome: SocketOutcome): void {
    if (this.phase.in !== 'opening') return;
    if (!outcome.ok) {
      this.refuse(now, 'INTERNAL', 0, { because: 'socket', error: outcome.code });
      return;
    }
    this.enter({ in: 'waiting', port: outcome.local.port });
    this.linked(now);
  }

  /**
   * The host times what it sends by our round trip to the master: over a network that we have just come into it is known when the link
   * is up, and JOIN goes out no earlier anyway.
   */
  linked(now: Instant): void {
    const rttMs = this.context.masterRttMs();
    if (this.phase.in === 'waiting' && rttMs !== null) this.ask(now, this.phase.port, rttMs);
  }

  private ask(now: Instant, port: number, masterRttMs: number): void {
    const { config, profile } = this.context;
    const { hostKey, password, name, connection, mode, own: key } = this.door;
    const hidden = mode === 'only';
    const bound = { socket: this.socket, family: this.context.family(), port };
    const own = shownOf(mode, { profile: profile(), candidates: ownCandidates(this.context, bound, true) });
    const proof = password === null ? null : passwordProof(config.crypto, password, this.parties());
    const instance = instanceOf(config.crypto, config.start ?? config.identity.publicKey, key);
    const relays = mode === 'never' ? [] : this.context.relays.distances();
    const hello = {
      ...own,
      instance,
      connection,
      name,
      passwordProof: proof,
      masterRttMs,
      mode,
      relays,
    };
    const handshake = openAsClient(config.crypto, key, { sid: this.sid, hostKey, hello });
    if (handshake === null) {
      this.refuse(now, 'HOST_KEY_CHANGED', 0, { because: 'key-unusable' });
      return;
    }
    this.enter({ in: 'asking', at: now, handshake, own });
    const join = { type: 'join', sid: this.sid, hidden, hostKey, handshake: handshake.message } as const;
    const onResponse = (at: Instant, response: Response): void => this.joined(at, response);
    const to = { ...this.context.otherFamily(), at: { code: this.door.code } };
    this.alarms.push(this.context.request(now, join, this.socket, onResponse, to));
  }

  private parties() {
    return { sid: this.sid, hostKey: this.door.hostKey, clientKey: this.door.own.publicKey };
  }

  private joined(now: Instant, response: Response): void {
    if (response.type === 'ok') {
      // Through a tunnel nobody has seen the socket.
      this.observed = sameEndpoint(response.observed, NOWHERE) ? null : response.observed;
      this.pay(now);
    } else if (response.type === 'failed') this.refuse(now, response.failure, response.retryAfterMs, null);
  }

  /** Not before the master knows of the join: it says so, or what comes of it is here before that. */
  private pay(now: Instant): void {
    if (this.paid || this.door.mode === 'only') return;
    this.paid = true;
    this.context.payIpv6(now, { type: 'credit', sid: this.sid, n: 0 });
  }

  private answered(now: Instant, push: Push & { readonly type: 'answered' }): void {
    const { phase } = this;
    if (phase.in !== 'asking') return;
    this.pay(now);
    const { handshake, at } = phase;
    const reflexive = this.observed === null ? [] : [{ kind: 'reflexive', endpoint: this.observed } as const];
    const own = { ...phase.own, candidates: [...phase.own.candidates, ...reflexive] };
    const answer = handshake.finish(push.handshake);
    // The master has brought somebody who does not have the host's key (SECURITY.md row 14).
    if (answer === null) {
      this.refuse(now, 'HOST_KEY_CHANGED', 0, { because: 'not-that-host' });
      return;
    }
    const mode = modeOfBoth(this.door.mode, answer.hello.mode);
    // An honest host has refused by itself; one that lies would see where we are, though we come by a relay only.
    if (mode === null) this.refuse(now, 'RELAY_MODE', 0, null);
    else {
      const { profile, candidates, heldMs, goesOn, services } = answer.hello;
      const permit = {
        addresses: [...push.permit.addresses, ...this.credited].slice(0, WIRE_LIMITS.permitAddressesMax),
      };
      const standing = { master: this.context.masterAddress(), seenAt: this.observed?.address ?? null };
      const usable = usableCandidates(push.observed, candidates, permit, this.ownAddresses(), standing);
      const unseen = unseenAddresses(push.observed, candidates, standing);
      const session: SessionConfig = {
        ...{ role: 'client', sid: this.sid, keys: answer.keys, socket: this.socket, own, permit, unseen },
        peer: { profile, candidates: usable },
        viaMasterRttMs: Math.min(PEER_LIMITS.viaMasterRttMsMax, Math.max(1, now - at - heldMs)),
      };
      // Whoever wants none goes through none, whichever the host names.
      const relay = mode === 'never' ? NO_RELAY : answer.hello.relay;
      const host = { goesOn, relayedOnly: mode === 'only', relay, grant: push.relay, services };
      this.finish(now, { kind: 'welcome', session, answer: host }, false);
    }
  }

  /** Our public addresses: of this very socket, and of the samples. */
  private ownAddresses(): readonly string[] {
    const sampled = this.context.profile().external;
    return this.observed === null ? sampled : [this.observed.address, ...sampled];
  }

  private refuse(now: Instant, failure: FailureCode, retryAfterMs: number, detail: FailureReason | null): void {
    this.finish(now, { kind: 'refused', failure, retryAfterMs, detail }, true);
  }

  private finish(now: Instant, result: KnockResult, closeSocket: boolean): void {
    if (this.phase.in === 'over') return;
    if (closeSocket) this.stop();
    else this.end();
    this.onResult(now, result);
  }
}

/** What whoever joins has said of it. */
interface DoorstepOptions {
  readonly code: string | null;
  readonly device?: Uint8Array;
  readonly password: string | null;
  readonly name: string;
  readonly relay?: RelayMode;
}

/** Where the person who wants in stands: with the key that this device has for this host alone. */
export function doorstepOf(
  { crypto, identity }: PeerConfig,
  { code, device, password, name, relay = 'allow' }: DoorstepOptions,
  hostKey: Uint8Array,
  connection: Uint8Array,
): Doorstep {
  const own = device === undefined ? identity : friendKey(crypto, device, hostKey);
  const asked = normalizeCode(code ?? '') ?? '';
  return { code: asked, hostKey, own, password, name, connection, mode: relay };
}
