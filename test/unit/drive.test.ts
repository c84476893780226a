import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import type { Endpoint, Instant, Machine, Output, SocketId, SocketOutcome } from '../../src/core/index.ts';
import { NEVER } from '../../src/core/index.ts';
import { type Driver, drive, monotonicNow } from '../../src/node/index.ts';
import { hasIpv6 } from '../support.ts';

type Step = Output<string>;

/** A machine whose reactions are given by the test; it keeps what it was told. */
function scripted(react: (what: string, detail: unknown) => Step[] | undefined) {
  const queue: Step[] = [];
  const seen: { what: string; detail: unknown; now: Instant }[] = [];
  let until: Instant = NEVER;
  const tell = (now: Instant, what: string, detail: unknown): void => {
    seen.push({ what, detail, now });
    for (const output of react(what, detail) ?? []) {
      if (output.kind === 'wait') until = output.until;
      else queue.push(output);
    }
  };
  const machine: Machine<string, string> = {
    handleDatagram: (now, socket, from, bytes) => tell(now, 'datagram', { socket, from, bytes }),
    handleSocket: (now, socket, outcome) => tell(now, 'socket', { socket, outcome }),
    handleTimeout: (now) => tell(now, 'timeout', until),
    handleCommand: (now, command) => tell(now, 'command', command),
    poll: () => queue.shift() ?? { kind: 'wait', until },
  };
  return { machine, seen };
}

const open = (socket: SocketId, port = 0, family: 4 | 6 = 4, address = family === 4 ? '127.0.0.1' : '::1'): Step => ({
  kind: 'socket',
  op: 'open',
  socket,
  family,
  port,
  address,
});
const send = (socket: SocketId, to: Endpoint, text: string, ttl?: number): Step => ({
  kind: 'transmit',
  socket,
  to,
  bytes: new TextEncoder().encode(text),
  ...(ttl === undefined ? {} : { ttl }),
});

const drivers: Driver<string>[] = [];
const plain: Socket[] = [];
afterEach(() => {
  for (const driver of drivers.splice(0)) driver.dispose();
  for (const socket of plain.splice(0)) socket.close();
});

function start(machine: Machine<string, string>, more: { onRelease?: (id: SocketId, socket: Socket) => void } = {}) {
  const events: string[] = [];
  const faults: Error[] = [];
  const driver = drive(machine, {
    onEvent: (event) => events.push(event),
    onFault: (error) => faults.push(error),
    ...more,
  });
  drivers.push(driver);
  return { driver, events, faults };
}

async function plainSocket(): Promise<{ socket: Socket; at: Endpoint }> {
  const socket = createSocket('udp4');
  plain.push(socket);
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, at: { address: '127.0.0.1', port: socket.address().port } };
}

const until = async (holds: () => boolean, limitMs = 2000): Promise<void> => {
  const end = Date.now() + limitMs;
  while (!holds() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(holds()).toBe(true);
};

describe('drive', () => {
  test.for([4, 6] as const)(
    'opens IPv%i sockets, reports the port and carries datagrams both ways',
    (family, { skip }) => {
      skip(family === 6 && !hasIpv6(), 'the kernel has no IPv6');
      const peerOf = (outcome: SocketOutcome): Endpoint => {
        if (!outcome.ok) throw new Error(outcome.code);
        return outcome.local;
      };
      const { machine, seen } = scripted((what, detail) => {
        if (what === 'command') return [open(1, 0, family), open(2, 0, family)];
        if (what === 'socket') {
          const { socket, outcome } = detail as { socket: SocketId; outcome: SocketOutcome };
          return socket === 2 ? [send(1, peerOf(outcome), 'there')] : [];
        }
        if (what === 'datagram') {
          const { socket, from, bytes } = detail as { socket: SocketId; from: Endpoint; bytes: Uint8Array };
          const text = new TextDecoder().decode(bytes);
          if (socket === 2) return [send(2, from, `${text} and back`)];
          return [{ kind: 'event', event: text }];
        }
        return [];
      });
      const { driver, events, faults } = start(machine);
      driver.command('go');
      return until(() => events.length === 1).then(() => {
        expect(events).toEqual(['there and back']);
        expect(faults).toEqual([]);
        expect(seen.map((entry) => entry.what)).toEqual(['command', 'socket', 'socket', 'datagram', 'datagram']);
        expect(driver.counters()).toMatchObject({ datagramsSent: 2, datagramsReceived: 2, errors: {} });
      });
    },
  );

  test('a taken port is reported as in-use, a foreign address as unsupported, and neither is fatal', async () => {
    const { at } = await plainSocket();
    const { machine, seen } = scripted((what) =>
      what === 'command' ? [open(1, at.port), open(2, 0, 4, '192.0.2.1'), open(3)] : [],
    );
    const { driver, faults } = start(machine);
    driver.command('go');
    const outcomes = seen.filter((entry) => entry.what === 'socket').map((entry) => entry.detail);
    expect(outcomes).toMatchObject([
      { socket: 1, outcome: { ok: false, code: 'in-use' } },
      { socket: 2, outcome: { ok: false, code: 'unsupported' } },
      { socket: 3, outcome: { ok: true } },
    ]);
    expect(faults).toEqual([]);
    expect(driver.local(1)).toBeNull();
    expect(driver.local(3)?.address).toBe('127.0.0.1');
  });

  test('no deadline fires early, and a late event loop gets one call, not many', async () => {
    const base = monotonicNow();
    const deadlines = [base + 5.3, base + 5.9, base + 17.2, base + 60];
    let next = 0;
    const { machine, seen } = scripted((what) => {
      if (what === 'command') return [{ kind: 'wait', until: deadlines[0]! }];
      next += 1;
      return [{ kind: 'wait', until: deadlines[next] ?? NEVER }];
    });
    const { driver } = start(machine);
    driver.command('go');
    await new Promise((resolve) => setTimeout(resolve, 30));
    while (monotonicNow() < base + 120) {
      // The event loop stalls past the last deadline.
    }
    await until(() => next === deadlines.length);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const calls = seen.filter((entry) => entry.what === 'timeout');
    expect(calls).toHaveLength(deadlines.length);
    calls.forEach((call, index) => {
      expect(call.now).toBeGreaterThanOrEqual(deadlines[index]!);
    });
  });

  test('an earlier deadline replaces a later one, and a far one survives the timer limit of Node', async () => {
    const { machine, seen } = scripted((what, detail) => {
      if (what === 'command') return [{ kind: 'wait', until: detail === 'far' ? 1e13 : monotonicNow() + 3 }];
      return [{ kind: 'wait', until: 1e13 }];
    });
    const { driver } = start(machine);
    driver.command('far');
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen.filter((entry) => entry.what === 'timeout')).toHaveLength(0);
    driver.command('near');
    await until(() => seen.some((entry) => entry.what === 'timeout'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen.filter((entry) => entry.what === 'timeout')).toHaveLength(1);
  });

  test('a machine that never waits is stopped with a fault instead of hanging the process', () => {
    const machine: Machine<string, string> = {
      handleDatagram() {},
      handleSocket() {},
      handleTimeout() {},
      handleCommand() {},
      poll: () => ({ kind: 'event', event: 'again' }),
    };
    const { driver, faults } = start(machine);
    driver.command('go');
    expect(faults).toHaveLength(1);
    expect(faults[0]?.message).toContain('never answers wait');
    driver.command('ignored after the fault');
    expect(faults).toHaveLength(1);
  });

  test('a machine whose deadline is always past leaves the event loop to others', async () => {
    const { machine, seen } = scripted(() => [{ kind: 'wait', until: 0 }]);
    const { driver, faults } = start(machine);
    driver.command('go');
    await new Promise((resolve) => setTimeout(resolve, 20));
    driver.dispose();
    expect(faults).toEqual([]);
    const calls = seen.filter((entry) => entry.what === 'timeout').length;
    expect(calls).toBeGreaterThan(32);
    expect(calls).toBeLessThan(32 * 40);
  });

  test('a command given by an event handler waits for its turn', () => {
    const order: string[] = [];
    const { machine } = scripted((what, detail) => {
      order.push(`${what} ${String(detail)}`);
      return detail === 'first'
        ? [
            { kind: 'event', event: 'a' },
            { kind: 'event', event: 'b' },
          ]
        : [];
    });
    const driver = drive(machine, {
      onEvent: (event) => {
        order.push(`event ${event}`);
        if (event === 'a') driver.command('second');
      },
      onFault: (error) => {
        throw error;
      },
    });
    drivers.push(driver);
    driver.command('first');
    expect(order).toEqual(['command first', 'event a', 'event b', 'command second']);
  });

  test('sends that the system refuses are counted by name and harm nothing', async () => {
    const { at, socket } = await plainSocket();
    const got: string[] = [];
    socket.on('message', (bytes) => got.push(String(bytes)));
    const { machine } = scripted((what, detail) => {
      if (what === 'command') return [open(1)];
      if (what !== 'socket') return [];
      expect(detail).toMatchObject({ outcome: { ok: true } });
      return [
        send(1, { address: '127.0.0.1', port: 0 }, 'no such port'),
        send(1, { address: '2001:db8::1', port: 9 }, 'other family'),
        send(1, at, 'x'.repeat(70_000)),
        send(7, at, 'no such socket'),
        send(1, at, 'fine'),
      ];
    });
    const { driver, faults } = start(machine);
    driver.command('go');
    await until(() => got.length === 1);
    expect(got).toEqual(['fine']);
    expect(faults).toEqual([]);
    const { errors } = driver.counters();
    expect(errors.EMSGSIZE).toBe(1);
    expect(errors.ERR_SOCKET_BAD_PORT).toBe(1);
    expect(errors['NOT-OPEN']).toBe(1);
    expect(errors.EINVAL).toBe(1);
  });

  test('a released socket goes to the application alive and bare; dispose closes the others', async () => {
    const { at, socket } = await plainSocket();
    const released: Socket[] = [];
    const { machine, seen } = scripted((_what, detail) => {
      if (detail === 'go') return [open(1), open(2)];
      if (detail === 'release') return [send(1, at, 'low', 3), { kind: 'socket', op: 'release', socket: 1 }];
      return [];
    });
    const { driver } = start(machine, { onRelease: (_id, bare) => released.push(bare) });
    driver.command('go');
    const port = driver.local(1)?.port;
    const otherPort = driver.local(2)?.port as number;
    driver.command('release');
    driver.dispose();
    const bare = released[0]!;
    plain.push(bare);
    expect(bare.address().port).toBe(port);
    expect(bare.eventNames().filter((name) => name !== 'newListener')).toEqual([]);
    const before = seen.length;
    bare.send('mine now', at.port, at.address);
    const [bytes] = (await once(socket, 'message')) as [Buffer];
    expect(['low', 'mine now']).toContain(String(bytes));
    expect(seen.length).toBe(before);
    // The other socket's port is free again.
    const again = createSocket('udp4');
    plain.push(again);
    again.bind(otherPort, '127.0.0.1');
    await once(again, 'listening');
  });
});
