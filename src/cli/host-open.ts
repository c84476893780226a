/** What `sallyport host` does once it is known what is meant: docs/reference/product.md §4A. */
import {
  type Agent,
  announceOnLan,
  type FriendNews,
  type HostForwardNotice,
  type Hosting,
  hostKeyFile,
  uploadText,
  wayText,
} from '../agent/index.ts';
import type { Engine } from '../app/index.ts';
import {
  endpointKey,
  formatService,
  type NatProfile,
  type PeerEvent,
  type ServiceTarget,
  showCode,
  showFingerprint,
} from '../core/index.ts';
import { copyToClipboard, isHere } from '../node/index.ts';
import { masterName, stateDir } from './agent-flags.ts';
import { readyWithPatience, sayProfile, withAgent } from './agents.ts';
import type { GameLook } from './game-look.ts';
import type { HostFlags } from './host.ts';
import { type HostConsole, hostConsole } from './host-console.ts';
import { sayTooLarge } from './local-lines.ts';
import { nameOfPerson } from './player.ts';
import { type Invocation, untilStopped } from './run.ts';
import type { Terminal } from './terminal.ts';
import { relayTeller, wayFields } from './way-lines.ts';
import { shownName } from './who.ts';
import { failureWords, type Sentence, t, tMaybe } from './words/index.ts';

/** What the front of the command has understood. */
export interface HostErrand {
  readonly flags: HostFlags;
  readonly services: readonly ServiceTarget[];
  /** Which host this is. */
  readonly named: string;
  readonly password: string | undefined;
  readonly games: GameLook;
  /** The type for gamedig; undefined: the game is not asked. */
  readonly askGame: string | undefined;
}

export async function openHost(invocation: Invocation, errand: HostErrand): Promise<void> {
  const { flags, services, named, password, games, askGame } = errand;
  const { terminal } = invocation;
  const kept = stateDir(flags, invocation.env);
  const keyFile = hostKeyFile(kept, named);
  const name = flags.name ?? nameOfPerson(kept);
  // Under systemd a service may start before the network does (INVOCATION_ID is set there).
  const waitForNetwork = flags['wait-for-network'] || invocation.env.INVOCATION_ID !== undefined;
  await withAgent({ flags, invocation, keyFile, waitForNetwork }, async (agent) => {
    agent.on('event', followMaster(terminal, masterName(flags.master)));
    const does = { program: 'host', agent, master: flags.master ?? '', name: named } as const;
    // Loaded while the agent looks at the network: it takes as long as that.
    const { openControl } = await import('./control.ts');
    const control = await openControl({ does, stateDir: kept, invocation });
    try {
      await control.engine.start();
      const profile = await (waitForNetwork ? readyWithPatience(agent, invocation) : agent.ready());
      sayProfile(terminal, profile);
      sayMaster(terminal, agent, flags, keyFile);
      const serve: Serve = async (forward, signal, onOpen) => {
        control.engine.desk.begin({ name, services: forward });
        const hosting = await agent.host({
          name,
          game: flags.game ?? '',
          public: flags.public,
          ...(askGame === undefined ? {} : { askGame }),
          ...(flags.max === undefined ? {} : { playersMax: flags.max }),
          ask: flags.ask,
          forward,
          ...(password === undefined ? {} : { password }),
        });
        control.engine.desk.open(hosting);
        onOpen();
        await welcome(invocation, flags, hosting, profile);
        await keepOpen({ ...invocation, signal }, { ...flags, name }, hosting, control.engine);
        await control.engine.desk.close();
      };
      games.goOn();
      if (flags.noray) await serveNoray(control.engine, errand, invocation, serve);
      else await serve(services, invocation.signal, () => {});
    } finally {
      games.stop();
      await control.close();
    }
  });
}

/** Hosts these until the signal; `onOpen`: friends can come. */
type Serve = (services: readonly ServiceTarget[], signal: AbortSignal, onOpen: () => void) => Promise<void>;

/** What a game registers with noray is hosted until it registers another port, or has gone with all friends. */
async function serveNoray(engine: Engine, { flags }: HostErrand, invocation: Invocation, serve: Serve): Promise<void> {
  const { terminal, signal } = invocation;
  const { NorayErrands, norayHosting, openNoray } = await import('./noray.ts');
  const errands = new NorayErrands();
  const front = await openNoray(norayHosting(engine, errands), flags, terminal);
  try {
    for (;;) {
      terminal.fact('info', 'Game', t('is waited for: it connects to noray at 127.0.0.1'));
      const errand = await errands.next(signal);
      if (errand === null) return;
      const services = [{ port: errand.port, protocols: 'udp', address: '127.0.0.1' }] as const;
      await serve(services, AbortSignal.any([signal, errand.signal]), () => errand.answer({ ok: true, n: 0 }));
      if (signal.aborted) return;
    }
  } finally {
    front.close();
  }
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
    terminal.say(t('Stopping: the master and your friends are told.'));
  } finally {
    lan?.close();
    console.close();
    await hosting.close();
  }
}

function sayMaster(terminal: Terminal, agent: Agent, flags: HostFlags, keyFile: string): void {
  const rttMs = agent.link?.rttMs ?? null;
  const rtt = rttMs === null ? '' : `, ${Math.round(rttMs)} ms`;
  terminal.fact(
    'done',
    'Master',
    `${masterName(flags.master)}${rtt} · ${t("this host's key is kept in {file}", { file: keyFile })}`,
    'whole',
  );
}

async function welcome(invocation: Invocation, flags: HostFlags, hosting: Hosting, profile: NatProfile): Promise<void> {
  const { terminal, env } = invocation;
  const { code, link, invite } = hosting;
  terminal.event('ready', { code, link, invite, hostId: hosting.hostId, services: hosting.services, profile });
  terminal.result(invite);
  // The line stands before the clipboard tool has answered: nobody waits for that.
  const copied = flags['no-clipboard'] ? Promise.resolve(false) : copyToClipboard(invite, env);
  terminal.say();
  const line = (head: Sentence, text: string): string => `  ${t(head).padEnd(HEAD_COLUMNS)}${text}`;
  terminal.say(line('Join code', `${showCode(code)}           ${t('(stays the same next time)')}`));
  terminal.say(line('Link', `${invite}${(await copied) ? `     ${t('(copied to clipboard)')}` : ''}`), 'whole');
  if (invite !== link) terminal.say(`  ${' '.repeat(HEAD_COLUMNS)}${link}`, 'whole');
  const friends = t("run: sallyport join {code}, with the same --master; or sallyport join 'the whole link'", {
    code: showCode(code),
  });
  terminal.say(line('Friends', friends));
  terminal.say(line('Ports', hosting.services.map(formatService).join(', ')), 'whole');
  const relay = t('Relay: {mode}', { mode: t(RELAY_WORDS[hosting.relay]) });
  terminal.say(line('Listed', `${flags.public ? t('yes') : t('no (add --public)')}   ${relay}`));
  if (process.stdin.isTTY)
    terminal.say(
      line('Type', t('who, kick NAME, ban NAME or help; Ctrl+C ends. "sallyport ctl" does the same from elsewhere.')),
    );
  terminal.say();
}

/** So wide are the heads of the lines under the code. */
const HEAD_COLUMNS = 12;

const RELAY_WORDS = {
  allow: 'allowed, where there is no direct path (--relay never)',
  never: 'never',
  only: 'only: your address is hidden from friends',
} as const;

/** The master may come and go while friends play on; before it has ever answered, `ready` tells of it. */
function followMaster(terminal: Terminal, name: string): (event: PeerEvent) => void {
  let known: 'up' | 'lost' | 'foreign' | null = null;
  return (event) => {
    if (event.ev !== 'link' || event.state === 'connecting') return;
    // Another masterserver answers there, or somebody who has not its key.
    const foreign = event.state === 'lost' && event.failure === 'MASTER_KEY_MISMATCH';
    const now = foreign ? 'foreign' : event.state;
    if (now === known || (now === 'lost' && known === 'foreign') || (now !== 'up' && known === null)) return;
    if (known !== null && now === 'up') terminal.fact('done', 'Master', t('{name} answers again', { name }), 'whole');
    if (now === 'lost')
      terminal.fact(
        'warn',
        'Master',
        t('{name} is gone: friends stay connected, we keep calling it', { name }),
        'whole',
      );
    if (now === 'foreign') {
      const why = t(
        '{name} answers with another key than its link has: friends stay connected, new ones do not find you. Ask whoever runs it for the new link.',
        { name },
      );
      terminal.fact('warn', 'Master', why, 'whole');
    }
    known = now;
    const failure = event.failure === null ? {} : { failure: event.failure };
    terminal.event('master', { state: event.state, rttMs: event.rttMs, ...failure });
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
    terminal.say(`${clock()}  ${shownName({ name, friend }).padEnd(10)}  ${wayText(path, tMaybe)}`);
    relayed(path);
  });
  hosting.on('bans', (bans, kept) => {
    terminal.event('bans', { bans, kept });
    if (!kept) terminal.fact('warn', 'Bans', t('could not be written down: they hold until this program ends'));
  });
  hosting.on('notice', (notice) => sayNotice(terminal, hosting, notice));
  hosting.on('wrongPasswords', (count) => {
    terminal.event('wrong-passwords', { count });
    const many =
      count === 1
        ? t('one wrong one so far; each makes whoever tries wait longer, not your friends')
        : t('{count} wrong ones so far; each makes whoever tries wait longer, not your friends', { count });
    terminal.fact('warn', 'Password', many);
  });
  hosting.on('replaced', (error) => {
    terminal.event('replaced', { replaced: error !== null });
    if (error === null) terminal.fact('done', 'Replaced', t('no more: friends reach this computer again'));
    else {
      const { message, hint } = failureWords(error);
      terminal.fact('warn', 'Replaced', `${message} ${hint}`);
    }
  });
  hosting.on('code', (code) => {
    terminal.event('code', { code, link: hosting.link, invite: hosting.invite });
    terminal.fact('warn', 'Join code', t('is now {code}', { code: showCode(code) }));
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
  const more = path === null || state !== 'connected' ? [] : [wayText(path, tMaybe)];
  if (path !== null && state === 'connected' && seenAs !== null)
    more.push(t('seen by the game as {address}', { address: seenAs.address }));
  terminal.say(`${clock()}  ${who}  ${tMaybe(state).padEnd(10)}  ${more.join(' · ')}`.trimEnd());
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}

function sayNotice(terminal: Terminal, { services }: Hosting, notice: HostForwardNotice): void {
  if (notice.kind === 'too-large') {
    sayTooLarge(terminal, notice);
  } else if (notice.kind === 'seats-full') {
    terminal.event('notice', notice);
    const why =
      notice.why === 'taken'
        ? t('a further program behind a friend has no seat: all are taken by others who play')
        : t(
            'a friend has no way to the game: this computer allows the program no further sockets (ulimit -n). Others play on.',
          );
    terminal.fact('warn', 'Game', why);
  } else if (notice.kind === 'addresses-shared') {
    terminal.event('notice', notice);
    const { target } = notice;
    const why =
      notice.why === 'refused'
        ? t(
            'this system has no loopback addresses for them: it sees friends as ports of 127.0.0.1, not as addresses of their own. Ban here, not in the game.',
          )
        : t(
            '{target} is not at 127.x.y.z: it sees friends as ports of this computer, not as addresses of their own. Ban here, not in the game.',
            { target },
          );
    terminal.fact('info', 'Game', why, 'whole');
  } else if (notice.kind === 'upload') {
    terminal.event('notice', notice);
    terminal.fact(notice.full ? 'warn' : 'done', 'Upload', uploadText(notice.full, tMaybe), 'whole');
  } else if (notice.kind === 'game-silent') {
    const { state, service } = notice;
    const { port = 0, address = '' } = services[service] ?? {};
    terminal.event('game', { listening: state !== 'absent', state, port });
    // Of this computer the look at its ports tells.
    if (state === 'absent' && !isHere(address))
      terminal.fact('warn', 'Game', t('nothing listens on udp {port}: friends are told so', { port }));
    if (state === 'silent')
      terminal.fact(
        'warn',
        'Game',
        t('has stopped answering friends on udp {port}: they are told so. Does it hang?', { port }),
      );
  } else {
    const port = services[notice.service]?.port ?? 0;
    terminal.event('game', { listening: true, state: 'answers', port });
    terminal.fact('done', 'Game', t('answers on udp {port}', { port }));
  }
}
