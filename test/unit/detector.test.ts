import { expect, test } from 'vitest';
import {
  createDetector,
  type Endpoint,
  type Output,
  requestNumbers,
  StunSource,
  socketIds,
} from '../../src/core/index.ts';
import { type DetectEvent, encodeStun, parseStun } from '../../src/core/testing.ts';

const STUN_SERVER: Endpoint = { address: '192.0.2.1', port: 3478 };

/** A detector on a computer that gives only some of the sockets asked for, with a server that answers at once, from wherever it is asked to. */
function detectWith(
  granted: (socket: number) => boolean,
  server: Endpoint = STUN_SERVER,
): {
  profile: Extract<DetectEvent, { ev: 'profile' }>;
  ms: number;
} {
  let counter = 0;
  const crypto = {
    randomBytes: (length: number) => {
      const bytes = new Uint8Array(length);
      new DataView(bytes.buffer).setUint32(0, ++counter);
      return bytes;
    },
  };
  const random = { float: () => 0.5, int: (low: number) => low };
  const ids = { sockets: socketIds(), requests: requestNumbers() };
  const detector = createDetector({ crypto, random, ...ids, family: 4 });
  let now = 0;
  const inputs: (() => void)[] = [
    () => detector.handleCommand(now, { do: 'sources', sources: [new StunSource(server, crypto)] }),
    () => detector.handleCommand(now, { do: 'detect' }),
  ];
  let result: { profile: Extract<DetectEvent, { ev: 'profile' }>; ms: number } | null = null;
  const perform = (output: Exclude<Output<DetectEvent>, { kind: 'wait' }>) => {
    if (output.kind === 'event' && output.event.ev === 'profile' && output.event.final) {
      result ??= { profile: output.event, ms: now };
    }
    if (output.kind === 'socket' && output.op === 'open') {
      const local = { address: '0.0.0.0', port: 40_000 + output.socket };
      const ok = granted(output.socket);
      inputs.push(() => detector.handleSocket(now, output.socket, ok ? { ok, local } : { ok, code: 'limit' }));
    }
    if (output.kind === 'transmit') {
      const observed = { address: '203.0.113.9', port: 40_000 + output.socket };
      const asked = parseStun(output.bytes);
      const change = 'reject' in asked ? undefined : asked.changeRequest;
      const other = { address: server.address.replace(/\d+$/, '77'), port: server.port + 1 };
      const from = {
        address: (change?.address ? other : server).address,
        port: (change?.port ? other : server).port,
      };
      const more = server === STUN_SERVER ? {} : { otherAddress: other };
      const what = { transaction: output.bytes.slice(8, 20), xorMapped: observed, ...more };
      const answer = encodeStun({ class: 'success', ...what });
      inputs.push(() => detector.handleDatagram(now, output.socket, from, answer));
    }
  };
  for (let steps = 0; result === null && steps < 10_000; steps++) {
    const input = inputs.shift();
    if (input !== undefined) input();
    for (;;) {
      const output = detector.poll();
      if (output.kind === 'wait') {
        if (inputs.length === 0) {
          now = Math.max(now, output.until);
          inputs.push(() => detector.handleTimeout(now));
        }
        break;
      }
      perform(output);
    }
  }
  if (result === null) throw new Error('no profile');
  return result;
}

test('a computer short of sockets gets a profile from those it has, in time', () => {
  const all = detectWith(() => true);
  expect(all.profile.profile).toMatchObject({ samples: 12, allocator: { kind: 'preserve' } });
  const some = detectWith((socket) => socket % 3 === 0);
  expect(some.profile.profile.samples).toBeGreaterThanOrEqual(3);
  expect(some.ms).toBeLessThanOrEqual(2000);
});

test('a computer without any socket is told so within two seconds, and not that UDP is blocked', () => {
  const none = detectWith(() => false);
  expect(none.profile.profile).toMatchObject({ type: 'unknown', samples: 0 });
  expect(none.ms).toBeLessThanOrEqual(2000);
});

test('a server on the Internet tells whose packets the NAT lets in; one within passes no filter, and tells nothing', () => {
  const filtering = (address: string) => detectWith(() => true, { address, port: 3478 }).profile.profile.filtering;
  expect([filtering('192.0.2.1'), filtering('192.168.1.10'), filtering('100.64.0.9')]).toEqual([
    'eif',
    'unknown',
    'unknown',
  ]);
});
