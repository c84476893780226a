/**
 * The library: one participant of the network, host and client alike. Wraps the `Peer` machine of core, drives it on real
 * sockets and turns its events into promises, handles and typed errors.
 */

import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ConnectionId,
  type JoinId,
  type ListEntry,
  type NatProfile,
  type PathView,
  type PeerCommand,
  type PeerEvent,
  type SocketId,
  speaks,
  type WayReport,
} from '../core/index.ts';
import {
  type DriveCounters,
  type Driver,
  drive,
  handlesGone,
  narrowReceive,
  SallyportError,
  type UpnpTask,
  upnpTask,
  usage,
} from '../node/index.ts';
import { type AskGame, gameAsker } from './ask-game.ts';
import { cleanEvent } from './edge.ts';
import { AgentHosting, type Hosting, type HostOptions, servicesOf } from './hosting.ts';
import type { Agent, AgentEvents, AgentParts } from './interface.ts';
import { Joining, type JoinOptions } from './joining.ts';
import { AGENT_LIMITS } from './limits.ts';
import { NameWatch } from './names.ts';
import { OwnNetwork } from './own-network.ts';
import { AgentPath, type Path, type PathPort, type Released } from './path.ts';
import { PendingEvents } from './pending-events.ts';
import { survey } from './way-survey.ts';

/** Something that waits for events: resolves itself, or is told why it can't. */
interface Waiter {
  onEvent(event: PeerEvent): void;
  fail(error: SallyportError): void;
}

export class MachineAgent extends EventEmitter<AgentEvents> implements Agent {
  profile: NatProfile | null = null;
  link: Extract<PeerEvent, { ev: 'link' }> | null = null;
  readonly parts: AgentParts;
  #driver: Driver<PeerCommand>;
  readonly #network: OwnNetwork;
  readonly #upnp: UpnpTask;
  readonly #names: NameWatch;
  readonly #paths = new Map<ConnectionId, AgentPath>();
  readonly #joins = new Map<JoinId, Joining>();
  readonly #waiters = new Set<Waiter>();
  readonly #released = new Map<SocketId, Socket>();
  readonly #events = new PendingEvents((event) => this.#dispatch(event));
  #hosting: AgentHosting | null = null;
  #ready = false;
  #nextId = 1;
  #disposed = false;
  #closing: Promise<void> | null = null;

  constructor(parts: AgentParts) {
    super();
    this.parts = parts;
    this.#names = new NameWatch(
      parts.master.addresses,
      parts.names,
      (names) => this.command({ do: 'names', ...names }),
      () => void this.#network.findWay(),
    );
    this.#network = new OwnNetwork({
      ...parts,
      towards: () => this.#names.addresses,
      tell: (command) => this.command(command),
    });
    this.#driver = this.#drive(parts.machine);
    this.#upnp = upnpTask(
      () => this.#network,
      (state) => this.command({ do: 'upnp', ...state }),
    );
    this.#network.tell();
    this.command({ do: 'start' });
    const receiveBytes = narrowReceive();
    if (receiveBytes !== null) {
      const data = { bytes: receiveBytes };
      this.#events.push({ ev: 'log', join: null, attempt: null, what: 'receive-buffer-small', data });
    }
    if (parts.names?.resolved.looked === true) this.command({ do: 'names', ...parts.names.resolved });
  }

  #drive(machine: AgentParts['machine']): Driver<PeerCommand> {
    return drive(machine, {
      ...this.#waysOut(),
      onEvent: (event) => this.#told(cleanEvent(event)),
      onData: (path, bytes, lane) => this.#data(path, bytes, lane),
      onFault: (error) => this.#fault(error),
      onRelease: (socket, released) => this.#released.set(socket, released),
    });
  }

  #waysOut(): ReturnType<OwnNetwork['waysOut']> {
    const { tls = null, port } = this.parts.masterLink;
    return this.#network.waysOut(tls, () => ({ address: this.#names.addresses[0] ?? '', port }));
  }

  command(command: PeerCommand): void {
    this.#driver.command(command);
  }

  get gateway(): string | null {
    return this.#network.gateway;
  }

  /** Does a VPN here have the way to one of these addresses, and not that to all else? */
  isAside(addresses: readonly string[]): boolean {
    return this.#network.isAside(addresses);
  }

  ready(): Promise<NatProfile> {
    // The machine is ready after 2 s even without a master; whoever waits here wants both.
    const profileNow = (): NatProfile | null => (this.#ready && this.link?.state === 'up' ? this.profile : null);
    const profile = profileNow();
    if (profile !== null) return Promise.resolve(profile);
    return this.#wait<NatProfile>(AGENT_LIMITS.agentReadyMs, (event, settle) => {
      const known = profileNow();
      if (known !== null) settle.resolve(known);
      else if (event.ev === 'link' && event.failure !== null) settle.reject(new SallyportError(event.failure));
    });
  }

  code(): Promise<string | null> {
    return this.parts.deriveCode(this.parts.ownKey());
  }

  async host(options: HostOptions): Promise<Hosting> {
    const askGame = await askerFor(options);
    for (let drawn = 0; ; drawn += 1) {
      try {
        return await this.#host(options, askGame);
      } catch (error) {
        const taken = error instanceof SallyportError && error.code === 'CODE_TAKEN';
        if (!taken || drawn === AGENT_LIMITS.identitiesDrawnMax || !(await this.#drawIdentity())) throw error;
      }
    }
  }

  /** Becomes somebody else, whom nobody knows yet. False where somebody may know the present key. */
  async #drawIdentity(): Promise<boolean> {
    if (this.#closing !== null || this.#joins.size > 0 || this.#paths.size > 0) return false;
    const machine = this.parts.newIdentity();
    if (machine === null) return false;
    this.#driver.dispose();
    this.#events.clear();
    this.#ready = false;
    this.profile = null;
    this.link = null;
    this.#driver = this.#drive(machine);
    this.#network.tell();
    this.command({ do: 'start' });
    await this.ready();
    return true;
  }

  async #host(options: HostOptions, askGame: AskGame | null): Promise<Hosting> {
    this.#assertOpen();
    if (this.#hosting !== null) throw usage('This agent hosts already.');
    const hosting = new AgentHosting(this, options, () => {
      this.#hosting = null;
    });
    this.#hosting = hosting;
    try {
      await this.#wait<void>(
        AGENT_LIMITS.agentReadyMs,
        (event, settle) => {
          if (event.ev === 'hosting') settle.resolve();
          else if (event.ev === 'hosting-failed') settle.reject(new SallyportError(event.failure));
          else if (event.ev === 'link' && event.failure !== null) settle.reject(new SallyportError(event.failure));
        },
        () => hosting.start(askGame),
      );
      return hosting;
    } catch (error) {
      await hosting.close();
      throw error;
    }
  }

  async join(target: string, options: JoinOptions = {}): Promise<Path> {
    this.#assertOpen();
    const id = this.#id();
    const joining = new Joining(this, id, target, options, () => this.#joins.delete(id));
    this.#joins.set(id, joining);
    return joining.start();
  }

  list(): Promise<readonly ListEntry[]> {
    const id = this.#id();
    return this.#wait<readonly ListEntry[]>(
      AGENT_LIMITS.agentReadyMs,
      (event, settle) => {
        if (event.ev === 'list' && event.id === id) {
          if (event.failure === null) settle.resolve(event.entries);
          else settle.reject(new SallyportError(event.failure));
        } else if (event.ev === 'link' && event.failure !== null) settle.reject(new SallyportError(event.failure));
      },
      () => this.command({ do: 'list', id }),
    );
  }

  knownHosts(): readonly { readonly code: string; readonly hostKey: Uint8Array }[] {
    return this.parts.pins?.all(this.parts.master.key) ?? [];
  }

  check(): Promise<NatProfile> {
    return this.#wait<NatProfile>(
      AGENT_LIMITS.agentCheckMs,
      (event, settle) => {
        if (event.ev === 'profile' && event.final) settle.resolve(event.profile);
      },
      () => this.command({ do: 'check' }),
    );
  }

  ways(): Promise<readonly WayReport[]> {
    this.#assertOpen();
    const { addresses } = this.#names;
    return addresses.length === 0 ? Promise.resolve([]) : survey({ ...this.parts.master, addresses }, this.#waysOut());
  }

  mapPort(): void {
    this.command({ do: 'map-port' });
  }

  counters(): DriveCounters {
    return this.#driver.counters();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** What handles of this agent need of it. */
  get pathPort(): PathPort {
    return {
      send: (path, bytes, channel) => this.command({ do: 'send', path, bytes, channel }),
      leave: (path) => this.command({ do: 'leave', path }),
      stream: (path, command) => this.command({ do: 'stream', path, command }),
      sayGame: (path, service, state) => this.command({ do: 'game', path, service, state }),
      count: (path) => this.command({ do: 'stats', path }),
      release: (path, ways) => this.#release(path, ways),
    };
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new SallyportError('ABORTED', { detail: 'The agent is closed.' });
  }

  #id(): number {
    return this.#nextId++;
  }

  /** Figures are told to whoever is asking for them just now. */
  #told(event: PeerEvent): void {
    if (event.ev === 'stats') this.#paths.get(event.path)?.counted(event);
    else this.#events.push(event);
  }

  /** The shortest way for the data of a game; behind events that wait, such as that of its path, it waits as well. */
  #data(path: ConnectionId, bytes: Uint8Array, lane: number): void {
    if (this.#events.busy) this.#events.push({ ev: 'message', path, bytes, channel: lane });
    else this.#paths.get(path)?.received(lane, bytes);
  }

  #dispatch(told: PeerEvent): void {
    const event = this.#explained(told);
    if (event.ev === 'message') {
      this.#paths.get(event.path)?.received(event.channel, event.bytes);
      return;
    }
    if ('stream' in event) {
      this.#paths.get(event.path)?.streamed(event);
      return;
    }
    if (event.ev === 'derive') this.#derive(event.key);
    if (event.ev === 'hosting') this.parts.onHosting(event.code);
    if (event.ev === 'link') this.link = event;
    this.#names.heard(event);
    if (event.ev === 'profile' || event.ev === 'ready') this.profile = event.profile;
    if (event.ev === 'ready') this.#ready = true;
    if (event.ev === 'upnp') this.#upnp.wish(event);
    if (event.ev === 'rtt') this.#paths.get(event.path)?.measured(event.rttMs);
    if (event.ev === 'game') this.#paths.get(event.path)?.gameSaid(event);
    if (event.ev === 'upload') this.#paths.get(event.path)?.uploadIs(event.full);
    if (event.ev === 'path-lost') this.#pathLost(event);
    if ('join' in event && event.join !== null) this.#joins.get(event.join)?.onEvent(event);
    else if (event.ev === 'link') for (const joining of [...this.#joins.values()]) joining.onLink(event);
    else this.#hosting?.onEvent(event);
    // A handle tells what its screen knows by now.
    if (event.ev === 'path') this.#connectionUp(event);
    if (event.ev === 'path-changed') this.#paths.get(event.path)?.changed(event);
    for (const waiter of [...this.#waiters]) waiter.onEvent(event);
    this.emit('event', event);
  }

  #derive(key: Uint8Array): void {
    const { deriveCode, pins, master } = this.parts;
    // A pin was written after this very check.
    const pinned = pins?.codeOf(master.key, key) ?? null;
    const code = pinned === null ? deriveCode(key) : Promise.resolve(pinned);
    code.then(
      (derived) => this.command({ do: 'derived', key, code: derived }),
      (error: Error) => this.#fault(error),
    );
  }

  /** A master that does not answer means little where nobody answers: then it is this network (no STUN server answered either). */
  #explained(event: PeerEvent): PeerEvent {
    if (event.ev !== 'link' || event.failure !== 'MASTER_UNREACHABLE' || this.profile?.type !== 'blocked') return event;
    return { ...event, failure: 'UDP_BLOCKED' };
  }

  #connectionUp(event: Extract<PeerEvent, { ev: 'path' }>): void {
    const joining = event.join === null ? null : (this.#joins.get(event.join) ?? null);
    const known = joining?.path ?? null;
    const path = known ?? new AgentPath(this.pathPort, event);
    this.#paths.set(event.path, path);
    if (known !== null) known.restored(event);
    else if (joining !== null) joining.connected(path);
    else this.#hosting?.connected(path);
  }

  #pathLost(event: Extract<PeerEvent, { ev: 'path-lost' }>): void {
    const path = this.#paths.get(event.path);
    this.#paths.delete(event.path);
    path?.wasLost(event);
  }

  #release(id: ConnectionId, ways: readonly PathView[]): Released | null {
    this.command({ do: 'release', path: id });
    for (const { socket: socketId, remote } of ways) {
      const socket = this.#released.get(socketId);
      if (socket === undefined) continue;
      this.#released.delete(socketId);
      this.#paths.delete(id);
      return { socket, remote: this.#network.nat64.outside(remote) };
    }
    return null;
  }

  #wait<Value>(
    limitMs: number,
    look: (event: PeerEvent, settle: { resolve(value: Value): void; reject(error: SallyportError): void }) => void,
    begin: () => void = () => {},
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#disposed) {
        reject(new SallyportError('ABORTED', { detail: 'The agent is closed.' }));
        return;
      }
      const over = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const fail = (error: SallyportError): void => {
        over();
        reject(error);
      };
      const waiter: Waiter = {
        onEvent: (event) =>
          look(event, {
            resolve: (value) => {
              over();
              resolve(value);
            },
            reject: fail,
          }),
        fail,
      };
      const timer = setTimeout(() => fail(new SallyportError(this.link?.failure ?? 'MASTER_UNREACHABLE')), limitMs);
      this.#waiters.add(waiter);
      begin();
    });
  }

  async #close(): Promise<void> {
    this.#names.end();
    this.#network.stop();
    for (const joining of [...this.#joins.values()]) joining.fail(new SallyportError('ABORTED'));
    for (const waiter of [...this.#waiters]) waiter.fail(new SallyportError('ABORTED'));
    const unmapped = this.#upnp.close();
    await this.#wait<void>(
      AGENT_LIMITS.agentCloseMs,
      (event, settle) => event.ev === 'closed' && settle.resolve(),
      () => this.command({ do: 'close' }),
    ).catch(() => {});
    this.#dispose('closed');
    // A router that does not answer forgets the mapping when its lease is over.
    await atMost(AGENT_LIMITS.upnpCloseMs, unmapped);
    await handlesGone();
  }

  /** The machine has broken an assertion of its own: everything that waits is told, nothing is left open. */
  #fault(error: Error): void {
    const failure = new SallyportError('INTERNAL', { detail: error.message, cause: error });
    for (const joining of [...this.#joins.values()]) joining.fail(failure);
    for (const waiter of [...this.#waiters]) waiter.fail(failure);
    this.#names.end();
    this.#network.stop();
    this.#upnp.unmap();
    this.#dispose('closed');
    this.#hosting?.failed(failure);
    this.#closing ??= Promise.resolve();
  }

  #dispose(reason: 'closed'): void {
    this.#disposed = true;
    this.#driver.dispose();
    this.#hosting?.dispose();
    for (const path of this.#paths.values()) path.over(reason);
    this.#paths.clear();
    this.#joins.clear();
    this.parts.onClosed();
  }
}

async function askerFor(options: HostOptions): Promise<AskGame | null> {
  if (options.askGame === undefined) return null;
  const services = servicesOf(options);
  const game = services.find((service) => speaks(service, 'udp')) ?? services[0];
  if (game === undefined) throw usage('askGame needs a game on a port of this computer: forward or socket.');
  return gameAsker(options.askGame, game);
}

/** Waits for the promise, but no longer than this. */
async function atMost(ms: number, promise: Promise<void>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([promise, sleep(ms, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}
