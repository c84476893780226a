/** `sallyport check --with CODE`: the plan to which two networks lead, carried out without a game, and what came of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, type JoinEvent, nextText, type Path, wayText } from '../agent/index.ts';
import type { Help } from '../core/index.ts';
import { hardText, planText, Repeated, tellConnected, tellProgress, took } from './join-lines.ts';
import { CLI_LIMITS } from './limits.ts';
import { profileLine } from './profile-line.ts';
import type { Invocation } from './run.ts';
import type { Terminal } from './terminal.ts';
import { relayTeller, wayFields } from './way-lines.ts';
import { t, tMaybe } from './words/index.ts';

export interface CheckedPair {
  /** Join code or link of the host. */
  readonly code: string;
  readonly password: string | undefined;
}

/** The events are those of `join`; rejects as a join does, with GAVE_UP where no path was found in the time. */
export async function tryPair({ terminal, signal }: Invocation, agent: Agent, pair: CheckedPair): Promise<void> {
  terminal.fact('info', 'Pair', t('trying the way to the host, without a game'));
  const repeated = new Repeated(terminal);
  const path = await agent.join(pair.code, {
    signal,
    name: 'check',
    timeoutMs: CLI_LIMITS.checkPairMs,
    onEvent: (event) => show(terminal, repeated, event),
    ...(pair.password === undefined ? {} : { password: pair.password }),
  });
  terminal.event('path', wayFields(path));
  if (path.via !== null) await direct(terminal, signal, path);
  await sleep(CLI_LIMITS.checkPathMs, undefined, { signal }).catch(() => {});
  tellConnected(terminal, path, null);
  terminal.fact('done', 'Connected', `${wayText(path, tMaybe)}      (${took(path)})`);
  path.close();
}

/** A game plays through the relay meanwhile, but whoever checks wants to know whether there is a direct path: until then, or as long as a check takes. */
async function direct(terminal: Terminal, signal: AbortSignal, path: Path): Promise<void> {
  terminal.fact(
    'done',
    'Relay',
    t('{way}: a game could play by now. Looking for a direct path.', { way: wayText(path, tMaybe) }),
  );
  relayTeller(terminal)(path);
  const found = new AbortController();
  path.on('path', (way) => {
    terminal.event('path', wayFields(way));
    if (way.via === null) found.abort();
  });
  path.on('close', () => found.abort());
  const either = AbortSignal.any([signal, found.signal]);
  await sleep(CLI_LIMITS.checkPairMs, undefined, { signal: either }).catch(() => {});
  if (path.via !== null)
    terminal.fact('warn', 'Relay', t('no direct path in this time; a game plays through the relay'));
}

function show(terminal: Terminal, repeated: Repeated, event: JoinEvent): void {
  tellProgress(terminal, event);
  switch (event.ev) {
    case 'networks':
      terminal.fact('done', 'Here', profileLine(event.own));
      terminal.fact('done', 'There', profileLine(event.peer));
      break;
    case 'attempt':
      repeated.say(
        'Plan',
        t('{plan} with {packets} packets', { plan: planText(event.plan), packets: event.plan.packets }),
      );
      break;
    case 'attempt-over': {
      const { n, result, next } = event;
      if (next === null) break;
      if (result === 'put-off') repeated.say('Waiting', nextText(next, tMaybe));
      if (result === 'timeout')
        terminal.fact('info', 'Attempt', `${t('{n} did not meet', { n })} · ${nextText(next, tMaybe)}`);
      break;
    }
    case 'hard':
      terminal.fact('info', hardHead(event.advice), hardText(event));
      break;
    default:
  }
}

/** It is not always the pair of networks. */
function hardHead([first]: readonly Help[]): 'VPN' | 'Apart' | 'Hard pair' {
  if (first?.help === 'vpn' || first?.help === 'vpn-off') return 'VPN';
  return first?.help === 'between' ? 'Apart' : 'Hard pair';
}
