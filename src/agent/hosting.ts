/** Hosting as the application holds it: the code and link for friends, who is there, and where their datagrams go. */

import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import {
  type Ban,
  checkServices,
  type Endpoint,
  type FriendId,
  formatHostLink,
  formatInvite,
  type HostAnnouncement,
  LIMITS,
  type PeerEvent,
  type Protocols,
  parseServices,
  type RelayMode,
  type ServiceTarget,
} from '../core/index.ts';
import type { KeptBan } from '../node/index.ts';
import { SallyportError, usage } from '../node/index.ts';
import { friendAddresses } from './addresses.ts';
import type { MachineAgent } from './agent.ts';
import { type AskGame, keepAsking } from './ask-game.ts';
import { TcpHost } from './carry-tcp.ts';
import { forwardToGame, type HostForward, type HostForwardNotice } from './forward-host.ts';
import type { AgentPath, Path } from './path.ts';
import { checkRelayMode } from './relay-mode.ts';
import { servicesText } from './words.ts';

type PeerNews = Extract<PeerEvent, { ev: 'peer' }>;

export interface HostOptions {
  readonly name?: string;
  readonly game?: string;
  readonly map?: string;
  readonly mode?: string;
  readonly version?: string;
  /** Listed for everybody; otherwise only who has the code gets in. */
  readonly public?: boolean;
  /** Friends at once; 8 where absent. */
  readonly playersMax?: number;
  readonly password?: string;
  /** Every friend waits for `admit`. */
  readonly ask?: boolean;
  /**
   * May friends come through a relay (`allow`, the default), not (`never`), or must they (`only`)? With `only` no address of this
   * computer reaches them, and nothing should be said on the local network. The stricter of both sides counts.
   */
  readonly relay?: RelayMode;
  /**
   * Where friends come to; exactly one of the three. Unmodified servers: a UDP port of this computer, words as of the command
   * (`64738/udp+tcp`, `2456-2457`, `192.168.1.50:30000`), or services; at most 16 of them.
   */
  readonly forward?: number | string | ServiceWish | readonly ServiceWish[];
  /**
   * Ask the game for its name, map and players, and announce those: a type of the optional package gamedig, such as `q3a`, or
   * `q3a:27961` where questions go to a port of their own. A name given above stays.
   */
  readonly askGame?: string;
  /** A UDP server in this process; friends reach the bound socket from loopback addresses of their own, as with `forward`. */
  readonly socket?: Socket;
  /** Every path as a handle: for netcode that speaks through it, or releases its socket. */
  readonly onPath?: (path: Path) => void;
}

/** Without an address it is on this computer, without protocols it speaks UDP. */
export interface ServiceWish {
  readonly port: number;
  readonly protocols?: Protocols;
  readonly address?: string;
}

export interface FriendNews {
  readonly friend: FriendId;
  /** Which of the friend's programs: 8 bytes, hex. Each has states of its own. */
  readonly instance: string;
  /** What it calls itself; where it says nothing, what it called itself before. */
  readonly name: string;
  /** `asking`: this is the one question to whoever hosts, for `admit`; others that ask are `waiting` behind it. */
  readonly state: PeerNews['state'];
  /** The name under which it was here before, told by its key; null: never, as far as is remembered. */
  readonly knownAs: string | null;
  readonly path: Path | null;
  /** The address from which the game sees this friend. */
  readonly seenAs: Endpoint | null;
}

export interface HostingEvents {
  path: [path: Path];
  friend: [news: FriendNews];
  /** A friend that is connected comes another kind of way now, or through another relay. */
  way: [news: FriendNews];
  notice: [notice: HostForwardNotice];
  /** The master has given another code, or hosting has ended by a fault. */
  code: [code: string];
  /** So many wrong passwords have come in so far; told at most once in ten seconds. */
  wrongPasswords: [count: number];
  /** Somebody has been banned, or let in again. `kept`: written down, and not only until the program ends. */
  bans: [bans: readonly KeptBan[], kept: boolean];
  failed: [error: SallyportError];
  /** Another computer hosts with our key and came later (HOST_REPLACED): friends reach that one. Null: they reach this one again. */
  replaced: [error: SallyportError | null];
}

export interface Hosting {
  readonly code: string;
  /** `sallyport://…`: code, keys and master. Whoever has it needs nothing else. */
  readonly link: string;
  /** What to send a friend: the same as an address of the master's web page, or `link` where it has none. */
  readonly invite: string;
  readonly hostId: string;
  /** The static key of this host, 32 bytes: what its link carries. */
  readonly hostKey: Uint8Array;
  readonly relay: RelayMode;
  /** What friends reach, by number; none where the application takes the paths itself. */
  readonly services: readonly ServiceTarget[];
  /**
   * The address of this computer from which the server of this service is to see a friend; null: the one the system chooses, because the
   * server is elsewhere.
   */
  sourceOf(friend: FriendId, service: number): string | null;
  admit(friend: FriendId, admit: boolean): void;
  /** Ends its paths; it may come again. */
  kick(friend: FriendId): void;
  /**
   * Ends its paths and keeps it out, over restarts where there is a key file: by its key, which a friend has for this host as long as it
   * keeps its state folder. `network`: everybody from its network (/24, or /48 of IPv6), too, neighbours among them.
   */
  ban(friend: FriendId, options?: { readonly network?: boolean }): void;
  unban(ban: Ban): void;
  /** The newest last. */
  readonly bans: readonly KeptBan[];
  /** Tells the master what has changed: players, map, name. */
  announce(change: Partial<HostAnnouncement>, players: number): void;
  on<Name extends keyof HostingEvents>(event: Name, listener: (...values: HostingEvents[Name]) => void): this;
  once<Name extends keyof HostingEvents>(event: Name, listener: (...values: HostingEvents[Name]) => void): this;
  off<Name extends keyof HostingEvents>(event: Name, listener: (...values: HostingEvents[Name]) => void): this;
  close(): Promise<void>;
}

export class AgentHosting extends EventEmitter<HostingEvents> implements Hosting {
  code = '';
  link = '';
  invite = '';
  hostId = '';
  hostKey = new Uint8Array(0);
  readonly relay: RelayMode;
  readonly services: readonly ServiceTarget[];
  readonly #agent: MachineAgent;
  readonly #options: HostOptions;
  readonly #forward: HostForward | null;
  /** Carries streams to services of TCP; null where the application takes the paths itself. */
  readonly #tcp: TcpHost | null;
  readonly #onOver: () => void;
  /** By friend and instance. */
  readonly #paths = new Map<string, { readonly path: AgentPath; readonly seenAs: Endpoint | null }>();
  /** Those that are connected, as they were told. */
  readonly #inside = new Map<string, FriendNews>();
  /** Told as connected, but the path itself has not come yet. */
  readonly #awaited = new Map<string, PeerNews>();
  #announcement: HostAnnouncement;
  #asking: { stop(): void } | null = null;
  #closed = false;
  #replaced = false;

  constructor(agent: MachineAgent, options: HostOptions, onOver: () => void) {
    super();
    this.#agent = agent;
    this.#options = options;
    this.#onOver = onOver;
    checkRelayMode(options.relay);
    this.relay = options.relay ?? agent.parts.relay ?? 'allow';
    this.services = servicesOf(options);
    const addresses = friendAddresses(agent.parts.guests);
    this.#forward =
      this.services.length === 0
        ? null
        : forwardToGame(this.services, addresses, (notice) => this.emit('notice', notice));
    const sourceOf = (friend: FriendId, service: number) => this.sourceOf(friend, service);
    this.#tcp =
      this.services.length === 0
        ? null
        : new TcpHost(this.services, sourceOf, (service, taken) => this.#forward?.tcpTold(service, taken));
    this.#announcement = {
      name: options.name ?? '',
      game: options.game ?? '',
      public: options.public ?? false,
      playersMax: options.playersMax ?? LIMITS.playersMaxDefault,
      map: options.map ?? '',
      mode: options.mode ?? '',
      version: options.version ?? '',
      passwordNeeded: options.password !== undefined,
    };
    if (options.onPath !== undefined) this.on('path', options.onPath);
  }

  /** `askGame`: see `HostOptions.askGame`. */
  start(askGame: AskGame | null): void {
    const { password = null, ask = false, name = '', map = '' } = this.#options;
    const { guests: book, friends } = this.#agent.parts;
    const guests = { secret: book.secret, bans: book.bans.map(({ ban }) => ban), known: friends.all() };
    const services = this.services.map(({ port, protocols }) => ({ port, protocols }));
    const wishes = { password, ask, relay: this.relay };
    this.#agent.command({ do: 'host', announcement: this.#announcement, ...wishes, guests, services });
    if (askGame === null) return;
    this.#asking = keepAsking(askGame, (status) => {
      // A game that says nothing has nobody inside but our own friends.
      if (status === null) this.announce({ name, map }, this.#paths.size);
      else this.announce({ name: name || status.name, map: status.map }, status.players);
    });
  }

  sourceOf(friend: FriendId, service: number): string | null {
    return this.#forward?.sourceOf(friend, service) ?? null;
  }

  admit(friend: FriendId, admit: boolean): void {
    this.#agent.command({ do: 'admit', friend, admit });
  }

  kick(friend: FriendId): void {
    this.#agent.command({ do: 'kick', friend });
  }

  ban(friend: FriendId, { network = false }: { readonly network?: boolean } = {}): void {
    this.#agent.command({ do: 'ban', friend, network });
  }

  unban(ban: Ban): void {
    this.#agent.command({ do: 'unban', ban });
    const kept = this.#agent.parts.guests.liftBan(ban);
    this.emit('bans', this.bans, kept);
  }

  get bans(): readonly KeptBan[] {
    return this.#agent.parts.guests.bans;
  }

  announce(change: Partial<HostAnnouncement>, players: number): void {
    this.#announcement = { ...this.#announcement, ...change };
    this.#agent.command({ do: 'announce', announcement: this.#announcement, players });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#agent.command({ do: 'unhost' });
    for (const { path } of this.#paths.values()) path.close();
    this.dispose();
  }

  /** From here on the agent's side. */
  onEvent(event: PeerEvent): void {
    if (event.ev === 'hosting') {
      const before = this.code;
      this.code = event.code;
      this.hostId = event.hostId;
      this.hostKey = Uint8Array.from(event.hostKey);
      const { masterLink, linkMaster: master = masterLink } = this.#agent.parts;
      const invited = { master, code: event.code, hostKey: event.hostKey };
      this.link = formatHostLink(invited);
      this.invite = formatInvite(invited, event.page);
      if (before !== '' && before !== event.code) this.emit('code', event.code);
      if (this.#replaced) this.emit('replaced', null);
      this.#replaced = false;
    } else if (event.ev === 'hosting-failed') {
      // A master that answers again may turn out to lie only now: whoever hosts has to know. Others of its refusals may pass.
      if (event.failure === 'HOST_REPLACED') {
        this.#replaced = true;
        this.emit('replaced', new SallyportError('HOST_REPLACED'));
      } else if (event.failure === 'CODE_MISMATCH' || event.failure === 'CODE_TAKEN')
        this.failed(new SallyportError(event.failure));
    } else if (event.ev === 'peer') this.#news(event);
    else if (event.ev === 'banned') this.#banned(event);
    else if (event.ev === 'wrong-passwords') this.emit('wrongPasswords', event.count);
  }

  connected(path: AgentPath): void {
    const seenAs = this.#forward?.attach(path) ?? null;
    this.#tcp?.attach(path);
    const program = programOf(path);
    this.#paths.set(program, { path, seenAs });
    path.on('close', () => {
      if (this.#paths.get(program)?.path !== path) return;
      this.#paths.delete(program);
      this.#inside.delete(program);
    });
    path.on('upload', (full) => this.emit('notice', { kind: 'upload', friend: path.friend, full }));
    path.on('path', () => {
      const news = this.#inside.get(program);
      if (news?.path === path) this.emit('way', news);
    });
    this.emit('path', path);
    const awaited = this.#awaited.get(program);
    if (awaited !== undefined) this.#news(awaited);
  }

  failed(error: SallyportError): void {
    this.emit('failed', error);
  }

  dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#asking?.stop();
    this.#forward?.close();
    this.#tcp?.close();
    this.#onOver();
  }

  #banned({ ban, name }: Extract<PeerEvent, { ev: 'banned' }>): void {
    const { guests, friends } = this.#agent.parts;
    const called = name === '' && ban.by === 'friend' ? (friends.nameOf(ban.friend) ?? '') : name;
    const kept = guests.addBan({ ban, name: called, at: Date.now() });
    this.emit('bans', this.bans, kept);
  }

  #news(event: PeerNews): void {
    const program = programOf(event);
    const at = this.#paths.get(program);
    if (event.state === 'connected' && at === undefined) {
      this.#awaited.set(program, event);
      return;
    }
    this.#awaited.delete(program);
    const { friend, instance, state } = event;
    const { friends } = this.#agent.parts;
    const knownAs = friends.nameOf(friend);
    const name = event.name === '' ? (knownAs ?? '') : event.name;
    if (state === 'connected') friends.add(friend, name);
    const news = { friend, instance, name, state, knownAs, path: at?.path ?? null, seenAs: at?.seenAs ?? null };
    if (state === 'connected') this.#inside.set(program, news);
    this.emit('friend', news);
  }
}

function programOf({ friend, instance }: { readonly friend: FriendId; readonly instance: string }): string {
  return `${friend}/${instance}`;
}

/** What friends reach; none where the application takes the paths itself. Throws USAGE. */
export function servicesOf({ forward, socket, onPath }: HostOptions): readonly ServiceTarget[] {
  const ways = [forward, socket, onPath].filter((way) => way !== undefined).length;
  if (ways !== 1) throw usage('host() takes exactly one of forward, socket and onPath.');
  if (forward !== undefined) return readServices(forward);
  if (socket === undefined) return [];
  const { address, port } = socket.address();
  const everywhere = address === '0.0.0.0' || address === '::';
  return [{ port, protocols: 'udp', address: everywhere ? '127.0.0.1' : address }];
}

function readServices(forward: NonNullable<HostOptions['forward']>): readonly ServiceTarget[] {
  const wishes = typeof forward === 'number' ? { port: forward } : forward;
  const read =
    typeof wishes === 'string'
      ? parseServices(wishes)
      : checkServices(
          (Array.isArray(wishes) ? (wishes as readonly ServiceWish[]) : [wishes as ServiceWish]).map(
            ({ port, protocols = 'udp', address = '127.0.0.1' }) => ({ port, protocols, address }),
          ),
        );
  if ('problem' in read) throw usage(servicesText(read));
  return read;
}
