/**
 * How long do mappings of the own NAT live? Some sockets, the canaries, each learn their mapping, keep silent for a time of their own,
 * and then find out whether it is still the same. One that is not ends the canaries that keep silent for as long or longer.
 */

import type { Endpoint } from '../address.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Asker, Question } from './asker.ts';
import type { MappingSource } from './source.ts';

/**
 * How a canary learns whether its mapping lives. `compare`: it asks again; a NAT whose ports move gives a new mapping another one.
 * `reach`: another socket has the server send to the old port (RFC 5780 §4.6), where the NAT would give a new mapping the same one.
 * Either way its mapping is an answered one. `unanswered`: the server sends the answers to another socket, the *witness* (RFC 5780
 * §7.5), so that the mapping stays one that nobody has answered; carriers forget these sooner
 * (docs/reference/nat-model.md §1.2).
 */
export type LifetimeMethod = 'compare' | 'reach' | 'unanswered';

export interface LifetimeWatchConfig {
  readonly method: LifetimeMethod;
  /** Of `reach` and `unanswered` one with `requestTo`; null where an `unanswered` watch has to do without a witness. */
  readonly source: MappingSource | null;
  /** Whom canaries of `unanswered` ask for themselves, because nothing comes to the witness; null for nobody. */
  readonly plainSource: () => MappingSource | null;
  /** One canary each, shortest first. */
  readonly silencesMs: readonly number[];
  /** The first canaries to survive go on with these. */
  readonly longerMs: readonly number[];
  /** A question is sent so often, so far apart. */
  readonly tries: number;
  readonly tryAfterMs: number;
  readonly asker: Asker;
  open(): SocketId;
  close(socket: SocketId): void;
  /** May the socket send to a server now? Null, or from when. */
  room(now: Instant, socket: SocketId): Instant | null;
}

type Phase =
  /** Its socket is not open yet. */
  | { readonly in: 'opening' }
  /** Its mapping is asked for; null: it has not been, yet. */
  | { readonly in: 'learning'; readonly question: Question | null }
  /** The external port of its mapping is known, and who has told it: from here on the silence is what counts. */
  | { readonly in: 'silent'; readonly port: number; readonly source: MappingSource }
  | { readonly in: 'testing'; readonly port: number; readonly question: Question }
  | { readonly in: 'over' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const CANARY_PHASES = {
  opening: {
    learning: 'its socket is open',
    over: 'its socket can not be opened, a shorter silence has ended a mapping, or the watch is stopped',
  },
  learning: {
    learning: 'its mapping is asked for, first by way of the witness, and for itself where nothing came there',
    silent: 'its mapping is known',
    over: 'nobody has told its mapping, a shorter silence has ended one, or the watch is stopped',
  },
  silent: {
    testing: 'its silence is over',
    over: 'a silence no longer than its own has ended a mapping, or the watch is stopped',
  },
  testing: {
    silent: 'the mapping has survived, and there is a longer silence to try',
    over: 'the mapping has survived or ended, nobody says which, a shorter silence has ended one, or the watch is stopped',
  },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

interface Canary {
  readonly socket: SocketId;
  silenceMs: number;
  phase: Phase;
  /** Asks for itself, as under `compare`, because nothing came to the witness. */
  alone: boolean;
  at: Instant;
}

interface Witness {
  readonly socket: SocketId;
  question: Question | null;
  /** Where the server is to send to; null while it is not known. */
  port: number | null;
  at: Instant;
}

/** The mapping of a witness is refreshed inside the shortest life that was measured on a carrier, 10 s (docs/reference/nat-model.md §1.2). */
const REFRESH_MS = 9_000;

export class LifetimeWatch {
  /** The longest silence that a mapping has survived, and the shortest that one has not; null = none so far. */
  survivedMs: number | null = null;
  endedMs: number | null = null;
  private readonly config: LifetimeWatchConfig;
  private readonly witness: Witness | null;
  private readonly longer: number[];
  private canaries: Canary[];

  constructor(config: LifetimeWatchConfig) {
    this.config = config;
    this.longer = [...config.longerMs];
    const source = config.method === 'compare' ? null : config.source;
    this.witness = source === null ? null : { socket: config.open(), question: null, port: null, at: NEVER };
    const alone = config.method === 'unanswered' && source === null;
    this.canaries = config.silencesMs.map((silenceMs) => ({
      ...{ socket: config.open(), phase: { in: 'opening' }, at: NEVER },
      ...{ silenceMs, alone },
    }));
  }

  /** All is known that will be, and all sockets are closed. */
  get done(): boolean {
    return this.canaries.length === 0;
  }

  /** What became of a socket that was opened; others are ignored. */
  socket(now: Instant, socket: SocketId, ok: boolean): void {
    if (socket === this.witness?.socket) {
      if (ok) this.witness.at = now;
      else this.stop();
    }
    const canary = this.canaries.find((one) => one.socket === socket);
    if (canary === undefined) return;
    if (!ok) this.drop(canary);
    else if (canary.phase.in === 'opening') {
      enter(canary, { in: 'learning', question: null });
      canary.at = now;
    }
  }

  /** True where the datagram answers a question of this watch. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean {
    const { asker } = this.config;
    const question = asker.receive(now, socket, from, bytes);
    if (question === null) return false;
    const canary = this.canaries.find(({ phase }) => 'question' in phase && phase.question === question);
    if (canary !== undefined) this.heard(now, canary, question);
    else if (this.witness !== null && this.witness.question === question)
      this.placeWitness(now, this.witness, question);
    return true;
  }

  run(now: Instant): void {
    if (now >= this.nextOfWitness()) this.askForWitness(now, this.witness!);
    for (const canary of [...this.canaries]) {
      if (now >= canary.at && canary.phase.in !== 'over') this.ask(now, canary);
    }
  }

  next(): Instant {
    return this.canaries.reduce((next, { at }) => Math.min(next, at), this.nextOfWitness());
  }

  stop(): void {
    for (const canary of [...this.canaries]) this.drop(canary);
  }

  private methodOf(canary: Canary): LifetimeMethod {
    return canary.alone ? 'compare' : this.config.method;
  }

  /** Only under `unanswered` does it matter which port the witness has, as long as there is a canary that needs it. */
  private nextOfWitness(): Instant {
    const needed = this.config.method === 'unanswered' && this.canaries.some(({ alone }) => !alone);
    return needed ? this.witness!.at : NEVER;
  }

  private askForWitness(now: Instant, witness: Witness): void {
    const { asker, source, tryAfterMs } = this.config;
    const wait = this.config.room(now, witness.socket);
    if (wait === null) {
      if (witness.question === null || witness.question.observed !== null)
        witness.question = asker.ask(now, witness.socket, source!);
      else asker.repeat(now, witness.question);
    }
    witness.at = wait ?? now + (witness.port === null ? tryAfterMs : REFRESH_MS);
  }

  private placeWitness(now: Instant, witness: Witness, question: Question): void {
    witness.port = question.observed!.port;
    for (const canary of this.canaries) {
      const waits = canary.phase.in === 'learning' && canary.phase.question === null;
      if (waits) canary.at = Math.min(canary.at, now);
    }
  }

  private ask(now: Instant, canary: Canary): void {
    const { asker, tries, tryAfterMs } = this.config;
    const open = 'question' in canary.phase ? canary.phase.question : null;
    if (open !== null && open.packets >= tries) {
      this.unheard(now, canary);
      return;
    }
    if (this.methodOf(canary) === 'unanswered' && this.witness!.port === null) {
      canary.at = now + tryAfterMs;
      return;
    }
    const wait = this.config.room(now, canary.socket);
    if (wait === null) {
      if (open === null) this.put(now, canary);
      else asker.repeat(now, open);
    }
    // One that asks for itself does so once: the others tell what it would have told.
    canary.at = wait ?? (canary.alone ? NEVER : now + tryAfterMs);
  }

  private put(now: Instant, canary: Canary): void {
    const { phase } = canary;
    const port = phase.in === 'silent' ? phase.port : null;
    // Asked of the same source as before, so that a NAT that maps by destination gives no second port.
    const before = phase.in === 'silent' ? phase.source : null;
    const source = canary.alone ? (before ?? this.config.plainSource()) : this.config.source;
    const question = source === null ? null : this.questionOf(now, canary, source, port);
    if (port === null) enter(canary, { in: 'learning', question });
    else if (question !== null) enter(canary, { in: 'testing', port, question });
  }

  /** `port`: of its mapping, once that is known. */
  private questionOf(now: Instant, canary: Canary, source: MappingSource, port: number | null): Question {
    const { asker } = this.config;
    const { socket } = canary;
    const method = this.methodOf(canary);
    if (method === 'unanswered') return asker.askFor(now, socket, this.witness!.socket, source, this.witness!.port!);
    if (method === 'reach' && port !== null) return asker.askFor(now, this.witness!.socket, socket, source, port);
    return asker.ask(now, socket, source);
  }

  private heard(now: Instant, canary: Canary, question: Question): void {
    const { phase } = canary;
    const { port } = question.observed!;
    if (phase.in === 'learning') this.keepSilent(now, canary, question, port);
    else if (phase.in === 'testing' && this.methodOf(canary) !== 'reach' && port !== phase.port) this.ended(canary);
    else if (phase.in === 'testing') this.survived(now, canary, question, phase.port);
  }

  /** From the last packet that the NAT may have renewed the mapping for. */
  private keepSilent(now: Instant, canary: Canary, question: Question, port: number): void {
    enter(canary, { in: 'silent', port, source: question.source });
    const since = this.methodOf(canary) === 'unanswered' ? question.sentLastAt : now;
    canary.at = Math.max(now, since + canary.silenceMs);
  }

  private survived(now: Instant, canary: Canary, question: Question, port: number): void {
    // Answered mappings may live longer than those that are asked about.
    if (!canary.alone) this.survivedMs = Math.max(this.survivedMs ?? 0, canary.silenceMs);
    const longerMs = canary.alone ? undefined : this.longer.shift();
    if (longerMs === undefined) this.drop(canary);
    else {
      canary.silenceMs = longerMs;
      this.keepSilent(now, canary, question, port);
    }
  }

  private ended({ silenceMs }: Canary): void {
    const endedMs = Math.min(this.endedMs ?? NEVER, silenceMs);
    this.endedMs = endedMs;
    for (const canary of this.canaries.filter((one) => one.silenceMs >= endedMs)) this.drop(canary);
  }

  /** Its question has been asked as often as it will be. */
  private unheard(now: Instant, canary: Canary): void {
    const method = this.methodOf(canary);
    const learns = canary.phase.in === 'learning';
    if (method === 'reach' && !learns) this.ended(canary);
    else if (method === 'unanswered' && learns) {
      canary.alone = true;
      enter(canary, { in: 'learning', question: null });
      this.ask(now, canary);
    } else this.drop(canary);
  }

  private drop(canary: Canary): void {
    enter(canary, { in: 'over' });
    this.canaries = this.canaries.filter((one) => one !== canary);
    this.config.close(canary.socket);
    if (this.witness !== null && this.canaries.length === 0) this.config.close(this.witness.socket);
  }
}

function enter(canary: Canary, phase: Phase): void {
  assert(phase.in in CANARY_PHASES[canary.phase.in], `a canary goes from ${canary.phase.in} to ${phase.in}`);
  canary.phase = phase;
}
