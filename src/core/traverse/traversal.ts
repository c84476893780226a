/** One traversal as a machine: the engine of both sides, and the strategy of its role. */
import { type Instant, NEVER } from '../contract.ts';
import { outputs } from '../machine.ts';
import { clientStrategy } from './lead/client.ts';
import { hostStrategy } from './lead/host.ts';
import { decodeStep } from './lead/step.ts';
import { engine } from './run/engine.ts';
import type { Traversal, TraversalCommand, TraversalConfig, TraversalEvent } from './run/interface.ts';

export function traversal(now: Instant, config: TraversalConfig): Traversal {
  const out = outputs<TraversalEvent>();
  const side = engine(now, config, out);
  const strategy = config.role === 'client' ? clientStrategy(config, side, out) : hostStrategy(config, side, out);
  let bursting = false;
  let state: 'new' | 'running' | 'done' = 'new';

  function advance(at: Instant): void {
    side.run(at);
    if (state !== 'running') return;
    if (succeed(at)) return;
    strategy.run(at);
    side.run(at);
    tellBurst();
  }

  function tellBurst(): void {
    if (side.bursting() === bursting) return;
    bursting = !bursting;
    out.event({ ev: 'burst', on: bursting });
  }

  function succeed(at: Instant): boolean {
    const proof = side.proof();
    if (proof === null) return false;
    state = 'done';
    side.finish();
    tellBurst();
    strategy.end(at, 'path');
    out.event({
      ev: 'path',
      kind: side.pathKind(proof),
      socket: proof.socket,
      remote: proof.remote,
      rttMs: proof.rttMs,
      packetsSent: side.sent(),
      attempts: strategy.attempts,
      method: strategy.method,
    });
    return true;
  }

  function command(at: Instant, given: TraversalCommand): void {
    if (given.do === 'start' && state === 'new') {
      state = 'running';
      strategy.start(at);
    } else if (given.do === 'abort' && state !== 'done') {
      state = 'done';
      side.finish();
      tellBurst();
      strategy.end(at, 'aborted');
    } else if (given.do === 'step' && state === 'running') {
      const step = decodeStep(given.bytes);
      if (step !== null) strategy.step(at, step);
    } else if (given.do === 'profile') strategy.profile(given.profile);
    else side.command(at, given);
  }

  return {
    handleDatagram(at, socket, from, bytes) {
      side.datagram(at, socket, from, bytes);
      advance(at);
    },
    handleSocket(at, socket, outcome) {
      side.socket(at, socket, outcome);
      advance(at);
    },
    handleTimeout: advance,
    handleCommand(at, given) {
      command(at, given);
      advance(at);
    },
    poll: () =>
      out.next(state === 'running' ? Math.min(side.next(), strategy.next()) : state === 'done' ? side.next() : NEVER),
  };
}
