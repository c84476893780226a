/**
 * One traversal whose twin, permit and sockets are the test's: it may be told anything, and all that it does is written down. Around
 * it are a server that tells each socket its mapping, and the twin's address, which may probe back whatever it is probed from.
 */

import {
  type Endpoint,
  type NatProfile,
  type Output,
  requestNumbers,
  type SocketId,
  socketIds,
  WIRE,
} from '../../src/core/index.ts';
import {
  type Candidate,
  type Device,
  device,
  type MappingSource,
  type OwnProfile,
  probeCodec,
  type Role,
  type Traversal,
  type TraversalEvent,
  traversal,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { simRandom } from '../../src/sim/index.ts';
import { permitOf } from '../permit.ts';

/** The only address of the permit, but for `named`. */
export const TWIN = '203.0.113.66';
const SOCKET: SocketId = 1000;
const SERVER: Endpoint = { address: '192.0.2.53', port: 3478 };
const ANSWER_MS = 20;
/** At one instant: every socket of a birthday may have an answer to it. */
const TURNS_MAX = 10_000;
const PUNCH_KEY = new Uint8Array(32);

export interface Sent {
  readonly at: number;
  readonly socket: SocketId;
  readonly to: Endpoint;
}

export interface Alone {
  readonly machine: Traversal;
  /** Without what went to the server. */
  readonly sent: Sent[];
  readonly events: TraversalEvent[];
  /** Opened by the machine and not closed, now and at most. */
  open(): number;
  peak(): number;
  /** How often a packet was offered to the budget of the device: what a loop without end would show in. */
  offered(): number;
  /** Hands it a step, now. */
  tell(bytes: Uint8Array): void;
  /** Hands it a valid probe of the twin from a port, at its first socket, now. */
  knock(port: number): void;
  /** Runs until `until`, opening every socket at once. */
  run(until: number): void;
}

export interface AloneOptions {
  readonly own?: NatProfile;
  /** Instead of `own`, where it changes. */
  readonly ownProfile?: OwnProfile;
  readonly peer?: NatProfile;
  readonly candidates?: readonly Candidate[];
  readonly probesMax?: number;
  /** Named in the permit as well. */
  readonly named?: readonly string[];
  /** Where it has the master. */
  readonly master?: string;
  readonly device?: Device;
  readonly sid?: Uint8Array;
  /** The twin probes every socket from which it was probed, once, and never answers: it is heard there, and no path comes up. */
  readonly heard?: boolean;
  /** Each socket that is asked for so often fails to open; 0 = none. */
  readonly failEvery?: number;
  /** Answers a step of the machine, or null. */
  readonly twin?: (bytes: Uint8Array) => Uint8Array | null;
}

/** Question and answer: the number of the request, and the port that was seen. */
const SOURCE: MappingSource = {
  target: SERVER,
  kind: 'stun',
  answersFrom: ['same'],
  request: (_now, request) => Uint8Array.of(request >>> 8, request),
  answer: (from, bytes) =>
    from.address === SERVER.address && bytes.length === 4
      ? {
          request: bytes[0]! * 256 + bytes[1]!,
          observed: { address: '192.0.2.9', port: bytes[2]! * 256 + bytes[3]! },
        }
      : null,
};

export function alone(role: Role, options: AloneOptions = {}): Alone {
  const { heard = false, failEvery = 0, sid = new Uint8Array(16), twin = () => null } = options;
  const permit = permitOf([TWIN, ...(options.named ?? [])], {
    probesMax: options.probesMax ?? 100_000,
    probesPerSecondMax: 65_535,
    expiresInMs: 1_000_000,
  });
  const shared = options.device ?? device();
  let offered = 0;
  const { budget } = shared;
  const counting: Device = {
    ...shared,
    budget: {
      when(...given) {
        offered++;
        return budget.when(...given);
      },
      take: (...given) => budget.take(...given),
      count: (now) => budget.count(now),
      room: (...given) => budget.room(...given),
      pause: (until) => budget.pause(until),
    },
  };
  const own = {
    profile: options.ownProfile ?? (() => options.own ?? UNKNOWN_PROFILE),
    candidates: [{ kind: 'reflexive', endpoint: { address: '192.0.2.9', port: 7 } } as const],
  };
  const machine = traversal(0, {
    ...{ role, sid, punchKey: PUNCH_KEY, socket: SOCKET, family: 4, own, permit, viaMasterRttMs: 80 },
    master: options.master ?? SERVER.address,
    ...{
      peer: { profile: options.peer ?? UNKNOWN_PROFILE, candidates: options.candidates ?? [] },
      sources: [SOURCE],
      redirecting: null,
      sockets: socketIds(),
      requests: requestNumbers(),
      random: simRandom(1),
      crypto: nodeCrypto,
      device: counting,
    },
  });
  const codec = probeCodec(role === 'host' ? 'client' : 'host', sid, PUNCH_KEY, nodeCrypto);
  const sent: Sent[] = [];
  const events: TraversalEvent[] = [];
  const open = new Set<SocketId>();
  const probed = new Set<SocketId>();
  const inputs: { readonly at: number; readonly give: () => void }[] = [];
  const soon = (give: () => void): void => void inputs.push({ at: now + ANSWER_MS, give });
  let now = 0;
  let opened = 0;
  let peak = 0;
  let port = 20_000;
  let seq = 0;

  function received(socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (socket === SOCKET || open.has(socket)) machine.handleDatagram(now, socket, from, bytes);
  }

  function transmitted(socket: SocketId, to: Endpoint, bytes: Uint8Array): void {
    if (to.address === SERVER.address) {
      port = port >= 60_000 ? 20_000 : port + 3;
      const answer = Uint8Array.of(bytes[0]!, bytes[1]!, port >>> 8, port);
      soon(() => received(socket, SERVER, answer));
      return;
    }
    sent.push({ at: now, socket, to });
    if (!heard || bytes[0] !== WIRE.punch || probed.has(socket)) return;
    probed.add(socket);
    const probe = codec.encode({ reply: false, nominate: false, seq: ++seq });
    soon(() => received(socket, to, probe));
  }

  function obey(output: Exclude<Output<TraversalEvent>, { kind: 'wait' }>): void {
    if (output.kind === 'transmit') transmitted(output.socket, output.to, output.bytes);
    else if (output.kind === 'event') {
      events.push(output.event);
      const answer = output.event.ev === 'step' ? twin(output.event.bytes) : null;
      if (answer !== null) soon(() => machine.handleCommand(now, { do: 'step', bytes: answer }));
    } else if (output.op !== 'open') open.delete(output.socket);
    else if (failEvery > 0 && ++opened % failEvery === 0) machine.handleSocket(now, output.socket, FAILED);
    else {
      open.add(output.socket);
      peak = Math.max(peak, open.size);
      machine.handleSocket(now, output.socket, { ok: true, local: { address: '0.0.0.0', port: 1 } });
    }
  }

  function drain(): number {
    for (;;) {
      const output = machine.poll();
      if (output.kind === 'wait') return Math.min(output.until, inputs[0]?.at ?? output.until);
      obey(output);
    }
  }

  machine.handleCommand(now, { do: 'start' });
  return {
    machine,
    sent,
    events,
    open: () => open.size,
    peak: () => peak,
    offered: () => offered,
    tell: (bytes) => machine.handleCommand(now, { do: 'step', bytes }),
    knock(from) {
      const probe = codec.encode({ reply: false, nominate: false, seq: ++seq });
      machine.handleDatagram(now, SOCKET, { address: TWIN, port: from }, probe);
    },
    run(until) {
      let turns = 0;
      for (let next = drain(); next <= until; next = drain()) {
        turns = next > now ? 0 : turns + 1;
        if (turns > TURNS_MAX) throw new Error('the machine never waits');
        now = Math.max(now, next);
        const input = inputs[0];
        if (input === undefined || input.at > now) machine.handleTimeout(now);
        else inputs.shift()!.give();
      }
      now = until;
    },
  };
}

const FAILED = { ok: false, code: 'limit' } as const;
