/** What an agent is to the application (`Agent`), and what it is made of (`AgentParts`). */
import type {
  ListEntry,
  Machine,
  MasterAddress,
  MasterLink,
  NatProfile,
  PeerCommand,
  PeerEvent,
  RelayMode,
  WayReport,
} from '../core/index.ts';
import type { DriveCounters, GuestBook, HostPins, KnownFriends, Nat64, OpenUdpSocket } from '../node/index.ts';
import type { Hosting, HostOptions } from './hosting.ts';
import type { JoinOptions } from './joining.ts';
import type { Names } from './names.ts';
import type { Path } from './path.ts';
import type { StreamNews } from './stream.ts';

export interface AgentEvents {
  /** Everything the machine tells, for logs and screens; datagrams and streams of paths excepted. */
  event: [event: Exclude<PeerEvent, { ev: 'message' } | StreamNews>];
}

export interface Agent {
  /** The newest knowledge of the own NAT, null before the first. */
  readonly profile: NatProfile | null;
  readonly link: Extract<PeerEvent, { ev: 'link' }> | null;
  /** IP address of the router of this network, whom port mapping asks; null where none is known. */
  readonly gateway: string | null;
  /** Handshaken and profiled. Rejects as soon as the master is known not to answer; the agent keeps trying nevertheless. */
  ready(): Promise<NatProfile>;
  /** By which it hosts, or would: its key alone says so. Null where the key has none. */
  code(): Promise<string | null>;
  /** One hosting at a time. */
  host(options: HostOptions): Promise<Hosting>;
  /** `target`: a join code, or a join link of any form. Tries until there is a path, the signal aborts or the time is over. */
  join(target: string, options?: JoinOptions): Promise<Path>;
  list(): Promise<readonly ListEntry[]>;
  /** The hosts of this master whose keys are pinned: joined before, with a state folder. */
  knownHosts(): readonly { readonly code: string; readonly hostKey: Uint8Array }[];
  /** Measures the own network anew and waits for the whole result. */
  check(): Promise<NatProfile>;
  /** Which ways to the master pass here, each tried by itself: UDP, its further UDP port, TLS; those that its link names. */
  ways(): Promise<readonly WayReport[]>;
  /** Asks the router once more to open a port; what comes of it is in `profile.portMapping` some seconds later. */
  mapPort(): void;
  counters(): DriveCounters;
  on<Name extends keyof AgentEvents>(event: Name, listener: (...values: AgentEvents[Name]) => void): this;
  once<Name extends keyof AgentEvents>(event: Name, listener: (...values: AgentEvents[Name]) => void): this;
  off<Name extends keyof AgentEvents>(event: Name, listener: (...values: AgentEvents[Name]) => void): this;
  /** Says goodbye to the master and to all peers; no socket, timer or promise is left. */
  close(): Promise<void>;
}

/** Another network than this computer's, such as a simulated one. What is forwarded for games stays on this computer. */
export interface AgentNetwork {
  readonly openSocket: OpenUdpSocket;
  /** Those of its own in that network. */
  addresses(): readonly string[];
}

export interface AgentParts {
  /** Left out: this computer's. */
  readonly network?: AgentNetwork;
  readonly machine: Machine<PeerCommand, PeerEvent>;
  /** The join code of a key (`core/code.ts`); null where no secret has it. */
  readonly deriveCode: (key: Uint8Array) => Promise<string | null>;
  /** The present public key. */
  readonly ownKey: () => Uint8Array;
  /** The same participant with a new key, where the present one has never hosted; null where it has. */
  readonly newIdentity: () => Machine<PeerCommand, PeerEvent> | null;
  /** From now on friends know the host by this code. */
  readonly onHosting: (code: string) => void;
  /** Where a join or hosting says nothing else; absent: `allow`. */
  readonly relay?: RelayMode;
  readonly master: MasterAddress;
  /** The master link as it was given, for join links. */
  readonly masterLink: MasterLink;
  /** The same for what is given out; absent: `masterLink`. */
  readonly linkMaster?: MasterLink;
  readonly pins: HostPins | null;
  readonly friends: KnownFriends;
  readonly guests: GuestBook;
  /** 32 secret bytes, for the keys towards hosts. */
  readonly device: () => Uint8Array;
  /** Of the router at the start; looked for anew whenever the addresses change. */
  readonly gateway: string | null;
  readonly findGateway: () => Promise<string | null>;
  /** The same of IPv6; absent: its firewall is not asked for anything. */
  readonly gateway6?: string | null;
  readonly findGateway6?: () => Promise<string | null>;
  /** How to look the names of master and STUN servers up again, and where they led at the start; absent: there are none. */
  readonly names?: Names;
  /** The NAT64 of this network, already looked for; absent: it is looked for where the masterserver does not answer. */
  readonly nat64?: Nat64;
  /** Everything is closed: what was held for this agent may go. */
  readonly onClosed: () => void;
}
