/** What the parts of a `Peer` (hosting, joins, sessions, paths) share: its configuration, its children and its agenda. */

import type { Endpoint } from '../../address.ts';
import type { Agenda, Alarm } from '../../agenda.ts';
import type { Instant, SocketId, SocketIds, SocketOutcome } from '../../contract.ts';
import type { Destination, MasterAddress, MastersMachine } from '../../link/interface.ts';
import type { Nest, Outputs } from '../../machine.ts';
import type { LogData } from '../../model/log.ts';
import type { LocalNetwork } from '../../model/network.ts';
import type { Candidate } from '../../model/pair.ts';
import type { OwnProfile } from '../../nat/profile.ts';
import type { Random } from '../../random.ts';
import type { CryptoSuite, KeyPair } from '../../secure/crypto.ts';
import type { RequestNumbers } from '../../sources/asker.ts';
import type { Cooling } from '../../sources/rotation.ts';
import type { Device } from '../../traverse/pay/budget.ts';
import type { Traversal } from '../../traverse/run/interface.ts';
import type { Request, Response } from '../../wire/messages.ts';
import type { RelayPlace } from '../../wire/relay.ts';
import type { JoinId, PeerEvent } from './interface.ts';
import type { RelayDistance, RelayId, RelayMode } from './relay-choice.ts';

export type { Alarm };

export interface PeerConfig {
  readonly master: MasterAddress;
  readonly identity: KeyPair;
  /** 16 bytes, new with every start of the program; the identity stands for them where they are absent. See `instanceOf`. */
  readonly start?: Uint8Array;
  /** Public STUN servers, names already resolved. */
  readonly stun: readonly Endpoint[];
  /** Servers that still rest from an earlier run of the program. */
  readonly stunRests?: readonly Cooling[];
  readonly crypto: CryptoSuite;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** The one that it is reached by, unless there is a way out only by the other. */
  readonly family: 4 | 6;
}

/** A session under way, as the participant has to do with it. */
export interface NamedSession {
  /** For probes that name it. */
  readonly traversal: Traversal;
  /** The master has us under a new session, or at another address. */
  here(now: Instant): void;
}

/** The relays of the master. */
export interface KnownRelays {
  /** Does everything of ours go over TLS? */
  readonly tunnelled: boolean;
  /** All there are, as the other side is told. */
  distances(): readonly RelayDistance[];
  /** The one that a host takes with a client; `NO_RELAY` where either side wants none. */
  choose(own: RelayMode, client: { readonly mode: RelayMode; readonly relays: readonly RelayDistance[] }): RelayId;
  /** How long a direct path is waited for before the relay's. */
  headStartMs(id: RelayId): number;
  /** Null where the master has named none that is called so. */
  find(id: RelayId): { readonly place: RelayPlace; readonly at: Endpoint } | null;
}

export interface PeerContext {
  readonly config: PeerConfig;
  readonly out: Outputs<PeerEvent>;
  readonly nest: Nest;
  readonly sockets: SocketIds;
  readonly requests: RequestNumbers;
  readonly agenda: Agenda;
  readonly device: Device;
  readonly relays: KnownRelays;
  readonly link: MastersMachine;
  /** Sessions under way, by the 8 bytes that name them in probes (`eightBytes`). */
  readonly sessions: Map<string, NamedSession>;
  /** STUN servers, as their names lead to them now. */
  readonly stun: () => readonly Endpoint[];
  /** Is there a session with the master? */
  linkUp(): boolean;
  /** The masterserver answers at the port of its link, and not yet at the one that it has named. */
  atDoor(): boolean;
  /** Is the own profile known, as far as it will be for now? */
  ready(): boolean;
  /** Where we have the master; null before the session with it is up. */
  masterAddress(): string | null;
  /** Where the master sees us; null before it has told. */
  seenAt(): string | null;
  /** Pays from our IPv6 address, where we have one beside IPv4: what may be probed there is what it has paid. */
  payIpv6(now: Instant, credit: Request & { readonly type: 'credit' }): void;
  readonly profile: OwnProfile;
  readonly network: () => LocalNetwork;
  /** That of the sockets of sessions; `config.family` is what is wished. */
  family(): 4 | 6;
  /** By which the master is asked from sockets of sessions, where our session with it goes by the other one; else nothing. */
  otherFamily(): { readonly family?: 4 | 6 };
  /** Endpoints with a shared socket behind them: what the router lets in, and our IPv6 address. */
  readonly shared: () => readonly Candidate[];
  /** Round trip to the master; null while it is not known over the network that we are in now: the link tells it when it is up again. */
  readonly masterRttMs: () => number | null;
  /** Sends to the master, over `socket` or the link's own; `onResponse` is called exactly once unless cancelled. */
  request(
    now: Instant,
    request: Request,
    socket: SocketId | null,
    onResponse: (now: Instant, response: Response) => void,
    to?: { readonly family?: 4 | 6; readonly at?: Destination },
  ): Alarm;
  /** A host with this code is here, or (null) none any more. */
  stand(now: Instant, code: string | null): void;
  /**
   * A path is looked for because one does not answer. Where it is our address that has changed, the master has to hear of it before the
   * answer comes, and its session is kept meanwhile.
   */
  stay(now: Instant): void;
  /** `onCode` is called once with the join code of the key (null: no secret has it), unless cancelled. Never before this returns. */
  deriveCode(key: Uint8Array, onCode: (now: Instant, code: string | null) => void): Alarm;
  /** Opens a socket that no child owns yet. */
  open(family: 4 | 6, onOutcome: (now: Instant, outcome: SocketOutcome) => void): SocketId;
  /** The same, through TLS to the master and its own relay: for networks that let no UDP through. */
  openTunnel(onOutcome: (now: Instant, outcome: SocketOutcome) => void): SocketId;
  /** Does the socket carry several paths? Then nobody may close it or take it away. */
  isShared(socket: SocketId): boolean;
  /** Where an open socket is bound. */
  local(socket: SocketId): Endpoint;
  /** Closes a socket that no child owns. */
  close(socket: SocketId): void;
  log(join: JoinId | null, what: string, data: LogData): void;
}
