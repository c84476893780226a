/**
 * Over IPv6 beside IPv4: nothing translates there, so both sides only have to send to each other, again with every attempt, from the one
 * socket that each has for it.
 */
import { familyOf } from '../../address.ts';
import type { Instant } from '../../contract.ts';
import type { Candidate } from '../../model/pair.ts';
import type { Plan } from '../plan/plan.ts';
import type { Executor } from '../run/executor.ts';
import type { TraversalConfig } from '../run/interface.ts';
import { openerPlan, socketFor } from './openers.ts';
import type { Script, ScriptContext } from './scripts.ts';

/** The openers of a further attempt, to where no punching socket is: IPv6 beside IPv4. `only`: to these addresses. */
export function openersBeside(
  now: Instant,
  config: TraversalConfig,
  executor: Executor,
  only: readonly string[] | null = null,
): void {
  for (const candidate of config.peer.candidates) {
    if (only?.includes(candidate.endpoint.address) === false) continue;
    const socket = isBeside(config, candidate) ? socketFor(config, candidate) : null;
    if (socket !== null) executor.launch(now, openerPlan(config, candidate), now, socket);
  }
}

/** Can the two meet only by a family in which not both have a punching socket? Then what openers do is all there is to do. */
export function meetBeside(config: TraversalConfig): boolean {
  const { candidates } = config.peer;
  return (
    candidates.every((candidate) => isBeside(config, candidate)) &&
    candidates.some((candidate) => socketFor(config, candidate) !== null)
  );
}

function isBeside({ family }: TraversalConfig, { kind, endpoint }: Candidate): boolean {
  return kind === 'ipv6' || familyOf(endpoint.address) !== family;
}

/** The openers are all there is; those of the host's further attempts want a word. */
export function* besideScript(plan: Plan, { attempt, commander }: ScriptContext): Script {
  const now = yield { until: 0 };
  if (attempt > 1) commander.poke();
  yield { until: now + plan.durationMs };
  return true;
}
