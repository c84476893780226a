/** The whole product in the lab: a masterserver, a game behind one network, a friend behind another, all with the real command. */
import { type Game, realGame, tinyGame } from './games.ts';
import { giveIpv6, type Ipv6Place, type Nat64Network, nameIn, recordOf } from './ipv6.ts';
import type { NatBehaviour, NatPreset } from './nat.ts';
import type { LabProcess } from './process.ts';
import { compiled, Puppet } from './puppeteer.ts';
import { type Lab, type LabHost, type LabNat, type LabOptions, openLab } from './topology.ts';

/** Where a participant stands: on a public address, behind a NAT, or behind a home router behind a carrier's NAT. */
export type Place =
  | { readonly kind: 'public' }
  | { readonly kind: 'nat'; readonly nat: NatPreset | Partial<NatBehaviour> }
  | { readonly kind: 'carrier'; readonly nat: NatPreset | Partial<NatBehaviour> };

export interface SceneOptions extends LabOptions {
  readonly host: Place;
  /** `same`: on the host's own LAN. */
  readonly client: Place | 'same';
  /** Default: Debian's Teeworlds where installed, else a tiny one. */
  readonly game?: Game;
  /** Masterservers with two addresses measure filtering. */
  readonly masterAddresses?: 1 | 2;
  /** Default: nobody has it. The masterserver (unless `master` is false) has both, and is known by `MASTER_NAME` where somebody has IPv6 alone. */
  readonly ipv6?: {
    readonly host: Ipv6Place;
    readonly client: Ipv6Place;
    readonly master?: boolean;
    readonly nat64?: Nat64Network;
  };
}

/** Has the addresses of both families of the masterserver, where the lab has IPv6. */
export const MASTER_NAME = 'master.lab';

/** One JSON line of the command (docs/reference/design.md §9). */
export interface CommandEvent {
  readonly ev: string;
  readonly [key: string]: unknown;
}

export interface Joined {
  readonly command: LabProcess;
  readonly connected: CommandEvent & {
    readonly path: string;
    readonly local: string;
    readonly ms: number;
    readonly attempts: number;
    readonly packetsSent: number;
  };
  /** From the start of the command to its `connected` line, seen from outside. */
  readonly startToPathMs: number;
}

export interface JoinOptions {
  /** Further words for the command. */
  readonly argv?: readonly string[];
  /** Default `never`: what a lab looks at is the direct path. */
  readonly relay?: 'never' | 'allow' | 'only';
  /** Default: the client's side of the scene. */
  readonly on?: LabHost;
  onStart?(command: LabProcess): void;
}

const READY_MS = 30_000;
/** SALLYPORT_LAB_COMMAND: another build of the command, as an executable of `npm run dist`, by its whole path. */
const PROGRAM = process.env.SALLYPORT_LAB_COMMAND?.split(' ') ?? [process.execPath, compiled('command/cli/main.js')];

export function eventOf(text: string): CommandEvent | null {
  if (!text.startsWith('{')) return null;
  return JSON.parse(text) as CommandEvent;
}

export class Scene {
  readonly lab: Lab;
  readonly game: Game;
  readonly masterHost: LabHost;
  readonly hostSide: LabHost;
  readonly clientSide: LabHost;
  readonly nats: readonly LabNat[];
  readonly #puppet: Puppet;
  master!: LabProcess;
  host!: LabProcess;
  gameServer!: LabProcess;
  link = '';
  code = '';
  #queries = 0;

  constructor(lab: Lab, game: Game, places: ScenePlaces) {
    this.lab = lab;
    this.game = game;
    this.masterHost = places.master;
    this.hostSide = places.host;
    this.clientSide = places.client;
    this.nats = places.nats;
    this.#puppet = new Puppet(places.client);
  }

  /** Runs `sallyport …` on a host, with a state directory of its own that vanishes with the lab. */
  sallyport(on: LabHost, argv: readonly string[]): LabProcess {
    const state = `/run/lab/${on.name}`;
    const env = { HOME: state, XDG_STATE_HOME: state, XDG_CONFIG_HOME: state, NO_COLOR: '1' };
    return on.spawn([...PROGRAM, ...argv], env);
  }

  async event(of: LabProcess, ev: string, timeoutMs = READY_MS): Promise<CommandEvent> {
    return await of.find((line) => {
      const event = line.stream === 'stdout' ? eventOf(line.text) : null;
      return event?.ev === ev ? event : null;
    }, timeoutMs);
  }

  async startMaster(): Promise<void> {
    const listen = this.masterHost.addresses.flatMap((address) => ['--listen', address]);
    this.master = this.sallyport(this.masterHost, ['master', ...listen, '--json']);
    this.link = String((await this.event(this.master, 'ready')).master);
  }

  startGame(): void {
    this.gameServer = this.hostSide.spawn(this.game.argv, { HOME: '/run/lab' });
  }

  async startHost(): Promise<void> {
    this.startGame();
    await this.runHost();
    if (!this.gameServer.running) throw new Error(`the game server has ended:\n${this.gameServer.text()}`);
  }

  /** `sallyport host` for the game that runs, until it is ready; for a start anew after its end, too. */
  async runHost(argv: readonly string[] = []): Promise<void> {
    const words = ['host', this.game.services ?? String(this.game.port), '--master', this.link, '--json', ...argv];
    this.host = this.sallyport(this.hostSide, words);
    this.code = String((await this.event(this.host, 'ready')).code);
  }

  /** `sallyport join` on the client's side, until it says that the path is up. */
  async join(timeoutMs: number, options: JoinOptions = {}): Promise<Joined> {
    const started = performance.now();
    const { argv: more = [], relay = 'never', on = this.clientSide } = options;
    const argv = ['join', this.code, '--master', this.link, '--json', '--relay', relay, ...more];
    const command = this.sallyport(on, argv);
    options.onStart?.(command);
    const connected = (await this.event(command, 'connected', timeoutMs)) as Joined['connected'];
    return { command, connected, startToPathMs: performance.now() - started };
  }

  /** The game's status as a program on the client's side gets it through the local port of the path. */
  async status(joined: Joined): Promise<string> {
    return await this.statusAt(joined.connected.local);
  }

  /** The same through a local port known otherwise, `127.0.0.1:PORT`. */
  async statusAt(local: string): Promise<string> {
    const socket = `query${this.#queries++}`;
    await this.#puppet.open(socket);
    const [address, port] = local.split(':') as [string, string];
    return await this.game.status(this.#puppet, socket, address, Number(port));
  }

  /** Nothing passes between the two homes, and nobody is told. */
  async cutHomes(): Promise<void> {
    const [one, two] = this.nats.map(({ external }) => external);
    await this.lab.cut([`ip saddr ${one} ip daddr ${two}`, `ip saddr ${two} ip daddr ${one}`]);
  }

  async close(): Promise<void> {
    await this.lab.close();
  }
}

interface ScenePlaces {
  readonly master: LabHost;
  readonly host: LabHost;
  readonly client: LabHost;
  readonly nats: readonly LabNat[];
}

async function settle(lab: Lab, name: string, place: Place): Promise<{ at: LabHost; nats: LabNat[] }> {
  if (place.kind === 'public') return { at: await lab.publicHost(name), nats: [] };
  if (place.kind === 'nat') {
    const nat = await lab.nat(`${name}nat`, place.nat);
    return { at: await lab.hostBehind(nat, name), nats: [nat] };
  }
  const carrier = await lab.nat(`${name}cgn`, place.nat, { lan: 'carrier' });
  const home = await lab.nat(`${name}nat`, 'home-router', { behind: carrier });
  return { at: await lab.hostBehind(home, name), nats: [home, carrier] };
}

type Settled = Awaited<ReturnType<typeof settle>>;

/** Answers the masterserver's addresses of IPv6. */
async function placeIpv6(
  lab: Lab,
  { host, client, master = true, nat64 = '2001:db8:64::/96' }: NonNullable<SceneOptions['ipv6']>,
  at: { readonly master: LabHost; readonly host: Settled; readonly client: Settled },
): Promise<readonly string[]> {
  const six = await giveIpv6(
    lab,
    [
      { host: at.master, nat: null, has: master ? 'dual' : 'none' },
      { host: at.host.at, nat: at.host.nats[0] ?? null, has: host },
      { host: at.client.at, nat: at.client.nats[0] ?? null, has: client },
    ],
    nat64,
  );
  const addresses = six.slice(0, master ? 1 : 0);
  await nameIn(lab, {
    [MASTER_NAME]: [at.master.address, ...addresses],
    ...(host === 'nat64' || client === 'nat64' ? { 'ipv4only.arpa': [recordOf(nat64)] } : {}),
  });
  return addresses;
}

/** Builds the networks and starts the masterserver, the game and `sallyport host`; what is left to do is to join. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const lab = await openLab(options);
  try {
    const master = await lab.publicHost('master', options.masterAddresses ?? 2);
    const host = await settle(lab, 'ana', options.host);
    const sameLan = host.nats[0];
    if (options.client === 'same' && !sameLan) throw new Error('a public host has no LAN');
    const client =
      options.client === 'same'
        ? { at: await lab.hostBehind(sameLan!, 'kofi'), nats: [] }
        : await settle(lab, 'kofi', options.client);
    const six = options.ipv6 === undefined ? [] : await placeIpv6(lab, options.ipv6, { master, host, client });
    const places = {
      ...{ host: host.at, client: client.at, nats: [...host.nats, ...client.nats] },
      master: { ...master, addresses: [...master.addresses, ...six] },
    };
    const scene = new Scene(lab, options.game ?? realGame() ?? tinyGame, places);
    await scene.startMaster();
    // Its link has an IPv4 address; who has none has to have a name.
    if (options.ipv6?.host === 'only' || options.ipv6?.client === 'only')
      scene.link = scene.link.replace(/\/\/[^/]+:/, `//${MASTER_NAME}:`);
    await scene.startHost();
    return scene;
  } catch (error) {
    await lab.close();
    throw error;
  }
}
