/**
 * The process behind the local page: one agent, one hosting, any number of joins, and the state document that the pages
 * show. Pages come and go; everything here lives on until `quit` or Ctrl+C.
 */

import {
  type Agent,
  announceOnLan,
  type FriendNews,
  type Hosting,
  type HostingView,
  type JoinView,
  type KnownHost,
  type LanHandle,
  type LanServer,
  type LocalAnswer,
  type LocalCommand,
  type LocalPort,
  type LocalPortNotice,
  type LocalState,
  listenOnLan,
  openAgent,
  openLocalPort,
  type Path,
  type PathEvents,
  type ProbeView,
  SallyportError,
} from '../../agent/index.ts';
import {
  endpointKey,
  FAILURES,
  type FailureCode,
  type ListEntry,
  type PeerEvent,
  type ProbeResult,
  parseJoinTarget,
  payloadBytesMax,
} from '../../core/index.ts';
import { copyToClipboard } from '../../node/index.ts';
import { CLI_LIMITS } from '../limits.ts';
import { banView, withFriend } from './guests.ts';
import { isOver, losePath, newJoin, reduceJoin, stopJoin } from './join-log.ts';
import { keepNewest } from './keep.ts';
import type { UiEngine } from './server.ts';
import type { SettingsFile } from './settings.ts';

export interface EngineOptions {
  readonly settings: SettingsFile;
  readonly stateDir: string;
  readonly keyFile: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clipboard: boolean;
  /** The page asked the whole program to end. */
  readonly onQuit: () => void;
}

/** The list is asked for this often while a page looks, a long one more seldom: ten entries come in one datagram. */
const LIST_INTERVAL_MS = 5000;
const LIST_INTERVAL_MS_PER_ENTRY = 50;
const ANY_IPV4 = { address: '0.0.0.0', port: 0 } as const;

interface RunningJoin {
  readonly abort: AbortController;
  port: LocalPort | null;
  path: Path | null;
}

export class Engine implements UiEngine {
  readonly #options: EngineOptions;
  readonly #listeners = new Set<() => void>();
  readonly #running = new Map<number, RunningJoin>();
  #agent: Agent | null = null;
  #hosting: Hosting | null = null;
  #hostingView: HostingView | null = null;
  #joins: readonly JoinView[] = [];
  #profileAt: number | null = null;
  #checking = false;
  #openFailure: FailureCode | null = null;
  #servers: {
    readonly entries: readonly ListEntry[];
    readonly at: number | null;
    readonly failure: FailureCode | null;
  } = { entries: [], at: null, failure: null };
  #probes: readonly ProbeView[] = [];
  #nextJoin = 1;
  #n = 0;
  #listTimer: NodeJS.Timeout | null = null;
  #lan: readonly LanServer[] = [];
  #lanEar: LanHandle | null = null;
  #lanVoice: LanHandle | null = null;
  /** What the hosting under way is called. */
  #announced = { public: false, name: '', game: '' };

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#connect();
    this.#lanEar = listenOnLan(
      () => this.#knownHosts(),
      (servers) => {
        this.#lan = servers;
        this.#changed();
      },
    );
    this.#listTimer = setInterval(() => {
      const { entries, at } = this.#servers;
      const due = (at ?? 0) + LIST_INTERVAL_MS_PER_ENTRY * entries.length;
      if (this.#listeners.size > 0 && Date.now() >= due) void this.#fetchList();
    }, LIST_INTERVAL_MS);
  }

  async close(): Promise<void> {
    if (this.#listTimer !== null) clearInterval(this.#listTimer);
    this.#lanEar?.close();
    for (const id of [...this.#running.keys()]) this.#stop(id);
    await this.#closeHosting();
    await this.#agent?.close();
    this.#agent = null;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    void this.#fetchList();
    return () => this.#listeners.delete(listener);
  }

  state(): LocalState {
    const { settings, version } = this.#options;
    const link = this.#agent?.link ?? null;
    return {
      v: 1,
      n: this.#n,
      version,
      master: {
        link: settings.values.master,
        state: settings.values.master === '' ? 'none' : (link?.state ?? 'connecting'),
        failure: link?.failure ?? this.#openFailure,
        rttMs: link?.rttMs ?? null,
      },
      servers: this.#servers.entries,
      serversAt: this.#servers.at,
      serversFailure: this.#servers.failure,
      profile: this.#agent?.profile ?? null,
      profileAt: this.#profileAt,
      checking: this.#checking,
      payloadBytesMax: payloadBytesMax(ANY_IPV4),
      probes: this.#probes,
      hosting: this.#hostingView,
      joins: this.#joins,
      lan: this.#lan,
      settings: settings.values,
    };
  }

  async command(command: LocalCommand): Promise<LocalAnswer> {
    try {
      const done = await this.#act(command);
      this.#changed();
      if (typeof done === 'string') return { ok: false, failure: null, field: null, text: done };
      return { ok: true, n: this.#n, ...done };
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      this.#changed();
      const { what, why, next } = FAILURES[error.code];
      return { ok: false, failure: error.code, field: null, text: [what, why, next].join(' ') };
    }
  }

  /** What the answer tells besides that it is done; a text where it is not. */
  async #act(command: LocalCommand): Promise<string | { readonly join?: number }> {
    switch (command.do) {
      case 'host':
        await this.#host(command);
        return {};
      case 'unhost':
        await this.#closeHosting();
        return {};
      case 'admit':
        this.#hosting?.admit(command.friend, command.admit);
        return {};
      case 'kick':
        this.#hosting?.kick(command.friend);
        return {};
      case 'ban':
        this.#hosting?.ban(command.friend, { network: command.network });
        return {};
      case 'unban':
        this.#hosting?.unban(command.ban);
        return {};
      case 'join':
        return this.#join(command);
      case 'abort':
        this.#stop(command.join);
        return {};
      case 'forget':
        this.#stop(command.join);
        this.#joins = this.#joins.filter((join) => join.id !== command.join);
        return {};
      case 'check':
        await this.#check();
        return {};
      case 'map-port':
        this.#ready().mapPort();
        return {};
      case 'list':
        await this.#fetchList();
        return {};
      case 'settings':
        return this.#change(command.settings);
      case 'quit':
        this.#options.onQuit();
        return {};
    }
  }

  async #change(
    change: Extract<LocalCommand, { do: 'settings' }>['settings'],
  ): Promise<string | Record<string, never>> {
    const { settings } = this.#options;
    const before = settings.values;
    const problem = settings.change(change);
    if (problem !== null) return problem;
    const { master, stun } = settings.values;
    if (settings.values.announceOnLan !== before.announceOnLan) this.#speakOnLan();
    if (master !== before.master || stun.join() !== before.stun.join()) await this.#connect();
    return {};
  }

  /** Another masterserver means another agent; joins and hosting of the old one end. */
  async #connect(): Promise<void> {
    for (const id of [...this.#running.keys()]) this.#stop(id);
    await this.#closeHosting();
    await this.#agent?.close();
    this.#agent = null;
    this.#openFailure = null;
    const { settings, stateDir, keyFile } = this.#options;
    if (settings.values.master === '') return;
    try {
      this.#agent = await openAgent({ master: settings.values.master, stun: settings.values.stun, stateDir, keyFile });
    } catch (error) {
      this.#openFailure = error instanceof SallyportError ? error.code : 'INTERNAL';
      return;
    }
    this.#agent.on('event', (event) => this.#onEvent(event));
  }

  #onEvent(event: Exclude<PeerEvent, { ev: 'message' }>): void {
    if (event.ev === 'profile' || event.ev === 'ready') this.#profileAt = Date.now();
    if (event.ev === 'profile') this.#probes = event.probes.map(probeView);
    if (event.ev === 'link' && event.state === 'up') void this.#fetchList();
    if (event.ev !== 'log') this.#changed();
  }

  #ready(): Agent {
    if (this.#agent === null) throw new SallyportError(this.#openFailure ?? 'MASTER_UNREACHABLE');
    return this.#agent;
  }

  async #check(): Promise<void> {
    this.#checking = true;
    this.#changed();
    try {
      await this.#ready().check();
    } finally {
      this.#checking = false;
    }
  }

  async #fetchList(): Promise<void> {
    if (this.#agent === null) return;
    try {
      this.#servers = { entries: await this.#agent.list(), at: Date.now(), failure: null };
    } catch (error) {
      this.#servers = { ...this.#servers, failure: error instanceof SallyportError ? error.code : 'INTERNAL' };
    }
    this.#changed();
  }

  async #host(command: Extract<LocalCommand, { do: 'host' }>): Promise<void> {
    const { name, port } = command;
    // Pressed twice, or in two tabs: there is one hosting.
    if (this.#hostingView !== null && this.#hostingView.state !== 'failed') return;
    await this.#closeHosting();
    this.#hostingView = {
      state: 'starting',
      failure: null,
      detail: '',
      name,
      port,
      code: '',
      link: '',
      gameListens: null,
      copied: false,
      friends: [],
      bans: [],
      wrongPasswords: 0,
    };
    this.#changed();
    try {
      const hosting = await this.#ready().host({
        name,
        game: command.game,
        playersMax: command.playersMax,
        public: command.public,
        ask: command.ask,
        ...(command.password === '' ? {} : { password: command.password }),
        forward: { port },
      });
      if (this.#hostingView === null) {
        // Stopped in another tab meanwhile.
        await hosting.close();
        return;
      }
      this.#hosting = hosting;
      this.#announced = { public: command.public, name, game: command.game };
      this.#speakOnLan();
      this.#viewHosting({ state: 'open', code: hosting.code, link: hosting.link, bans: hosting.bans.map(banView) });
      hosting.on('code', (code) => this.#viewHosting({ code, link: hosting.link }));
      hosting.on('friend', (news) => this.#friend(news));
      hosting.on('bans', (bans) => this.#viewHosting({ bans: bans.map(banView) }));
      hosting.on('wrongPasswords', (wrongPasswords) => this.#viewHosting({ wrongPasswords }));
      hosting.on('notice', (notice) => {
        if (notice.kind === 'game-silent' || notice.kind === 'game-answers')
          this.#viewHosting({ gameListens: notice.kind === 'game-answers' });
      });
      hosting.on('failed', (error) =>
        this.#viewHosting({ state: 'failed', failure: error.code, detail: FAILURES[error.code].what }),
      );
      if (this.#options.clipboard) {
        const copied = await copyToClipboard(hosting.link, this.#options.env);
        this.#viewHosting({ copied });
      }
    } catch (error) {
      const code = error instanceof SallyportError ? error.code : 'INTERNAL';
      this.#viewHosting({ state: 'failed', failure: code, detail: `${FAILURES[code].what} ${FAILURES[code].next}` });
      throw error;
    }
  }

  async #closeHosting(): Promise<void> {
    this.#lanVoice?.close();
    this.#lanVoice = null;
    await this.#hosting?.close();
    this.#hosting = null;
    this.#hostingView = null;
  }

  /** Says on the local network that the hosting is there, or says nothing, as the settings have it. */
  #speakOnLan(): void {
    this.#lanVoice?.close();
    const { master, announceOnLan: wished } = this.#options.settings.values;
    const hosting = this.#hosting;
    this.#lanVoice =
      hosting === null || !wished
        ? null
        : announceOnLan(master, () => ({ ...this.#announced, code: hosting.code, hostKey: hosting.hostKey }));
  }

  /** Those joined before, and those whose link has been given, by the names under which they are remembered. */
  #knownHosts(): readonly KnownHost[] {
    const { favourites, recent } = this.#options.settings.values;
    const nameOf = (code: string): string => [...favourites, ...recent].find((kept) => kept.code === code)?.name ?? '';
    const linked = this.#joins.flatMap(({ target }) => {
      const { code = '', hostKey = null } = parseJoinTarget(target) ?? {};
      return hostKey === null ? [] : [{ code, hostKey }];
    });
    return [...linked, ...(this.#agent?.knownHosts() ?? [])].map((host) => ({ ...host, name: nameOf(host.code) }));
  }

  #viewHosting(change: Partial<HostingView>): void {
    if (this.#hostingView !== null) this.#hostingView = { ...this.#hostingView, ...change };
    this.#changed();
  }

  #friend(news: FriendNews): void {
    this.#viewHosting({ friends: withFriend(this.#hostingView?.friends ?? [], news) });
  }

  async #join(command: Extract<LocalCommand, { do: 'join' }>): Promise<{ readonly join: number }> {
    const agent = this.#ready();
    if (parseJoinTarget(command.target) === null) throw new SallyportError('CODE_UNKNOWN');
    const id = this.#nextJoin++;
    const running: RunningJoin = { abort: new AbortController(), port: null, path: null };
    this.#running.set(id, running);
    this.#joins = [...this.#joins, newJoin(id, command.target, Date.now(), command.newKey)];
    void this.#runJoin(agent, id, running, command);
    return { join: id };
  }

  async #runJoin(
    agent: Agent,
    id: number,
    running: RunningJoin,
    command: Extract<LocalCommand, { do: 'join' }>,
  ): Promise<void> {
    const { settings, clipboard, env } = this.#options;
    const onNotice = (notice: LocalPortNotice): void => {
      if (notice.kind === 'seats-full') this.#updateJoin(id, (join) => ({ ...join, seatsFull: true }));
    };
    try {
      running.port = await openLocalPort({ port: command.localPort, onNotice });
      if (running.port.moved) this.#updateJoin(id, (join) => ({ ...join, portTaken: command.localPort }));
      const path = await agent.join(command.target, {
        signal: running.abort.signal,
        name: settings.values.playerName,
        ...(command.password === '' ? {} : { password: command.password }),
        acceptNewKey: command.newKey ?? false,
        onEvent: (event) => {
          if (event.ev === 'found')
            settings.remember(parseJoinTarget(command.target)?.code ?? event.entry.code, event.entry.name, Date.now());
          this.#updateJoin(id, (join) => reduceJoin(join, event, Date.now()));
        },
      });
      running.path = path;
      running.port.use(path);
      const local = endpointKey(running.port.local);
      this.#updateJoin(id, (join) => (join.path === null ? join : { ...join, path: { ...join.path, local } }));
      if (clipboard) void copyToClipboard(local, env);
      path.on('lost', () => this.#updateJoin(id, losePath));
      path.on('close', (reason, error) => this.#pathOver(id, reason, error));
    } catch (error) {
      const failure = error instanceof SallyportError ? error.code : 'INTERNAL';
      this.#updateJoin(id, (join) =>
        reduceJoin(join, { ev: 'join-failed', join: id, failure, detail: '' }, Date.now()),
      );
      running.port?.close();
      this.#running.delete(id);
    }
  }

  #pathOver(id: number, reason: PathEvents['close'][0], error: SallyportError | null): void {
    if (error !== null) {
      const failed = { ev: 'join-failed', join: id, failure: error.code, detail: '' } as const;
      this.#updateJoin(id, (join) => reduceJoin(join, failed, Date.now()));
    } else if (reason === 'left' || reason === 'kicked') {
      this.#updateJoin(id, (join) => ({ ...join, ended: reason }));
    }
    this.#stop(id);
  }

  #updateJoin(id: number, change: (join: JoinView) => JoinView): void {
    const joins = this.#joins.map((join) => (join.id === id ? change(join) : join));
    this.#joins = keepNewest(joins, isOver, CLI_LIMITS.uiJoinsOverMax);
    this.#changed();
  }

  /** Abort, leave or the end of the path: the view is frozen and kept, the path and the port are closed. */
  #stop(id: number): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    this.#running.delete(id);
    this.#updateJoin(id, (join) => stopJoin(join, Date.now()));
    running.abort.abort();
    running.path?.close();
    running.port?.close();
  }

  #changed(): void {
    this.#n += 1;
    for (const listener of this.#listeners) listener();
  }
}

function probeView({ destination, seenAs }: ProbeResult): ProbeView {
  return { destination: endpointKey(destination), seenAs: seenAs === null ? null : endpointKey(seenAs) };
}
