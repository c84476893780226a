/** What `join`, `check --with` and `sim` say alike of the way to a host. */
import { adviceText, type JoinEvent, type LocalService, type Path, stageText } from '../agent/index.ts';
import { endpointKey, type PeerEvent, type PlanSummary } from '../core/index.ts';
import { milliseconds } from './agent-flags.ts';
import { serviceFields } from './local-lines.ts';
import type { Terminal } from './terminal.ts';
import { type Sentence, t, tMaybe } from './words/index.ts';

/**
 * The JSON lines of the stages of a join, of what both networks are, of the attempts and of the log; other events have none that the commands
 * tell alike. `at`: virtual milliseconds since the join, where there are such.
 */
export function tellProgress(terminal: Terminal, event: PeerEvent, at?: number): void {
  const when = at === undefined ? {} : { at };
  switch (event.ev) {
    case 'networks':
      terminal.event('networks', { own: event.own, peer: event.peer, ...when });
      break;
    case 'stage':
      terminal.event('stage', { stage: event.stage, why: event.why, text: stageText(event), ...when });
      break;
    case 'attempt':
      terminal.event('attempt', { n: event.n, plan: event.plan, ...when });
      break;
    case 'attempt-over': {
      const { n, result, packetsSent, next } = event;
      terminal.event('attempt-over', { n, result, packetsSent, next, ...when });
      break;
    }
    case 'hard': {
      const { pair, likely, advice } = event;
      terminal.event('hard', { pair, likely, advice, ...when });
      break;
    }
    case 'log': {
      const { attempt, what, data } = event;
      if (event.join !== null) terminal.event('log', { attempt, what, data, ...when });
      break;
    }
    default:
  }
}

/** `window, 99 % expected` */
export function planText({ method, expected }: PlanSummary): string {
  return t('{method}, {percent} % expected', { method: tMaybe(method), percent: Math.round(expected * 100) });
}

/** No path after 15 s: how likely it is, and what would help. */
export function hardText({ likely, advice }: Pick<Extract<JoinEvent, { ev: 'hard' }>, 'likely' | 'advice'>): string {
  // Chances are those of the two NATs.
  if (advice[0]?.help === 'vpn' || advice.some(({ help }) => help === 'between')) return adviceText(advice, tMaybe);
  const chance =
    likely < 0.01
      ? t('Chance within the next minute: under 1 %.')
      : t('Chance within the next minute: {percent} %.', { percent: Math.round(100 * likely) });
  return `${chance} ${adviceText(advice, tMaybe)}`;
}

/** The JSON line of a path that is up. `services`: where the game finds the host; null where no game is asked for. */
export function tellConnected(terminal: Terminal, path: Path, services: readonly LocalService[] | null): void {
  const { kind, via, remote, elapsedMs, attempts, packetsSent, rttMs, words } = path;
  const [first] = services ?? [];
  const local = first === undefined ? null : endpointKey(first.local);
  terminal.event('connected', {
    ...{ path: kind, via, remote: endpointKey(remote), local, ms: Math.round(elapsedMs) },
    ...(services === null ? {} : { services: serviceFields(services) }),
    ...{ attempts, packetsSent, rttMs: Math.round(rttMs * 10) / 10, words },
  });
}

/** Facts that may come again and again in the same words: each is said when it changes. */
export class Repeated {
  readonly #terminal: Terminal;
  readonly #told = new Map<string, string>();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  say(head: Sentence, text: string): void {
    if (this.#told.get(head) === text) return;
    this.told(head, text);
    this.#terminal.fact('info', head, text);
  }

  /** It has been said in another line. */
  told(head: string, text: string): void {
    this.#told.set(head, text);
  }
}

/** `212 ms, attempt 1, 7 packets` */
export function took({ elapsedMs, attempts, packetsSent }: Path): string {
  return t('{time}, attempt {attempts}, {packetsSent} packets', {
    time: milliseconds(elapsedMs),
    attempts,
    packetsSent,
  });
}
