/**
 * noray's protocol for games on this computer (`src/app/noray.ts`): of a sidecar, and of `host --noray` and `join CODE --noray`. What these
 * two do is said by the game, at any time and again: where its server listens, or that it wants to the host now.
 */
import { randomBytes } from 'node:crypto';
import { type Engine, failure, type LocalAnswer, type LocalCommand, NorayFront } from '../app/index.ts';
import { type JoinTarget, parseJoinTarget } from '../core/index.ts';
import { SallyportError } from '../node/index.ts';
import type { Terminal } from './terminal.ts';
import { t } from './words/index.ts';

/** Where games look for noray, unless they are told otherwise. */
const NORAY_PORTS = { tcp: 8890, udp: 8809 } as const;

type NorayEngine = ConstructorParameters<typeof NorayFront>[0];

export interface NorayFlagValues {
  readonly noray: boolean;
  readonly 'noray-port'?: number | undefined;
  readonly 'noray-udp-port'?: number | undefined;
}

/** Rejects with LOCAL_PORT_BUSY. */
export async function openNoray(engine: NorayEngine, flags: NorayFlagValues, terminal: Terminal): Promise<NorayFront> {
  const front = new NorayFront(engine);
  const ports = { tcp: flags['noray-port'] ?? NORAY_PORTS.tcp, udp: flags['noray-udp-port'] ?? NORAY_PORTS.udp };
  await front.open(ports);
  terminal.event('noray', ports);
  terminal.fact('done', 'noray', t('127.0.0.1, TCP {tcp} and UDP {udp}', ports), 'whole');
  return front;
}

/** What a game asks of the command. */
export interface NorayErrand {
  /** UDP, of 127.0.0.1: where the game's server listens, or where its client is to find the host. */
  readonly port: number;
  /** Ends when the game asks anew or has gone. */
  readonly signal: AbortSignal;
  /** The first word counts. */
  readonly answer: (answer: LocalAnswer) => void;
}

/** One errand at a time: the next one ends that before. */
export class NorayErrands {
  #last: { readonly errand: NorayErrand; readonly end: AbortController } | null = null;
  #taken: NorayErrand | null = null;
  #onGiven = (): void => {};

  give(port: number): Promise<LocalAnswer> {
    this.end();
    return new Promise((answer) => {
      const end = new AbortController();
      end.signal.addEventListener('abort', () => answer(refusal(new SallyportError('ABORTED'))), { once: true });
      this.#last = { errand: { port, signal: end.signal, answer }, end };
      this.#onGiven();
    });
  }

  end(): void {
    this.#last?.end.abort();
  }

  /** The newest that is neither done nor ended; null where the command ends. */
  next(signal: AbortSignal): Promise<NorayErrand | null> {
    return new Promise((resolve) => {
      const look = (): void => {
        const errand = this.#last?.errand;
        const due = errand !== undefined && errand !== this.#taken && !errand.signal.aborted;
        if (!due && !signal.aborted) return;
        this.#onGiven = () => {};
        signal.removeEventListener('abort', look);
        this.#taken = due ? errand : null;
        resolve(this.#taken);
      };
      this.#onGiven = look;
      signal.addEventListener('abort', look);
      look();
    });
  }
}

export function refusal(error: SallyportError): LocalAnswer {
  return { ok: false, error: failure(error) };
}

/** For `host`: the game says where it listens. */
export function norayHosting(engine: Engine, errands: NorayErrands): NorayEngine {
  return {
    code: () => engine.code(),
    state: () => engine.state(),
    onChange: (listener) => engine.onChange(listener),
    command: norayCommand(engine, {
      host: ({ services }) => errands.give(Number(services)),
      unhost: () => done(errands),
    }),
  };
}

/** For `join`: the game says when it wants to the host, by whose code it knows it. Nothing is hosted here, whatever the game registers. */
export function norayJoining(engine: Engine, target: JoinTarget, errands: NorayErrands): NorayEngine {
  return {
    code: async () => randomBytes(12).toString('hex'),
    state: () => engine.state(),
    onChange: (listener) => engine.onChange(listener),
    command: norayCommand(engine, {
      host: () => null,
      unhost: () => null,
      forget: () => done(errands),
      async join({ target: wished, localPort }) {
        if (parseJoinTarget(wished)?.code === target.code) return errands.give(localPort);
        const detail = t('This is a join of {code}.', { code: target.code });
        return refusal(new SallyportError('CODE_UNKNOWN', { detail }));
      },
    }),
  };
}

function done(errands: NorayErrands): null {
  errands.end();
  return null;
}

/** Null: it is done. */
type Acts = {
  readonly [Do in LocalCommand['do']]?: (command: Extract<LocalCommand, { do: Do }>) => Promise<LocalAnswer> | null;
};

function norayCommand(engine: Engine, acts: Acts): (command: LocalCommand) => Promise<LocalAnswer> {
  return async (command) => {
    const act = acts[command.do] as ((command: LocalCommand) => Promise<LocalAnswer> | null) | undefined;
    if (act === undefined) return engine.command(command);
    return (await act(command)) ?? { ok: true, n: engine.state().n };
  };
}
