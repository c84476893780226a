/** `sallyport join CODE`: docs/reference/product.md §4B. */
import {
  type Agent,
  type JoinEvent,
  type LocalService,
  losePath,
  NEW_JOIN,
  nextText,
  notDirectText,
  openLocalServices,
  type Path,
  type PathEvents,
  readJoinTarget,
  reduceJoin,
  stageText,
  uploadText,
  wayText,
} from '../agent/index.ts';
import type { ShownJoin } from '../app/index.ts';
import {
  cleanText,
  endpointKey,
  formatMasterLink,
  isServerAddress,
  type JoinTarget,
  LIMITS,
  type ListEntry,
  NOWHERE,
  PEER_LIMITS,
  parseMasterLink,
  showCode,
} from '../core/index.ts';
import { gameNamed } from '../games/index.ts';
import { copyToClipboard, localPlaces, SallyportError } from '../node/index.ts';
import { checkAgentFlags, milliseconds, profileLine, readPassword, stateDir, withAgent } from './agents.ts';
import { JOIN_FLAGS } from './commands.ts';
import { openControl } from './control.ts';
import { readCommandLine } from './flags.ts';
import { logText, watchKeys } from './join-keys.ts';
import { hardText, planText, Repeated, tellConnected, tellProgress, took } from './join-lines.ts';
import { joinOfficial, tellOfficial } from './join-official.ts';
import { CLI_LIMITS } from './limits.ts';
import { sayLocalNotice, sayPlace, sayServices } from './local-lines.ts';
import { Player } from './player.ts';
import { type Invocation, untilStopped } from './run.ts';
import type { Terminal } from './terminal.ts';
import { relayTeller, wayFields } from './way-lines.ts';

type JoinFlags = ReturnType<typeof readCommandLine<typeof JOIN_FLAGS>>['flags'];

export async function joinCommand(invocation: Invocation): Promise<void> {
  const { flags, words } = readCommandLine(JOIN_FLAGS, ['CODE'], invocation.argv, invocation.env);
  if (isServerAddress(words[0] as string)) return joinOfficial(invocation, flags, words[0] as string);
  const target = readJoinTarget(words[0] as string);
  const password = readPassword(flags['password-file']);
  const { terminal } = invocation;
  const master = await masterOf(flags, target);
  checkAgentFlags({ ...flags, master });
  const kept = stateDir(flags, invocation.env);
  const player = new Player(terminal, kept);
  const name = player.shown(flags.name);
  terminal.fact('info', 'Looking', `for ${showCode(target.code)}`);
  const text = words[0] as string;
  await withAgent({ flags: { ...flags, master }, invocation }, async (agent) => {
    const does = { program: 'join', agent, master: master ?? '', name: target.code } as const;
    const control = await openControl({ does, stateDir: kept, invocation });
    try {
      await control.engine.start();
      const shown = control.engine.joins.show(showCode(target.code), invocation.stop);
      await reach(agent, { invocation, flags, text, password, shown, player, name, kept });
    } finally {
      await control.close();
    }
  });
}

interface JoinErrand {
  readonly invocation: Invocation;
  readonly flags: JoinFlags;
  /** The code or link. */
  readonly text: string;
  readonly password: string | undefined;
  readonly shown: ShownJoin;
  readonly player: Player;
  readonly name: string | undefined;
  /** The state directory. */
  readonly kept: string;
}

async function reach(agent: Agent, errand: JoinErrand): Promise<void> {
  const { invocation, flags, text, password, shown, player, name } = errand;
  const { terminal, stop, env } = invocation;
  const screen = new JoinScreen(terminal);
  // Aborted with the entry of an official server: it is joined by its address.
  const direct = new AbortController();
  const keys = watchKeys({
    ...{ terminal, log: (all) => logText(screen.join, all), stop, env },
    words: () => screen.join.path?.words ?? '',
    named: (typed) => player.named(typed),
  });
  player.askOnce();
  try {
    const path = await agent.join(text, {
      signal: AbortSignal.any([invocation.signal, direct.signal]),
      onEvent(event) {
        screen.onEvent(event);
        shown.event(event);
        if (event.ev === 'found' && event.entry.address !== null) direct.abort(event.entry);
      },
      timeoutMs: (flags.timeout ?? 0) * 1_000,
      acceptNewKey: flags['new-key'],
      anonymous: flags.anonymous,
      wait: flags.wait ? 'from-start' : !flags['no-wait'],
      ...(password === undefined ? {} : { password }),
      ...(name === undefined ? {} : { name }),
    });
    shown.connected(path);
    await play(errand, screen, path);
  } catch (error) {
    if (!direct.signal.aborted) throw error;
    screen.close();
    await tellOfficial(invocation, flags, direct.signal.reason as ListEntry);
  } finally {
    screen.close();
    keys.close();
  }
}

/** A whole link names its master, and the page of a host knows it; one given by hand goes first. */
async function masterOf(flags: JoinFlags, target: JoinTarget): Promise<string | undefined> {
  const known = flags.master ?? target.master ?? undefined;
  if (known !== undefined || target.page === null) return known;
  const told = await masterOfPage(target.page);
  if (told !== null) return told;
  throw new SallyportError('MASTER_UNREACHABLE', { detail: `The page ${target.page} does not tell of it.` });
}

/** The link of the masterserver behind a page; null where the page does not tell it. */
async function masterOfPage(origin: string): Promise<string | null> {
  try {
    const answer = await fetch(`${origin}/api/v1/master`, {
      signal: AbortSignal.timeout(LIMITS.nameLookupMs),
      redirect: 'error',
    });
    const { link } = (await answer.json()) as { readonly link?: unknown };
    const master = typeof link === 'string' ? parseMasterLink(link) : null;
    return master === null || 'problem' in master ? null : formatMasterLink(master);
  } catch {
    return null;
  }
}

async function play({ invocation, flags, shown, kept }: JoinErrand, screen: JoinScreen, path: Path): Promise<void> {
  const { terminal, env, signal } = invocation;
  const over = new Promise<never>((_resolve, reject) => {
    // When we leave the path closes too, but that is no failure.
    path.on('close', (reason, error) => signal.aborted || reject(error ?? endOf(reason)));
  });
  const places: { services: readonly LocalService[] } = { services: [] };
  const wished = flags['local-port'];
  const game = gameNamed(screen.game);
  const opening = openLocalServices(path, {
    ...(wished === undefined ? {} : { port: wished }),
    places: localPlaces(kept),
    ...(flags.lan ? { lan: { search: game?.lan ?? null, name: screen.join.hostName } } : {}),
    onNotice(notice) {
      if (notice.kind === 'services') {
        places.services = notice.services;
        shown.local(notice.services);
      }
      sayLocalNotice(terminal, notice);
    },
  });
  over.catch(() => {});
  const relayed = relayTeller(terminal);
  // Before anything is waited for: the host may say at once that its game does not answer.
  follow(terminal, screen, path, places, relayed);
  try {
    const local = await Promise.race([opening, over]);
    places.services = local.services;
    shown.local(local.services);
    screen.connected();
    sayPlace(terminal, local, wished);
    terminal.event('path', wayFields(path));
    tellConnected(terminal, path, local.services);
    if (flags.lan) terminal.event('lan', { addresses: local.lanAddresses });
    for (const service of local.services) terminal.result(endpointKey(service.local));
    terminal.fact('done', 'Connected', `${wayText(path)} · encrypted      (${took(path)})`);
    screen.sayWhy();
    relayed(path);
    const first = local.services[0]?.local ?? NOWHERE;
    const copied = !flags['no-clipboard'] && (await Promise.race([copyToClipboard(endpointKey(first), env), over]));
    terminal.say();
    sayServices(terminal, local, { copied, game });
    terminal.say('Keep this window open while you play. Ctrl+C leaves.');
    await Promise.race([untilStopped(signal), over]);
    terminal.say('Leaving: the host is told.');
  } finally {
    opening.then((local) => local.close()).catch(() => {});
  }
}

function follow(
  terminal: Terminal,
  screen: JoinScreen,
  path: Path,
  places: { readonly services: readonly LocalService[] },
  relayed: ReturnType<typeof relayTeller>,
): void {
  path.on('path', (way) => {
    terminal.event('path', wayFields(way));
    terminal.fact('done', 'Path', wayText(way));
    screen.sayWhy();
    relayed(way);
  });
  path.on('lost', (reason) => {
    const waiting = reason === 'left' || reason === 'full';
    terminal.event('lost', { reason, waiting });
    screen.lost(reason);
    if (waiting) terminal.fact('warn', 'Host', `${LOST_WORDS[reason]}: waiting for it, your game may stay open`);
    else terminal.fact('warn', 'Path', 'lost: finding it again, the game may stay open');
  });
  path.on('game', (service, state) => {
    terminal.event('game', { service, state });
    const port = path.services.length > 1 ? ` on port ${path.services[service]?.port}` : '';
    if (state === 'answers') terminal.fact('done', 'Game', `the host's game answers again${port}`);
    else terminal.fact('warn', 'Game', `the host's game does not answer${port}: ${QUIET_WORDS[state]}`);
  });
  path.on('upload', (full) => {
    terminal.event('notice', { kind: 'upload', full });
    terminal.fact(full ? 'warn' : 'done', 'Upload', uploadText(full), 'whole');
  });
  path.on('restored', () => {
    screen.connected();
    tellConnected(terminal, path, places.services);
    terminal.fact('done', 'Connected', `again, ${wayText(path)}`);
  });
}

const LOST_WORDS = { left: 'has ended the game', full: 'is back, but has no place left' } as const;

/** Each is all that is known, and no more: `game-watch.ts`. */
const QUIET_WORDS = {
  absent: 'nothing listens on its port. The connection to the host is fine.',
  silent: 'it has stopped answering what your game sends. The connection to the host is fine.',
} as const;

/** The path has ended and nobody here asked for it. */
function endOf(reason: string): SallyportError {
  if (reason === 'kicked') return new SallyportError('REFUSED', { detail: 'The host has removed you.' });
  if (reason === 'left') return new SallyportError('HOST_OFFLINE', { detail: 'The host has ended the game.' });
  if (reason === 'full') return new SallyportError('FULL');
  return new SallyportError('HOST_OFFLINE');
}

/** Follows a join for the person: lines for what is done, a status line for what goes on, the box after 15 s. */
class JoinScreen {
  /** As far as it has come. */
  join = NEW_JOIN;
  /** As the host calls it. */
  game = '';
  readonly #terminal: Terminal;
  readonly #startedAt = performance.now();
  #text = '';
  readonly #repeated: Repeated;
  #ticker: NodeJS.Timeout | null = null;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#repeated = new Repeated(terminal);
    this.#resume();
  }

  onEvent(event: JoinEvent): void {
    this.join = reduceJoin(this.join, event, Math.round(performance.now() - this.#startedAt));
    tellProgress(this.#terminal, event);
    // Whoever plays through a relay is not told how a direct path is looked for, only why there is none.
    if (this.#ticker === null) {
      if (event.ev === 'hard') this.sayWhy();
      return;
    }
    switch (event.ev) {
      case 'found':
        this.#found(event);
        break;
      case 'networks':
        this.#terminal.fact('done', 'Network', profileLine(event.own));
        break;
      case 'stage':
        this.#text = stageText(event);
        if (event.stage === 'waiting') this.#repeated.say('Waiting', this.#text);
        if (event.stage === 'asked' || event.stage === 'queued') this.#repeated.say('Asked', this.#text);
        break;
      case 'attempt':
        this.#text = planText(event.plan);
        break;
      case 'attempt-over':
        if (event.next !== null) this.#over(event.n, event.result, nextText(event.next));
        break;
      case 'hard':
        this.#hard(event);
        break;
      default:
    }
  }

  /** Where a relay carries the data: why. */
  sayWhy(): void {
    const { notDirect, hard } = this.join;
    if (notDirect === null) return;
    const more = notDirect.because === 'hard-pair' && hard !== null ? ` ${hardText(hard)}` : '';
    this.#repeated.say('Relay', `${notDirectText(notDirect)}${more}`);
  }

  lost(reason: PathEvents['lost'][0]): void {
    this.join = losePath(this.join, reason);
    this.#resume();
  }

  #resume(): void {
    this.#ticker ??= setInterval(() => this.#tick(), CLI_LIMITS.statusLineMs);
  }

  connected(): void {
    this.close();
  }

  close(): void {
    if (this.#ticker !== null) clearInterval(this.#ticker);
    this.#ticker = null;
    this.#terminal.clearStatus();
  }

  #found({ hostKey, entry }: Extract<JoinEvent, { ev: 'found' }>): void {
    const name = cleanText(entry.name, PEER_LIMITS.nameShownMax);
    const game = cleanText(entry.game, PEER_LIMITS.nameShownMax);
    this.game = game;
    this.#terminal.event('found', { entry, hostKey: Buffer.from(hostKey).toString('base64url') });
    const players = entry.playersMax > 0 ? `${entry.players}/${entry.playersMax} players` : '';
    const words = [name === '' ? 'the host' : `"${name}"`, game, players].filter((word) => word !== '');
    this.#terminal.fact('done', 'Found', words.join(' · '));
  }

  #over(n: number, result: Extract<JoinEvent, { ev: 'attempt-over' }>['result'], next: string): void {
    if (result === 'put-off') this.#repeated.say('Waiting', next);
    if (result !== 'timeout') return;
    this.#terminal.fact('info', 'Attempt', `${n} did not meet · ${this.#clock()} · ${next}`);
    this.#repeated.told('Waiting', next);
  }

  #clock(): string {
    return milliseconds(performance.now() - this.#startedAt);
  }

  #tick(): void {
    const n = this.join.attempts.at(-1)?.n;
    const attempt = n === undefined ? '' : `attempt ${n} · `;
    this.#terminal.status(`… Connecting  ${attempt}${this.#clock()} · ${this.#text}`);
  }

  /** Not a new mode: attempts go on for ever, the clock and the counter are kept. */
  #hard(event: Extract<JoinEvent, { ev: 'hard' }>): void {
    const { own, peer, attempts } = this.join;
    const sides = own === null || peer === null ? '' : ` Your side: ${profileLine(own)}. Host: ${profileLine(peer)}.`;
    this.#terminal.say(`Still trying: attempt ${attempts.at(-1)?.n ?? 1}, ${this.#clock()}.${sides}`);
    this.#terminal.say(`  ${hardText(event)}`);
    if (process.stdin.isTTY)
      this.#terminal.say(
        '  L log of this attempt   A of all   T copy this attempt   C copy all, addresses masked   Q stop',
      );
  }
}
