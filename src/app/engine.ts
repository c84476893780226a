/**
 * What runs in a process of ours, as others see and command it: one agent, one hosting, any number of joins, and the state document.
 * `sallyport ui` and `sidecar` have an engine that does all of it; `host` and `join` do their one thing themselves and show it here. Whoever looks comes
 * and goes; everything here lives on until `quit` or Ctrl+C.
 */

import {
  type Agent,
  announceOnLan,
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
  type PeerEvent,
  type ProbeResult,
  parseJoinTarget,
  parseServices,
  unmeasured,
} from '../core/index.ts';
import { copyToClipboard, localPlaces } from '../node/index.ts';
import { Elsewhere, isSameMaster } from './elsewhere.ts';
import type { EngineOptions } from './engine-options.ts';
import { HostingDesk } from './hosting.ts';
import { JoinList } from './joins.ts';
import { knownHosts } from './known-hosts.ts';
import { APP_LIMITS } from './limits.ts';
import type { LocalAnswer, LocalCommand, LocalDone, LocalProblem, LocalState, ProbeView } from './local-api.ts';
import { LIST_INTERVAL_MS, MasterList } from './master-list.ts';
import { OwnMaster } from './own-master.ts';
import { failure, problem } from './problems.ts';
import type { LocalEngine } from './server.ts';
import type { SettingsFile } from './settings.ts';

type Done = LocalDone | { readonly problem: Exclude<LocalProblem, 'OFFLINE'> };
/** What only the app and a sidecar do. */
const OF_THE_APP: ReadonlySet<LocalCommand['do']> = new Set(['host', 'join', 'settings', 'own-master', 'links']);

export class Engine implements LocalEngine {
  readonly #options: EngineOptions;
  readonly #settings: SettingsFile | null;
  readonly #listeners = new Set<() => void>();
  #agent: Agent | null = null;
  readonly desk: HostingDesk;
  readonly joins: JoinList;
  /** Nothing is hosted there, so they need no key of the host. */
  readonly #elsewhere = new Elsewhere((master) => this.#open(master, null));
  readonly #own: OwnMaster;
  #opensLinks: boolean | null = null;
  #profileAt: number | null = null;
  #checking = false;
  #openFailure: FailureCode | null = null;
  readonly #list = new MasterList(
    () => this.#agent,
    () => this.#changed(),
  );
  #probes: readonly ProbeResult[] = [];
  /** The same as the page has them: made once, so that news of other things does not repeat them. */
  #probeViews: readonly ProbeView[] = [];
  #n = 0;
  /** What is asked for before there is an agent waits for it. */
  #started: Promise<void> = Promise.resolve();
  #listTimer: NodeJS.Timeout | null = null;
  #figuresTimer: NodeJS.Timeout | null = null;
  #lan: readonly LanServer[] = [];
  #lanEar: LanHandle | null = null;
  #lanVoice: LanHandle | null = null;
  /** What the hosting under way is called. */
  #announced = { public: false, name: '', game: '' };

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#settings = 'settings' in options.does ? options.does.settings : null;
    this.desk = new HostingDesk(() => this.#changed());
    const stateDir = 'settings' in options.does ? options.does.stateDir : null;
    this.#own = new OwnMaster((stateDir && options.startMaster) || null, stateDir ?? '', () => this.#changed());
    const places = 'settings' in options.does ? localPlaces(options.does.stateDir) : null;
    this.joins = new JoinList({ ...options, settings: this.#settings, places }, () => this.#changed());
  }

  start(): Promise<void> {
    this.#started = this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    const { does } = this.#options;
    this.#figuresTimer = setInterval(() => this.#listeners.size > 0 && this.refresh(), APP_LIMITS.figuresMs);
    if ('agent' in does) {
      this.#agent = does.agent;
      does.agent.on('event', (event) => this.#onEvent(event));
      return;
    }
    // To ask the system takes a while, and nobody's way to the masterserver waits for it.
    void this.#options.links
      ?.registered()
      .catch(() => false)
      .then((opens) => {
        // Who has asked for it meanwhile knows better.
        this.#opensLinks ??= opens;
        this.#changed();
      });
    if (this.#settings?.values.ownMaster) await this.#ownMaster(true);
    else await this.#connect();
    // A game is told of the local network where it asks for it, by `list`.
    if (does.program !== 'app') return;
    this.#lanEar = listenOnLan(
      () => knownHosts(this.#settings?.values ?? null, this.joins.views, this.#agent),
      (servers) => {
        this.#lan = servers;
        this.#changed();
      },
    );
    this.#listTimer = setInterval(() => {
      if (this.#listeners.size > 0 && this.#list.isDue(Date.now())) void this.#list.fetch();
    }, LIST_INTERVAL_MS);
  }

  async close(): Promise<void> {
    for (const timer of [this.#listTimer, this.#figuresTimer]) if (timer !== null) clearInterval(timer);
    this.#lanEar?.close();
    // What a command has begun it ends itself.
    if (this.#settings === null) return;
    this.joins.stopAll();
    await this.#closeHosting();
    await this.#elsewhere.close();
    await this.#agent?.close();
    this.#agent = null;
    await this.#own.close();
  }

  /** Asks the connections for what changes all the time: round trips and losses. */
  refresh(): void {
    this.desk.refresh();
    this.joins.refresh();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.refresh();
    if (this.#settings !== null) void this.#list.fetch();
    return () => this.#listeners.delete(listener);
  }

  state(): LocalState {
    const { does, version } = this.#options;
    const { link = null, profile = null } = this.#agent ?? {};
    const master = this.#master;
    return {
      v: 1,
      n: this.#n,
      version,
      program: does.program,
      name: 'settings' in does ? '' : does.name,
      pid: process.pid,
      master: {
        link: master,
        state: master === '' ? 'none' : (link?.state ?? 'connecting'),
        failure: link?.failure ?? this.#openFailure,
        rttMs: link?.rttMs ?? null,
      },
      servers: this.#list.entries,
      serversAt: this.#list.at,
      serversFailure: this.#list.failure,
      profile,
      unmeasured:
        profile === null ? null : unmeasured(profile, link?.state === 'up' ? (link.way ?? null) : null, this.#probes),
      profileAt: this.#profileAt,
      checking: this.#checking,
      payloadBytesMax: CONNECTION_LIMITS.partedBytesMax,
      probes: this.#probeViews,
      hosting: this.desk.view,
      opensLinks: this.#opensLinks,
      ownMaster: this.#own.view,
      joins: this.joins.views,
      lan: this.#lan,
      settings: this.#settings?.values ?? null,
    };
  }

  get #master(): string {
    const { does } = this.#options;
    return 'settings' in does ? does.settings.values.master : does.master;
  }

  /** By which this program hosts, or would. */
  async code(): Promise<string> {
    await this.#started;
    const code = await this.#ready().code();
    if (code === null) throw new SallyportError('INTERNAL');
    return code;
  }

  async command(command: LocalCommand): Promise<LocalAnswer> {
    if (this.#settings === null && OF_THE_APP.has(command.do)) return { ok: false, error: problem('NOT_HERE') };
    try {
      await this.#started;
      const done = await this.#act(command);
      this.#changed();
      if ('problem' in done) return { ok: false, error: problem(done.problem) };
      return { ok: true, n: this.#n, ...done };
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      this.#changed();
      return { ok: false, error: failure(error) };
    }
  }

  /** What the answer tells besides that it is done; the problem where it is not. */
  async #act(command: LocalCommand): Promise<Done> {
    switch (command.do) {
      case 'host':
        return this.#host(command);
      case 'unhost':
        if (this.#settings === null) this.#quit();
        else await this.#closeHosting();
        return {};
      case 'admit':
        this.desk.hosting?.admit(command.friend, command.admit);
        return {};
      case 'kick':
        this.desk.hosting?.kick(command.friend);
        return {};
      case 'ban':
        this.desk.hosting?.ban(command.friend, { network: command.network });
        return {};
      case 'unban':
        this.desk.hosting?.unban(command.ban);
        return {};
      case 'join':
        return this.joins.join(await this.#agentFor(command.target), command);
      case 'abort':
        this.joins.stop(command.join);
        return {};
      case 'forget':
        this.joins.forget(command.join);
        return {};
      case 'check':
        return this.#check();
      case 'map-port':
        this.#ready().mapPort();
        return {};
      case 'links':
        return this.#openLinks(command.on);
      case 'own-master':
        return this.#ownMaster(command.on);
      case 'list':
        return this.#listed();
      case 'stats':
        return { joins: this.joins.figures(), friends: this.desk.figures() };
      case 'paths':
        return { connections: [...this.joins.ways(), ...this.desk.ways()] };
      case 'settings':
        return this.#change(command.settings);
      case 'quit':
        this.#quit();
        return {};
    }
  }

  /** Whoever asked for it gets an answer first. */
  #quit(): void {
    setTimeout(this.#options.onQuit, APP_LIMITS.quitMs);
  }

  async #change(change: Extract<LocalCommand, { do: 'settings' }>['settings']): Promise<Done> {
    const settings = this.#settings;
    if (settings === null) return { problem: 'NOT_HERE' };
    const before = settings.values;
    const refused = settings.change(change);
    if (refused !== null) return { problem: refused.problem };
    const { master, stun } = settings.values;
    if (settings.values.announceOnLan !== before.announceOnLan) this.#speakOnLan();
    if (master !== before.master && !this.#own.isOwn(master)) await this.#leaveOwn();
    if (master !== before.master || stun.join() !== before.stun.join()) await this.#connect();
    return {};
  }

  #open(master: string, keyFile: string | null): Promise<Agent> {
    const { does, open = openAgent } = this.#options;
    if (!('settings' in does)) throw new SallyportError('INTERNAL');
    const { stateDir, settings } = does;
    const kept = { ...(stateDir === null ? {} : { stateDir }), ...(keyFile === null ? {} : { keyFile }) };
    return open({ ...this.#own.within(master), stun: settings.values.stun, ...kept });
  }

  /** The one that is set from now on. It is started again with the program, maybe at another address. */
  async #ownMaster(on: boolean): Promise<Done> {
    if (!on) {
      await this.#leaveOwn();
      return {};
    }
    const link = await this.#own.open();
    if (link === null) {
      if (this.#agent === null) await this.#connect();
      return {};
    }
    const done = await this.#change({ master: link, ownMaster: true });
    if (this.#agent === null) await this.#connect();
    return done;
  }

  async #openLinks(on: boolean): Promise<Done> {
    const { links } = this.#options;
    if (links === undefined) return { problem: 'NOT_HERE' };
    await (on ? links.register() : links.unregister());
    this.#opensLinks = await links.registered();
    this.#settings?.change({ linksAsked: true });
    return {};
  }

  async #leaveOwn(): Promise<void> {
    const { link = '' } = this.#own.view ?? {};
    this.#settings?.change({ ownMaster: false, ...(this.#master === link ? { master: '' } : {}) });
    await this.#own.close();
    if (link !== '' && this.#master === '') await this.#connect();
  }

  /** Another masterserver means another agent; joins and hosting of the old one end. */
  async #connect(): Promise<void> {
    this.joins.stopAll();
    await this.#closeHosting();
    await this.#agent?.close();
    this.#agent = null;
    this.#openFailure = null;
    const { does } = this.#options;
    if (!('settings' in does)) return;
    const { master } = does.settings.values;
    if (master === '') return;
    try {
      this.#agent = await this.#open(master, does.keyFile);
    } catch (error) {
      this.#openFailure = error instanceof SallyportError ? error.code : 'INTERNAL';
      return;
    }
    this.#agent.on('event', (event) => this.#onEvent(event));
  }

  #onEvent(event: Exclude<PeerEvent, { ev: 'message' }>): void {
    if (event.ev === 'profile' || event.ev === 'ready') this.#profileAt = Date.now();
    if (event.ev === 'profile') {
      this.#probes = event.probes;
      this.#probeViews = event.probes.map(probeView);
    }
    if (event.ev === 'link' && event.state === 'up') void this.#list.fetch();
    if (event.ev !== 'log') this.#changed();
  }

  #ready(): Agent {
    if (this.#agent === null) throw new SallyportError(this.#openFailure ?? 'MASTER_UNREACHABLE');
    return this.#agent;
  }

  /** A link that names its masterserver needs none set; the first one is kept as the one set. */
  async #agentFor(target: string): Promise<Agent> {
    const link = parseJoinTarget(target);
    if (link === null) throw new SallyportError('CODE_MALFORMED');
    if (this.#settings === null || link.master === null || isSameMaster(link.master, this.#master))
      return this.#ready();
    if (this.#master !== '') return this.#elsewhere.agentFor(link.master, this.joins.agents);
    await this.#change({ master: link.master });
    return this.#ready();
  }

  async #listed(): Promise<Done> {
    this.#ready();
    await this.#list.fetch();
    const { entries, failure } = this.#list;
    if (failure !== null) throw new SallyportError(failure);
    return { servers: entries };
  }

  async #check(): Promise<Done> {
    this.#checking = true;
    this.#changed();
    try {
      return { profile: await this.#ready().check() };
    } finally {
      this.#checking = false;
    }
  }

  async #host(command: Extract<LocalCommand, { do: 'host' }>): Promise<Done> {
    const { name, services } = command;
    // Pressed twice, or in two tabs: there is one hosting.
    const known = this.desk.view;
    if (known !== null && known.state !== 'failed')
      return known.code === '' ? {} : { code: known.code, link: known.link };
    await this.#closeHosting();
    const targets = parseServices(services);
    this.desk.begin({ name, services: 'problem' in targets ? [] : targets });
    try {
      const hosting = await this.#ready().host({
        name,
        game: command.game,
        playersMax: command.playersMax,
        public: command.public,
        ask: command.ask,
        relay: this.#settings?.values.relay ?? 'allow',
        ...(command.password === '' ? {} : { password: command.password }),
        forward: services,
      });
      if (!this.desk.open(hosting)) {
        // Stopped in another tab meanwhile.
        await hosting.close();
        return {};
      }
      this.#announced = { public: command.public, name, game: command.game };
      this.#speakOnLan();
      if (this.#options.clipboard)
        this.desk.change({ copied: await copyToClipboard(hosting.invite, this.#options.env) });
      return { code: hosting.code, link: hosting.link, invite: hosting.invite };
    } catch (error) {
      this.desk.fail(error instanceof SallyportError ? error.code : 'INTERNAL');
      throw error;
    }
  }

  async #closeHosting(): Promise<void> {
    this.#lanVoice?.close();
    this.#lanVoice = null;
    await this.desk.close();
  }

  /** Says on the local network that the hosting is there, or says nothing, as the settings have it; nothing where it hides its address. */
  #speakOnLan(): void {
    this.#lanVoice?.close();
    const { hosting } = this.desk;
    const wished = this.#settings?.values.announceOnLan ?? false;
    this.#lanVoice =
      hosting === null || !wished || hosting.relay === 'only'
        ? null
        : announceOnLan(this.#master, () => ({ ...this.#announced, code: hosting.code, hostKey: hosting.hostKey }));
  }

  #changed(): void {
    this.#n += 1;
    for (const listener of this.#listeners) listener();
  }
}

function probeView({ destination, seenAs }: ProbeResult): ProbeView {
  return { destination: endpointKey(destination), seenAs: seenAs === null ? null : endpointKey(seenAs) };
}
