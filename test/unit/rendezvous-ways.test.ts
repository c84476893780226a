/** UDP, a further UDP port and TLS, raced; and what a master makes of a participant whom it sees through a tunnel only. */
import { describe, expect, test } from 'vitest';
import { NOWHERE, WIRE } from '../../src/core/index.ts';
import { LINK_LIMITS } from '../../src/core/testing.ts';
import { DOOR, type Packet, type Participant, REGISTER, testCrypto, world } from './rendezvous-net.ts';

const WAYS = { furtherPort: 443, tunnel: true } as const;
const blocked = (packet: Packet): boolean => packet.tunnel !== true;

function scene(blocks: (packet: Packet) => boolean, options: Parameters<typeof world>[0] = {}) {
  const made = world({ ...WAYS, ...options });
  made.net.hook = (packet) => (blocks(packet) ? [] : [packet]);
  return { ...made, guest: (name: string, address: string) => made.participant(name, address, { ways: WAYS }) };
}

function wayOf(one: Participant): string | undefined {
  return one.events.flatMap((event) => (event.ev === 'state' && event.way) || []).at(-1);
}

describe('the ways to a master are raced', () => {
  test('where UDP is answered nothing else is tried', () => {
    const { net, guest } = scene(() => false);
    const one = guest('one', '203.0.113.5');
    one.do({ do: 'start' });
    net.run(5_000);
    expect(wayOf(one)).toBe('udp');
    expect(net.sent.filter(({ to, tunnel }) => to.port === 443 || tunnel)).toEqual([]);
  });

  test('a further port begins after 800 ms, the tunnel after 1600, each where the one before is not answered', () => {
    const { net, guest } = scene((packet) => blocked(packet) && packet.to.port !== 443 && packet.from.port !== 443);
    const one = guest('one', '203.0.113.5');
    one.do({ do: 'start' });
    net.run(LINK_LIMITS.linkWayMs - 1);
    expect(net.sent.some(({ to }) => to.port === 443)).toBe(false);
    net.run(100);
    expect(wayOf(one)).toBe('further');
    expect(net.sent.some(({ tunnel }) => tunnel)).toBe(false);
    const shut = scene(blocked);
    const two = shut.guest('two', '203.0.113.6');
    two.do({ do: 'start' });
    shut.net.run(2 * LINK_LIMITS.linkWayMs - 1);
    expect(shut.net.sent.some(({ tunnel }) => tunnel)).toBe(false);
    shut.net.run(100);
    expect(wayOf(two)).toBe('tls');
    expect(two.states).toEqual(['connecting', 'up']);
  });

  test('over the further port the relay of the master itself is at that port too, and no other is', () => {
    const shut = (packet: Packet) => blocked(packet) && packet.to.port !== 443 && packet.from.port !== 443;
    const place = { name: 'own', region: '', addresses: [] as string[], port: 8455 };
    const far = { ...place, name: 'far', addresses: ['198.51.100.99'] };
    const named = (blocks: (packet: Packet) => boolean) => {
      const made = scene(blocks, { relays: { secret: new Uint8Array(32), list: [place, far] } });
      const one = made.guest('one', '203.0.113.5');
      one.do({ do: 'start' });
      made.net.run(3_000);
      return one.link.relays.map(({ name, port }) => `${name} ${port}`);
    };
    expect(named(() => false)).toEqual(['own 8455', 'far 8455']);
    expect(named(shut)).toEqual(['own 443', 'far 8455']);
  });

  test('a way that asks for a cookie has been answered: the next one waits for it', () => {
    // ACCEPT is lost until the ways after it would have begun.
    const { net, guest } = scene((packet) => packet.bytes[0] === WIRE.accept && net.now < 1_001_200);
    const one = guest('one', '203.0.113.5');
    one.do({ do: 'start' });
    net.run(3_000);
    expect(wayOf(one)).toBe('udp');
    expect(net.sent.some(({ bytes }) => bytes[0] === WIRE.retry)).toBe(true);
    expect(net.sent.filter(({ to, tunnel }) => to.port === 443 || tunnel)).toEqual([]);
  });

  test('where nothing gets through it is said once, after the last way has had its 2 s, and tried for ever', () => {
    const { net, guest } = scene(() => true);
    const one = guest('one', '203.0.113.5');
    one.do({ do: 'start' });
    net.run(2 * LINK_LIMITS.linkWayMs + LINK_LIMITS.handshakeMsMax - 1);
    expect(one.states).toEqual(['connecting']);
    net.run(1);
    expect(one.states).toEqual(['connecting', 'MASTER_UNREACHABLE']);
    net.run(30_000);
    net.hook = (packet) => (blocked(packet) ? [] : [packet]);
    net.run(10_000);
    expect(wayOf(one)).toBe('tls');
  });

  test('a master whose HTTPS is gone is no worse than without: UDP is found as soon as it is there', () => {
    const { net, guest } = scene(blocked);
    net.tls = false;
    const one = guest('one', '203.0.113.5');
    one.do({ do: 'start' });
    net.run(20_000);
    expect(one.states).toEqual(['connecting', 'MASTER_UNREACHABLE']);
    net.hook = (packet) => [packet];
    net.run(10_000);
    expect(wayOf(one)).toBe('udp');
  });
});

describe('a link over TLS', () => {
  function linked(name = 'host', address = '203.0.113.5') {
    const made = scene(blocked);
    const host = made.guest(name, address);
    host.do({ do: 'start' });
    made.net.run(2_500);
    expect(wayOf(host)).toBe('tls');
    return { ...made, host };
  }

  test('says nothing of where it was observed, and sends everything through its one tunnel', () => {
    const { net, host } = linked();
    expect(host.link.way).toBe('tls');
    expect(host.get(REGISTER)).toMatchObject({ type: 'registered', observed: NOWHERE });
    expect(host.events.some(({ ev }) => ev === 'observed')).toBe(false);
    const before = net.sent.length;
    expect(host.get({ type: 'echo' }, host.socket())).toEqual({ type: 'ok', observed: NOWHERE, nodes: 0 });
    const asked = net.sent.slice(before).filter(({ from }) => from.address === '203.0.113.5');
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every(({ tunnel }) => tunnel)).toBe(true);
    // Its probe ports are UDP all the same: what they say, or that they say nothing, is true.
    expect(host.link.sources).toHaveLength(16);
  });

  test('a tunnel that breaks is noticed at once and made anew', () => {
    const { net, host } = linked();
    net.breakTunnels(host.node);
    expect(host.states.at(-1)).toBe('MASTER_UNREACHABLE');
    net.run(2_500);
    expect(host.states.at(-1)).toBe('up');
    expect(host.node.tunnels.size).toBe(1);
  });

  test('goes back to UDP within a minute of its being open again, and asks for it with at most four HELLOs a minute', () => {
    const { net, host } = linked();
    const before = net.sent.length;
    net.run(5 * LINK_LIMITS.udpAgainMs);
    const hellos = net.sent.slice(before).filter(({ bytes, tunnel }) => bytes[0] === WIRE.hello && !tunnel);
    expect(hellos.length).toBeGreaterThanOrEqual(5);
    expect(hellos.length).toBeLessThanOrEqual(20);
    expect(host.states).toEqual(['connecting', 'up']);
    net.hook = (packet) => [packet];
    net.run(LINK_LIMITS.udpAgainMs + 3_000);
    expect(wayOf(host)).toBe('udp');
    expect(host.node.tunnels.size).toBe(0);
    net.run(2 * LINK_LIMITS.udpAgainMs);
    expect(host.node.sockets.size).toBe(1);
  });

  test('a session of a tunnel is good for nothing at a UDP port', () => {
    const { net, counters } = linked();
    const own = net.sent.findLast(({ bytes, from }) => bytes[0] === WIRE.control && from.address === '203.0.113.5');
    const before = counters().dropped['control-unknown'] ?? 0;
    for (const port of [DOOR.port + 1, DOOR.port + 2, 443])
      net.inject({ from: own!.from, to: { ...DOOR, port }, bytes: own!.bytes });
    net.run(100);
    expect(counters().dropped['control-unknown']).toBe(before + 3);
  });

  test('a host keeps its code by whichever way it comes', () => {
    const key = testCrypto('one host').keyPair();
    const { net, participant } = scene(blocked);
    const codes = [{ tunnel: true }, {}].map((ways, n) => {
      const host = participant(`host ${n}`, `203.0.113.${5 + n}`, { key, ways });
      if (!('tunnel' in ways)) net.hook = (packet) => [packet];
      host.do({ do: 'start' });
      net.run(2_500);
      const told = host.get(REGISTER);
      host.get({ type: 'goodbye' });
      return told.type === 'registered' ? told.code : told;
    });
    expect(codes[0]).toMatch(/^[6-9B-X]{10}$/);
    expect(codes[1]).toBe(codes[0]);
  });
});

describe('what the master has seen over TLS', () => {
  const sid = new Uint8Array(16).fill(7);
  const handshake = new Uint8Array(400);

  function pair(hostShut: boolean, clientShut: boolean) {
    const shut = new Set([...(hostShut ? ['203.0.113.5'] : []), ...(clientShut ? ['192.0.2.9'] : [])]);
    const made = scene((packet) => blocked(packet) && (shut.has(packet.from.address) || shut.has(packet.to.address)));
    const [host, client] = [made.guest('host', '203.0.113.5'), made.guest('client', '192.0.2.9')];
    for (const one of [host, client]) one.do({ do: 'start' });
    made.net.run(2_500);
    host.get(REGISTER);
    client.ask({ type: 'join', hidden: false, sid, hostKey: host.key.publicKey, handshake }, client.socket());
    made.net.run(500);
    host.ask({ type: 'answer', hidden: false, sid, handshake }, host.socket());
    made.net.run(500);
    const credit = { type: 'credit', sid, n: 1 } as const;
    client.get(credit, client.socket());
    host.get(credit, host.socket());
    return { host, client };
  }

  test('the join is signalled whichever side is blocked, and no address of a tunnel is told or permitted', () => {
    for (const [hostShut, clientShut] of [
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const { host, client } = pair(hostShut, clientShut);
      const seen = (one: Participant) =>
        one.pushes.flatMap((push) => ('observed' in push ? [push.observed.map(({ address }) => address)] : []));
      expect(seen(host)).toEqual([clientShut ? [] : ['192.0.2.9']]);
      expect(seen(client)).toEqual([hostShut ? [] : ['203.0.113.5']]);
      const granted = (one: Participant) =>
        one.pushes.flatMap((push) => ('permit' in push ? push.permit.addresses.map(({ address }) => address) : []));
      expect(new Set(granted(host))).toEqual(new Set(clientShut ? [] : ['192.0.2.9']));
      expect(new Set(granted(client))).toEqual(new Set(hostShut ? [] : ['203.0.113.5']));
    }
  });
});
