/** What `host`, `join` and `check --with` say alike of the way that data takes. */
import { RELAY_SEES, type WayNow } from '../agent/index.ts';
import type { Terminal } from './terminal.ts';
import { t, tMaybe } from './words/index.ts';

/** Of the JSON line `path`. `via` stands where a relay carries the data. */
export function wayFields({ kind, via, rttMs }: WayNow): object {
  return { kind, ...(via === null ? {} : { via }), ms: Math.round(rttMs) };
}

/** Says once who relays, and what that one sees: the first time that it is told of a relayed way. */
export function relayTeller(terminal: Terminal): (way: WayNow) => void {
  let said = false;
  return ({ via }) => {
    if (via === null || said) return;
    said = true;
    terminal.fact('info', 'Relay', `${tMaybe(RELAY_SEES)} ${t('--relay never does without.')}`);
  };
}
