/** What `sallyport join CODE` does once it is known what is meant: docs/reference/product.md §4B. */
import { type Agent, type LocalService, openLocalServices, type Path, uploadText, wayText } from '../agent/index.ts';
import type { Engine, ShownJoin } from '../app/index.ts';
import { endpointKey, type JoinTarget, type ListEntry, NOWHERE, showCode } from '../core/index.ts';
import { gameNamed } from '../games/index.ts';
import { copyToClipboard, localPlaces, SallyportError } from '../node/index.ts';
import { stateDir } from './agent-flags.ts';
import { withAgent } from './agents.ts';
import type { JoinFlags } from './join.ts';
import { watchKeys } from './join-keys.ts';
import { tellConnected, took } from './join-lines.ts';
import { logText } from './join-log.ts';
import { tellOfficial } from './join-official.ts';
import { JoinScreen } from './join-screen.ts';
import { CLI_LIMITS } from './limits.ts';
import { sayLocalNotice, sayPlace, sayServices } from './local-lines.ts';
import type { NorayErrand } from './noray.ts';
import { Player } from './player.ts';
import { canPrompt, promptSecret } from './prompt.ts';
import { type Invocation, untilStopped } from './run.ts';
import type { Terminal } from './terminal.ts';
import { relayTeller, wayFields } from './way-lines.ts';
import { waysText } from './ways.ts';
import { failureWords, t, tMaybe } from './words/index.ts';

/** What the front of the command has understood. */
export interface JoinErrand {
  readonly invocation: Invocation;
  readonly flags: JoinFlags;
  /** The code or link. */
  readonly text: string;
  /** As far as it is known: where the host wants one, whoever sits at the terminal is asked for it. */
  readonly password: string | undefined;
  /** The link of the masterserver. */
  readonly master: string | undefined;
  readonly target: JoinTarget;
}

interface JoinTry extends JoinErrand {
  readonly shown: ShownJoin;
  readonly player: Player;
  readonly name: string | undefined;
  /** The state directory. */
  readonly kept: string;
  /** Where a game has asked for it by noray's protocol. */
  readonly asked: NorayErrand | null;
}

export async function reachHost(errand: JoinErrand): Promise<void> {
  const { invocation, flags, master, target } = errand;
  const kept = stateDir(flags, invocation.env);
  const player = new Player(invocation.terminal, kept);
  const name = flags.anonymous ? flags.name : player.shown(flags.name);
  await withAgent({ flags: { ...flags, master }, invocation }, async (agent) => {
    const does = { program: 'join', agent, master: master ?? '', name: target.code } as const;
    // Loaded while the agent looks at the network: it takes as long as that.
    const { openControl } = await import('./control.ts');
    const control = await openControl({ does, stateDir: kept, invocation });
    try {
      await control.engine.start();
      if (!flags.anonymous) player.askOnce();
      const once: ReachOnce = async (signal, asked) => {
        const shown = control.engine.joins.show(showCode(target.code), invocation.stop);
        try {
          const within = { ...errand, invocation: { ...invocation, signal } };
          await reachPassword(agent, { ...within, shown, player, name, kept, asked });
        } finally {
          shown.over();
        }
      };
      if (flags.noray) await reachForNoray(control.engine, errand, once);
      else await once(invocation.signal, null);
    } finally {
      await control.close();
    }
  });
}

type ReachOnce = (signal: AbortSignal, asked: NorayErrand | null) => Promise<void>;

/** Joins anew whenever a game says `connect`, because so the host's game is told anew, and shakes hands. A failure is the game's to hear. */
async function reachForNoray(engine: Engine, errand: JoinErrand, once: ReachOnce): Promise<void> {
  const { invocation, flags, target } = errand;
  const { terminal, signal } = invocation;
  const { NorayErrands, norayJoining, openNoray, refusal } = await import('./noray.ts');
  const errands = new NorayErrands();
  const front = await openNoray(norayJoining(engine, target, errands), flags, terminal);
  try {
    for (;;) {
      terminal.fact('info', 'Game', t('is waited for: it connects to noray at 127.0.0.1'));
      const asked = await errands.next(signal);
      if (asked === null) return;
      try {
        await once(AbortSignal.any([signal, asked.signal]), asked);
      } catch (error) {
        if (!(error instanceof SallyportError)) throw error;
        asked.answer(refusal(error));
        const { message, hint } = failureWords(error);
        if (!asked.signal.aborted && !signal.aborted) terminal.fact('warn', 'Host', `${message} ${hint}`);
      }
      if (signal.aborted) return;
    }
  } finally {
    front.close();
  }
}

/** As often as somebody types another password. */
async function reachPassword(agent: Agent, errand: JoinTry): Promise<void> {
  let { password } = errand;
  for (let tries = 1; ; tries++) {
    const mayAsk = tries < CLI_LIMITS.passwordTriesMax && canPrompt();
    const refused = await reach(agent, { ...errand, password }, mayAsk);
    if (refused === null) return;
    const question =
      tries === 1 && password === undefined ? t('Password of the host: ') : t('Not that one. Password: ');
    const typed = await promptSecret(question, errand.invocation.signal);
    if (typed === null || typed === '') throw refused;
    password = typed;
  }
}

/** Resolves when the game is over; with the failure where the password is wrong and the person may be asked for it. */
async function reach(agent: Agent, errand: JoinTry, mayAsk: boolean): Promise<SallyportError | null> {
  const { invocation, flags, text, password, shown, player, name } = errand;
  const { terminal, stop, env } = invocation;
  const screen = new JoinScreen(terminal);
  // Aborted with the entry of an official server: it is joined by its address.
  const direct = new AbortController();
  let reached: Path | null = null;
  const keys = watchKeys({
    ...{ terminal, log: (all) => logText(screen.join, all), stop, env },
    words: () => screen.join.path?.words ?? '',
    ways: () => waysText(reached === null ? [] : [{ name: screen.join.hostName, ways: reached.paths }]),
    named: (typed) => player.named(typed),
  });
  try {
    const path = await agent.join(text, {
      signal: AbortSignal.any([invocation.signal, direct.signal]),
      onEvent(event) {
        screen.onEvent(event);
        if (!(mayAsk && event.ev === 'join-failed' && event.failure === 'PASSWORD')) shown.event(event);
        if (event.ev === 'found' && event.entry.address !== null) direct.abort(event.entry);
      },
      timeoutMs: (flags.timeout ?? 0) * 1_000,
      acceptNewKey: flags['new-key'],
      anonymous: flags.anonymous,
      wait: flags.wait ? 'from-start' : !flags['no-wait'],
      ...(password === undefined ? {} : { password }),
      ...(name === undefined ? {} : { name }),
    });
    reached = path;
    shown.connected(path);
    await play(errand, screen, path);
    return null;
  } catch (error) {
    if (mayAsk && error instanceof SallyportError && error.code === 'PASSWORD') return error;
    if (!direct.signal.aborted) throw error;
    screen.close();
    await tellOfficial(invocation, flags, direct.signal.reason as ListEntry);
    return null;
  } finally {
    screen.close();
    keys.close();
  }
}

async function play({ invocation, flags, shown, kept, asked }: JoinTry, screen: JoinScreen, path: Path): Promise<void> {
  const { terminal, env, signal } = invocation;
  const over = new Promise<never>((_resolve, reject) => {
    // When we leave the path closes too, but that is no failure.
    path.on('close', (reason, error) => signal.aborted || reject(error ?? endOf(reason)));
  });
  const places: { services: readonly LocalService[] } = { services: [] };
  const wished = asked?.port ?? flags['local-port'];
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
    const at = local.services[0];
    if (at !== undefined) asked?.answer({ ok: true, n: 0, join: 0, local: endpointKey(at.local) });
    screen.close();
    sayPlace(terminal, local, wished);
    terminal.event('path', wayFields(path));
    tellConnected(terminal, path, local.services);
    if (flags.lan) terminal.event('lan', { addresses: local.lanAddresses });
    for (const service of local.services) terminal.result(endpointKey(service.local));
    terminal.fact('done', 'Connected', `${wayText(path, tMaybe)} · ${t('encrypted')}      (${took(path)})`);
    screen.sayWhy();
    relayed(path);
    const first = local.services[0]?.local ?? NOWHERE;
    const copied = !flags['no-clipboard'] && (await Promise.race([copyToClipboard(endpointKey(first), env), over]));
    terminal.say();
    sayServices(terminal, local, { copied, game });
    terminal.say(t('Keep this window open while you play. Ctrl+C leaves.'));
    await Promise.race([untilStopped(signal), over]);
    terminal.say(t('Leaving: the host is told.'));
  } finally {
    opening.then((local) => local.close()).catch(() => {});
    path.close();
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
    terminal.fact('done', 'Path', wayText(way, tMaybe));
    screen.sayWhy();
    relayed(way);
  });
  path.on('lost', (reason) => {
    const waiting = reason === 'left' || reason === 'full';
    terminal.event('lost', { reason, waiting });
    screen.lost(reason);
    if (waiting) terminal.fact('warn', 'Host', t(LOST_WORDS[reason]));
    else terminal.fact('warn', 'Path', t('lost: finding it again, the game may stay open'));
  });
  path.on('game', (service, state) => {
    terminal.event('game', { service, state });
    const port = path.services[service]?.port ?? 0;
    terminal.fact(state === 'answers' ? 'done' : 'warn', 'Game', t(GAME_WORDS[state], { port }));
  });
  path.on('upload', (full) => {
    terminal.event('notice', { kind: 'upload', full });
    terminal.fact(full ? 'warn' : 'done', 'Upload', uploadText(full, tMaybe), 'whole');
  });
  path.on('restored', () => {
    screen.close();
    tellConnected(terminal, path, places.services);
    terminal.fact('done', 'Connected', t('again, {way}', { way: wayText(path, tMaybe) }));
  });
}

const LOST_WORDS = {
  left: 'has ended the game: waiting for it, your game may stay open',
  full: 'is back, but has no place left: waiting for it, your game may stay open',
} as const;

/** Each is all that is known, and no more: `game-watch.ts`. */
const GAME_WORDS = {
  absent: "the host's game does not answer: nothing listens on port {port}. The connection to the host is fine.",
  silent:
    "the host's game on port {port} has stopped answering what your game sends. The connection to the host is fine.",
  answers: "the host's game answers again on port {port}",
} as const;

/** The path has ended and nobody here asked for it. */
function endOf(reason: string): SallyportError {
  if (reason === 'kicked') return new SallyportError('REFUSED', { detail: t('The host has removed you.') });
  if (reason === 'left') return new SallyportError('HOST_OFFLINE', { detail: t('The host has ended the game.') });
  if (reason === 'full') return new SallyportError('FULL');
  return new SallyportError('HOST_OFFLINE');
}
