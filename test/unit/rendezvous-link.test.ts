import { describe, expect, test } from 'vitest';
import { WIRE } from '../../src/core/index.ts';
import { ANNOUNCEMENT, DOOR, masterEvents, REGISTER, SECOND_ADDRESS, testCrypto, world } from './rendezvous-net.ts';

describe('a link', () => {
  test('is up after two round trips and knows its own address, and every size is what the protocol says', () => {
    const { net, participant } = world();
    const host = participant('host', '203.0.113.5').start();
    expect(host.states).toEqual(['connecting', 'up']);
    const port = host.portOf(host.link.socket);
    expect(host.events).toContainEqual({ ev: 'observed', observed: { address: '203.0.113.5', port } });
    const [hello, accept, confirm] = net.sent.map((packet) => packet.bytes);
    expect([hello?.[0], hello?.length]).toEqual([WIRE.hello, 512]);
    expect(accept?.[0]).toBe(WIRE.accept);
    expect(accept?.length).toBeLessThanOrEqual(320);
    expect([confirm?.[0], confirm?.length]).toEqual([WIRE.control, 64]);
    expect(host.link.sources).toHaveLength(16);
    const phases = host.events.flatMap((event) => (event.ev === 'log' ? [event.data.to] : []));
    expect(phases).toEqual(['greeting', 'confirming', 'up']);
  });

  test('registers, beats, says goodbye; the master says each once', () => {
    const { master, participant } = world();
    const host = participant('host', '203.0.113.5').start();
    expect(host.get(REGISTER)).toMatchObject({ type: 'registered', code: expect.stringMatching(/^[6-9B-X]{10}$/) });
    const beat = { type: 'heartbeat', announcement: null, players: 0, profile: null } as const;
    expect(host.get(beat)).toMatchObject({ type: 'ok' });
    expect(host.get({ ...beat, players: 3 })).toMatchObject({ type: 'ok' });
    expect(host.get({ type: 'goodbye' })).toMatchObject({ type: 'ok' });
    const events = masterEvents(master).filter((event) => !['listening', 'ticket-keys'].includes(event.ev));
    expect(events.map((event) => event.ev)).toEqual(['code', 'host', 'host', 'host-gone']);
    expect(events[2]).toMatchObject({ change: 'changed', host: { players: 3, announcement: ANNOUNCEMENT } });
    expect(events[3]).toMatchObject({ reason: 'goodbye' });
    expect(host.get(beat)).toMatchObject({ type: 'failed', failure: 'HOST_OFFLINE' });
  });

  test('gets its answers through heavy loss, duplication and reordering', () => {
    const { net, participant } = world();
    let seed = 7;
    const chance = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return seed / 2 ** 32;
    };
    net.hook = (packet) => (chance() < 0.3 ? [] : chance() < 0.2 ? [packet, packet] : [packet]);
    const host = participant('host', '203.0.113.5');
    host.do({ do: 'start' });
    net.run(10_000);
    expect(host.states).toContain('up');
    const response = host.get(REGISTER, null, 8_000);
    expect(response.type).toBe('registered');
  });

  test('says MASTER_UNREACHABLE within 2 s, once, and goes on trying', () => {
    const { net, participant } = world();
    net.hook = (packet) => (packet.to.port === DOOR.port ? [] : [packet]);
    const host = participant('host', '203.0.113.5');
    host.do({ do: 'start' });
    net.run(2_000);
    expect(host.states).toEqual(['connecting', 'MASTER_UNREACHABLE']);
    net.run(60_000);
    expect(host.states).toEqual(['connecting', 'MASTER_UNREACHABLE']);
    net.hook = (packet) => [packet];
    net.run(5_000);
    expect(host.states.at(-1)).toBe('up');
  });

  test('tells a master with another key from a dead one, within 2 s', () => {
    const { net, participant } = world();
    const host = participant('host', '203.0.113.5', { masterKey: testCrypto('somebody else').keyPair().publicKey });
    host.do({ do: 'start' });
    net.run(2_000);
    expect(host.states).toEqual(['connecting', 'MASTER_KEY_MISMATCH']);
  });

  test('a master of another version is named as that', () => {
    const { net, participant } = world();
    net.hook = (packet) => {
      // An older master: it answers with its own version, whatever it is asked.
      const bytes = packet.bytes.slice();
      if (bytes[0] === WIRE.hello) bytes[1] = 9;
      if (bytes[0] === WIRE.retry) bytes[1] = 0;
      return [{ ...packet, bytes }];
    };
    const host = participant('host', '203.0.113.5');
    host.do({ do: 'start' });
    net.run(2_000);
    expect(host.states).toEqual(['connecting', 'VERSION']);
  });

  test('is back within 5 s after the master was killed and restarted, and the code is the same', () => {
    for (const downMs of [0, 1_000, 7_000, 61_000]) {
      const { net, participant, restartMaster } = world();
      const host = participant('host', '203.0.113.5').start();
      const before = host.get(REGISTER);
      if (before.type !== 'registered') return expect.unreachable('the host is registered');
      net.run(4_321);
      net.hook = () => [];
      net.run(downMs);
      net.hook = (packet) => [packet];
      restartMaster(`after ${downMs}`);
      const told = host.states.length;
      net.run(5_000);
      expect(host.states.slice(told).at(-1), `down for ${downMs} ms`).toBe('up');
      expect(host.get(REGISTER)).toMatchObject({ code: before.code, hostId: before.hostId });
    }
  });

  test('a request made while the master is away is answered when it is back, or fails after 7.75 s', () => {
    const { net, participant } = world();
    const host = participant('host', '203.0.113.5').start();
    net.hook = () => [];
    const first = host.ask({ type: 'echo' });
    net.run(7_700);
    expect(host.answerTo(first)).toBeNull();
    net.run(100);
    expect(host.answerTo(first)).toMatchObject({ type: 'failed', failure: 'MASTER_UNREACHABLE' });
    const second = host.ask({ type: 'echo' });
    net.hook = (packet) => [packet];
    net.run(6_000);
    expect(host.answerTo(second)).toMatchObject({ type: 'ok' });
  });

  test('notices a new address of its own, and makes a session there that pushes go to', () => {
    const { net, participant } = world();
    const host = participant('host', '203.0.113.5').start();
    host.get(REGISTER);
    const client = participant('client', '203.0.113.99').start();
    host.node.address = '203.0.113.6';
    net.run(3_000);
    expect(host.events).toContainEqual({
      ev: 'observed',
      observed: { address: '203.0.113.6', port: host.portOf(host.link.socket) },
    });
    host.get(REGISTER);
    const sid = new Uint8Array(16).fill(3);
    client.get(
      { type: 'join', hidden: false, sid, hostKey: host.key.publicKey, handshake: Uint8Array.of(1) },
      client.socket(),
    );
    expect(host.pushes).toHaveLength(1);
    expect(host.states).toEqual(['connecting', 'up', 'up']);
  });

  test('its mapping sources say the mapping of any socket, and answer from elsewhere where the master has a second address', () => {
    const { net, participant, master } = world({ addresses: ['198.51.100.7', SECOND_ADDRESS] });
    const host = participant('host', '203.0.113.5').start();
    expect(host.link.sources).toHaveLength(32);
    const second = net.add({ ...master.machine, poll: () => ({ kind: 'wait', until: Infinity }) }, SECOND_ADDRESS);
    expect(second.alive).toBe(true);
    const socket = host.socket();
    for (const answerFrom of ['same', 'other-port', 'other-address'] as const) {
      const source = host.link.sources[4];
      if (source === undefined) return expect.unreachable();
      const sent = net.sent.length;
      const from = { address: '203.0.113.5', port: host.portOf(socket) };
      net.inject({ from, to: source.target, bytes: source.request(net.now, 77, answerFrom) });
      net.run(50);
      const answer = net.sent[sent];
      if (answer === undefined) return expect.unreachable(`an answer from ${answerFrom}`);
      expect(answer.bytes).toHaveLength(48);
    }
  });

  test('finds the one address of the master that answers among several, in either family', () => {
    for (const masters of [
      ['192.0.2.1', DOOR.address],
      ['2001:db8::dead', '192.0.2.1', DOOR.address],
    ]) {
      const { net, participant } = world();
      const host = participant('host', '203.0.113.5', { masters });
      host.do({ do: 'start' });
      net.run(1_000);
      expect(host.states, masters.join(' ')).toEqual(['connecting', 'up']);
      expect(host.node.sockets.size).toBe(1);
    }
  });

  test('works over IPv6 alone', () => {
    const { net, participant, master } = world({ addresses: ['2001:db8::7'] });
    master.address = '2001:db8::7';
    const host = participant('host', '2001:db8:1::5', { masters: ['2001:db8::7'] }).start();
    expect(host.states).toEqual(['connecting', 'up']);
    expect(host.get(REGISTER)).toMatchObject({ type: 'registered', observed: { address: '2001:db8:1::5' } });
    net.run(1);
  });

  test('gets in again with its clock set back an hour, by showing that it receives', () => {
    let hourBack = 0;
    const w = world();
    const host = w.participant('host', '203.0.113.5', { wallClock: () => 1.7e12 + w.net.now - hourBack }).start();
    expect(host.states.at(-1)).toBe('up');
    host.do({ do: 'close' });
    w.net.nodes.splice(w.net.nodes.indexOf(host.node), 1);
    hourBack = 3_600_000;
    const again = w.participant('again', '203.0.113.5', {
      ...{ key: host.key, wallClock: () => 1.7e12 + w.net.now - hourBack },
    });
    again.start();
    expect(again.states).toEqual(['connecting', 'up']);
    expect(w.net.sent.filter((packet) => packet.bytes[0] === WIRE.retry)).toHaveLength(1);
  });

  test('after a sleep of an hour it is back within 5 s', () => {
    const { net, participant, counters } = world();
    const host = participant('host', '203.0.113.5').start();
    host.get(REGISTER);
    host.node.alive = false;
    net.run(3_600_000);
    expect(counters().hosts).toBe(0);
    host.node.alive = true;
    host.node.until = net.now;
    net.run(5_000);
    expect(host.states.at(-1)).toBe('up');
    expect(host.get(REGISTER)).toMatchObject({ type: 'registered' });
  });

  test('close leaves no socket and no deadline', () => {
    const { net, participant } = world();
    const host = participant('host', '203.0.113.5').start();
    host.ask({ type: 'echo' });
    host.do({ do: 'close' });
    expect(host.node.sockets.size).toBe(0);
    expect(host.node.until).toBe(Number.POSITIVE_INFINITY);
    net.run(10_000);
    expect(host.states).toEqual(['connecting', 'up']);
  });
});
