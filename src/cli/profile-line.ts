/** A network in one line. */
import type { NatProfile } from '../core/index.ts';
import { t } from './words/index.ts';

const VERDICTS = { open: 'Open', moderate: 'Moderate', strict: 'Strict' } as const;
const TYPES = {
  public: 'reachable by anybody',
  'port-preserving-cone': 'one port for all destinations, the local one kept',
  cone: 'one port for all destinations',
  'address-sensitive': 'a new port per destination address',
  'port-sensitive': 'a new port per destination address and port',
  blocked: 'UDP does not get out',
  unknown: 'not known yet',
} as const;

/** One line about a network: `Moderate: a new port per destination address, step +1`. */
export function profileLine(profile: NatProfile): string {
  const words: string[] = [t(TYPES[profile.type])];
  if (profile.type === 'address-sensitive' || profile.type === 'port-sensitive') words.push(allocatorWords(profile));
  return `${t(VERDICTS[profile.verdict])}: ${words.join(', ')}`;
}

function allocatorWords({ allocator }: NatProfile): string {
  const { kind, step, low, high } = allocator;
  if (kind === 'step') return t('step {step}', { step: `${step !== null && step < 0 ? '' : '+'}${step ?? '?'}` });
  if (kind === 'preserve') return t('near the local port');
  if (kind === 'time') return t('moving with time');
  if (kind === 'unknown') return t('rule not known');
  return low === null || high === null ? t('random') : t('random within {low} to {high}', { low, high });
}
