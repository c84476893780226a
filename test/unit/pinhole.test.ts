/** The mapper as it asks a firewall of IPv6 for a pinhole. */
import { expect, test } from 'vitest';
import {
  createPortMapper,
  type MapCommand,
  type MapEvent,
  requestNumbers,
  type SocketOpen,
  StunSource,
  socketIds,
  type Transmit,
} from '../../src/core/index.ts';
import { encodeStun } from '../../src/core/testing.ts';

const ROUTER = { address: 'fe80::1%eth0', port: 5351 };
const SERVER = { address: '2001:db8:9::1', port: 3478 };
const OWN = '2001:db8:4::2';
const MAIN = 100;
const PORT = 40_000;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function start() {
  let counter = 0;
  const crypto = { randomBytes: (length: number) => new Uint8Array(length).fill(++counter) };
  const mapper = createPortMapper({ crypto, sockets: socketIds(), requests: requestNumbers(), family: 6 });
  const events: MapEvent[] = [];
  const opened: SocketOpen[] = [];
  const drain = (now: number): Transmit[] => {
    const sent: Transmit[] = [];
    for (;;) {
      const output = mapper.poll();
      if (output.kind === 'wait') return sent;
      if (output.kind === 'transmit') sent.push(output);
      if (output.kind === 'event') events.push(output.event);
      if (output.kind !== 'socket' || output.op !== 'open') continue;
      opened.push(output);
      mapper.handleSocket(now, output.socket, { ok: true, local: { address: OWN, port: 5 } });
    }
  };
  const command = (now: number, what: MapCommand) => {
    mapper.handleCommand(now, what);
    return drain(now);
  };
  const network = (now: number, address: string) =>
    command(now, { do: 'network', network: { addresses: [address], gateway: ROUTER.address } });
  command(0, { do: 'sources', sources: [new StunSource(SERVER, crypto)] });
  network(0, OWN);
  const first = command(0, { do: 'map', socket: MAIN, port: PORT });
  const hear = (now: number, from: typeof ROUTER, bytes: Uint8Array, socket = opened.at(-1)!.socket) => {
    mapper.handleDatagram(now, socket, from, bytes);
    return drain(now);
  };
  const wait = (now: number) => {
    mapper.handleTimeout(now);
    return drain(now);
  };
  const report = () => events.findLast((event) => event.ev === 'port-mapping')?.report ?? null;
  /** Answered by the router, and by the server through the pinhole. */
  const prove = (now: number, requests: readonly Transmit[]) => {
    const asked = hear(now, ROUTER, answerTo(mapOf(requests)));
    const [, proof] = asked.filter(({ to }) => to.address === SERVER.address);
    hear(now, SERVER, throughPinhole(proof!.bytes), MAIN);
  };
  return { command, network, hear, wait, prove, events, opened, report, first };
}

const mapOf = (sent: readonly Transmit[]) => sent.find(({ bytes }) => bytes.length === 60)!.bytes;
const maps = (sent: readonly Transmit[]) => sent.filter(({ bytes }) => bytes.length === 60);

/** What the router says to a MAP request: an epoch that goes with the time, `seconds`. */
function answerTo(request: Uint8Array, seconds = 1_000): Uint8Array {
  const bytes = request.slice();
  bytes[1] = 0x81;
  bytes.fill(0, 8, 24);
  new DataView(bytes.buffer).setUint32(8, seconds);
  // RFC 6887 section 11.1: of a firewall the external address and port are the internal ones.
  bytes.set(request.subarray(8, 24), 44);
  return bytes;
}

const throughPinhole = (request: Uint8Array) =>
  encodeStun({
    class: 'success',
    transaction: request.slice(8, 20),
    xorMapped: { address: OWN, port: 61_234 },
  });

test('the firewall is asked from the address that it is to open for, by a MAP request as RFC 6887 section 11.1 draws it', () => {
  const { first, opened, events } = start();
  expect(opened).toMatchObject([
    { family: 6, address: OWN },
    { family: 6, address: OWN },
  ]);
  // NAT-PMP has no IPv6, so nothing but PCP is said.
  expect(first.map(({ to }) => to)).toEqual([ROUTER]);
  const nonce = hex(mapOf(first).subarray(24, 36));
  expect(hex(mapOf(first))).toBe(
    `0201000000000e1020010db8000400000000000000000002${nonce}110000009c409c40${'0'.repeat(32)}`,
  );
  expect(events).toContainEqual({ ev: 'upnp', op: 'map', port: PORT, address: OWN });
});

test('a pinhole is one only after a packet has come in through it', () => {
  const { first, hear, report } = start();
  const asked = hear(10, ROUTER, answerTo(mapOf(first)));
  const [plain, proof] = asked.filter(({ to }) => to.address === SERVER.address);
  expect(report()?.external ?? null).toBeNull();
  hear(20, SERVER, throughPinhole(plain!.bytes));
  expect(report()?.external ?? null).toBeNull();
  hear(30, SERVER, throughPinhole(proof!.bytes), MAIN);
  expect(report()).toEqual({
    upnp: 'untested',
    natPmp: 'no',
    pcp: 'yes',
    claim: 'open',
    external: { address: OWN, port: PORT },
  });
});

test('an answer that did not come from the router opens nothing', () => {
  const { first, hear, report } = start();
  const bytes = answerTo(mapOf(first));
  expect(hear(10, { ...ROUTER, address: 'fe80::9%eth0' }, bytes)).toEqual([]);
  expect(hear(10, { ...ROUTER, address: 'fe80::1%eth1' }, bytes)).toEqual([]);
  expect(report()).toBeNull();
});

test('it is renewed at half of its life, and asked for anew when the router has started again', () => {
  const { first, prove, wait, hear, report } = start();
  prove(10, first);
  const sent: Transmit[] = [];
  let now = 10;
  while (maps(sent).length === 0 && now < 3_600_000) {
    now += 1_000;
    sent.push(...wait(now));
    // Nobody is there to tell whether it is still open: then it holds.
  }
  expect(now).toBeGreaterThanOrEqual(1_800_000);
  expect(now).toBeLessThan(1_812_000);
  hear(now, ROUTER, answerTo(mapOf(sent), 2_800));
  expect(report()?.external).toEqual({ address: OWN, port: PORT });
  now += 5_000;
  // The clock of the router has begun anew.
  hear(now, ROUTER, answerTo(mapOf(sent), 3));
  expect(report()?.external).toBeNull();
  expect(maps(wait(now + 1))).toHaveLength(1);
});

test('another address of this computer is another pinhole', () => {
  const { first, prove, network, opened, report } = start();
  prove(10, first);
  expect(report()?.external).toEqual({ address: OWN, port: PORT });
  const next = '2001:db8:4::77';
  const asked = network(20, next);
  expect(report()?.external).toBeNull();
  expect(opened.at(-1)).toMatchObject({ family: 6, address: next });
  expect(hex(mapOf(asked)).slice(16, 48)).toBe('20010db8000400000000000000000077');
});

test('at the end the router is asked to close it again', () => {
  const { first, prove, command } = start();
  prove(10, first);
  const last = maps(command(20, { do: 'stop' }));
  expect(last).toHaveLength(2);
  expect(new DataView(last[0]!.bytes.slice().buffer).getUint32(4)).toBe(0);
});
