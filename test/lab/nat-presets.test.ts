import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, type LabNat, type NatPreset, openLab, Puppet } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

/** What a client behind the NAT learns: the external port it is given towards each of four destinations, in this order. */
interface Mappings {
  readonly local: number;
  readonly port: Readonly<Record<'a1' | 'a2' | 'b1' | 'b2', number>>;
}

describeUnless(labMissing(), 'kernel NATs behave as they are named', () => {
  let lab: Lab;
  let server: Puppet;
  const SERVER_PORTS = { one: 4001, two: 4002 } as const;

  beforeAll(async () => {
    lab = await openLab();
    server = new Puppet(await lab.publicHost('server', 2));
    const [first, second] = server.host.addresses as [string, string];
    await server.open('a1', SERVER_PORTS.one, { address: first, answer: 'observed' });
    await server.open('a2', SERVER_PORTS.two, { address: first, answer: 'observed' });
    await server.open('b1', SERVER_PORTS.one, { address: second, answer: 'observed' });
    await server.open('b2', SERVER_PORTS.two, { address: second, answer: 'observed' });
    await server.open('stranger', 4003, { address: second });
  });
  afterAll(() => lab.close());

  let number = 0;
  async function behind(preset: NatPreset): Promise<{ client: Puppet; nat: LabNat }> {
    const id = ++number;
    const nat = await lab.nat(`nat${id}`, preset);
    return { client: new Puppet(await lab.hostBehind(nat, `host${id}`)), nat };
  }

  async function mappings(client: Puppet, socket: string, localPort = 0): Promise<Mappings> {
    const local = await client.open(socket, localPort);
    const [first, second] = server.host.addresses as [string, string];
    const port = { a1: 0, a2: 0, b1: 0, b2: 0 };
    for (const [name, address, destination] of [
      ['a1', first, SERVER_PORTS.one],
      ['b2', second, SERVER_PORTS.two],
      ['a2', first, SERVER_PORTS.two],
      ['b1', second, SERVER_PORTS.one],
    ] as const) {
      client.send(socket, address, destination, `from ${client.host.name} ${socket}`);
      port[name] = await client.find((event) => {
        const mine = event.ev === 'received' && event.socket === socket;
        return mine && event.address === address && event.port === destination
          ? Number(event.text.split(' ')[2])
          : null;
      });
    }
    return { local, port };
  }

  /** Whether a datagram from a port the client never wrote to comes in; on an address it did write to, or one it did not. */
  async function letsIn(client: Puppet, external: string, from: 'other-port' | 'other-address'): Promise<boolean> {
    const socket = `filter-${from}`;
    const [first, second] = server.host.addresses as [string, string];
    await client.open(socket);
    client.send(socket, from === 'other-port' ? second : first, SERVER_PORTS.one, 'hello');
    const seen = await client.find((event) =>
      event.ev === 'received' && event.socket === socket ? Number(event.text.split(' ')[2]) : null,
    );
    const text = `unasked ${client.host.name} ${from}`;
    server.send('stranger', external, seen, text);
    // What was asked for comes in for certain, and last.
    await server.settled();
    server.send(from === 'other-port' ? 'b1' : 'a1', external, seen, `after ${text}`);
    await client.received(`after ${text}`);
    await client.settled();
    return client.hasReceived(text);
  }

  test.each(['home-router', 'home-router-reject', 'home-router-accept', 'full-cone', 'address-cone'] as const)(
    '%s keeps the local port towards every destination',
    async (preset) => {
      const { client } = await behind(preset);
      const { local, port } = await mappings(client, 's');
      expect(Object.values(port)).toEqual([local, local, local, local]);
    },
  );

  test.each([
    ['full-cone', true, true],
    ['address-cone', true, false],
    ['home-router', false, false],
  ] as const)('%s: from another port %s, from another address %s', async (preset, otherPort, otherAddress) => {
    const { client, nat } = await behind(preset);
    expect(await letsIn(client, nat.external, 'other-port')).toBe(otherPort);
    expect(await letsIn(client, nat.external, 'other-address')).toBe(otherAddress);
  });

  test('range-cone gives a random port of its range, the same towards every destination', async () => {
    const { client } = await behind('range-cone');
    const first = await mappings(client, 's', 40_001);
    const second = await mappings(client, 't', 40_002);
    expect(new Set(Object.values(first.port)).size).toBe(1);
    expect(first.port.a1).toBeGreaterThanOrEqual(20_000);
    expect(first.port.a1).toBeLessThanOrEqual(30_000);
    expect(second.port.a1).not.toBe(first.port.a1);
  });

  test('address-sensitive gives one port per destination address', async () => {
    const { client } = await behind('address-sensitive');
    const { port } = await mappings(client, 's');
    expect(port.a1).toBe(port.a2);
    expect(port.b1).toBe(port.b2);
    expect(port.a1).not.toBe(port.b1);
  });

  test('step gives the next port to each destination', async () => {
    const { client } = await behind('step');
    const { port } = await mappings(client, 's');
    expect([port.b2 - port.a1, port.a2 - port.b2, port.b1 - port.a2]).toEqual([1, 1, 1]);
  });

  test.each([
    ['random', 1024, 65_535],
    ['fully-random', 1024, 65_535],
    ['pf', 50_001, 65_535],
    ['block-512', 20_480, 20_991],
  ] as const)('%s gives an independent port of its range to each destination', async (preset, low, high) => {
    const { client } = await behind(preset);
    const seen = [
      ...Object.values((await mappings(client, 's')).port),
      ...Object.values((await mappings(client, 't')).port),
    ];
    for (const port of seen) {
      expect(port).toBeGreaterThanOrEqual(low);
      expect(port).toBeLessThanOrEqual(high);
    }
    // 8 draws out of 512 repeat at most one port with 99.8 %, and are never all alike.
    expect(new Set(seen).size).toBeGreaterThanOrEqual(6);
    const steps = seen.slice(1).map((port, index) => port - seen[index]!);
    expect(new Set(steps).size).toBeGreaterThan(4);
  });

  test('udp-blocked lets nothing out', async () => {
    const { client } = await behind('udp-blocked');
    await client.open('s');
    client.send('s', server.host.address, SERVER_PORTS.one, 'from the blocked');
    await client.settled();
    await server.settled();
    expect(server.hasReceived('from the blocked')).toBe(false);
  });

  test('two hosts behind a port-preserving NAT with the same local port: the second gets a random one', async () => {
    const nat = await lab.nat('shared', 'home-router');
    const one = new Puppet(await lab.hostBehind(nat, 'one'));
    const two = new Puppet(await lab.hostBehind(nat, 'two'));
    expect((await mappings(one, 's', 40_100)).port.a1).toBe(40_100);
    expect((await mappings(two, 's', 40_100)).port.a1).not.toBe(40_100);
  });

  test('an accepted unsolicited packet poisons the tuple, a dropped one does not', async () => {
    for (const [preset, poisoned] of [
      ['home-router-accept', true],
      ['home-router', false],
      ['home-router-reject', false],
    ] as const) {
      const { client, nat } = await behind(preset);
      server.send('a1', nat.external, 40_200, 'early bird');
      await server.settled();
      if (poisoned) await expect.poll(() => nat.shell('conntrack -L -p udp 2>/dev/null')).toContain('dport=40200');
      const { port } = await mappings(client, 's', 40_200);
      expect(port.a1 !== 40_200, preset).toBe(poisoned);
      // Linux looks for an earlier mapping of the same source first, so the spoilt port is used from then on.
      expect(port.a2, preset).toBe(port.a1);
    }
  });

  test('behind a carrier NAT both boxes translate', async () => {
    const carrier = await lab.nat('carrier', 'range-cone', { lan: 'carrier' });
    const home = await lab.nat('home', 'home-router', { behind: carrier });
    const client = new Puppet(await lab.hostBehind(home, 'deep'));
    const { port } = await mappings(client, 's', 40_300);
    expect(port.a1).toBeGreaterThanOrEqual(20_000);
    expect(port.a1).toBeLessThanOrEqual(30_000);
    expect(await home.shell('conntrack -L -p udp 2>/dev/null')).toContain('sport=40300');
  });

  test('hairpin: a full cone turns a packet to its own external address around', async () => {
    const nat = await lab.nat('pin', 'full-cone');
    const one = new Puppet(await lab.hostBehind(nat, 'pinone'));
    const two = new Puppet(await lab.hostBehind(nat, 'pintwo'));
    const target = (await mappings(one, 's', 40_401)).port.a1;
    await mappings(two, 's', 40_402);
    two.send('s', nat.external, target, 'round the corner');
    const got = await one.received('round the corner');
    expect([got.address, got.port]).toEqual([nat.external, 40_402]);
  });

  test('a session limit stops new mappings and keeps the old ones', async () => {
    const nat = await lab.nat('small', { sessionsMax: 5 });
    const client = new Puppet(await lab.hostBehind(nat, 'crowd'));
    for (let index = 0; index < 8; index++) {
      await client.open(`s${index}`, 40_500 + index);
      client.send(`s${index}`, server.host.address, SERVER_PORTS.one, `limit ${index}`);
      if (index < 5) await server.received(`limit ${index}`);
    }
    client.send('s0', server.host.address, SERVER_PORTS.one, 'the old one still works');
    await server.received('the old one still works');
    expect([5, 6, 7].filter((index) => server.hasReceived(`limit ${index}`))).toEqual([]);
  });
});
