/** Which answers a detector believes, and how long it waits for them: a server whose answers are late, lost or misled. */
import { expect, test } from 'vitest';
import {
  createDetector,
  type Endpoint,
  type Instant,
  type NatProfile,
  type Output,
  requestNumbers,
  socketIds,
} from '../../src/core/index.ts';
import type { AnswerFrom, DetectEvent, MappingSource } from '../../src/core/testing.ts';
import { testRandom } from './rendezvous-net.ts';

const EXTERNAL = '203.0.113.9';
const KINDS: readonly AnswerFrom[] = ['same', 'other-port', 'other-address'];

/** Asks and is answered in four bytes: number, kind; port. */
function source(target: Endpoint): MappingSource {
  return {
    ...{ target, group: target.address, kind: 'stun', answersFrom: KINDS },
    request: (_now, request, answerFrom) => Uint8Array.of(request >> 8, request & 255, KINDS.indexOf(answerFrom)),
    answer: (from, bytes) =>
      from.address !== target.address || bytes.length !== 4
        ? null
        : {
            request: (bytes[0]! << 8) | bytes[1]!,
            observed: { address: EXTERNAL, port: (bytes[2]! << 8) | bytes[3]! },
          },
  };
}

interface Asked {
  readonly now: Instant;
  readonly socket: number;
  readonly to: string;
  readonly answerFrom: AnswerFrom;
  /** How often this question was asked before. */
  readonly before: number;
}

/** When and where the answer comes; null: never. */
type Answer = (asked: Asked) => { readonly afterMs: number; readonly socket?: number; readonly port?: number } | null;

function detect(answer: Answer): { profile: NatProfile; ms: number; asked: readonly Asked[] } {
  const random = testRandom(5);
  const crypto = { randomBytes: (length: number) => new Uint8Array(length).map(() => random.int(0, 255)) };
  const detector = createDetector({ crypto, random, sockets: socketIds(), requests: requestNumbers(), family: 4 });
  const targets = ['192.0.2.1', '192.0.2.2'].map((address) => ({ address, port: 3478 }));
  const inputs: { at: Instant; run(): void }[] = [];
  const asked: Asked[] = [];
  const times = new Map<string, number>();
  let now = 0;
  let until = 0;
  let result: { profile: NatProfile; ms: number } | null = null;
  const perform = (output: Exclude<Output<DetectEvent>, { kind: 'wait' }>): void => {
    if (output.kind === 'event' && output.event.ev === 'profile' && output.event.final)
      result ??= { profile: output.event.profile, ms: now };
    if (output.kind === 'socket' && output.op === 'open') {
      const local = { address: '192.168.1.2', port: 20_000 + output.socket };
      inputs.push({ at: now, run: () => detector.handleSocket(now, output.socket, { ok: true, local }) });
    }
    if (output.kind !== 'transmit' || output.bytes.length !== 3) return;
    const { bytes, to, socket } = output;
    const name = `${to.address} ${bytes}`;
    const before = times.get(name) ?? 0;
    times.set(name, before + 1);
    const question = { now, socket, to: to.address, answerFrom: KINDS[bytes[2]!]!, before };
    asked.push(question);
    const come = answer(question);
    if (come === null) return;
    const port = come.port ?? 20_000 + socket;
    const reply = Uint8Array.of(bytes[0]!, bytes[1]!, port >> 8, port & 255);
    const heard = come.socket ?? socket;
    inputs.push({ at: now + come.afterMs, run: () => detector.handleDatagram(now, heard, to, reply) });
  };
  const drain = (): void => {
    for (let output = detector.poll(); ; output = detector.poll()) {
      if (output.kind === 'wait') {
        until = output.until;
        return;
      }
      perform(output);
    }
  };
  detector.handleCommand(now, { do: 'sources', sources: targets.map(source) });
  detector.handleCommand(now, { do: 'detect' });
  drain();
  for (let steps = 0; result === null && steps < 10_000; steps++) {
    inputs.sort((left, right) => left.at - right.at);
    const input = (inputs[0]?.at ?? Number.POSITIVE_INFINITY) <= until ? inputs.shift() : undefined;
    now = Math.max(now, input?.at ?? until);
    if (input === undefined) detector.handleTimeout(now);
    else input.run();
    drain();
  }
  if (result === null) throw new Error('no profile');
  return { ...(result as { profile: NatProfile; ms: number }), asked };
}

test('an answer counts on the socket that asked, and on no other', () => {
  const honest = detect(() => ({ afterMs: 40 }));
  expect(honest.profile).toMatchObject({ mapping: 'eim', filtering: 'eif' });
  const first = honest.asked[0]!.socket;
  const misled = detect(({ socket }) => ({ afterMs: 40, socket: socket === first ? first + 1 : first }));
  expect(misled.profile).toMatchObject({ samples: 0, filtering: 'unknown' });
});

test('filtering: the answer to the last of four requests counts, also when it takes half as long again as others', () => {
  const only = (lets: AnswerFrom) =>
    detect(({ answerFrom, before }) => {
      if (answerFrom === 'same') return { afterMs: 200 };
      return answerFrom === lets && before === 3 ? { afterMs: 300 } : null;
    });
  expect(only('other-address').profile.filtering).toBe('eif');
  expect(only('other-port').profile.filtering).toBe('adf');
  const shut = only('same');
  expect(shut.profile.filtering).toBe('apdf');
  for (const kind of ['other-address', 'other-port'])
    expect(shut.asked.filter(({ answerFrom }) => answerFrom === kind)).toHaveLength(4);
});

test('of a question that was asked twice nobody knows which packet made the mapping: no order is read from those alone', () => {
  let port = 30_000;
  const mappings = new Map<string, number>();
  const counting: Answer = ({ socket, to, answerFrom }) => {
    const name = `${socket} ${to}`;
    if (!mappings.has(name)) mappings.set(name, port++);
    return answerFrom === 'same' ? { afterMs: 40, port: mappings.get(name)! } : null;
  };
  expect(detect(counting).profile.allocator).toMatchObject({ kind: 'step', step: 1 });
  // Nothing gets out in the first 450 ms.
  const late = detect((asked) => (asked.now < 450 ? null : counting(asked)));
  expect(late.asked.some(({ before }) => before > 0)).toBe(true);
  expect(late.profile.samples).toBeGreaterThanOrEqual(4);
  expect(late.profile.allocator.kind).not.toBe('step');
});
