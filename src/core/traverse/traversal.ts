/** One traversal as a machine: the executor of both sides, and the strategy of its role. */
import type { Endpoint } from '../address.ts';
import { type Instant, NEVER, type Output, type SocketId, type SocketOutcome } from '../contract.ts';
import { assert } from '../errors.ts';
import { outputs } from '../machine.ts';
import type { LogData } from '../model/log.ts';
import { openersBeside } from './lead/beside.ts';
import { ClientStrategy } from './lead/client.ts';
import { HostStrategy } from './lead/host.ts';
import { OPENERS_MS } from './lead/openers.ts';
import { decodeStep } from './lead/step.ts';
import type { Strategy } from './lead/strategy.ts';
import { Executor } from './run/executor.ts';
import type { Traversal, TraversalCommand, TraversalConfig, TraversalEvent } from './run/interface.ts';

type Phase = 'new' | 'running' | 'proven' | 'aborted';

/** Which phase may follow which, and when. */
export const TRAVERSAL_PHASES = {
  new: { running: 'the start', aborted: 'its parent gives up' },
  running: { proven: 'both ways of a path are proven', aborted: 'its parent gives up' },
  /** Late probes are still answered, and the nomination is repeated. */
  proven: {},
  aborted: {},
} as const satisfies Record<Phase, Partial<Record<Phase, string>>>;

export function traversal(now: Instant, config: TraversalConfig): Traversal {
  return new TraversalMachine(now, config);
}

class TraversalMachine implements Traversal {
  private readonly out = outputs<TraversalEvent>();
  private readonly executor: Executor;
  private readonly strategy: Strategy;
  private phase: Phase = 'new';
  private startedAt: Instant = 0;
  private readonly config: TraversalConfig;
  private bursting = false;

  constructor(now: Instant, config: TraversalConfig) {
    const log = (what: string, data: LogData): void =>
      this.out.event({ ev: 'log', attempt: this.strategy.attempts, what, data });
    this.config = config;
    const Side = config.role === 'client' ? ClientStrategy : HostStrategy;
    this.executor = new Executor(now, config, this.out, log);
    this.strategy = new Side({ config, executor: this.executor, out: this.out, log });
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    this.executor.datagram(now, socket, from, bytes);
    this.advance(now);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    this.executor.socket(now, socket, outcome);
    this.advance(now);
  }

  handleTimeout(now: Instant): void {
    this.advance(now);
  }

  handleCommand(now: Instant, command: TraversalCommand): void {
    this.obey(now, command);
    this.advance(now);
  }

  poll(): Output<TraversalEvent> {
    return this.out.next(this.next());
  }

  private next(): Instant {
    if (this.phase === 'new') return NEVER;
    return this.phase === 'running' ? Math.min(this.executor.next(), this.strategy.next()) : this.executor.next();
  }

  /** Of IPv6 beside IPv4 the permit may come when its openers have given up waiting for it: they go out then. */
  private tell(now: Instant, command: TraversalCommand): void {
    const before = this.executor.addresses();
    this.executor.command(now, command);
    if (command.do !== 'permit' || this.phase !== 'running' || now < this.startedAt + OPENERS_MS) return;
    const fresh = this.executor.addresses().filter((address) => !before.includes(address));
    openersBeside(now, this.config, this.executor, fresh);
  }

  private obey(now: Instant, command: TraversalCommand): void {
    switch (command.do) {
      case 'start':
        if (this.phase !== 'new') break;
        this.startedAt = now;
        this.enter('running');
        this.strategy.start(now);
        break;
      case 'abort':
        if (this.phase === 'new' || this.phase === 'running') this.finish(now, 'aborted');
        break;
      case 'step': {
        const step = this.phase === 'running' ? decodeStep(command.bytes) : null;
        if (step !== null) this.strategy.step(now, step);
        break;
      }
      default:
        this.tell(now, command);
    }
  }

  private advance(now: Instant): void {
    this.executor.run(now);
    if (this.phase !== 'running' || this.succeed(now)) return;
    this.strategy.run(now);
    this.executor.run(now);
    this.tellBurst();
  }

  private succeed(now: Instant): boolean {
    const proof = this.executor.proof();
    if (proof === null) return false;
    this.finish(now, 'proven');
    this.out.event({
      ev: 'path',
      kind: this.executor.pathKind(proof),
      socket: proof.socket,
      remote: proof.remote,
      rttMs: proof.rttMs,
      packetsSent: this.executor.sent(),
      attempts: this.strategy.attempts,
      method: this.strategy.method,
    });
    return true;
  }

  private finish(now: Instant, phase: 'proven' | 'aborted'): void {
    this.enter(phase);
    this.executor.finish();
    this.tellBurst();
    this.strategy.end(now, phase === 'proven' ? 'path' : 'aborted');
  }

  private tellBurst(): void {
    if (this.executor.bursting() === this.bursting) return;
    this.bursting = !this.bursting;
    this.out.event({ ev: 'burst', on: this.bursting });
  }

  private enter(phase: Phase): void {
    const from = this.phase;
    assert(phase in TRAVERSAL_PHASES[from], `a traversal goes from ${from} to ${phase}`);
    this.phase = phase;
    this.out.event({ ev: 'log', attempt: this.strategy.attempts, what: 'traversal', data: { from, to: phase } });
  }
}
