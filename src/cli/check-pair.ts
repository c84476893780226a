/** `sallyport check --with CODE`: the plan to which two networks lead, carried out without a game, and what came of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, type JoinEvent, nextText } from '../agent/index.ts';
import { milliseconds, profileLine } from './agents.ts';
import { hardText, planText, Repeated, tellConnected, tellProgress, took } from './join-lines.ts';
import { CLI_LIMITS } from './limits.ts';
import type { Invocation } from './run.ts';
import type { Terminal } from './terminal.ts';

export interface CheckedPair {
  /** Join code or link of the host. */
  readonly code: string;
  readonly password: string | undefined;
}

/** The events are those of `join`; rejects as a join does, with GAVE_UP where no path was found in the time. */
export async function tryPair({ terminal, signal }: Invocation, agent: Agent, pair: CheckedPair): Promise<void> {
  terminal.fact('info', 'Pair', 'trying the way to the host, without a game');
  const repeated = new Repeated(terminal);
  const path = await agent.join(pair.code, {
    signal,
    name: 'check',
    timeoutMs: CLI_LIMITS.checkPairMs,
    onEvent: (event) => show(terminal, repeated, event),
    ...(pair.password === undefined ? {} : { password: pair.password }),
  });
  await sleep(CLI_LIMITS.checkPathMs, undefined, { signal }).catch(() => {});
  tellConnected(terminal, path, null);
  terminal.fact('done', 'Connected', `${path.kind} · ${milliseconds(path.rttMs)}      (${took(path)})`);
  path.close();
}

function show(terminal: Terminal, repeated: Repeated, event: JoinEvent): void {
  tellProgress(terminal, event);
  switch (event.ev) {
    case 'networks':
      terminal.fact('done', 'Here', profileLine(event.own));
      terminal.fact('done', 'There', profileLine(event.peer));
      break;
    case 'attempt':
      repeated.say('Plan', `${planText(event.plan)} with ${event.plan.packets} packets`);
      break;
    case 'attempt-over': {
      const { n, result, next } = event;
      if (next === null) break;
      if (result === 'put-off') repeated.say('Waiting', nextText(next));
      if (result === 'timeout') terminal.fact('info', 'Attempt', `${n} did not meet · ${nextText(next)}`);
      break;
    }
    case 'hard':
      terminal.fact('info', 'Hard pair', hardText(event));
      break;
    default:
  }
}
