/** What the commands with an agent read from their flags, before anything is loaded that an agent needs. */
import { readFileSync } from 'node:fs';
import { checkAgentOptions } from '../agent/check-options.ts';
import type { RelayMode } from '../core/index.ts';
import { usage } from '../node/failure.ts';
import { stateDirectory } from '../node/state.ts';
import { fileFault } from './file-fault.ts';
import { t } from './words/index.ts';

export interface AgentFlagValues {
  readonly master: string | undefined;
  readonly stun: readonly string[];
  readonly 'state-dir': string | undefined;
  readonly relay?: string | undefined;
}

/** The table of flags has let only these pass. */
export function relayOf({ relay }: AgentFlagValues): RelayMode {
  return (relay ?? 'allow') as RelayMode;
}

/** Before anything else is done: what is mistyped must not hide behind other lines, nor cost anybody two seconds. */
export function checkAgentFlags(flags: AgentFlagValues): void {
  const { master, stun } = flags;
  if (master === undefined) throw usage(t('No masterserver is given: use --master LINK, or set SALLYPORT_MASTER.'));
  checkAgentOptions({ master, stun, relay: relayOf(flags) });
}

export function stateDir(flags: Pick<AgentFlagValues, 'state-dir'>, env: NodeJS.ProcessEnv): string {
  return flags['state-dir'] ?? stateDirectory(env);
}

/** The first line of a file. Secrets are never values of flags: those show in the list of processes. */
export function readPassword(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw usage(t('The password can not be had: {why}', { why: fileFault(error, path) }));
  }
  const password = (text.split(/\r?\n/, 1)[0] ?? '').trim();
  if (password === '') throw usage(t('The password file {file} is empty.', { file: path }));
  return password;
}

export function masterName(link: string | undefined): string {
  return /^sallyport:\/\/([^/]+)/.exec(link ?? '')?.[1] ?? '';
}

export function milliseconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
