/**
 * How long does an idle mapping live? Some sockets learn their mapping, keep still for ever longer, and then find out whether it is
 * the same: by asking again, where the NAT would give another port; or, where it keeps the local port, by having the server send to
 * the old one (RFC 5780 §4.6). It takes minutes and a dozen packets, so it is done while hosting, never before a join.
 */
import type { Endpoint } from '../address.ts';
import { type Instant, NEVER, type SocketId, type SocketIds, type SocketOutcome } from '../contract.ts';
import type { Outputs } from '../machine.ts';
import type { MappingSource } from '../sources/source.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';
import { Exchange, type Question } from './exchange.ts';

/** The first is the control: where it fails the server does not do what it was asked. Carriers forget after 10-200 s, mostly after 35 or 65 (Richter 2016); home routers after 30, 60, 120 or 180 s. */
const RUNGS_MS = [0, 10_000, 20_000, 33_000, 50_000, 63_000, 100_000, 125_000, 185_000] as const;
/** What is said of a mapping that did not survive the shortest silence. */
const SHORTEST_MS = 5_000;
const TRIES = 3;
const TRY_AFTER_MS = 1_000;

/** The silence that a mapping was not seen to survive, where `idleLifetimeMs` is the longest that it was: its life lies between. */
export function lifetimeBelow(idleLifetimeMs: number): number {
  return RUNGS_MS.find((ms) => ms > idleLifetimeMs) ?? WIRE_LIMITS.mappingLifetimeMsMax;
}

interface Rung {
  readonly socket: SocketId;
  readonly waitMs: number;
  first: Question | null;
  again: Question | null;
  tryAt: Instant;
  alive: boolean | null;
}

export interface LifetimeConfig {
  readonly source: MappingSource;
  /** The NAT gives a new port to a new mapping of the same socket. */
  readonly portsMove: boolean;
  readonly sockets: SocketIds;
  readonly family: 4 | 6;
  readonly out: Pick<Outputs<never>, 'open' | 'close' | 'transmit'>;
  readonly nextRequest: () => number;
}

/** Null where the source cannot tell: ports stay, and it sends to nobody but the asker. */
export function lifetimeRun(now: Instant, config: LifetimeConfig): LifetimeRun | null {
  return config.portsMove || config.source.requestTo !== undefined ? new LifetimeRun(now, config) : null;
}

export class LifetimeRun {
  /** Set at the end: the longest silence that a mapping was seen to survive. */
  idleLifetimeMs: number | null = null;
  done = false;
  private readonly config: LifetimeConfig;
  private readonly exchange: Exchange;
  private rungs: readonly Rung[];
  /** Asks the server to send to the mapping of another socket. */
  private readonly witness: SocketId | null;
  private readonly bound = new Set<SocketId>();
  private readonly opened: SocketId[] = [];

  constructor(now: Instant, config: LifetimeConfig) {
    this.config = config;
    this.exchange = new Exchange(config.out.transmit, config.nextRequest);
    const rung = { first: null, again: null, tryAt: now, alive: null };
    this.rungs = RUNGS_MS.map((waitMs) => ({ ...rung, socket: this.open(), waitMs }));
    this.witness = config.portsMove ? null : this.open();
  }

  private open(): SocketId {
    const socket = this.config.sockets.next();
    this.opened.push(socket);
    this.config.out.open(socket, this.config.family);
    return socket;
  }

  close(): void {
    for (const socket of this.opened) this.config.out.close(socket);
    this.opened.length = 0;
  }

  nextAt(): Instant {
    return this.done ? NEVER : Math.min(...this.rungs.filter((rung) => this.waits(rung)).map(({ tryAt }) => tryAt));
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    if (outcome.ok) this.bound.add(socket);
    // What the system has no socket for is left out; without the witness there is nothing to find out.
    else this.rungs = socket === this.witness ? [] : this.rungs.filter((rung) => rung.socket !== socket);
    this.handleTimeout(now);
  }

  /** True where the datagram answers a question of ours. */
  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean {
    if (this.exchange.receive(now, socket, from, bytes) === null) return false;
    this.handleTimeout(now);
    return true;
  }

  handleTimeout(now: Instant): void {
    if (this.done) return;
    for (const rung of this.rungs) if (rung.alive === null) this.climb(now, rung);
    this.conclude();
  }

  private waits(rung: Rung): boolean {
    return rung.alive === null && this.bound.has(rung.socket);
  }

  private climb(now: Instant, rung: Rung): void {
    const question = rung.again ?? rung.first;
    if (question?.observed != null) this.answered(rung, question);
    if (rung.alive !== null || now < rung.tryAt) return;
    if (rung.first === null) {
      if (!this.bound.has(rung.socket)) return;
      rung.first = this.exchange.ask(now, rung.socket, this.config.source);
    } else if (rung.first.observed === null) this.repeat(now, rung, rung.first);
    else if (rung.again === null) rung.again = this.askAgain(now, rung, rung.first.observed.port);
    else this.repeat(now, rung, rung.again);
    rung.tryAt = now + TRY_AFTER_MS;
  }

  private answered(rung: Rung, question: Question): void {
    // Both the first answer and the silence count from the moment the server was last heard.
    if (rung.again === null) rung.tryAt = question.answeredAt! + rung.waitMs;
    else rung.alive = this.witness !== null || question.observed!.port === rung.first!.observed!.port;
  }

  private askAgain(now: Instant, rung: Rung, port: number): Question {
    const { source } = this.config;
    return this.witness === null
      ? this.exchange.ask(now, rung.socket, source)
      : this.exchange.askFor(now, this.witness, rung.socket, source, port);
  }

  private repeat(now: Instant, rung: Rung, question: Question): void {
    if (question.packets >= TRIES) rung.alive = false;
    else this.exchange.repeat(now, question);
  }

  /** The first that is dead decides; the longer ones need not be waited for. */
  private conclude(): void {
    const dead = this.rungs.find(({ alive }) => alive === false);
    const known = dead === undefined ? this.rungs : this.rungs.filter(({ waitMs }) => waitMs < dead.waitMs);
    if (known.some(({ alive }) => alive === null)) return;
    this.done = true;
    const longest = known.at(-1)?.waitMs;
    if (longest !== undefined) this.idleLifetimeMs = longest === 0 ? SHORTEST_MS : longest;
  }
}
