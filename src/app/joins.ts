/**
 * The joins of a program: each with its local port, its path and what is shown of it. What is over is kept to be looked at. A command that
 * joins by itself (`sallyport join`) has its join shown and ended here as well (`show`).
 */
import {
  type Agent,
  isOver,
  type JoinEvent,
  type LocalService,
  type LocalServices,
  type LocalServicesNotice,
  losePath,
  NEW_JOIN,
  openLocalServices,
  type Path,
  type PathEvents,
  reduceJoin,
  SallyportError,
} from '../agent/index.ts';
import { endpointKey, type FailureCode, joinTextIn, type ListEntry, parseJoinTarget } from '../core/index.ts';
import { copyToClipboard, type LocalPlaces } from '../node/index.ts';
import { figuresOf } from './guests.ts';
import { keepNewest } from './keep.ts';
import { APP_LIMITS } from './limits.ts';
import type { ConnectionWays, JoinFigures, LocalCommand, LocalDone, LocalJoin } from './local-api.ts';
import type { SettingsFile } from './settings.ts';

type LocalJoinCommand = Extract<LocalCommand, { readonly do: 'join' }>;

export interface JoinsOptions {
  readonly settings: SettingsFile | null;
  readonly env: NodeJS.ProcessEnv;
  readonly clipboard: boolean;
  readonly places: LocalPlaces | null;
}

/** What of a join becomes known while it goes on. */
export interface ShownJoin {
  event(event: JoinEvent): void;
  connected(path: Path): void;
  local(services: readonly LocalService[]): void;
  /** The command has ended it. */
  over(): void;
}

interface RunningJoin {
  readonly abort: AbortController;
  /** Null for a command's own join. */
  readonly agent: Agent | null;
  /** Of a command's own join: ends it. */
  readonly onStop: (() => void) | null;
  local: LocalServices | null;
  path: Path | null;
}

export class JoinList {
  readonly #options: JoinsOptions;
  readonly #onChange: () => void;
  readonly #running = new Map<number, RunningJoin>();
  #views: readonly LocalJoin[] = [];
  #next = 1;
  /** Requests that wait for what becomes of a join. */
  readonly #waiters = new Set<() => void>();

  constructor(options: JoinsOptions, onChange: () => void) {
    this.#options = options;
    this.#onChange = onChange;
  }

  get views(): readonly LocalJoin[] {
    return this.#views;
  }

  /** Agents over which something goes on. */
  get agents(): ReadonlySet<Agent> {
    return new Set([...this.#running.values()].flatMap(({ agent }) => (agent === null ? [] : [agent])));
  }

  /** The number of the new join. Throws CODE_MALFORMED for what can be no code. */
  start(agent: Agent, command: LocalJoinCommand): number {
    const target = joinTextIn(command.target);
    if (target === null) throw new SallyportError('CODE_MALFORMED');
    const id = this.#next++;
    const running: RunningJoin = { agent, abort: new AbortController(), onStop: null, local: null, path: null };
    this.#running.set(id, running);
    this.#views = [...this.#views, newJoin(id, { ...command, target })];
    void this.#run(agent, id, running, { ...command, target });
    return id;
  }

  /** The same as an answer: a join that is waited for and fails is a command that fails. */
  async join(agent: Agent, command: LocalJoinCommand): Promise<LocalDone> {
    const id = this.start(agent, command);
    const { waitMs = 0 } = command;
    if (waitMs === 0) return { join: id };
    const join = await this.#settled(id, waitMs);
    if (join === null) throw new SallyportError('ABORTED');
    if (join.failure !== null) throw new SallyportError(join.failure);
    return { join: id, phase: join.phase, local: join.local, kind: join.path?.kind ?? null };
  }

  /** When the game can connect, or nothing more comes of it, or the time is over: how the join is then; null where it is forgotten. */
  #settled(id: number, waitMs: number): Promise<LocalJoin | null> {
    const found = (): LocalJoin | null => this.#views.find((join) => join.id === id) ?? null;
    return new Promise((resolve) => {
      const look = (late: boolean): void => {
        const join = found();
        if (!late && join !== null && join.local === '' && !isOver(join)) return;
        this.#waiters.delete(waiter);
        clearTimeout(timer);
        resolve(join);
      };
      const timer = setTimeout(() => look(true), waitMs);
      const waiter = (): void => look(false);
      this.#waiters.add(waiter);
      waiter();
    });
  }

  /** All joins in short. */
  figures(): readonly JoinFigures[] {
    return this.#views.map(({ id, phase, local, hostName, failure, ended }) => {
      const path = this.#running.get(id)?.path ?? null;
      const figures = path?.state === 'up' ? figuresOf(path) : null;
      return { join: id, phase, local, hostName, failure, ended, figures };
    });
  }

  ways(): readonly ConnectionWays[] {
    return [...this.#running].flatMap(([join, { path }]) =>
      path === null ? [] : [{ join, friend: path.friend, ways: path.paths }],
    );
  }

  /** Shows a join that a command makes and ends; `onStop`: somebody wishes here that it ends. */
  show(target: string, onStop: () => void): ShownJoin {
    const id = this.#next++;
    const running: RunningJoin = { agent: null, abort: new AbortController(), onStop, local: null, path: null };
    this.#running.set(id, running);
    this.#views = [...this.#views, newJoin(id, { target })];
    return this.#shown(id, running);
  }

  #shown(id: number, running: RunningJoin): ShownJoin {
    return {
      event: (event) => this.#tell(id, event),
      local: (services) => this.#update(id, (join) => ({ ...join, ...localView(services) })),
      over: () => this.#end(id),
      connected: (path) => {
        running.path = path;
        path.on('lost', (reason) => this.#update(id, (join) => losePath(join, reason)));
        path.on('close', (reason, error) => this.#connectionOver(id, reason, error));
      },
    };
  }

  /** Round trips as they are now. */
  refresh(): void {
    for (const [id, { path }] of this.#running) {
      const before = this.#views.find((join) => join.id === id)?.path;
      if (path?.state !== 'up' || before == null || Math.abs(path.rttMs - before.rttMs) < 0.1) continue;
      this.#update(id, (join) => (join.path === null ? join : { ...join, path: { ...join.path, rttMs: path.rttMs } }));
    }
  }

  async #run(agent: Agent, id: number, running: RunningJoin, command: LocalJoinCommand): Promise<void> {
    const { settings, clipboard, env, places } = this.#options;
    const shown = this.#shown(id, running);
    const { playerName = '', relay = 'allow' } = settings?.values ?? {};
    const onNotice = (notice: LocalServicesNotice): void => {
      if (notice.kind === 'seats-full') this.#update(id, (join) => ({ ...join, seatsFull: true }));
      if (notice.kind === 'services') this.#update(id, (join) => ({ ...join, ...localView(notice.services) }));
    };
    try {
      const path = await agent.join(command.target, {
        signal: running.abort.signal,
        name: command.name ?? playerName,
        relay,
        ...(command.password === '' ? {} : { password: command.password }),
        acceptNewKey: command.newKey ?? false,
        wait: true,
        onEvent: (event) => {
          if (event.ev === 'found') this.#remember(command.target, event.entry);
          shown.event(event);
        },
      });
      shown.connected(path);
      const wished = command.localPort === 0 ? {} : { port: command.localPort };
      const given = places === null ? {} : { places };
      const local = await openLocalServices(path, { ...wished, ...given, onNotice });
      if (!this.#running.has(id)) {
        // Stopped, or over, meanwhile.
        local.close();
        return;
      }
      running.local = local;
      shown.local(local.services);
      const portTaken = local.place === 'moved' ? command.localPort || (local.services[0]?.port ?? null) : null;
      this.#update(id, (join) => ({ ...join, portTaken }));
      const [first] = local.services;
      if (clipboard && first !== undefined) void copyToClipboard(endpointKey(first.local), env);
    } catch (error) {
      const failure = error instanceof SallyportError ? error.code : 'INTERNAL';
      this.#fail(id, failure);
      running.path?.close();
      running.local?.close();
      this.#running.delete(id);
    }
  }

  #remember(target: string, entry: Pick<ListEntry, 'code' | 'name'>): void {
    const link = parseJoinTarget(target);
    this.#options.settings?.remember({
      ...{ code: link?.code ?? entry.code, name: entry.name, at: Date.now() },
      ...(link === null || link.master === null ? {} : { link: target }),
    });
  }

  #connectionOver(id: number, reason: PathEvents['close'][0], error: SallyportError | null): void {
    if (error !== null) {
      this.#fail(id, error.code);
    } else if (reason === 'left' || reason === 'kicked') {
      this.#update(id, (join) => ({ ...join, ended: reason }));
    }
    this.#end(id);
  }

  #tell(id: number, event: JoinEvent): void {
    this.#update(id, (join) => reduceJoin(join, event, Date.now() - join.startedAt));
  }

  /** What has failed already keeps its own reason. */
  #fail(id: number, failure: FailureCode): void {
    this.#tell(id, { ev: 'join-failed', join: id, failure, detail: null });
  }

  #update(id: number, change: (join: LocalJoin) => LocalJoin): void {
    const joins = this.#views.map((join) => (join.id === id ? change(join) : join));
    this.#views = keepNewest(joins, isOver, APP_LIMITS.joinsOverMax);
    this.#onChange();
    for (const waiter of [...this.#waiters]) waiter();
  }

  /** Abort, leave or the end of the path: the view is frozen and kept, the path and the port are closed. */
  stop(id: number): void {
    const onStop = this.#running.get(id)?.onStop ?? null;
    if (onStop === null) this.#end(id);
    else onStop();
  }

  #end(id: number): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    this.#running.delete(id);
    this.#fail(id, 'ABORTED');
    running.abort.abort();
    running.path?.close();
    running.local?.close();
  }

  stopAll(): void {
    for (const id of [...this.#running.keys()]) this.stop(id);
  }

  forget(id: number): void {
    this.stop(id);
    this.#views = this.#views.filter((join) => join.id !== id);
    for (const waiter of [...this.#waiters]) waiter();
  }
}

function localView(services: readonly LocalService[]): Pick<LocalJoin, 'local' | 'services'> {
  const views = services.map(({ port, protocols, local }) => ({ port, protocols, local: endpointKey(local) }));
  return { local: views[0]?.local ?? '', services: views };
}

function newJoin(id: number, { target, newKey = false }: Pick<LocalJoinCommand, 'target' | 'newKey'>): LocalJoin {
  const notYet = { ended: null, portTaken: null, seatsFull: false, local: '', services: [] };
  return { ...NEW_JOIN, ...notYet, id, target, newKey, startedAt: Date.now() };
}
