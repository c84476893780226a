/** One join: from a code or link to a path, and on while the path is lost and punched again. */
import {
  CODE_SYMBOLS,
  equalBytes,
  FAILURES,
  type FailureCode,
  type JoinId,
  type JoinTarget,
  LIMITS,
  type LogData,
  type LogEntry,
  type PeerEvent,
  parseHostLink,
  parseJoinTarget,
  SallyportError,
  usage,
} from '../core/index.ts';
import { nodeCrypto } from '../node/index.ts';
import type { MachineAgent } from './agent.ts';
import type { AgentPath, Path } from './path.ts';

/** What concerns one join. */
export type JoinEvent = Extract<
  PeerEvent,
  { ev: 'found' | 'networks' | 'stage' | 'attempt' | 'attempt-over' | 'hard' | 'path' | 'join-failed' | 'log' }
>;

export interface JoinOptions {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: JoinEvent) => void;
  readonly password?: string;
  /** How the host's list of friends calls us. */
  readonly name?: string;
  /** Give up after this long; 0 (the default) = try until aborted. */
  readonly timeoutMs?: number;
  /** Come as somebody whom no host has seen before, and none will see again. Whatever the host knows of this device does not hold then. */
  readonly anonymous?: boolean;
  /**
   * Joins a host that is known by another key, and remembers the new one: after a person has asked whoever hosts. Without it such a
   * join fails with HOST_KEY_CHANGED. A code or link whose key does not belong to it is refused all the same.
   */
  readonly acceptNewKey?: boolean;
}

/** A code or a join link as it was typed. Throws CODE_UNKNOWN for what can be no code, USAGE for a link that is not whole. */
export function readJoinTarget(text: string): JoinTarget {
  const target = parseJoinTarget(text);
  if (target !== null) return target;
  if (!text.includes('://')) {
    throw new SallyportError('CODE_UNKNOWN', {
      detail: `A code is ${LIMITS.codeSymbols} of ${CODE_SYMBOLS}, like K7TQ9-RBWHM.`,
    });
  }
  const link = parseHostLink(text);
  const detail = 'problem' in link ? link.problem : 'The join link is not whole: copy all of it.';
  throw usage(detail);
}

export class Joining {
  path: AgentPath | null = null;
  readonly #agent: MachineAgent;
  readonly #id: JoinId;
  readonly #target: string;
  readonly #options: JoinOptions;
  readonly #onOver: () => void;
  readonly #startedAt = performance.now();
  readonly #log: LogEntry[] = [];
  #parsed: JoinTarget | null = null;
  #device: Uint8Array = new Uint8Array(0);
  #found: Extract<JoinEvent, { ev: 'found' }> | null = null;
  #settle: { resolve(path: Path): void; reject(error: SallyportError): void } | null = null;
  readonly #onAbort = (): void => this.#abort();

  constructor(agent: MachineAgent, id: JoinId, target: string, options: JoinOptions, onOver: () => void) {
    this.#agent = agent;
    this.#id = id;
    this.#target = target;
    this.#options = options;
    this.#onOver = onOver;
  }

  start(): Promise<Path> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      const { signal } = this.#options;
      const refusal = this.#refusal();
      if (refusal !== null) this.fail(refusal);
      else if (signal?.aborted) this.fail(new SallyportError('ABORTED'));
      else {
        signal?.addEventListener('abort', this.#onAbort, { once: true });
        this.#begin();
      }
    });
  }

  onEvent(event: PeerEvent): void {
    if (event.ev === 'found') this.#found = event;
    // The host has answered the handshake, which only its key can: from here on it is known.
    if (event.ev === 'networks') this.#pin();
    if (isJoinEvent(event)) {
      this.#keep(event);
      this.#options.onEvent?.(event);
    }
    if (event.ev === 'join-failed') this.fail(this.#error(event.failure, event.detail));
  }

  /** A join that has not reached its host yet depends on the master; later ones go on without it. */
  onLink(event: Extract<PeerEvent, { ev: 'link' }>): void {
    if (event.failure === null || this.#found !== null) return;
    this.#agent.command({ do: 'abort', join: this.#id });
    this.fail(this.#error(event.failure, ''));
  }

  connected(path: AgentPath): void {
    this.path = path;
    path.on('close', (reason) => {
      // While the path is punched again there is none to leave: it is the join that goes on.
      if (reason === 'closed') this.#agent.command({ do: 'abort', join: this.#id });
      this.#over();
    });
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#settle?.resolve(path);
    this.#settle = null;
  }

  fail(error: SallyportError): void {
    this.#over();
    this.#settle?.reject(error);
    this.#settle = null;
    this.path?.over('consent', error);
  }

  #refusal(): SallyportError | null {
    try {
      this.#parsed = readJoinTarget(this.#target);
      this.#device = this.#options.anonymous ? nodeCrypto.randomBytes(32) : this.#agent.parts.device();
      return null;
    } catch (error) {
      return error as SallyportError;
    }
  }

  #begin(): void {
    const { code, hostKey } = this.#parsed as JoinTarget;
    const { pins, master } = this.#agent.parts;
    const { acceptNewKey = false } = this.#options;
    const pinned = acceptNewKey ? null : (pins?.get(master.key, code) ?? null);
    if (pinned !== null && hostKey !== null && !equalBytes(pinned, hostKey)) {
      this.fail(
        this.#error('HOST_KEY_CHANGED', 'The link has another key than the host that you joined by this code before.'),
      );
      return;
    }
    this.#agent.command({
      do: 'join',
      join: this.#id,
      code,
      hostKey: hostKey ?? pinned,
      ...(pins === null || acceptNewKey ? {} : { known: pins.names(master.key) }),
      password: this.#options.password ?? null,
      name: this.#options.name ?? '',
      device: this.#device,
      timeoutMs: this.#options.timeoutMs ?? 0,
    });
  }

  #pin(): void {
    const { pins, master } = this.#agent.parts;
    if (pins === null || this.#found === null) return;
    const { hostKey, entry } = this.#found;
    const { code } = this.#parsed as JoinTarget;
    const known = [pins.get(master.key, code), entry.name === '' ? hostKey : pins.names(master.key).get(entry.name)];
    if (known.some((key) => key == null || !equalBytes(key, hostKey)))
      pins.set(master.key, { code, name: entry.name, hostKey });
  }

  #abort(): void {
    this.#agent.command({ do: 'abort', join: this.#id });
    this.fail(this.#error('ABORTED', ''));
  }

  #over(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#onOver();
  }

  #error(code: FailureCode, detail: string): SallyportError {
    // The machine's detail is for people too, unless it only repeats the table.
    const more = detail === '' || detail === FAILURES[code].what ? {} : { detail };
    return new SallyportError(code, { ...more, log: [...this.#log] });
  }

  #keep(event: JoinEvent): void {
    if (this.#log.length >= LIMITS.agentLogEntriesMax) this.#log.shift();
    const atMs = Math.round(performance.now() - this.#startedAt);
    this.#log.push({ atMs, ...entryOf(event) });
  }
}

function isJoinEvent(event: PeerEvent): event is JoinEvent {
  return event.ev !== 'path-lost' && 'join' in event && event.join !== null;
}

function entryOf(event: JoinEvent): Omit<LogEntry, 'atMs'> {
  switch (event.ev) {
    case 'log':
      return { attempt: event.attempt, what: event.what, data: event.data };
    case 'attempt':
      return { attempt: event.n, what: 'attempt', data: { ...event.plan } };
    case 'attempt-over':
      return {
        attempt: event.n,
        what: 'attempt-over',
        data: { result: event.result, packetsSent: event.packetsSent, next: event.next },
      };
    case 'path':
      return {
        attempt: event.attempts,
        what: 'path',
        data: { kind: event.kind, remote: event.remote.address, port: event.remote.port },
      };
    case 'found':
      return { attempt: null, what: 'found', data: { name: event.entry.name, game: event.entry.game } };
    case 'networks':
      return { attempt: null, what: 'networks', data: networks(event) };
    case 'hard':
      return { attempt: null, what: 'hard', data: { pair: event.pair, likely: event.likely, advice: event.advice } };
    case 'stage':
      return { attempt: null, what: event.stage, data: { text: event.text } };
    case 'join-failed':
      return { attempt: null, what: 'failed', data: { code: event.failure, detail: event.detail } };
  }
}

function networks({ own, peer }: Extract<PeerEvent, { ev: 'networks' }>): LogData {
  return { own: own.type, ownAllocator: own.allocator.kind, peer: peer.type, peerAllocator: peer.allocator.kind };
}
