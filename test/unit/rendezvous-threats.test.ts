/** Rows of the threat table (SECURITY.md), each as an attack on a master and participants at work. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { utf8Encode, WIRE, WIRE_LIMITS } from '../../src/core/index.ts';
import {
  CONTROL_PROLOGUE,
  concat,
  helloPayload,
  type MasterMachine,
  noiseInitiate,
  type Request,
  writeHello,
} from '../../src/core/testing.ts';
import { permitOf } from '../permit.ts';
import {
  DOOR,
  MASTER_ADDRESS,
  masterEvents,
  type Packet,
  type Participant,
  REGISTER,
  SECOND_ADDRESS,
  testCrypto,
  testRandom,
  type World,
  world,
} from './rendezvous-net.ts';

const HOST_IP = '203.0.113.5';
const VICTIM = '192.0.2.222';
const CONTROL = { address: MASTER_ADDRESS, port: DOOR.port + 1 };
const PROBE = { address: MASTER_ADDRESS, port: DOOR.port + 9 };
const SID = new Uint8Array(16).fill(7);

function pair(): { w: World; host: Participant; client: Participant } {
  const w = world();
  const host = w.participant('host', HOST_IP).start();
  host.get(REGISTER);
  return { w, host, client: w.participant('client', '198.18.0.9').start() };
}

/** What the world outside can see of the master's state. */
function state(w: World): string {
  const { sessions, hosts } = w.counters();
  return JSON.stringify({ sessions, hosts, events: masterEvents(w.master).length });
}

function helloFrom(w: World, seed: string): Uint8Array {
  const crypto = testCrypto(seed);
  const initiator = noiseInitiate(crypto, {
    ...{ prologue: CONTROL_PROLOGUE, own: crypto.keyPair(), remoteStatic: w.identity.publicKey },
    payload: helloPayload(1_700_000_000_000),
  });
  if (initiator === null) return expect.unreachable();
  return writeHello(initiator.message1, null, false);
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

describe('row 1 and 9: floods from spoofed addresses', () => {
  test('100,000 HELLOs, valid and not, leave memory flat and never get more back than they brought', () => {
    const { w } = pair();
    const random = testRandom(3);
    const crypto = testCrypto('flood');
    const machine = w.master.machine as unknown as MasterMachine;
    const door = [...w.master.sockets].find(([, port]) => port === DOOR.port)?.[0] ?? 0;
    const valid = Array.from({ length: 300 }, (_, i) => helloFrom(w, `flood ${i}`));
    const junk = Array.from({ length: 64 }, () =>
      concat(valid[0]?.subarray(0, 28) as Uint8Array, crypto.randomBytes(484)),
    );
    let [inBytes, outBytes, worst] = [0, 0, 0];
    const flood = (count: number) => {
      for (let i = 0; i < count; i++) {
        w.net.now += 0.2;
        const hello = (i % 100 === 0 ? valid[random.int(0, 299)] : junk[i % 64]) as Uint8Array;
        const address = `${random.int(1, 99)}.${random.int(0, 255)}.${random.int(0, 255)}.${random.int(1, 254)}`;
        machine.handleDatagram(w.net.now, door, { address, port: random.int(1024, 65535) }, hello);
        inBytes += hello.length;
        for (let output = machine.poll(); output.kind !== 'wait'; output = machine.poll()) {
          if (output.kind !== 'transmit') continue;
          outBytes += output.bytes.length;
          worst = Math.max(worst, output.bytes.length / hello.length);
        }
      }
    };
    flood(20_000);
    const before = heapUsed();
    flood(80_000);
    expect((heapUsed() - before) / 2 ** 20).toBeLessThan(5);
    expect(worst).toBeLessThan(1);
    expect(outBytes / inBytes).toBeLessThan(0.2);
    expect(w.counters().sessions).toBe(2);
  });

  test('row 10: while strangers knock 2,000 times a second, a host stays registered and a newcomer gets in by cookie', () => {
    const { w, host } = pair();
    let newcomer: Participant | null = null;
    const junk = helloFrom(w, 'someone');
    for (let second = 0; second < 6; second++) {
      for (let i = 0; i < 2_000; i++) {
        const bytes = junk.slice();
        bytes[200] = i;
        w.net.inject({ from: { address: `10.${second}.${i >> 8}.${i & 255}`, port: 1 }, to: DOOR, bytes });
      }
      if (second === 2) {
        newcomer = w.participant('newcomer', '198.18.7.7');
        newcomer.do({ do: 'start' });
      }
      w.net.run(1_000);
    }
    expect(host.states).toEqual(['connecting', 'up']);
    expect(newcomer?.states).toEqual(['connecting', 'up']);
    const retries = w.net.sent.filter((packet) => packet.bytes[0] === WIRE.retry && packet.to.address === '198.18.7.7');
    expect(retries.length).toBeGreaterThan(0);
    expect(w.net.ledger.worst).toBeLessThan(1);
  });

  test('a cookie is good for its address, its HELLO and 30 s only', () => {
    const w = world();
    const hello = helloFrom(w, 'insistent');
    hello[2] = 2;
    const from = { address: '198.18.0.1', port: 4000 };
    w.net.inject({ from, to: DOOR, bytes: hello });
    w.net.run(30);
    const retry = w.net.sent[0]?.bytes as Uint8Array;
    expect(retry).toHaveLength(64);
    const echoed = hello.slice();
    echoed[2] = 1;
    echoed.set(retry.subarray(12, 36), 4);
    const answers = (packet: Packet, ms = 30) => {
      const before = w.net.sent.length;
      w.net.inject(packet);
      w.net.run(ms);
      return w.net.sent.slice(before).map((sent) => sent.bytes[0]);
    };
    expect(answers({ from: { ...from, address: '198.18.0.2' }, to: DOOR, bytes: echoed })).toEqual([]);
    expect(answers({ from: { ...from, port: 4001 }, to: DOOR, bytes: echoed })).toEqual([]);
    const other = helloFrom(w, 'another');
    other.set(echoed.subarray(0, 28));
    expect(answers({ from, to: DOOR, bytes: other })).toEqual([]);
    expect(answers({ from, to: DOOR, bytes: echoed })).toEqual([WIRE.accept]);
    w.net.now += 32_000;
    expect(answers({ from, to: DOOR, bytes: echoed })).toEqual([]);
    expect(w.counters().dropped['cookie-bad']).toBe(4);
  });
});

describe('row 2: nobody can be named as a target', () => {
  test('an attacker that puts a victim into every field, and spoofs it, gets not one packet or permit for it', () => {
    const { w, host, client } = pair();
    const attacker = client;
    // Everything the attacker seals also goes out once more as if it came from the victim.
    const stolen: Packet[] = [];
    w.net.hook = (packet) => {
      if (packet.from.address !== attacker.node.address) return [packet];
      const fromVictim = { ...packet, from: { address: VICTIM, port: 4242 } };
      stolen.push(packet);
      return stolen.length % 2 === 0 ? [fromVictim, packet] : [packet, fromVictim];
    };
    const named = utf8Encode(`${VICTIM}:4242`);
    for (let i = 0; i < 40; i++) {
      const sid = new Uint8Array(16).fill(i);
      const join: Request = { type: 'join', hidden: false, sid, hostKey: host.key.publicKey, handshake: named };
      attacker.ask(join, i % 2 === 0 ? attacker.socket() : null);
      attacker.ask({ type: 'credit', sid, n: 1 });
      attacker.ask({ type: 'step', sid, n: 1, sealed: named });
      attacker.ask({ type: 'echo' });
      w.net.run(700);
    }
    const permits = host.pushes.flatMap((push) => ('permit' in push ? [push.permit] : []));
    expect(permits.length).toBeGreaterThan(10);
    for (const permit of permits)
      expect(permit.addresses.map(({ address }) => address)).toEqual([attacker.node.address]);
    for (const push of host.pushes) {
      if ('observed' in push) for (const seen of push.observed) expect(seen.address).not.toBe(VICTIM);
    }
    // The victim sees nothing but challenges, each no larger than what came "from it".
    const hits = w.net.sent.filter((packet) => packet.to.address === VICTIM);
    for (const hit of hits) expect(hit.bytes.length).toBe(17 + 1 + 8 + 16);
    expect(w.net.ledger.proven.has(VICTIM)).toBe(false);
  });

  test('an address not heard from for 30 s is in no permit any more', () => {
    const { w, host, client } = pair();
    client.node.alive = false;
    w.net.run(31_000);
    client.node.alive = true;
    client.node.until = w.net.now;
    // Its first packets after the pause prove nothing new by themselves: the stamp in them is an old one.
    w.net.hook = (packet) => (packet.to.address === client.node.address ? [] : [packet]);
    const join: Request = {
      type: 'join',
      hidden: false,
      sid: SID,
      hostKey: host.key.publicKey,
      handshake: Uint8Array.of(1),
    };
    client.ask(join, client.socket());
    w.net.run(700);
    expect(host.pushes).toEqual([]);
    // As soon as it answers the challenge, the repeated join goes through.
    w.net.hook = (packet) => [packet];
    w.net.run(1_100);
    expect(host.pushes).toMatchObject([{ type: 'offer', permit: permitOf([client.node.address]) }]);
  });
});

describe('rows 4 and 5: what is not sealed with the right key changes nothing', () => {
  test('every kind of message in clear or under a wrong key, from the right addresses, is dropped without an answer', () => {
    const { w, host } = pair();
    const other = pair();
    const real = [...w.net.sent];
    const foreign = [...other.w.net.sent];
    const before = state(w);
    const hostEvents = host.events.length;
    const sentBefore = w.net.sent.length;
    w.net.hook = () => [];
    const source = { address: HOST_IP, port: host.portOf(host.link.socket) };
    const toHost = { ...source };
    for (const packet of [...real, ...foreign]) {
      const clear = concat(packet.bytes.subarray(0, 17), utf8Encode('goodbye, list, offer, anything at all, in clear'));
      for (const bytes of [
        packet.bytes.subarray(0, 40),
        clear,
        new Uint8Array(0),
        Uint8Array.of(packet.bytes[0] ?? 0),
      ]) {
        w.net.inject({ from: source, to: CONTROL, bytes });
        w.net.inject({ from: source, to: PROBE, bytes });
        w.net.inject({ from: CONTROL, to: toHost, bytes });
      }
    }
    // Sealed by another master for another host with the same address.
    for (const packet of foreign) {
      if (packet.to.address === MASTER_ADDRESS && packet.bytes[0] === WIRE.control) {
        w.net.inject({ ...packet, from: source });
      }
      if (packet.from.address === MASTER_ADDRESS) w.net.inject({ ...packet, to: toHost });
    }
    w.net.run(100);
    expect(state(w)).toBe(before);
    expect(host.events).toHaveLength(hostEvents);
    const answers = w.net.sent.slice(sentBefore).filter((packet) => packet.from.address === MASTER_ADDRESS);
    expect(answers).toEqual([]);
  });

  test('a goodbye counts only from the session that hosts', () => {
    const { w, client } = pair();
    client.get({ type: 'goodbye' });
    expect(w.counters().hosts).toBe(1);
    expect(masterEvents(w.master).some((event) => event.ev === 'host-gone')).toBe(false);
  });
});

describe('row 6: replay', () => {
  test('everything ever sent, replayed twice in any order from its own addresses, leaves the same state', () => {
    const { w, host, client } = pair();
    client.get(
      { type: 'join', hidden: false, sid: SID, hostKey: host.key.publicKey, handshake: Uint8Array.of(1) },
      client.socket(),
    );
    host.get({ type: 'answer', hidden: false, sid: SID, handshake: Uint8Array.of(2) }, host.socket());
    client.get({ type: 'step', sid: SID, n: 1, sealed: Uint8Array.of(3) });
    host.get({ type: 'goodbye' });
    host.get(REGISTER);
    const recorded = w.net.sent.slice();
    const before = state(w);
    const [hostEvents, clientEvents] = [host.events.length, client.events.length];
    const random = testRandom(11);
    for (let round = 0; round < 2; round++) {
      const shuffled = recorded.map((packet) => ({ packet, at: random.float() })).sort((a, b) => a.at - b.at);
      for (const { packet } of shuffled) w.net.inject(packet);
      w.net.run(500);
    }
    expect(state(w)).toBe(before);
    expect([host.events.length, client.events.length]).toEqual([hostEvents, clientEvents]);
  });

  test('an old HELLO of a known key is not answered with a session but asked for a cookie', () => {
    const { w, host } = pair();
    const hello = w.net.sent.find((packet) => packet.from.address === HOST_IP && packet.bytes[0] === WIRE.hello);
    if (hello === undefined) return expect.unreachable();
    w.net.run(10_000);
    const before = w.net.sent.length;
    w.net.inject({ ...hello, from: { address: VICTIM, port: 5 } });
    w.net.run(30);
    const toVictim = w.net.sent.slice(before).filter((packet) => packet.to.address === VICTIM);
    expect(toVictim.map((packet) => packet.bytes[0])).toEqual([WIRE.retry]);
    expect(host.states.at(-1)).toBe('up');
  });
});

describe('row 8: a stolen datagram from elsewhere does not move a session', () => {
  test('pushes keep going to the old place, the thief gets one small challenge', () => {
    const { w, host, client } = pair();
    const thief = { address: '192.0.2.66', port: 7777 };
    const before = w.net.sent.length;
    // On the path: takes the host's datagrams away and sends them on from his own address.
    w.net.hook = (packet) =>
      packet.from.address === HOST_IP && packet.bytes[0] === WIRE.control ? [{ ...packet, from: thief }] : [packet];
    const beat: Request = { type: 'heartbeat', announcement: null, players: 5, profile: null };
    host.ask(beat);
    w.net.run(50);
    const toThief = w.net.sent.slice(before).filter((packet) => packet.to.address === thief.address);
    expect(toThief.map((packet) => packet.bytes.length)).toEqual([42]);
    w.net.hook = (packet) => [packet];
    client.get(
      { type: 'join', hidden: false, sid: SID, hostKey: host.key.publicKey, handshake: Uint8Array.of(1) },
      client.socket(),
    );
    expect(host.pushes).toHaveLength(1);
    const changed = masterEvents(w.master).filter((event) => event.ev === 'host' && event.change === 'changed');
    expect(changed.every((event) => event.ev === 'host' && event.host.observed.address === HOST_IP)).toBe(true);
  });
});

describe('row 22: lies about a mapping', () => {
  test('only the asked port, with the session key, for the asked number, is believed', () => {
    const { w, host } = pair();
    const source = host.link.sources[2];
    if (source === undefined) return expect.unreachable();
    const from = { address: HOST_IP, port: host.portOf(host.link.socket) };
    const before = w.net.sent.length;
    w.net.inject({ from, to: source.target, bytes: source.request(w.net.now, 41, 'same') });
    w.net.run(50);
    const answer = w.net.sent[before]?.bytes;
    if (answer === undefined) return expect.unreachable();
    expect(source.answer(source.target, answer)).toEqual({ request: 41, observed: from });
    expect(source.answer({ ...source.target, port: source.target.port + 1 }, answer)).toBeNull();
    expect(source.answer({ ...source.target, address: SECOND_ADDRESS }, answer)).toBeNull();
    for (let at = 0; at < 48; at++) {
      const forged = answer.slice();
      forged[at] = (forged[at] as number) ^ 0x10;
      expect(source.answer(source.target, forged), `byte ${at}`).toBeNull();
    }
  });
});

describe('row 27: nothing can be led to another version or role', () => {
  test('a HELLO for another version or another protocol is not accepted, flipped fields end the handshake', () => {
    const w = world();
    const crypto = testCrypto('confused');
    const make = (prologue: Uint8Array) => {
      const payload = helloPayload(1_700_000_000_000 + w.net.now);
      const parts = { prologue, own: crypto.keyPair(), remoteStatic: w.identity.publicKey, payload };
      return writeHello((noiseInitiate(crypto, parts) ?? expect.unreachable()).message1, null, false);
    };
    const types = (bytes: Uint8Array, port: number) => {
      const before = w.net.sent.length;
      w.net.inject({ from: { address: '198.18.0.1', port }, to: DOOR, bytes });
      w.net.run(30);
      return w.net.sent.slice(before).map((packet) => packet.bytes[0]);
    };
    expect(types(make(CONTROL_PROLOGUE), 1)).toEqual([WIRE.accept]);
    expect(types(make(utf8Encode('sallyport participant-to-master 2')), 2)).toEqual([]);
    expect(types(make(utf8Encode('sallyport client-to-host 1')), 3)).toEqual([]);
    const flipped = make(CONTROL_PROLOGUE);
    flipped[1] = 2;
    expect(types(flipped, 4)).toEqual([WIRE.retry]);
  });
});

describe('the ledger', () => {
  test('sees amplification: a master that answered twice or larger would fail every test', () => {
    const { ledger } = world().net;
    const small = { from: { address: VICTIM, port: 1 }, to: DOOR, bytes: new Uint8Array(50) };
    const answer = (bytes: number) => ({ from: DOOR, to: small.from, bytes: new Uint8Array(bytes) });
    ledger.arrived(small);
    expect(() => ledger.leaves(answer(51))).toThrow('ledger');
    ledger.arrived(small);
    ledger.leaves(answer(20));
    expect(() => ledger.leaves(answer(20))).toThrow('ledger');
    expect(WIRE_LIMITS.retryBytes).toBeLessThan(WIRE_LIMITS.helloBytes);
  });
});
