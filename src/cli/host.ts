/** `sallyport host PORT...`: docs/reference/product.md §4A. */
import {
  type Agent,
  announceOnLan,
  type FriendNews,
  type HostForwardNotice,
  type Hosting,
  hostKeyFile,
  hostName,
  servicesText,
  uploadText,
  wayText,
} from '../agent/index.ts';
import type { Engine } from '../app/index.ts';
import {
  endpointKey,
  formatService,
  isLoopback,
  type NatProfile,
  type PeerEvent,
  parseServices,
  showCode,
  showFingerprint,
} from '../core/index.ts';
import { copyToClipboard, usage } from '../node/index.ts';
import {
  checkAgentFlags,
  masterName,
  readPassword,
  readyWithPatience,
  sayProfile,
  stateDir,
  withAgent,
} from './agents.ts';
import { HOST_FLAGS } from './commands.ts';
import { openControl } from './control.ts';
import { readCommandLine } from './flags.ts';
import { GameLook } from './game-look.ts';
import { type HostConsole, hostConsole } from './host-console.ts';
import { type Invocation, untilStopped } from './run.ts';
import type { Terminal } from './terminal.ts';
import { relayTeller, wayFields } from './way-lines.ts';
import { shownName } from './who.ts';

type HostFlags = ReturnType<typeof readCommandLine<typeof HOST_FLAGS>>['flags'];

export async function hostCommand(invocation: Invocation): Promise<void> {
  const { flags, words } = readCommandLine(HOST_FLAGS, ['PORT...'], invocation.argv, invocation.env);
  const services = parseServices(words.join(' '));
  if ('problem' in services) throw usage(servicesText(services));
  const named = hostName(flags.as ?? String(services[0]?.port));
  checkAgentFlags(flags);
  const password = readPassword(flags['password-file']);
  const { terminal } = invocation;
  const games = new GameLook(terminal, services);
  await games.begin(flags['no-wait']);
  const keyFile = hostKeyFile(stateDir(flags, invocation.env), named);
  // Under systemd a service may start before the network does (INVOCATION_ID is set there).
  const waitForNetwork = flags['wait-for-network'] || invocation.env.INVOCATION_ID !== undefined;
  await withAgent({ flags, invocation, keyFile, waitForNetwork }, async (agent) => {
    agent.on('event', followMaster(terminal, masterName(flags.master)));
    const does = { program: 'host', agent, master: flags.master ?? '', name: named } as const;
    const control = await openControl({ does, stateDir: stateDir(flags, invocation.env), invocation });
    try {
      await control.engine.start();
      control.engine.desk.begin({ name: flags.name ?? '', services });
      const profile = await (waitForNetwork ? readyWithPatience(agent, invocation) : agent.ready());
      sayProfile(terminal, profile);
      sayMaster(terminal, agent, flags, keyFile);
      const hosting = await agent.host({
        name: flags.name ?? '',
        game: flags.game ?? '',
        public: flags.public,
        ...(flags['ask-game'] === undefined ? {} : { askGame: flags['ask-game'] }),
        ...(flags.max === undefined ? {} : { playersMax: flags.max }),
        ask: flags.ask,
        forward: services,
        ...(password === undefined ? {} : { password }),
      });
      control.engine.desk.open(hosting);
      await welcome(invocation, flags, hosting, profile);
      games.goOn();
      await keepOpen(invocation, flags, hosting, control.engine);
    } finally {
      games.stop();
      await control.close();
    }
  });
}

/** Until the person ends it, or the master turns out to lie. */
async function keepOpen(invocation: Invocation, flags: HostFlags, hosting: Hosting, engine: Engine): Promise<void> {
  const { terminal, signal } = invocation;
  const console = hostConsole(terminal, hosting, flags.ask, () => {
    engine.refresh();
    return engine.desk.view ?? { friends: [] };
  });
  // Whoever hides its address from friends does not tell it to the neighbours.
  const lan =
    flags['no-announce'] || hosting.relay === 'only'
      ? null
      : announceOnLan(flags.master ?? '', () => ({
          public: flags.public,
          code: hosting.code,
          hostKey: hosting.hostKey,
          name: flags.name ?? '',
          game: flags.game ?? '',
        }));
  const failed = new Promise<never>((_resolve, reject) => hosting.on('failed', reject));
  try {
    follow(terminal, hosting, console);
    await Promise.race([untilStopped(signal), failed]);
    terminal.say('Stopping: the master and your friends are told.');
  } finally {
    lan?.close();
    console.close();
    await hosting.close();
  }
}

function sayMaster(terminal: Terminal, agent: Agent, flags: HostFlags, keyFile: string): void {
  const rttMs = agent.link?.rttMs ?? null;
  const rtt = rttMs === null ? '' : `, ${Math.round(rttMs)} ms`;
  terminal.fact('done', 'Master', `${masterName(flags.master)}${rtt} · this host's key is kept in ${keyFile}`, 'whole');
}

async function welcome(invocation: Invocation, flags: HostFlags, hosting: Hosting, profile: NatProfile): Promise<void> {
  const { terminal, env } = invocation;
  const { code, link, invite } = hosting;
  terminal.event('ready', { code, link, invite, hostId: hosting.hostId, services: hosting.services, profile });
  terminal.result(invite);
  // The line stands before the clipboard tool has answered: nobody waits for that.
  const copied = flags['no-clipboard'] ? Promise.resolve(false) : copyToClipboard(invite, env);
  terminal.say();
  terminal.say(`  Join code   ${showCode(code)}           (stays the same next time)`);
  terminal.say(`  Link        ${invite}${(await copied) ? '     (copied to clipboard)' : ''}`, 'whole');
  if (invite !== link) terminal.say(`              ${link}`, 'whole');
  terminal.say(
    `  Friends     run: sallyport join ${showCode(code)}, with the same --master; or sallyport join 'the whole link'`,
  );
  terminal.say(`  Ports       ${hosting.services.map(formatService).join(', ')}`, 'whole');
  terminal.say(`  Listed      ${flags.public ? 'yes' : 'no (add --public)'}   Relay: ${RELAY_WORDS[hosting.relay]}`);
  terminal.say();
}

const RELAY_WORDS = {
  allow: 'allowed, where there is no direct path (--relay never)',
  never: 'never',
  only: 'only: your address is hidden from friends',
} as const;

/** The master may come and go while friends play on; before it has ever answered, `ready` tells of it. */
function followMaster(terminal: Terminal, name: string): (event: PeerEvent) => void {
  let known: 'up' | 'lost' | null = null;
  return (event) => {
    if (event.ev !== 'link' || event.state === 'connecting' || event.state === known) return;
    if (event.state === 'lost' && known === null) return;
    if (known !== null && event.state === 'up') terminal.fact('done', 'Master', `${name} answers again`, 'whole');
    if (event.state === 'lost') {
      terminal.fact('warn', 'Master', `${name} is gone: friends stay connected, we keep calling it`, 'whole');
    }
    known = event.state;
    terminal.event('master', { state: known, rttMs: event.rttMs });
  };
}

function follow(terminal: Terminal, hosting: Hosting, console: HostConsole): void {
  hosting.on('friend', (news) => {
    sayFriend(terminal, news);
    console.news(news);
  });
  const relayed = relayTeller(terminal);
  hosting.on('friend', ({ state, path }) => state === 'connected' && path !== null && relayed(path));
  hosting.on('way', ({ friend, instance, name, path }) => {
    if (path === null) return;
    terminal.event('path', { friend, instance, ...wayFields(path) });
    terminal.say(`${clock()}  ${shownName({ name, friend }).padEnd(10)}  ${wayText(path)}`);
    relayed(path);
  });
  hosting.on('bans', (bans, kept) => {
    terminal.event('bans', { bans, kept });
    if (!kept) terminal.fact('warn', 'Bans', 'could not be written down: they hold until this program ends');
  });
  hosting.on('notice', (notice) => sayNotice(terminal, hosting, notice));
  hosting.on('wrongPasswords', (count) => {
    terminal.event('wrong-passwords', { count });
    const many = count === 1 ? 'one wrong one' : `${count} wrong ones`;
    terminal.fact('warn', 'Password', `${many} so far; each makes whoever tries wait longer, not your friends`);
  });
  hosting.on('replaced', (error) => {
    terminal.event('replaced', { replaced: error !== null });
    if (error === null) terminal.fact('done', 'Replaced', 'no more: friends reach this computer again');
    else terminal.fact('warn', 'Replaced', `${error.message} ${error.hint}`);
  });
  hosting.on('code', (code) => {
    terminal.event('code', { code, link: hosting.link, invite: hosting.invite });
    terminal.fact('warn', 'Join code', `is now ${showCode(code)}`);
  });
}

function sayFriend(terminal: Terminal, { friend, instance, name, state, knownAs, path, seenAs }: FriendNews): void {
  terminal.event('peer', {
    friend,
    instance,
    fingerprint: showFingerprint(friend),
    name,
    state,
    knownAs,
    path: path?.kind ?? null,
    via: path?.via ?? null,
    remote: path === null ? null : endpointKey(path.remote),
    rttMs: path === null ? null : Math.round(path.rttMs * 10) / 10,
    words: path?.words ?? null,
    seenAs: seenAs === null ? null : endpointKey(seenAs),
  });
  const who = shownName({ name, friend }).padEnd(10);
  const more = path === null || state !== 'connected' ? [] : [wayText(path)];
  if (path !== null && state === 'connected' && seenAs !== null) more.push(`seen by the game as ${seenAs.address}`);
  terminal.say(`${clock()}  ${who}  ${state.padEnd(10)}  ${more.join(' · ')}`.trimEnd());
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}

function sayNotice(terminal: Terminal, { services }: Hosting, notice: HostForwardNotice): void {
  if (notice.kind === 'too-large') {
    terminal.event('notice', notice);
    terminal.fact('warn', 'Game', `sends ${notice.bytes} bytes at once, ${notice.payloadBytesMax} fit: dropped`);
  } else if (notice.kind === 'seats-full') {
    terminal.event('notice', notice);
    const why =
      notice.why === 'taken'
        ? 'a further program behind a friend has no seat: all are taken by others who play'
        : 'a friend has no way to the game: this computer allows the program no further sockets (ulimit -n). Others play on.';
    terminal.fact('warn', 'Game', why);
  } else if (notice.kind === 'addresses-shared') {
    terminal.event('notice', notice);
    const { target } = notice;
    const why =
      notice.why === 'refused'
        ? 'this system has no loopback addresses for them: it sees friends as ports of 127.0.0.1'
        : `${target} is not at 127.x.y.z: it sees friends as ports of this computer`;
    terminal.fact('info', 'Game', `${why}, not as addresses of their own. Ban here, not in the game.`, 'whole');
  } else if (notice.kind === 'upload') {
    terminal.event('notice', notice);
    terminal.fact(notice.full ? 'warn' : 'done', 'Upload', uploadText(notice.full), 'whole');
  } else if (notice.kind === 'game-silent') {
    const { state, service } = notice;
    const { port, address = '' } = services[service] ?? {};
    terminal.event('game', { listening: state !== 'absent', state, port });
    // Of this computer the look at its ports tells.
    if (state === 'absent' && !isLoopback(address))
      terminal.fact('warn', 'Game', `nothing listens on udp ${port}: friends are told so`);
    if (state === 'silent')
      terminal.fact('warn', 'Game', `has stopped answering friends on udp ${port}: they are told so. Does it hang?`);
  } else {
    const port = services[notice.service]?.port;
    terminal.event('game', { listening: true, state: 'answers', port });
    terminal.fact('done', 'Game', `answers on udp ${port}`);
  }
}
