/** The log of a join as sentences: those of the screen, and between them what the machines have gone through. */
import { adviceText, type JoinView, nextText, stageText } from '../agent/index.ts';
import { adviceOf, type LogEntry, nextOf, stageOf } from '../core/index.ts';
import { FAILURES } from '../node/index.ts';
import { t, tMaybe } from './words/index.ts';

type LogFields = LogEntry['data'];

/** Lines of the log of all attempts, or of the present one; times count from the beginning, over all attempts. */
export function logText({ log, attempts }: JoinView, all: boolean): string {
  const present = attempts.at(-1)?.n ?? null;
  return log
    .filter(({ attempt }) => all || attempt === present)
    .map((entry) => `${(entry.atMs / 1_000).toFixed(3).padStart(8)}  ${entryText(entry)}`)
    .join('\n');
}

function entryText({ what, attempt, data }: LogEntry): string {
  const n = attempt ?? 0;
  switch (what) {
    case 'found':
      if (data.name === undefined) return stageText({ stage: 'found', why: null }, tMaybe);
      return t('Found "{name}", {game}', { name: String(data.name), game: String(data.game) || t('no game named') });
    case 'networks':
      return t('Your network is {own}, that of the host {peer}', {
        own: tMaybe(String(data.own)),
        peer: tMaybe(String(data.peer)),
      });
    case 'attempt': {
      const percent = Math.round(Number(data.expected) * 100);
      return t('Attempt {n} begins: {method}, {percent} % expected', {
        n,
        method: tMaybe(String(data.method)),
        percent,
      });
    }
    case 'attempt-over': {
      const packets = Number(data.packetsSent);
      const over = t('Attempt {n} is over after {packets} packets: {result}', {
        n,
        packets,
        result: tMaybe(String(data.result)),
      });
      const next = nextOf(data);
      return next === null ? over : `${over}. ${nextText(next, tMaybe)}`;
    }
    case 'path':
    case 'path-changed':
      return t('The way is {kind}, to {address}', {
        kind: tMaybe(String(data.kind)),
        address: `${data.remote}:${data.port}`,
      });
    case 'game':
      return t('The game of the host: {state}', { state: tMaybe(String(data.state)) });
    case 'hard': {
      const helps = adviceOf(data);
      return helps.length === 0 ? sentenceOf(what, data) : adviceText(helps, tMaybe);
    }
    case 'failed':
      return tMaybe(FAILURES[data.code as keyof typeof FAILURES]?.what ?? String(data.code));
    default: {
      const stage = stageOf(what, data);
      return stage === null ? machineText(what, data) : stageText(stage, tMaybe);
    }
  }
}

/** What the traversal plans and sends. */
function machineText(what: string, data: LogFields): string {
  switch (what) {
    case 'plan': {
      const [own, peer] = [Number(data.packetsClient), Number(data.packetsHost)];
      const method = tMaybe(String(data.method));
      return t('Plan for {pair}: {method}, {own} packets from here and {peer} from the host', {
        pair: String(data.pair),
        method,
        own,
        peer,
      });
    }
    case 'salvo': {
      const values = {
        tuples: Number(data.tuples),
        sockets: Number(data.sockets),
        ms: Math.round(Number(data.durationMs)),
      };
      return data.side === 'host'
        ? t('The host sends {tuples} probes from {sockets} sockets within {ms} ms', values)
        : t('This side sends {tuples} probes from {sockets} sockets within {ms} ms', values);
    }
    case 'over':
      return t('The salvos are over after {packets} packets: {result}', {
        packets: Number(data.packets),
        result: tMaybe(String(data.result)),
      });
    default:
      return sentenceOf(what, data);
  }
}

/** A step of one of the machines, in its own word: what changed, or what is known of it. */
function sentenceOf(what: string, data: LogFields): string {
  const { from, to, ...rest } = data;
  const more = Object.entries(rest)
    .map(([key, value]) => `${key} ${typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value}`)
    .join(', ');
  if (from !== undefined && to !== undefined) {
    const step = t('{what} goes from {from} to {to}', { what, from: String(from), to: String(to) });
    return more === '' ? step : `${step}: ${more}`;
  }
  return more === '' ? what : `${what}: ${more}`;
}
