/** A master behind one port: the first byte says what a datagram is, and detection learns less. */
import { describe, expect, test } from 'vitest';
import { WIRE } from '../../src/core/index.ts';
import { Reader, STRUCTURES, Writer } from '../../src/core/testing.ts';
import {
  DOOR,
  MASTER_ADDRESS,
  masterEvents,
  REGISTER,
  SECOND_ADDRESS,
  stolenSession,
  world,
} from './rendezvous-net.ts';

describe('a master behind one port', () => {
  test('binds one socket for each address, names that port for everything, and serves hosts and friends', () => {
    const { net, master, participant } = world({ onePort: true });
    expect([...master.sockets.values()]).toEqual([DOOR.port]);
    expect(masterEvents(master)).toContainEqual({ ev: 'listening', endpoints: [DOOR] });
    const host = participant('host', '203.0.113.5').start();
    expect(host.states).toEqual(['connecting', 'up']);
    expect(stolenSession(host).control).toEqual(DOOR);
    expect(host.get(REGISTER)).toMatchObject({ type: 'registered' });
    expect(host.link.sources.map(({ target }) => target)).toEqual([DOOR]);
    expect(new Set(net.sent.flatMap(({ to, bytes }) => (to.address === MASTER_ADDRESS ? [bytes[0]] : [])))).toEqual(
      new Set([WIRE.hello, WIRE.control]),
    );
  });

  test('answers a probe from there, and offers no test that it could not do', () => {
    const { net, participant } = world({ onePort: true });
    const guest = participant('guest', '203.0.113.5').start();
    const [source] = guest.link.sources;
    expect(source?.answersFrom).toEqual(['same']);
    const socket = guest.socket();
    const from = { address: '203.0.113.5', port: guest.portOf(socket) };
    const ask = (answerFrom: 'same' | 'other-port' | 'other-address') => {
      net.sent.length = 0;
      net.inject({ from, to: DOOR, bytes: source!.request(net.now, 7, answerFrom) });
      net.run(50);
      return net.sent.filter(({ bytes }) => bytes[0] === WIRE.probeAnswer);
    };
    const [answer] = ask('same');
    expect(source?.answer(DOOR, answer!.bytes)).toEqual({ request: 7, observed: from });
    expect(ask('other-port')).toEqual([]);
    expect(ask('other-address')).toEqual([]);
  });

  test('with two addresses it still answers from the other one', () => {
    const { net, participant } = world({ onePort: true, addresses: [MASTER_ADDRESS, SECOND_ADDRESS] });
    const guest = participant('guest', '203.0.113.5').start();
    expect(guest.link.sources.map(({ target }) => target.address)).toEqual([MASTER_ADDRESS, SECOND_ADDRESS]);
    const [source] = guest.link.sources;
    expect(source?.answersFrom).toEqual(['same', 'other-address']);
    const from = { address: '203.0.113.5', port: 40_999 };
    net.inject({ from, to: DOOR, bytes: source!.request(net.now, 9, 'other-address') });
    net.run(50);
    expect(net.sent.filter(({ bytes }) => bytes[0] === WIRE.probeAnswer)).toHaveLength(1);
  });

  test('what is nothing of ours is dropped and counted, whatever its first byte', () => {
    const { net, counters } = world({ onePort: true });
    const before = net.sent.length;
    for (let first = 0; first < 256; first++) {
      for (const length of [1, 48, 64, 512]) {
        const bytes = new Uint8Array(length).fill(first);
        net.inject({ from: { address: '192.0.2.66', port: 1 + first }, to: DOOR, bytes });
      }
    }
    net.run(100);
    expect(net.sent).toHaveLength(before);
    const { dropped } = counters();
    expect(Object.values(dropped).reduce((sum, n) => sum + n, 0)).toBe(256 * 4);
  });

  test('a further port beside the usual ones does everything too, and each names its own', () => {
    const { master, participant } = world({ furtherPort: 443 });
    expect([...master.sockets.values()]).toHaveLength(26);
    expect(masterEvents(master)).toContainEqual({
      ev: 'listening',
      endpoints: [DOOR, { address: MASTER_ADDRESS, port: 443 }],
    });
    const near = participant('near', '203.0.113.5').start();
    expect(near.link.sources).toHaveLength(16);
    const far = participant('far', '203.0.113.6', { port: 443 }).start();
    expect(far.states).toEqual(['connecting', 'up']);
    expect(stolenSession(far).control.port).toBe(443);
    expect(far.link.sources.map(({ target }) => target.port)).toEqual([443]);
    expect(far.get(REGISTER)).toMatchObject({ type: 'registered' });
  });

  test('a session counts only at the port that it was given', () => {
    const { net, participant, counters } = world({ furtherPort: 443 });
    const host = participant('host', '203.0.113.5').start();
    const port = host.portOf(host.link.socket);
    const sealed = stolenSession(host).request(900, { type: 'echo' }, host.link.socket, host.link.socket);
    net.inject({ from: { address: '203.0.113.5', port }, to: { address: MASTER_ADDRESS, port: 443 }, bytes: sealed });
    net.run(50);
    expect(counters().dropped['control-unknown']).toBe(1);
  });
});

test('an ACCEPT names one probe port, or an even number: of three none would be half way round', () => {
  const accept = {
    ...{ cid: new Uint8Array(8), pingMs: 2_000, observed: { address: '203.0.113.5', port: 5 }, controlPort: 443 },
    ...{ firstProbePort: 443, otherAddresses: [], ticket: null },
  };
  const read = (probePorts: number): number | null => {
    const writer = new Writer(512);
    STRUCTURES.accept.write(writer, { ...accept, probePorts });
    const reader = new Reader(writer.done());
    STRUCTURES.accept.read(reader);
    return reader.ok ? probePorts : null;
  };
  expect([0, 1, 2, 3, 16].map(read)).toEqual([0, 1, 2, null, 16]);
});
