/**
 * The process behind the local page: one agent, one hosting, any number of joins, and the state document that the pages
 * show. Pages come and go; everything here lives on until `quit` or Ctrl+C.
 */

import {
  type Agent,
  announceOnLan,
  type FriendNews,
  type Hosting,
  type KnownHost,
  type LanHandle,
  type LanServer,
  listenOnLan,
  openAgent,
  SallyportError,
} from '../agent/index.ts';
import {
  CONNECTION_LIMITS,
  endpointKey,
  type FailureCode,
  type ListEntry,
  type PeerEvent,
  type ProbeResult,
  parseJoinTarget,
  unmeasured,
} from '../core/index.ts';
import { copyToClipboard, localPlaces } from '../node/index.ts';
import { banView, withFriend } from './guests.ts';
import { JoinList } from './joins.ts';
import type { HostingView, LocalAnswer, LocalCommand, LocalProblem, LocalState, ProbeView } from './local-api.ts';
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

type Done = { readonly join?: number } | { readonly problem: LocalProblem };

export class Engine implements UiEngine {
  readonly #options: EngineOptions;
  readonly #listeners = new Set<() => void>();
  #agent: Agent | null = null;
  #hosting: Hosting | null = null;
  #hostingView: HostingView | null = null;
  readonly #joins: JoinList;
  #profileAt: number | null = null;
  #checking = false;
  #openFailure: FailureCode | null = null;
  #servers: {
    readonly entries: readonly ListEntry[];
    readonly at: number | null;
    readonly failure: FailureCode | null;
  } = { entries: [], at: null, failure: null };
  #probes: readonly ProbeView[] = [];
  #n = 0;
  #listTimer: NodeJS.Timeout | null = null;
  #lan: readonly LanServer[] = [];
  #lanEar: LanHandle | null = null;
  #lanVoice: LanHandle | null = null;
  /** What the hosting under way is called. */
  #announced = { public: false, name: '', game: '' };

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#joins = new JoinList({ ...options, places: localPlaces(options.stateDir) }, () => this.#changed());
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
    this.#joins.stopAll();
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
    const { link = null, profile = null } = this.#agent ?? {};
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
      profile,
      unmeasured: profile === null ? null : unmeasured(profile, link?.state === 'up' ? (link.way ?? null) : null),
      profileAt: this.#profileAt,
      checking: this.#checking,
      payloadBytesMax: CONNECTION_LIMITS.partedBytesMax,
      probes: this.#probes,
      hosting: this.#hostingView,
      joins: this.#joins.views,
      lan: this.#lan,
      settings: settings.values,
    };
  }

  async command(command: LocalCommand): Promise<LocalAnswer> {
    try {
      const done = await this.#act(command);
      this.#changed();
      if ('problem' in done) return { ok: false, failure: null, problem: done.problem, field: null };
      return { ok: true, n: this.#n, ...done };
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      this.#changed();
      return { ok: false, failure: error.code, problem: null, field: null };
    }
  }

  /** What the answer tells besides that it is done; the problem where it is not. */
  async #act(command: LocalCommand): Promise<Done> {
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
        return { join: this.#joins.start(this.#ready(), command) };
      case 'abort':
        this.#joins.stop(command.join);
        return {};
      case 'forget':
        this.#joins.forget(command.join);
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

  async #change(change: Extract<LocalCommand, { do: 'settings' }>['settings']): Promise<Done> {
    const { settings } = this.#options;
    const before = settings.values;
    const problem = settings.change(change);
    if (problem !== null) return { problem: problem.problem };
    const { master, stun } = settings.values;
    if (settings.values.announceOnLan !== before.announceOnLan) this.#speakOnLan();
    if (master !== before.master || stun.join() !== before.stun.join()) await this.#connect();
    return {};
  }

  /** Another masterserver means another agent; joins and hosting of the old one end. */
  async #connect(): Promise<void> {
    this.#joins.stopAll();
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
    const { name, services } = command;
    // Pressed twice, or in two tabs: there is one hosting.
    if (this.#hostingView !== null && this.#hostingView.state !== 'failed') return;
    await this.#closeHosting();
    this.#hostingView = {
      state: 'starting',
      failure: null,
      name,
      services,
      code: '',
      link: '',
      silentPorts: [],
      addressesShared: false,
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
        relay: this.#options.settings.values.relay,
        ...(command.password === '' ? {} : { password: command.password }),
        forward: services,
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
      hosting.on('way', (news) => this.#friend(news));
      hosting.on('bans', (bans) => this.#viewHosting({ bans: bans.map(banView) }));
      hosting.on('wrongPasswords', (wrongPasswords) => this.#viewHosting({ wrongPasswords }));
      hosting.on('notice', (notice) => {
        if (notice.kind === 'addresses-shared') this.#viewHosting({ addressesShared: true });
        if (notice.kind !== 'game-silent' && notice.kind !== 'game-answers') return;
        const port = hosting.services[notice.service]?.port ?? 0;
        const others = (this.#hostingView?.silentPorts ?? []).filter((other) => other !== port);
        this.#viewHosting({ silentPorts: notice.kind === 'game-silent' ? [...others, port] : others });
      });
      hosting.on('replaced', (error) =>
        this.#viewHosting({ state: error === null ? 'open' : 'replaced', failure: error?.code ?? null }),
      );
      hosting.on('failed', (error) => this.#viewHosting({ state: 'failed', failure: error.code }));
      if (this.#options.clipboard) {
        const copied = await copyToClipboard(hosting.link, this.#options.env);
        this.#viewHosting({ copied });
      }
    } catch (error) {
      const code = error instanceof SallyportError ? error.code : 'INTERNAL';
      this.#viewHosting({ state: 'failed', failure: code });
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

  /** Says on the local network that the hosting is there, or says nothing, as the settings have it; nothing where it hides its address. */
  #speakOnLan(): void {
    this.#lanVoice?.close();
    const { master, announceOnLan: wished } = this.#options.settings.values;
    const hosting = this.#hosting;
    this.#lanVoice =
      hosting === null || !wished || hosting.relay === 'only'
        ? null
        : announceOnLan(master, () => ({ ...this.#announced, code: hosting.code, hostKey: hosting.hostKey }));
  }

  /** Those joined before, and those whose link has been given, by the names under which they are remembered. */
  #knownHosts(): readonly KnownHost[] {
    const { favourites, recent } = this.#options.settings.values;
    const nameOf = (code: string): string => [...favourites, ...recent].find((kept) => kept.code === code)?.name ?? '';
    const linked = this.#joins.views.flatMap(({ target }) => {
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

  #changed(): void {
    this.#n += 1;
    for (const listener of this.#listeners) listener();
  }
}

function probeView({ destination, seenAs }: ProbeResult): ProbeView {
  return { destination: endpointKey(destination), seenAs: seenAs === null ? null : endpointKey(seenAs) };
}
