import { pingText } from '../format.ts';
import type { Ping } from '../list.ts';
import { t } from '../messages/index.ts';

/** Up to these milliseconds a game feels quick, and up to the second ones it is still played. */
const GOOD_MS = 60;
const FAIR_MS = 130;

function toneOf(ms: number): 'good' | 'fair' | 'bad' {
  return ms <= GOOD_MS ? 'good' : ms <= FAIR_MS ? 'fair' : 'bad';
}

/** Measured: a number alone, in bold. Estimated: with a tilde. Not known: a question mark. */
export function PingCell({ ping }: { readonly ping: Ping }) {
  const { ms, from } = ping;
  const title = t(ms === null && from === 'estimate' ? 'common.notTested' : `servers.ping.${from}`);
  if (ms === null) return <span title={title}>{from === 'measuring' ? '…' : '?'}</span>;
  return (
    <span class={`ping ${toneOf(ms)} ${from === 'estimate' ? '' : 'measured'}`} title={title}>
      {pingText(ms, from === 'estimate')}
    </span>
  );
}
