/** The links of one participant to the nodes of its fleet, packet by packet: which are made, which end, and what is then still said. */
import { expect, test } from 'vitest';
import { createMaster, orderOf, socketIds } from '../../src/core/index.ts';
import {
  LINK_LIMITS,
  Masters,
  type MastersCommand,
  type MastersEvent,
  type Request,
  type Response,
} from '../../src/core/testing.ts';
import {
  MASTER_ADDRESS,
  Participant,
  REGISTER,
  SECOND_ADDRESS,
  testCrypto,
  testRandom,
  world,
} from './rendezvous-net.ts';

const SECRET = new Uint8Array(32).fill(9);
const SID = new Uint8Array(16).fill(1);
const HANDSHAKE = new Uint8Array(200).fill(7);
const PLACES = [MASTER_ADDRESS, SECOND_ADDRESS].map((address, n) => ({
  ...{ name: 'ab'[n] as string, region: '', addresses: [address], port: 8430, furtherPort: 0 },
}));

/** Two nodes, and a participant whose link leads to the first. */
function fleet() {
  const w = world({ fleet: { secrets: [SECRET] } });
  const { net, identity } = w;
  const second = createMaster({
    ...{ crypto: testCrypto('second'), random: testRandom(2), identity, addresses: [SECOND_ADDRESS], advertised: null },
    ...{ port: 8430, wallClock: () => 1_700_000_000_000 + net.now, fleet: { secrets: [SECRET] } },
    policy: { announce: (_key, _from, announcement) => announcement, admit: () => null },
  });
  const b = net.add(second, SECOND_ADDRESS);
  net.command(b, { do: 'start' });
  const know = (...nodes: typeof PLACES): void => {
    for (const [n, one] of [w.master, b].entries()) {
      const list = { self: 'ab'[n], serial: nodes.length, expiresInMs: 600_000, nodes };
      net.command(one, { do: 'nodes', list });
    }
  };
  const masters = new Masters({
    ...{ crypto: testCrypto('friend'), random: testRandom(3), sockets: socketIds() },
    ...{ identity: testCrypto('friend key').keyPair(), wallClock: () => 1_700_000_000_000 + net.now },
    master: { key: identity.publicKey, addresses: [MASTER_ADDRESS], port: 8430 },
  });
  const node = net.add(masters, '203.0.113.9');
  const command = (given: MastersCommand): void => net.command(node, given);
  const events = (): readonly MastersEvent[] => node.events as MastersEvent[];
  let ref = 0;
  function get(request: Request, at?: { readonly code: string }): Response | null {
    ref += 1;
    command({ do: 'request', ref, request, socket: null, ...(at === undefined ? {} : { at }) });
    net.run(1_000);
    for (const event of events()) if (event.ev === 'response' && event.ref === ref) return event.response;
    return null;
  }
  /** Packets of the participant while so much time passes. */
  function packetsIn(ms: number): number {
    const before = net.sent.length;
    net.run(ms);
    return net.sent.slice(before).filter(({ from }) => from.address === node.address).length;
  }
  return { w, net, know, command, events, get, packetsIn };
}

test('what is still to be said of a join whose node has ended is told as unreachable, and meets no link that is gone', () => {
  const { w, net, know, command, events, get } = fleet();
  know(...PLACES);
  const host = new Participant(net, 'host', '203.0.113.5', {
    masterKey: w.identity.publicKey,
    masters: [SECOND_ADDRESS],
  }).start();
  expect(host.get(REGISTER)).toMatchObject({ type: 'registered' });
  command({ do: 'start' });
  net.run(1_000);
  const code = Array.from({ length: 50 }, (_, n) => `CODE${n}`).find((one) => orderOf(one, ['a', 'b'])[0] === 'b');
  const join: Request = { type: 'join', sid: SID, hidden: false, hostKey: host.key.publicKey, handshake: HANDSHAKE };
  expect(get(join, { code: code as string })).toMatchObject({ type: 'ok' });
  expect(host.get({ type: 'refuse', sid: SID, retryAfterMs: 0, failure: 'REFUSED' })).toMatchObject({ type: 'ok' });
  expect(events()).toContainEqual(expect.objectContaining({ ev: 'push', node: 'b' }));
  net.run(LINK_LIMITS.nodeIdleMs + LINK_LIMITS.nodeLeaveMs + 10_000);
  expect(events()).toContainEqual({ ev: 'node', node: 'b', state: 'left' });
  expect(get({ type: 'credit', sid: SID, n: 1 })).toMatchObject({ type: 'failed', failure: 'MASTER_UNREACHABLE' });
});

test('a change of the list is heard of with the next echo; one that is of no use is not asked for again', () => {
  const { net, know, command, events, packetsIn } = fleet();
  know(PLACES[0] as (typeof PLACES)[0]);
  command({ do: 'start' });
  command({ do: 'stand', code: 'CODE' });
  net.run(60_000);
  const idle = packetsIn(120_000);
  // The master is outside, so these are nobody's.
  const inside = { ...(PLACES[1] as (typeof PLACES)[1]), addresses: ['192.168.1.1'] };
  know(inside, inside);
  expect(packetsIn(120_000)).toBeLessThanOrEqual(idle + 1);
  know(...PLACES, inside);
  net.run(25_000);
  expect(events()).toContainEqual({ ev: 'node', node: 'b', state: 'up' });
});
