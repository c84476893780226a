/** The table of commands: what `help` lists is what exists, and nothing else is loaded until it is called. */
import { BUILD } from '../node/packaged.ts';
import { type Flags, readCommandLine } from './flags.ts';
import { NATS_FLAGS, NODE_FLAGS } from './fleet-flags.ts';
import { NORAY_FLAGS } from './noray-flags.ts';
import type { Invocation } from './run.ts';
import { LANGUAGES, type Sentence, t } from './words/index.ts';

export interface Command {
  readonly summary: string;
  readonly words: readonly string[];
  readonly flags: Flags;
  readonly examples: readonly string[];
  /** It computes and holds nothing, so a signal may end it at once, in the middle of a busy loop. */
  readonly endsAtOnce?: boolean;
  readonly load: () => Promise<(invocation: Invocation) => Promise<void>>;
}

type Run = Awaited<ReturnType<Command['load']>>;

/** Says what begins before the command is loaded, which takes longer than a person should look at nothing. */
function withFirstLine(table: Flags, head: Sentence, text: Sentence, load: () => Promise<Run>): Run {
  return async (invocation) => {
    readCommandLine(table, [], invocation.argv, invocation.env);
    invocation.terminal.fact('info', head, t(text));
    await (await load())(invocation);
  };
}

const LOCAL_PORT = { kind: 'number', value: 'PORT', max: 65_535 } as const;
const UDP_PORT = { kind: 'number', value: 'N', min: 1, max: 65_535 } as const;

/** Flags of every command. */
export const COMMON_FLAGS = {
  json: { kind: 'on', about: 'results as JSON lines on stdout' },
  quiet: { kind: 'on', about: 'say nothing but failures' },
  'no-color': { kind: 'on', about: 'no colours (also NO_COLOR)' },
  'show-ips': { kind: 'on', about: 'do not mask addresses in what people read' },
  'mask-ips': { kind: 'on', about: 'mask addresses in the JSON lines too' },
  lang: {
    kind: 'text',
    value: 'LANG',
    choices: LANGUAGES,
    about: 'language of what people read (default: that of the system)',
  },
} as const satisfies Flags;

/** Flags of commands that talk to a masterserver. */
const AGENT_FLAGS = {
  master: { kind: 'text', value: 'LINK', about: 'the masterserver, as "sallyport master" prints it' },
  stun: { kind: 'list', value: 'HOST:PORT', about: 'a public STUN server; may be given several times' },
  'state-dir': { kind: 'text', value: 'DIR', about: 'where keys are kept (default: the XDG state directory)' },
} as const satisfies Flags;

const RELAY_FLAG = {
  kind: 'text',
  value: 'MODE',
  choices: ['never', 'allow', 'only'],
  about: 'never | allow (default) | only: a relay of the masterserver; only hides your address from the other side',
} as const;

export const HOST_FLAGS = {
  ...COMMON_FLAGS,
  ...AGENT_FLAGS,
  as: {
    kind: 'text',
    value: 'NAME',
    about: 'which host this is: its key, code, friends and bans, whatever ports it has (default: the first port)',
  },
  name: { kind: 'text', value: 'NAME', about: 'the name friends see' },
  game: {
    kind: 'text',
    value: 'GAME',
    about: 'which game it is; one of docs/games.md brings its ports, and how it is asked',
  },
  'ask-game': {
    kind: 'text',
    value: 'TYPE',
    about: 'ask the game for name, map and players; a type of the package gamedig, such as q3a, or off',
  },
  public: { kind: 'on', about: 'show it in the list of the masterserver' },
  max: { kind: 'number', value: 'N', min: 1, max: 128, about: 'at most so many friends at once (default 8)' },
  password: { kind: 'on', about: 'ask friends for a password, which is typed here at the terminal' },
  'password-file': { kind: 'text', value: 'FILE', about: 'ask friends for the password in this file' },
  ask: { kind: 'on', about: 'ask before each friend is let in (y or n)' },
  relay: RELAY_FLAG,
  'no-clipboard': { kind: 'on', about: 'leave the clipboard alone' },
  'no-announce': {
    kind: 'on',
    about: 'say nothing on the local network (a private host says nothing that strangers understand)',
  },
  'no-wait': { kind: 'on', about: 'exit with 7 where nothing listens on the port yet' },
  'wait-for-network': {
    kind: 'on',
    about: 'try until the masterserver answers, as after the start of a computer (as a systemd service: always)',
  },
  ...NORAY_FLAGS,
} as const satisfies Flags;

export const JOIN_FLAGS = {
  ...COMMON_FLAGS,
  ...AGENT_FLAGS,
  'local-port': {
    kind: 'number',
    value: 'PORT',
    max: 65_535,
    about: 'where the game connects to, for the first port of the host (default: its own number; 0: any free one)',
  },
  lan: { kind: 'on', about: 'also for the local network: a console or a second computer finds the host at this one' },
  timeout: {
    kind: 'number',
    value: 'SECONDS',
    max: 86_400,
    about: 'give up after this long without a path (default 0: never)',
  },
  'no-wait': { kind: 'on', about: 'end when the host ends; otherwise it is waited for, and the game may stay open' },
  wait: { kind: 'on', about: 'wait for a host that is not online yet as well' },
  password: { kind: 'on', about: 'ask for the password at the terminal at once; otherwise when the host wants one' },
  'password-file': { kind: 'text', value: 'FILE', about: 'the password the host asks for' },
  name: {
    kind: 'text',
    value: 'NAME',
    about: 'how the host sees you (default: what you have once said, here or in the app)',
  },
  anonymous: { kind: 'on', about: 'come as somebody whom no host knows: bans, favourites and --ask see a stranger' },
  'new-key': { kind: 'on', about: 'take the new key of a host that you know by another one; ask the host first' },
  relay: RELAY_FLAG,
  'no-clipboard': { kind: 'on', about: 'leave the clipboard alone' },
  ...NORAY_FLAGS,
} as const satisfies Flags;

export const CTL_FLAGS = {
  ...COMMON_FLAGS,
  as: {
    kind: 'text',
    value: 'NAME',
    about: 'which one, where several run: what it hosts as, the code it joins, or app',
  },
  network: { kind: 'on', about: 'ban: everybody from the network of the friend, too' },
  'state-dir': AGENT_FLAGS['state-dir'],
} as const satisfies Flags;

export const CHECK_FLAGS = {
  ...COMMON_FLAGS,
  ...AGENT_FLAGS,
  copy: { kind: 'on', about: 'copy the report to the clipboard, addresses removed' },
  probes: { kind: 'on', about: 'also list who was asked and what it saw' },
  every: { kind: 'text', value: 'TIME', about: 'measure again and again, like 30s or 5m' },
  'fail-on': {
    kind: 'text',
    value: 'VERDICT',
    choices: ['strict', 'moderate'],
    about: 'strict | moderate: exit with 9 where the verdict is that or worse',
  },
  with: { kind: 'text', value: 'CODE', about: 'also try the way to this host, without a game' },
  'password-file': { kind: 'text', value: 'FILE', about: 'the password the host of --with asks for' },
} as const satisfies Flags;

export const UI_FLAGS = {
  ...COMMON_FLAGS,
  ...AGENT_FLAGS,
  port: { ...LOCAL_PORT, variable: 'SALLYPORT_UI_PORT', about: 'of the page on 127.0.0.1 (default 0: any free one)' },
  playground: { kind: 'on', about: 'open the playground: two NATs in a simulated internet' },
  link: { kind: 'text', value: 'LINK', about: 'show this invitation, in the app that runs if there is one' },
  register: { kind: 'on', about: 'open sallyport:// links of this user with this program from now on, and end' },
  unregister: { kind: 'on', about: 'open them no more, and end' },
  'no-open': { kind: 'on', about: 'print the link, open no browser' },
  'no-clipboard': { kind: 'on', about: 'leave the clipboard alone' },
} as const satisfies Flags;

export const SIDECAR_FLAGS = {
  ...COMMON_FLAGS,
  ...AGENT_FLAGS,
  'state-dir': {
    kind: 'text',
    value: 'DIR',
    about: 'keep keys there: the same join code each time (default: no file is written)',
  },
  relay: RELAY_FLAG,
  fake: {
    kind: 'on',
    about: 'no network: a masterserver and NATs in memory, which all sidecars with --fake of this computer share',
  },
  'fake-nat': {
    kind: 'text',
    value: 'CLASS',
    about: 'the NAT that this one is behind (default P3; docs/simulation.md has the classes, P0 to S6, and X)',
  },
  'fake-port': {
    kind: 'number',
    value: 'PORT',
    min: 1,
    max: 65_535,
    about: 'TCP port of 127.0.0.1 where those of one fake world meet (default 8439)',
  },
  ...NORAY_FLAGS,
  port: { ...LOCAL_PORT, variable: 'SALLYPORT_SIDECAR_PORT', about: 'of /v1 on 127.0.0.1 (default 0: any free one)' },
  'token-file': { kind: 'text', value: 'FILE', about: 'write url and token there; it is removed at the end' },
  'with-pid': { kind: 'number', value: 'PID', min: 1, about: 'end when this process has ended: the game' },
} as const satisfies Flags;

export const LIST_FLAGS = { ...COMMON_FLAGS, ...AGENT_FLAGS } as const satisfies Flags;

const RELAY_QUOTA_FLAG = {
  kind: 'list',
  value: 'NAME=VALUE',
  about: 'what the relay gives whom, like pair=128k or host-day=24G (docs/operating.md); may be given several times',
} as const;

export const MASTER_FLAGS = {
  ...COMMON_FLAGS,
  listen: { kind: 'list', value: 'IP', about: 'address to bind; twice where there are two (default: the best one)' },
  advertise: {
    kind: 'list',
    value: 'IP',
    about: 'what others reach it under, behind a 1:1 NAT; one for each --listen',
  },
  port: { ...UDP_PORT, about: '25 UDP ports from here on (default 8430)' },
  'one-port': { kind: 'on', about: 'one UDP port for everything (--port N): for port 443, Docker, one port mapping' },
  'also-port': { ...UDP_PORT, about: 'everything on this UDP port too, such as 443' },
  'probe-workers': {
    kind: 'number',
    value: 'N',
    max: 64,
    about: 'threads for the 16 probe ports (default 0: none of their own)',
  },
  relay: {
    kind: 'text',
    value: 'on|off',
    choices: ['on', 'off'],
    variable: 'SALLYPORT_MASTER_RELAY',
    about: 'forward for pairs that find no direct path (default on), on one further UDP port',
  },
  'relay-port': { ...UDP_PORT, about: 'that port (default: the one behind the others)' },
  'relay-name': { kind: 'text', value: 'NAME', about: 'what players are told relays for them (default "master")' },
  'relay-region': { kind: 'text', value: 'REGION', about: 'where it is, in a word' },
  'relay-quota': RELAY_QUOTA_FLAG,
  'relay-at': {
    kind: 'list',
    value: 'NAME,REGION,ADDRESS:PORT',
    about: 'a relay elsewhere ("sallyport relay"); may be given several times',
  },
  'relay-secret-file': {
    kind: 'text',
    value: 'FILE',
    about: 'what this master and its relays share (default: relay.secret in the state directory)',
  },
  ...NODE_FLAGS,
  'native-udp': { kind: 'on', about: 'UDP by the package udx-native, where it is installed: less CPU time a datagram' },
  'stun-port': { kind: 'number', value: 'N', min: 1, max: 65_534, about: 'also answer STUN there (default: no)' },
  http: { kind: 'text', value: 'ADDRESS:PORT', about: 'page, list and admin (default 127.0.0.1:8420), or off' },
  'tls-cert': { kind: 'text', value: 'FILE', about: 'HTTPS with this certificate' },
  'tls-key': { kind: 'text', value: 'FILE', about: 'and this key' },
  'https-at': {
    kind: 'text',
    value: 'HOST[:PORT]',
    about: 'where HTTPS reaches it, for players without UDP: into the link (default: where --tls-cert is), or off',
  },
  'trusted-proxy': { kind: 'list', value: 'IP', about: 'a proxy elsewhere whose X-Forwarded-For is believed' },
  domain: { kind: 'list', value: 'NAME', about: 'name of this computer: the first stands in its links' },
  'metrics-listen': { kind: 'text', value: 'ADDRESS:PORT', about: 'Prometheus (default 127.0.0.1:9464), or off' },
  official: { kind: 'text', value: 'DIR', about: 'configuration folder of the official servers' },
  webhooks: { kind: 'text', value: 'FILE', about: 'messages to Discord, Telegram or a receiver of your own' },
  contact: { kind: 'text', value: 'TEXT', about: 'how to reach you, shown on the page' },
  downloads: {
    kind: 'text',
    value: 'DIR|URL',
    about: 'where visitors of the page get sallyport: files of a folder, or an address',
  },
  'log-level': {
    kind: 'text',
    value: 'warn',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    about: 'JSON log on stderr (default warn; silent at a terminal)',
  },
  'state-dir': { kind: 'text', value: 'DIR', about: 'keys and the store (default: the XDG state directory)' },
  'install-service': { kind: 'on', about: 'write a systemd unit with these flags and end' },
  'self-test': {
    kind: 'on',
    about: 'on another computer, with --master: say which ports of that masterserver are shut from there, and end',
  },
  master: { ...AGENT_FLAGS.master, about: 'which one --self-test looks at: the link that it has printed' },
} as const satisfies Flags;

export const RELAY_FLAGS = {
  ...COMMON_FLAGS,
  listen: { kind: 'list', value: 'IP', about: 'address to bind; one of each family at most is best' },
  port: { ...UDP_PORT, variable: 'SALLYPORT_RELAY_PORT', about: 'its UDP port (default 8455)' },
  master: { kind: 'text', value: 'LINK', about: 'the masterserver whose pairs it serves' },
  'secret-file': { kind: 'text', value: 'FILE', about: 'a copy of relay.secret of that masterserver' },
  'relay-quota': RELAY_QUOTA_FLAG,
  'metrics-listen': { kind: 'text', value: 'ADDRESS:PORT', about: 'Prometheus (default off)' },
  'native-udp': MASTER_FLAGS['native-udp'],
} as const satisfies Flags;

/** Flags of `master check` and the like. */
export const STORE_FLAGS = { ...COMMON_FLAGS, 'state-dir': MASTER_FLAGS['state-dir'] } as const satisfies Flags;

export const FLEET_FLAGS = {
  ...COMMON_FLAGS,
  ...NATS_FLAGS,
  'state-dir': MASTER_FLAGS['state-dir'],
} as const satisfies Flags;

export const SIM_FLAGS = {
  ...COMMON_FLAGS,
  pair: { kind: 'text', value: 'CLIENT,HOST', about: 'classes of networks, like P3,S6@mobile (docs/simulation.md)' },
  seed: { kind: 'text', value: 'SEED', about: 'one seed is one run (default 1)' },
  timeout: {
    kind: 'number',
    value: 'SECONDS',
    min: 1,
    max: 3_600,
    about: 'virtual seconds until it gives up (default 120)',
  },
  trace: { kind: 'on', about: 'print every packet' },
} as const satisfies Flags;

export const LAB_FLAGS = {
  ...COMMON_FLAGS,
  pair: { kind: 'text', value: 'CLIENT,HOST', about: 'classes of networks, like P3,S6 (docs/lab.md)' },
  timeout: { kind: 'number', value: 'SECONDS', min: 1, max: 3_600, about: 'until it gives up (default 120)' },
} as const satisfies Flags;

/** Needs a checkout or a package of npm: the executables have no lab. */
const LAB: Command = {
  summary: "try one join between two NATs of this computer's kernel",
  words: [],
  flags: LAB_FLAGS,
  examples: ['sallyport lab --pair P3,S6'],
  load: async () => (await import('./lab.ts')).labCommand,
};

export const COMMANDS: Readonly<Record<string, Command>> = {
  host: {
    summary: 'let friends reach game servers: 30000, 64738/udp+tcp, 2456-2457, 192.168.1.50:30000',
    words: ['[PORT...]'],
    flags: HOST_FLAGS,
    examples: [
      'sallyport host 30000 --name "Ana\'s world"',
      'sallyport host --game luanti                 its own port, and its players in the list',
      'sallyport host 64738/udp+tcp 2456-2457 --as evening',
    ],
    load: async () => (await import('./host.ts')).hostCommand,
  },
  join: {
    summary: 'reach the server of a friend',
    words: ['CODE'],
    flags: JOIN_FLAGS,
    examples: ['sallyport join K7TQ9-RBWXM', 'sallyport join K7TQ9-RBWXM --local-port 30000'],
    load: async () => (await import('./join.ts')).joinCommand,
  },
  ctl: {
    summary: 'look at a host, join or app that runs here, and command it',
    words: ['WHAT...'],
    flags: CTL_FLAGS,
    examples: [
      'sallyport ctl status                    what runs here, and how it is',
      'sallyport ctl who                       the friends of the host: way, loss, seat at the game, time',
      'sallyport ctl kick Ana                  by name, or by the first digits of the key',
      'sallyport ctl ban Ana --network         it and everybody from there; without --network by its key alone',
      'sallyport ctl bans, sallyport ctl unban 1',
      'sallyport ctl admit Ana, sallyport ctl refuse Ana',
      'sallyport ctl stop --as 30000           as Ctrl+C there',
    ],
    load: async () => (await import('./ctl.ts')).ctlCommand,
  },
  check: {
    summary: 'what this network is like, and what would make it better',
    words: [],
    flags: CHECK_FLAGS,
    examples: ['sallyport check --json', 'sallyport check --every 30s', 'sallyport check --with K7TQ9-RBWXM'],
    load: async () => (await import('./check.ts')).checkCommand,
  },
  ui: {
    summary: 'all of this in a page of the browser',
    words: [],
    flags: UI_FLAGS,
    examples: ['sallyport ui', 'sallyport ui --no-open'],
    load: async () => withFirstLine(UI_FLAGS, 'App', 'is starting', async () => (await import('./ui.ts')).uiCommand),
  },
  sidecar: {
    summary: 'the interface for games: host and join over HTTP on 127.0.0.1',
    words: [],
    flags: SIDECAR_FLAGS,
    examples: ["sallyport sidecar --master 'LINK' --token-file sallyport.json --with-pid 4711"],
    load: async () => (await import('./sidecar.ts')).sidecarCommand,
  },
  master: {
    summary: 'run a masterserver, which introduces hosts and friends',
    words: [],
    flags: MASTER_FLAGS,
    examples: [
      'sallyport master --listen 198.51.100.7',
      "sallyport master --self-test --master 'LINK'   from another computer: which of its ports are shut?",
      'sallyport master check                  is the store whole? (also while the master runs)',
      'sallyport master repair                 write it anew from what can be read; the old one is kept',
      'sallyport master backup FILE            a copy with the key (also while the master runs)',
      'sallyport master restore FILE           put the copy in place; what was there is kept',
      "sallyport master token                  the next start makes a new token for the admin's page",
    ],
    load: async () => (await import('./master.ts')).masterCommand,
  },
  fleet: {
    summary: 'look at the nodes of a fleet of masterservers, or take one out',
    words: ['WHAT...'],
    flags: FLEET_FLAGS,
    examples: ['sallyport fleet status --nats nats://10.0.0.1', 'sallyport fleet drain eu1 --nats nats://10.0.0.1'],
    load: async () => (await import('./fleet.ts')).fleetCommand,
  },
  relay: {
    summary: 'forward for pairs of a masterserver elsewhere, end to end encrypted',
    words: [],
    flags: RELAY_FLAGS,
    examples: ["sallyport relay --listen 198.51.100.9 --master 'LINK' --secret-file relay.secret"],
    load: async () => (await import('./relay.ts')).relayCommand,
  },
  sim: {
    summary: 'watch one join between two kinds of networks, simulated',
    words: [],
    flags: SIM_FLAGS,
    examples: ['sallyport sim --pair P3,S6 --seed 7'],
    endsAtOnce: true,
    load: async () =>
      withFirstLine(
        SIM_FLAGS,
        'Simulating',
        'one join in a simulated internet',
        async () => (await import('./sim.ts')).simCommand,
      ),
  },
  ...(BUILD.lab ? { lab: LAB } : {}),
  list: {
    summary: 'the public servers of a masterserver',
    words: [],
    flags: LIST_FLAGS,
    examples: ['sallyport list'],
    load: async () => (await import('./list.ts')).listCommand,
  },
};
