/**
 * A client or a master that is out to harm: whatever they send, a peer goes on, keeps to its permits and its own rates, and is
 * there again for whoever is honest.
 */
import { expect, test } from 'vitest';
import {
  createPeer,
  type Endpoint,
  type Machine,
  PEER_LIMITS,
  type PeerCommand,
  type PeerEvent,
  WIRE,
  WIRE_LIMITS,
} from '../../src/core/index.ts';
import {
  type EndToEnd,
  encodeStep,
  LINK_LIMITS,
  openAsClient,
  type Push,
  probeCodec,
  type SidePlan,
  type Step,
} from '../../src/core/testing.ts';
import { weakCodes } from '../../src/sim/index.ts';
import { permitOf } from '../permit.ts';
import { STRANGERS_HELLO } from '../stranger.ts';
import {
  ANNOUNCEMENT,
  DOOR,
  MASTER_ADDRESS,
  type Node,
  type Packet,
  type Participant,
  testCrypto,
  testRandom,
  type World,
  world,
} from './rendezvous-net.ts';

const HOST_IP = '203.0.113.5';
const EVIL_IP = '198.18.0.66';

interface HostPeer {
  readonly node: Node;
  readonly publicKey: Uint8Array;
  all<Ev extends PeerEvent['ev']>(ev: Ev): readonly (PeerEvent & { readonly ev: Ev })[];
}

function hostPeer(w: World): HostPeer {
  const crypto = testCrypto('host peer');
  const identity = crypto.keyPair();
  const machine: Machine<PeerCommand, PeerEvent> = weakCodes(
    createPeer({
      ...{ crypto, identity, random: testRandom(7), stun: [], family: 4 },
      master: { key: w.identity.publicKey, addresses: [MASTER_ADDRESS], port: DOOR.port },
      wallClock: () => 1_700_000_000_000 + w.net.now,
    }),
    crypto,
  );
  const node = w.net.add(machine, HOST_IP);
  const command = (one: PeerCommand): void => w.net.command(node, one);
  command({ do: 'network', network: { addresses: [HOST_IP], gateway: null } });
  command({ do: 'start' });
  command({ do: 'host', announcement: ANNOUNCEMENT, password: null, ask: false });
  w.net.run(3_000);
  return {
    ...{ node, publicKey: identity.publicKey },
    all: <Ev extends PeerEvent['ev']>(ev: Ev) =>
      (node.events as PeerEvent[]).filter((event): event is PeerEvent & { readonly ev: Ev } => event.ev === ev),
  };
}

/** A client that has been let in, and says what it likes. */
interface Intruder {
  readonly who: Participant;
  /** Where it was let in from, and where the host waits for it. */
  readonly at: Endpoint;
  readonly door: Endpoint;
  readonly sid: Uint8Array;
  readonly keys: EndToEnd;
  /** As the host got it. */
  readonly offer: Push;
  step(step: Step): Push & { readonly type: 'step' };
}

function intruder(w: World, host: HostPeer, name = 'evil', address = EVIL_IP, sidEnd = 9): Intruder {
  const who = w.participant(name, address).start();
  const sid = new Uint8Array(16).fill(9).fill(sidEnd, 8);
  const handshake = openAsClient(testCrypto(name), who.key, { sid, hostKey: host.publicKey, hello: STRANGERS_HELLO })!;
  const socket = who.socket();
  who.get({ type: 'join', hidden: false, sid, hostKey: host.publicKey, handshake: handshake.message }, socket);
  const answered = who.pushes.find((push) => push.type === 'answered');
  const done = answered?.type === 'answered' ? handshake.finish(answered.handshake) : null;
  if (!done) throw new Error('the intruder is let in');
  const { signal } = done.keys;
  const permit = permitOf([EVIL_IP]);
  return {
    at: { address, port: who.portOf(socket) },
    door: answered?.type === 'answered' ? answered.observed[0]! : { address: '', port: 0 },
    ...{
      who,
      sid,
      keys: done.keys,
      offer: { type: 'offer', sid, observed: [], permit, handshake: handshake.message, relay: null },
    },
    step: (step) => ({ type: 'step', sid, n: signal.sequence, sealed: signal.seal(sid, encodeStep(step)) }),
  };
}

const SALVO: SidePlan = {
  class: 'easy',
  from: 'punching',
  sockets: 1,
  tuples: 1,
  addresses: [EVIL_IP],
  ports: { kind: 'fixed', port: 9 },
  portEvery: 1,
  ratePerSecond: 1,
  passes: [{ afterMs: 0, ttl: null }],
  again: { mode: 'none', everyMs: 0 },
  sampleEvery: 0,
  durationMs: 1,
};

interface PushedTo {
  pushes: unknown;
  readonly path: { readonly address: string };
  proofOf(address: string): { unheard: unknown };
}

/** The machine of the master, turned against those that trust it. */
function pushTo(w: World, key: Uint8Array, push: Push): void {
  const { registry, control } = w.master.machine as unknown as {
    readonly registry: { find(key: Uint8Array): { readonly session: PushedTo } };
    readonly control: { push(now: number, session: unknown, push: Push): boolean };
  };
  const { session } = registry.find(key);
  control.push(w.net.now, session, push);
  // An honest master would stop: nobody acknowledges.
  session.pushes = null;
  session.proofOf(session.path.address).unheard = null;
  w.net.drain(w.master);
}

const paddedBy = (w: World, address: string): readonly Packet[] =>
  w.net.sent.filter(({ from, bytes }) => from.address === address && bytes.length === WIRE_LIMITS.controlBytesMax);

test('a client that asks for credits without end gets as many as a session may buy, and the host goes on', () => {
  const w = world();
  const host = hostPeer(w);
  const { who, step } = intruder(w, host);
  const before = paddedBy(w, HOST_IP).length;
  for (let order = 1; order <= 60; order++) who.ask(step({ order, pay: 65_535 }));
  w.net.run(5_000);
  const { perSecond, burst } = PEER_LIMITS.creditRate;
  expect(paddedBy(w, HOST_IP).length - before).toBeGreaterThanOrEqual(burst / 2);
  expect(paddedBy(w, HOST_IP).length - before).toBeLessThanOrEqual(burst + 5 * perSecond);
  expect(host.all('peer').at(-1)?.state).toBe('knocking');
  expect(who.get({ type: 'resolve', code: host.all('hosting')[0]!.code })).toMatchObject({ type: 'resolved' });
});

test('who gives its session the first bytes of another one does not get the probes of that one', () => {
  const w = world();
  const host = hostPeer(w);
  const { sid, keys, at, door } = intruder(w, host);
  intruder(w, host, 'twin', '198.18.0.67', 1);
  const codec = probeCodec('client', sid, keys.punchKey, testCrypto('probe'));
  w.net.inject({ from: at, to: door, bytes: codec.encode({ reply: false, nominate: false, seq: 7 }) });
  w.net.run(100);
  const replies = w.net.sent.filter(({ from, to }) => from.port === door.port && to.port === at.port);
  expect(replies.map(({ bytes }) => codec.decode(bytes))).toContainEqual({ reply: true, nominate: false, seq: 7 });
});

test('a master that takes in nothing and offers without end: what the host cannot ask any more is refused, not the end of it', () => {
  const w = world();
  const host = hostPeer(w);
  const deaf = (packet: Packet): readonly Packet[] =>
    packet.from.address === HOST_IP && packet.bytes[0] === WIRE.control && packet.bytes.length < 200 ? [] : [packet];
  w.net.hook = deaf;
  for (let n = 0; n < 2 * LINK_LIMITS.linkRequestsMax; n++) {
    const sid = new Uint8Array(16).fill(n & 255);
    sid[0] = n >> 8;
    const permit = permitOf([EVIL_IP]);
    pushTo(w, host.publicKey, {
      type: 'offer',
      sid,
      observed: [],
      permit,
      handshake: Uint8Array.of(1, 2, 3),
      relay: null,
    });
    if (n % 16 === 0) w.net.run(1);
  }
  w.net.run(500);
  w.net.hook = (packet) => [packet];
  w.net.run(30_000);
  expect(host.all('link').at(-1)).toMatchObject({ state: 'up' });
  expect(intruder(w, host).keys).toBeDefined();
});

test('an offer that is told again, as another push, is the same visit, also when that is over', () => {
  const w = world();
  const host = hostPeer(w);
  const { offer, who, sid } = intruder(w, host);
  const again = (): void => {
    pushTo(w, host.publicKey, offer);
    w.net.run(200);
  };
  for (let n = 0; n < 3; n++) again();
  const states = () => host.all('peer').map(({ state }) => state);
  expect(states()).toEqual(['knocking']);
  const over = { outcome: 'aborted', path: null, clientNat: 'cone', hostNat: 'cone' } as const;
  who.get({ type: 'done', sid, ...over, family: 4, method: 'none', attempts: 1, elapsedMs: 9, packetsSent: 0 });
  expect(states()).toEqual(['knocking', 'left']);
  again();
  expect(states()).toEqual(['knocking', 'left']);
});

test('a client whose steps come faster than the master takes the answers is sent away', () => {
  const w = world();
  const host = hostPeer(w);
  const { step } = intruder(w, host);
  w.net.hook = (packet) => (packet.from.address === HOST_IP ? [] : [packet]);
  for (let order = 1; order <= 1_000; order++) {
    pushTo(w, host.publicKey, step({ order, stop: true, run: { startInMs: 0, side: SALVO } }));
    if (order % 100 === 0) w.net.run(1);
  }
  w.net.run(20);
  expect(host.all('peer').map(({ state }) => state)).toEqual(['knocking', 'left']);
  w.net.hook = (packet) => [packet];
  w.net.run(30_000);
  expect(host.all('link').at(-1)).toMatchObject({ state: 'up' });
});
