/** One join: from a code or link to a path, and on while the path is lost and punched again. */

import {
  equalBytes,
  type FailureCode,
  type FailureReason,
  type JoinId,
  type JoinTarget,
  type PeerEvent,
  type RelayMode,
} from '../core/index.ts';
import { nodeCrypto, SallyportError } from '../node/index.ts';
import type { MachineAgent } from './agent.ts';
import { readJoinTarget } from './check-options.ts';
import { type JoinEvent, type JoinView, NEW_JOIN, reduceJoin } from './join-view.ts';
import type { AgentPath, Path } from './path.ts';
import { checkRelayMode } from './relay-mode.ts';
import { reasonText } from './words.ts';

export interface JoinOptions {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: JoinEvent) => void;
  readonly password?: string;
  /** How the host's list of friends calls us. */
  readonly name?: string;
  /**
   * May the connection go through a relay (`allow`, the default), not (`never`), or must it (`only`)? With `only` no address of ours
   * reaches the host. The stricter of both sides counts; where they exclude each other the join fails with RELAY_MODE.
   */
  readonly relay?: RelayMode;
  /** Give up after this long without a path; 0 (the default) = try until aborted. */
  readonly timeoutMs?: number;
  /**
   * A host that ends after this join was connected is waited for: the path is `lost` by the reason `left` and `restored` when the host is
   * back, as the same friend at the same seat. It asks every 2 s at first, and four times a minute in the end. `from-start`: a host that is not
   * online yet is waited for, too, instead of HOST_OFFLINE. Absent: the path closes.
   */
  readonly wait?: boolean | 'from-start';
  /** Come as somebody whom no host has seen before, and none will see again. Whatever the host knows of this device does not hold then. */
  readonly anonymous?: boolean;
  /**
   * Joins a host that is known by another key, and remembers the new one: after a person has asked whoever hosts. Without it such a
   * join fails with HOST_KEY_CHANGED. A code or link whose key does not belong to it is refused all the same.
   */
  readonly acceptNewKey?: boolean;
}

export class Joining {
  path: AgentPath | null = null;
  readonly #agent: MachineAgent;
  readonly #id: JoinId;
  readonly #target: string;
  readonly #options: JoinOptions;
  readonly #onOver: () => void;
  readonly #startedAt = performance.now();
  #view: JoinView = NEW_JOIN;
  #parsed: JoinTarget | null = null;
  #device: Uint8Array = new Uint8Array(0);
  #found: Extract<JoinEvent, { ev: 'found' }> | null = null;
  /** Addresses of the host, as it says. */
  #there: readonly string[] = [];
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
    if (event.ev === 'networks') this.#there = event.peer.external;
    if (isJoinEvent(event)) {
      const told = event.ev === 'hard' ? this.#hard(event) : event;
      this.#view = reduceJoin(this.#view, told, Math.round(performance.now() - this.#startedAt));
      this.#options.onEvent?.(told);
    }
    if (event.ev === 'join-failed') this.fail(this.#error(event.failure, event.detail));
  }

  /** A join that has not reached its host yet depends on the master; later ones go on without it. */
  onLink(event: Extract<PeerEvent, { ev: 'link' }>): void {
    if (event.failure === null || this.#found !== null) return;
    this.#agent.command({ do: 'abort', join: this.#id });
    this.fail(this.#error(event.failure));
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
      checkRelayMode(this.#options.relay);
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
      const detail = { because: 'other-key-than-before' } as const;
      this.onEvent({ ev: 'join-failed', join: this.#id, failure: 'HOST_KEY_CHANGED', detail });
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
      relay: this.#options.relay ?? this.#agent.parts.relay ?? 'allow',
      timeoutMs: this.#options.timeoutMs ?? 0,
      wait: this.#options.wait ?? false,
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

  /** It is not the NATs where a VPN has the way to the host alone: then nothing at routers would help. */
  #hard(event: Extract<JoinEvent, { ev: 'hard' }>): JoinEvent {
    return this.#agent.isAside(this.#there) ? { ...event, advice: [{ help: 'vpn', side: 'own' }] } : event;
  }

  #abort(): void {
    this.#agent.command({ do: 'abort', join: this.#id });
    this.fail(this.#error('ABORTED'));
  }

  #over(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#onOver();
  }

  #error(code: FailureCode, reason: FailureReason | null = null): SallyportError {
    const detail = reason === null ? {} : { detail: reasonText(reason) };
    return new SallyportError(code, { ...detail, log: this.#view.log });
  }
}

function isJoinEvent(event: PeerEvent): event is JoinEvent {
  return event.ev !== 'path-lost' && 'join' in event && event.join !== null;
}
