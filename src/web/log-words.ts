/** A line of the log of a join as a sentence of the catalogue; what the machines say of their own steps stays in their own words. */

import type { LogEntry } from '../core/model/log.ts';
import { adviceOf, nextOf, stageOf } from '../core/model/log-entry.ts';
import type { PathKind } from '../core/model/pair.ts';
import { percent } from './format.ts';
import { adviceText, methodText, nextText, waitText, wayText } from './join-words.ts';
import { t, tMaybe } from './messages/index.ts';

export function lineText(line: LogEntry): string {
  return `${(line.atMs / 1000).toFixed(3).padStart(8)} s  #${line.attempt ?? 0}  ${entryText(line)}`;
}

function entryText({ what, attempt, data }: LogEntry): string {
  const n = attempt ?? 0;
  switch (what) {
    case 'found':
      if (data.name === undefined) return t('connect.stage.found');
      return t('log.found', { name: String(data.name), game: String(data.game) || t('log.noGame') });
    case 'networks':
      return t('log.networks', { own: typeText(data.own), peer: typeText(data.peer) });
    case 'attempt':
      return t('log.attempt', { n, method: methodText(String(data.method)), percent: percent(Number(data.expected)) });
    case 'attempt-over': {
      const over = t('log.over', { n, packets: Number(data.packetsSent), result: resultText(data.result) });
      const next = nextOf(data);
      return next === null ? over : `${over} ${nextText(next)}`;
    }
    case 'path':
    case 'path-changed': {
      const way = wayText(String(data.kind) as PathKind, data.via === undefined ? null : String(data.via));
      return t('log.path', { way, address: `${data.remote}:${data.port}` });
    }
    case 'game':
      return t('log.game', { state: tMaybe(`log.game.${data.state}`, String(data.state)) });
    case 'hard':
      return `${t('connect.hard', { percent: percent(Number(data.likely)) })} ${adviceText(adviceOf(data))}`.trim();
    case 'failed':
      return tMaybe(`failure.${data.code}`, String(data.code));
    default: {
      const stage = stageOf(what, data);
      if (stage === null) return machineText(what, data);
      return stage.why === null ? t(`log.stage.${stage.stage}`) : waitText(stage.why);
    }
  }
}

function typeText(type: LogEntry['data'][string] | undefined): string {
  return tMaybe(`net.type.${type}`, String(type));
}

function resultText(result: LogEntry['data'][string] | undefined): string {
  return tMaybe(`result.${result}`, String(result));
}

/** What the traversal plans and sends. */
function machineText(what: string, data: LogEntry['data']): string {
  switch (what) {
    case 'plan': {
      const { packetsClient, packetsHost, method, pair } = data;
      const packets = { own: Number(packetsClient), peer: Number(packetsHost) };
      return t('log.plan', { ...packets, method: methodText(String(method)), pair: String(pair) });
    }
    case 'salvo': {
      const { tuples, sockets, durationMs, side } = data;
      const values = { tuples: Number(tuples), sockets: Number(sockets), ms: Math.round(Number(durationMs)) };
      return t(side === 'host' ? 'log.salvo.host' : 'log.salvo.own', values);
    }
    case 'over':
      return t('log.salvosOver', { packets: Number(data.packets), result: resultText(data.result) });
    default:
      return stepText(what, data);
  }
}

/** A step of one of the machines: what changed, or what is known of it. */
function stepText(what: string, data: LogEntry['data']): string {
  const { from, to, ...rest } = data;
  const more = Object.entries(rest)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${key} ${typeof value === 'number' ? Number(value.toFixed(3)) : value}`)
    .join(', ');
  const step =
    from === undefined || to === undefined ? what : t('log.step', { what, from: String(from), to: String(to) });
  return more === '' ? step : `${step}: ${more}`;
}
