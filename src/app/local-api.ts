/**
 * What a program of ours on this computer (`ui`, `sidecar`, `host`, `join`) and those who look at it or command it say to each other: the page,
 * `sallyport ctl`, wrappers. One state document, whole at first and then its changed parts by server-sent events, and a handful of
 * commands, each by a POST of its own. Types and plain questions only, so the page can share them; `schema.ts` checks and describes the same.
 */

import type { ConnectionStats, JoinView, LanServer, PathInfo } from '../agent/index.ts';
import type { FailureCode } from '../core/errors.ts';
import type { ListEntry } from '../core/model/listing.ts';
import type { PathKind } from '../core/model/pair.ts';
import type { Service, ServiceTarget } from '../core/model/service.ts';
import type { NatProfile } from '../core/nat/profile.ts';
import type { Unmeasured } from '../core/nat/unmeasured.ts';
import type { Ban } from '../core/peer/base/interface.ts';
import type { RelayMode } from '../core/peer/base/relay-choice.ts';

/**
 * Every request carries `authorization: Bearer TOKEN`. The page has the token from its link's fragment, so no server log has it;
 * everybody else from the token file.
 */
export const LOCAL_API = { state: '/v1/state', events: '/v1/events', document: '/v1/openapi.json' } as const;

/** Where the command of this name goes, its fields as the body. */
export function commandPath(name: LocalCommand['do'] | ':do'): string {
  return `/v1/${name}`;
}

/** A join, and what concerns only the app. */
export interface LocalJoin extends JoinView {
  readonly id: number;
  readonly target: string;
  /** The person has decided to take another key than the one known. */
  readonly newKey: boolean;
  /** Who ended a path that was up: the host by leaving or by removing this player; null = nobody yet, or the player. */
  readonly ended: 'left' | 'kicked' | null;
  /** Wall-clock milliseconds of the beginning of the whole join; the time shown counts from here (docs/seed.md S22). */
  readonly startedAt: number;
  /** The port that was wished (or is the host's) but is taken by another program. */
  readonly portTaken: number | null;
  /** A program that sends to the local port was not let through: too many others use it. */
  readonly seatsFull: boolean;
  /** The address for the game, of the first service; empty before there is one. */
  readonly local: string;
  /** All that the host lets us reach, and where it is on this computer. */
  readonly services: readonly LocalServiceView[];
}

export interface LocalServiceView extends Service {
  readonly local: string;
}

export interface FriendView {
  readonly friend: string;
  /** Which of the friend's programs. */
  readonly instance: string;
  readonly name: string;
  /** Of the first 64 bits of its key's hash, to be compared with what the friend reads out. */
  readonly fingerprint: string;
  /** The name under which it was here before; null: it is new. */
  readonly knownAs: string | null;
  /** One at a time is `asking`: the question that is shown. `waiting` ones are asked about after it. */
  readonly state: 'asking' | 'waiting' | 'knocking' | 'queued' | 'connected' | 'left' | 'refused';
  readonly kind: PathKind | null;
  /** The name of the relay that carries the data. */
  readonly via: string | null;
  readonly rttMs: number | null;
  /** Share of our datagrams that this friend did not hear, over the last seconds; null where there is no path. */
  readonly loss: number | null;
  /** The loopback address by which the game sees this friend. */
  readonly seenAs: string | null;
  /** The same with the port of its first program. */
  readonly seat: string | null;
  /** Wall-clock milliseconds; null where it is not connected. */
  readonly connectedAt: number | null;
  /** Four words to compare with those of this friend; null where there is no path. */
  readonly words: string | null;
}

/** Wants to come in, and waits for the host's yes. */
export function asksToCome({ state }: Pick<FriendView, 'state'>): boolean {
  return state === 'asking' || state === 'waiting';
}

export function isInside({ state }: Pick<FriendView, 'state'>): boolean {
  return state === 'connected';
}

export function hasGone({ state }: Pick<FriendView, 'state'>): boolean {
  return state === 'left' || state === 'refused';
}

export interface BanView {
  /** What `unban` takes. */
  readonly ban: Ban;
  readonly name: string;
  /** Of the key; null where a network is banned. */
  readonly fingerprint: string | null;
  /** Wall-clock milliseconds. */
  readonly at: number;
}

export interface HostingView {
  /** `replaced`: another computer hosts with our key, as `failure` says; it opens again when that one has gone. */
  readonly state: 'starting' | 'open' | 'replaced' | 'failed';
  readonly failure: FailureCode | null;
  readonly name: string;
  /** What friends reach, by number. */
  readonly services: readonly ServiceTarget[];
  readonly code: string;
  readonly link: string;
  /** What to send a friend: the same as an address of the master's web page, or `link` where it has none. */
  readonly invite: string;
  /** Of these, the ports whose game does not answer. */
  readonly silentPorts: readonly number[];
  /** The game sends more than this line takes. */
  readonly uploadFull: boolean;
  /** The game sees friends as ports, not as addresses of their own, so bans inside it do not last. */
  readonly addressesShared: boolean;
  /** The link has been put on the clipboard of this computer. */
  readonly copied: boolean;
  readonly friends: readonly FriendView[];
  /** The newest last. */
  readonly bans: readonly BanView[];
  /** Wrong passwords that have come in since hosting began. */
  readonly wrongPasswords: number;
}

/** `mapped`: by a port that the router has opened; `pinhole`: by one in its firewall of IPv6. */
export type OwnMasterWay = 'public' | 'mapped' | 'pinhole';
/** `no-way-in`: no public address, and the router opens no port. `carrier`: it does, but another network stands before it. */
export type OwnMasterFault = 'no-way-in' | 'carrier' | 'port-taken' | 'failed';

/** The masterserver that runs in this program. */
export interface OwnMasterView {
  /** `shut`: it runs, but the router has taken its port back, or has another address outside than the link names. */
  readonly state: 'off' | 'starting' | 'on' | 'shut' | 'impossible';
  readonly because: OwnMasterFault | null;
  /** How strangers get in. */
  readonly way: OwnMasterWay | null;
  /** By which friends reach it; empty where it does not run. It is the one that is set, too. */
  readonly link: string;
}

export interface ProbeView {
  readonly destination: string;
  /** Null where there was no answer. */
  readonly seenAs: string | null;
}

export interface RecentJoin {
  readonly code: string;
  readonly name: string;
  /** Wall-clock milliseconds. */
  readonly at: number;
  /** What was pasted, where it names the masterserver. */
  readonly link?: string | undefined;
}

export interface LocalSettings {
  readonly master: string;
  readonly stun: readonly string[];
  readonly localPort: number;
  readonly playersMax: number;
  readonly language: string;
  readonly streamerMode: boolean;
  readonly hostName: string;
  /** Of the presets; empty = another game. */
  readonly hostGame: string;
  /** Are the ports the ones below rather than the usual ones of the game? */
  readonly hostPortCustom: boolean;
  /** Kept also while it is not used (docs/seed.md S29). */
  readonly hostServices: string;
  readonly playerName: string;
  /** Tell the local network of a hosting: a public one with its code, a private one so that only who knows it understands. */
  readonly announceOnLan: boolean;
  /** Of hostings and joins that begin from now on. */
  readonly relay: RelayMode;
  /** A masterserver in this program, started with it. */
  readonly ownMaster: boolean;
  /** The person has been asked whether this program is to open links. */
  readonly linksAsked: boolean;
  /** With their names, for those that are not in the list just now. */
  readonly favourites: readonly { readonly code: string; readonly name: string }[];
  readonly recent: readonly RecentJoin[];
}

/** Only what changes: each setting by itself, so that two changes under way at once don't undo each other. */
export type SettingsChange = { readonly [Key in keyof LocalSettings]?: LocalSettings[Key] | undefined };

export interface LocalState {
  readonly v: 1;
  /** Counts the changes of the document; the answer to a command names the one that shows what it did. */
  readonly n: number;
  readonly version: string;
  /** The command that runs. */
  readonly program: 'app' | 'sidecar' | 'host' | 'join';
  /** Of the host (`--as`), or the code that is joined; empty for the app and a sidecar. */
  readonly name: string;
  readonly pid: number;
  readonly master: {
    readonly link: string;
    readonly state: 'none' | 'connecting' | 'up' | 'lost';
    readonly failure: FailureCode | null;
    readonly rttMs: number | null;
  };
  /** The master's list as the session with it gives it; the last good one stays when a fetch fails. */
  readonly servers: readonly ListEntry[];
  readonly serversAt: number | null;
  readonly serversFailure: FailureCode | null;
  readonly profile: NatProfile | null;
  /** Why the profile tells nothing, or nothing new; null: it was measured. */
  readonly unmeasured: Unmeasured | null;
  readonly profileAt: number | null;
  readonly checking: boolean;
  /** The largest game packet that fits over IPv4. */
  readonly payloadBytesMax: number;
  readonly probes: readonly ProbeView[];
  readonly hosting: HostingView | null;
  /** Does this program open `sallyport://` links? Null where it can't see to that. */
  readonly opensLinks: boolean | null;
  /** Null where this program can't have one. */
  readonly ownMaster: OwnMasterView | null;
  readonly joins: readonly LocalJoin[];
  readonly lan: readonly LanServer[];
  /** Null where the program has flags instead. */
  readonly settings: LocalSettings | null;
}

/** An event of the stream: the parts that are not the same as before; the first one of a connection has all of them. */
export type LocalChange = Partial<LocalState>;

export type LocalCommand =
  | {
      readonly do: 'host';
      /** As the command takes them: `30000`, `64738/udp+tcp`, `2456-2457`. */
      readonly services: string;
      readonly name: string;
      readonly game: string;
      readonly playersMax: number;
      readonly public: boolean;
      readonly password: string;
      readonly ask: boolean;
    }
  | { readonly do: 'unhost' }
  | { readonly do: 'admit'; readonly friend: string; readonly admit: boolean }
  | { readonly do: 'kick'; readonly friend: string }
  /** `network`: with everybody from where the friend is. */
  | { readonly do: 'ban'; readonly friend: string; readonly network: boolean }
  | { readonly do: 'unban'; readonly ban: Ban }
  | {
      readonly do: 'join';
      readonly target: string;
      readonly password: string;
      readonly localPort: number;
      /** The person has asked the host: take another key than the one known. */
      readonly newKey?: boolean | undefined;
      /** How the host sees this player; left out: as the settings have it. */
      readonly name?: string | undefined;
      /** The answer waits for the path, or for what keeps it from coming, at most so long. */
      readonly waitMs?: number | undefined;
    }
  | { readonly do: 'abort'; readonly join: number }
  | { readonly do: 'forget'; readonly join: number }
  | { readonly do: 'check' }
  | { readonly do: 'map-port' }
  /** A masterserver in this program, for invitations; the document says what has come of it. */
  | { readonly do: 'own-master'; readonly on: boolean }
  /** Open `sallyport://` links of this computer with this program, or do so no more. */
  | { readonly do: 'links'; readonly on: boolean }
  | { readonly do: 'list' }
  | { readonly do: 'stats' }
  | { readonly do: 'paths' }
  | { readonly do: 'settings'; readonly settings: SettingsChange }
  | { readonly do: 'quit' };

/** Why a request was not carried out, in the words of the command; `field` is the part of the body that is wrong. */
export interface LocalError {
  readonly code: FailureCode | LocalProblem;
  readonly what: string;
  readonly why: string;
  readonly next: string;
  /** The same as `next`, by the name that it has in the library. */
  readonly hint: string;
  readonly retryable: boolean;
  readonly field: string | null;
}

/** Figures of a connection, as `stats` answers them. */
export type Figures = Omit<ConnectionStats, 'relay' | 'kind'> & {
  readonly kind: PathKind;
  readonly via: string | null;
};

/** A join in short: what a game looks at every second. */
export interface JoinFigures {
  readonly join: number;
  readonly phase: LocalJoin['phase'];
  /** Where the game connects to; empty before there is a path. */
  readonly local: string;
  readonly hostName: string;
  readonly failure: FailureCode | null;
  readonly ended: LocalJoin['ended'];
  /** Null while there is no path. */
  readonly figures: Figures | null;
}

/** A connected friend of the host in short. */
export interface FriendFigures {
  readonly friend: string;
  readonly instance: string;
  readonly name: string;
  /** By what address and port the game sees it. */
  readonly seat: string | null;
  readonly figures: Figures;
}

/** All ways of one connection: of a join, or of a friend. */
export interface ConnectionWays {
  readonly join: number | null;
  readonly friend: string | null;
  readonly ways: readonly PathInfo[];
}

/** What an answer tells besides that it is done; what is there depends on the command. */
export interface LocalDone {
  readonly join?: number | undefined;
  readonly phase?: LocalJoin['phase'] | undefined;
  readonly local?: string | undefined;
  readonly kind?: PathKind | null | undefined;
  readonly code?: string | undefined;
  readonly link?: string | undefined;
  readonly invite?: string | undefined;
  readonly servers?: readonly ListEntry[] | undefined;
  readonly profile?: NatProfile | null | undefined;
  readonly joins?: readonly JoinFigures[] | undefined;
  readonly friends?: readonly FriendFigures[] | undefined;
  readonly connections?: readonly ConnectionWays[] | undefined;
}

/** Done, and shown by the document from `n` on; or why not. */
export type LocalAnswer =
  | ({ readonly ok: true; readonly n: number } & LocalDone)
  | { readonly ok: false; readonly error: LocalError };

/** What can go wrong here and nowhere else. `OFFLINE` is said by the page itself: the process does not answer. */
export type LocalProblem =
  | 'MASTER_LINK'
  | 'SETTINGS_NOT_WRITTEN'
  | 'NOT_HERE'
  | 'FORBIDDEN'
  | 'TOKEN'
  | 'UNKNOWN'
  | 'BODY'
  | 'TOO_LARGE'
  | 'OFFLINE';
