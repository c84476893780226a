/** A host whose NAT draws an address for each mapping, and a client whose permit for them has run out when the next attempt begins. */
import { expect, test } from 'vitest';
import { type NatProfile, requestNumbers, socketIds, UNKNOWN_PROFILE } from '../../src/core/index.ts';
import {
  decodeStep,
  device,
  encodeStep,
  type MappingSource,
  type TraversalEvent,
  traversal,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { simRandom } from '../../src/sim/index.ts';
import { permitOf } from '../permit.ts';

const ADDRESSES = ['203.0.113.5', '203.0.113.6'];
const SEEN = { address: '203.0.113.5', port: 5_000 };
const random = { ...UNKNOWN_PROFILE.allocator, kind: 'random', weight: 1, low: 1_024, high: 65_535 } as const;
const HOST: NatProfile = {
  ...UNKNOWN_PROFILE,
  ...{ mapping: 'apdm', filtering: 'apdf', type: 'port-sensitive', allocator: random, mixture: [random] },
  ...{ external: ADDRESSES, pooling: 'arbitrary', confidence: 1 },
};
const CLIENT: NatProfile = {
  ...UNKNOWN_PROFILE,
  mapping: 'eim',
  filtering: 'apdf',
  type: 'cone',
  external: ['192.0.2.9'],
};
/** Tells the client the mapping of its socket. */
const SOURCE: MappingSource = {
  target: { address: '198.51.100.1', port: 3_478 },
  kind: 'stun',
  answersFrom: [],
  request: (_now, request) => Uint8Array.of(request >> 8, request & 255),
  requestTo: (_now, request) => Uint8Array.of(request >> 8, request & 255),
  answer: (_from, bytes) => ({
    request: bytes[0]! * 256 + bytes[1]!,
    observed: { address: '192.0.2.9', port: 40_000 },
  }),
};
/** Longer than the rest and a birthday after it. */
const LONG_MS = 35_000;
const PERMIT_MS = 15_000;
const ROUND_MS = 2_800;

test('an attempt that begins with a permit that has run out sends as soon as the credit renews it', () => {
  const sockets = socketIds();
  let probesMax = 500;
  const permit = () => permitOf(ADDRESSES, { probesMax, expiresInMs: PERMIT_MS });
  const machine = traversal(0, {
    ...{ role: 'client', sid: new Uint8Array(16), punchKey: new Uint8Array(32), socket: 1_000, family: 4 },
    ...{ permit: permit(), master: null, relayRttMs: 80, sources: [SOURCE], redirecting: null, sockets },
    ...{ random: simRandom(1), crypto: nodeCrypto, requests: requestNumbers(), device: device() },
    own: { profile: () => CLIENT, candidates: [] },
    peer: { profile: HOST, candidates: [{ kind: 'reflexive', endpoint: SEEN }] },
  });
  let now = 0;
  let renewAt = Number.POSITIVE_INFINITY;
  let permittedUntil = PERMIT_MS;
  /** Packets of the first of two rounds. */
  const attempts: { method: string; at: number; lapsed: boolean; packets: number }[] = [];
  const heard = (event: TraversalEvent): void => {
    if (event.ev === 'attempt')
      attempts.push({ method: event.plan.method, at: now, lapsed: now >= permittedUntil, packets: 0 });
    if (event.ev !== 'step') return;
    const { order, pay, restun, run } = decodeStep(event.bytes)!;
    // The host pays, and the master's permit comes by the way of the next answer.
    if (pay !== undefined) renewAt = Math.min(renewAt, now + 80);
    const endpoint = restun ? { endpoint: SEEN } : {};
    // The host lets its ports rest at first, for longer than the permit lives.
    const refused = run && now < PERMIT_MS ? { refused: { allowedInMs: PERMIT_MS + 5_000 } } : {};
    machine.handleCommand(now, { do: 'step', bytes: encodeStep({ order, ...endpoint, ...refused }) });
  };
  machine.handleCommand(0, { do: 'start' });
  for (;;) {
    const output = machine.poll();
    if (output.kind === 'event') heard(output.event);
    else if (output.kind === 'transmit') {
      const last = attempts.at(-1);
      if (output.to.address === SOURCE.target.address)
        machine.handleDatagram(now, output.socket, SOURCE.target, output.bytes);
      else if (last !== undefined && now < last.at + ROUND_MS && ADDRESSES.includes(output.to.address)) last.packets++;
    } else if (output.kind === 'socket' && output.op === 'open')
      machine.handleSocket(now, output.socket, { ok: true, local: { address: '0.0.0.0', port: 1 } });
    else if (output.kind === 'wait') {
      const next = Math.min(output.until, renewAt);
      if (next > LONG_MS) break;
      now = Math.max(now, next);
      if (now >= renewAt) {
        renewAt = Number.POSITIVE_INFINITY;
        probesMax += 500;
        permittedUntil = now + PERMIT_MS;
        machine.handleCommand(now, { do: 'permit', permit: permit() });
      } else machine.handleTimeout(now);
    }
  }
  const lapsed = attempts.filter((attempt) => attempt.lapsed && attempt.method === 'birthday');
  expect(lapsed.length).toBeGreaterThan(0);
  for (const { packets } of lapsed) expect(packets).toBeGreaterThan(100);
});
