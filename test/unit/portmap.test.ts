import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createPortMapper,
  type MapCommand,
  type MapEvent,
  requestNumbers,
  StunSource,
  socketIds,
  type Transmit,
} from '../../src/core/index.ts';
import {
  encodeStun,
  natPmpAddressRequest,
  natPmpMapRequest,
  parseNatPmp,
  parsePcp,
  parseStun,
  pcpMapRequest,
} from '../../src/core/testing.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('NAT-PMP (RFC 6886)', () => {
  test('requests are as drawn in sections 3.2 and 3.3', () => {
    expect(hex(natPmpAddressRequest())).toBe('0000');
    expect(hex(natPmpMapRequest(40_000, 40_001, 3600))).toBe('000100009c409c4100000e10');
  });

  test('answers', () => {
    expect(parseNatPmp(bytesOf('0080 0000 00000001 cb007109'))).toEqual({
      kind: 'address',
      result: 0,
      epochSeconds: 1,
      address: '203.0.113.9',
    });
    expect(parseNatPmp(bytesOf('0081 0000 00000001 9c40 9c41 00000e10'))).toMatchObject({
      kind: 'map',
      internalPort: 40_000,
      externalPort: 40_001,
      lifetimeSeconds: 3600,
    });
    expect(parseNatPmp(bytesOf('0081 0002 00000001'))).toMatchObject({ kind: 'map', result: 2 });
    expect(parseNatPmp(bytesOf('0081 0000 00000001'))).toBeNull();
  });
});

describe('PCP (RFC 6887)', () => {
  const nonce = bytesOf('0102030405060708090a0b0c');
  test('a MAP request is as drawn in sections 7.1 and 11.1', () => {
    const request = { nonce, client: '192.168.1.2', internalPort: 40_000, externalPort: 40_000, lifetimeSeconds: 3600 };
    expect(hex(pcpMapRequest(request))).toBe(
      `02010000 00000e10 00000000000000000000ffffc0a80102 ${hex(nonce)} 11000000 9c40 9c40 00000000000000000000ffff00000000`.replaceAll(
        ' ',
        '',
      ),
    );
  });

  test('an answer', () => {
    const answer = `02810000 00000708 00000009 000000000000000000000000 ${hex(nonce)} 11000000 9c40 9c41 00000000000000000000ffffcb007109`;
    expect(parsePcp(bytesOf(answer))).toMatchObject({
      result: 0,
      lifetimeSeconds: 1800,
      externalPort: 40_001,
      external: '203.0.113.9',
    });
  });
});

test('no datagram makes a parser of port mapping throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      parseNatPmp(bytes);
      parsePcp(bytes);
    }),
  );
});

describe('the mapper', () => {
  const gateway = { address: '192.168.1.1', port: 5351 };
  const server = { address: '192.0.2.1', port: 3478 };
  const outside = { address: '203.0.113.9', port: 40_000 };
  const MAIN = 100;

  /** `alone`: nobody can be asked to prove anything. */
  function start(alone = false) {
    let counter = 0;
    const crypto = { randomBytes: (length: number) => new Uint8Array(length).fill(++counter) };
    const requests = requestNumbers();
    const mapper = createPortMapper({ crypto, sockets: socketIds(), requests });
    const source = new StunSource(server, crypto);
    const events: MapEvent[] = [];
    let gate = 0;
    const drain = (): Transmit[] => {
      const sent: Transmit[] = [];
      for (;;) {
        const output = mapper.poll();
        if (output.kind === 'wait') return sent;
        if (output.kind === 'transmit') sent.push(output);
        if (output.kind === 'event') events.push(output.event);
        if (output.kind === 'socket' && output.op === 'open') gate = output.socket;
      }
    };
    const command = (now: number, what: MapCommand) => {
      mapper.handleCommand(now, what);
      return drain();
    };
    command(0, { do: 'network', network: { addresses: ['10.8.0.1', '192.168.1.2'], gateway: gateway.address } });
    if (!alone) command(0, { do: 'sources', sources: [source] });
    command(0, { do: 'map', socket: MAIN, port: 40_000 });
    mapper.handleSocket(0, gate, { ok: true, local: { address: '0.0.0.0', port: 5 } });
    const hear = (now: number, from: typeof gateway, bytes: Uint8Array, socket = gate) => {
      mapper.handleDatagram(now, socket, from, bytes);
      return drain();
    };
    const report = () => events.findLast((event) => event.ev === 'port-mapping')?.report ?? null;
    return { mapper, drain, command, hear, events, report, gateSocket: () => gate, first: drain() };
  }

  /** The router's answer to a MAP request. */
  function pcpAnswer(request: Uint8Array, result = 0, externalPort = 40_000): Uint8Array {
    const bytes = request.slice();
    bytes[1] = 0x81;
    bytes.fill(0, 8, 24);
    bytes[3] = result;
    new DataView(bytes.buffer).setUint16(42, externalPort);
    bytes.set([203, 0, 113, 9], 56);
    return bytes;
  }

  const pcpOf = (sent: readonly Transmit[]) => sent.find(({ bytes }) => bytes.length === 60)!.bytes;
  /** What the router draws for packets that go out is another port each time. */
  const proofAnswer = (request: Uint8Array) =>
    encodeStun({ class: 'success', transaction: request.slice(8, 20), xorMapped: { ...outside, port: 61_234 } });
  /** Of the questions to the server the plain one, and the one whose answer goes to the mapped port. */
  const questions = (sent: readonly Transmit[]) => sent.filter(({ to }) => to.address === server.address);

  test('asks in both protocols at once, with the address in the gateway’s network', () => {
    const { first, events } = start();
    expect(first.map(({ bytes, to }) => [bytes.length, to.address])).toEqual([
      [60, gateway.address],
      [2, gateway.address],
    ]);
    expect(hex(pcpOf(first)).slice(16, 48)).toBe('00000000000000000000ffffc0a80102');
    expect(events).toContainEqual({ ev: 'upnp', op: 'map', port: 40_000 });
  });

  test('a mapping is reported only after a stranger’s packet came through it', () => {
    const { first, hear, report, gateSocket } = start();
    const [plain, proof] = questions(hear(10, gateway, pcpAnswer(pcpOf(first))));
    expect(report()).toMatchObject({ pcp: 'yes', external: null });
    // The mapped socket itself sends nothing: an answer to it is let in by the mapping alone.
    expect([plain?.socket, proof?.socket]).toEqual([gateSocket(), gateSocket()]);
    hear(30, server, proofAnswer(plain!.bytes));
    hear(35, server, proofAnswer(proof!.bytes));
    expect(report()).toMatchObject({ external: null });
    hear(40, server, proofAnswer(proof!.bytes), MAIN);
    expect(report()).toMatchObject({ pcp: 'yes', external: outside });
  });

  test('a router that lies is not believed and not asked for ever', () => {
    const { first, hear, mapper, drain, report } = start();
    let sent = hear(10, gateway, pcpAnswer(pcpOf(first)));
    let packets = 0;
    for (let now = 10; now < 60_000; now += 100) {
      for (const { bytes } of questions(sent).slice(0, 1)) hear(now, server, proofAnswer(bytes));
      mapper.handleTimeout(now);
      sent = drain();
      packets += sent.length;
    }
    expect(report()).toMatchObject({ external: null });
    expect(packets).toBeLessThan(12);
  });

  /**
   * A claimed port, for `ms`: a server answers plain questions, to whoever has asked them, and sees them come from `seen`. Where it knows
   * RESPONSE-PORT it sends to that port, of which only the one of our own plain socket is open; else to whoever has asked.
   */
  function claimed(ms: number, seen: { readonly address: string; readonly port: number }, knows: boolean) {
    const it = start();
    let sent = questions(it.hear(10, gateway, pcpAnswer(pcpOf(it.first))));
    let packets = 0;
    const answer = (request: Uint8Array) =>
      encodeStun({ class: 'success', transaction: request.slice(8, 20), xorMapped: seen });
    for (let now = 10; now < ms; now += 100) {
      for (let next = sent.shift(); next !== undefined; next = sent.shift()) {
        packets++;
        const wish = parseStun(next.bytes);
        const port = 'reject' in wish ? undefined : wish.responsePort;
        if (port === undefined || !knows) sent.push(...it.hear(now, server, answer(next.bytes), next.socket));
        else if (port === seen.port) sent.push(...it.hear(now, server, answer(next.bytes), it.gateSocket()));
      }
      it.mapper.handleTimeout(now);
      sent = questions(it.drain());
    }
    return { claim: it.report()?.claim, external: it.report()?.external, packets };
  }

  const inside = { address: '172.17.0.1', port: 61_234 };
  const drawn = { ...outside, port: 61_234 };

  test('a server that sends elsewhere, though not through the port, shows that nothing comes in', () => {
    expect(claimed(4_000, drawn, true)).toMatchObject({ claim: 'shut', external: null });
  });

  test('one that does not know RESPONSE-PORT shows nothing: the router is not to blame', () => {
    const { claim, external, packets } = claimed(60_000, drawn, false);
    expect({ claim, external }).toEqual({ claim: 'untried', external: null });
    expect(packets).toBeLessThan(14);
  });

  test('nor does one to whom somebody gives another source address than the router has', () => {
    expect(claimed(4_000, inside, true)).toMatchObject({ claim: 'untried' });
  });

  test('a router that hangs costs a few packets, then all is said to be off', () => {
    const { mapper, drain, report } = start();
    let packets = 0;
    for (let now = 0; now < 60_000; now += 50) {
      mapper.handleTimeout(now);
      packets += drain().length;
    }
    expect(report()).toMatchObject({ pcp: 'no', natPmp: 'no', external: null });
    expect(packets).toBeLessThan(10);
  });

  test('a router that has said no is asked once more on demand, and one that has opened the port is left alone', () => {
    const { first, command, hear, mapper, drain, report, gateSocket } = start();
    for (let now = 0; now < 5_000; now += 50) mapper.handleTimeout(now);
    drain();
    expect(report()).toMatchObject({ pcp: 'no', natPmp: 'no', external: null });
    command(6_000, { do: 'again' });
    expect(report()).toMatchObject({ upnp: 'untested', pcp: 'untested', natPmp: 'untested' });
    mapper.handleSocket(6_000, gateSocket(), { ok: true, local: { address: '0.0.0.0', port: 6 } });
    const asked = drain();
    expect(asked.map(({ bytes }) => bytes.length)).toEqual(first.map(({ bytes }) => bytes.length));
    const [, proof] = hear(6_010, gateway, pcpAnswer(pcpOf(asked)), gateSocket());
    hear(6_040, server, proofAnswer(proof!.bytes), MAIN);
    expect(report()).toMatchObject({ external: outside });
    expect(command(7_000, { do: 'again' })).toEqual([]);
    expect(report()).toMatchObject({ external: outside });
  });

  test('a router without PCP is asked by NAT-PMP', () => {
    const { hear, report } = start();
    hear(5, gateway, bytesOf('0080 0000 00000001 cb007109'));
    const sent = hear(10, gateway, bytesOf('0000 0001 00000001'));
    expect(sent.map(({ bytes }) => hex(bytes))).toContain('000100009c409c4000000e10');
    const [, proof] = hear(20, gateway, bytesOf('0081 0000 00000001 9c40 9c40 00000e10'));
    hear(50, server, proofAnswer(proof!.bytes), MAIN);
    expect(report()).toMatchObject({ natPmp: 'yes', pcp: 'no', external: outside });
  });

  test('a router that is silent to PCP but answers NAT-PMP is asked by NAT-PMP within a second', () => {
    const { hear, mapper, drain } = start();
    hear(5, gateway, bytesOf('0080 0000 00000001 cb007109'));
    const sent: string[] = [];
    for (let now = 10; now < 1000; now += 10) {
      mapper.handleTimeout(now);
      sent.push(...drain().map(({ bytes }) => hex(bytes)));
    }
    expect(sent).toContain('000100009c409c4000000e10');
  });

  test('it is renewed at half its life and removed at the end', () => {
    const { first, hear, mapper, drain, command, events } = start();
    hear(10, gateway, pcpAnswer(pcpOf(first)));
    mapper.handleTimeout(1_800_010);
    expect(drain().some(({ bytes }) => bytes.length === 60)).toBe(true);
    const removal = command(1_900_000, { do: 'stop' });
    expect(removal.filter(({ bytes }) => bytes.length === 60 && hex(bytes).slice(8, 16) === '00000000').length).toBe(2);
    expect(events).toContainEqual({ ev: 'upnp', op: 'unmap', port: 40_000 });
  });

  test('10^5 forged answers from strangers and from the gateway without our nonce change nothing', () => {
    const { first, hear, report } = start();
    const good = pcpAnswer(pcpOf(first));
    for (let i = 0; i < 100_000; i++) {
      const forged = good.slice();
      new DataView(forged.buffer).setUint32(24, i);
      hear(10, i % 2 === 0 ? gateway : { address: '192.168.1.66', port: 5351 }, forged);
    }
    hear(10, { address: '192.168.1.66', port: 5351 }, good);
    expect(report()).toBeNull();
  });

  /** A mapper that has a port open by PCP, and a server that answers its questions. */
  function open() {
    const it = start();
    let [plain, mapped] = [true, true];
    let sent = it.hear(10, gateway, pcpAnswer(pcpOf(it.first)));
    const requests: Transmit[] = [];
    const run = (from: number, to: number) => {
      for (let now = from; now < to; now += 50) {
        for (const { bytes } of sent) {
          if (bytes.length === 60 || bytes.length === 24)
            requests.push({ kind: 'transmit', socket: 0, to: gateway, bytes });
        }
        const asked = questions(sent);
        for (let i = 0; i < asked.length; i += 2) {
          if (plain) it.hear(now, server, proofAnswer(asked[i]!.bytes), it.gateSocket());
          if (mapped) it.hear(now, server, proofAnswer(asked[i + 1]!.bytes), MAIN);
        }
        it.mapper.handleTimeout(now);
        sent = it.drain();
      }
    };
    run(50, 1_000);
    const answers = (...which: [plain: boolean, mapped: boolean]): void => {
      [plain, mapped] = which;
    };
    return { ...it, run, requests, answers };
  }

  test('a mapping through which nothing comes any more is given up and asked for anew, within half a minute', () => {
    const it = open();
    expect(it.report()).toMatchObject({ external: outside });
    it.answers(true, false);
    it.run(1_000, 15_000);
    expect(it.report()).toMatchObject({ external: null });
    const gate = it.gateSocket();
    it.run(15_000, 25_000);
    expect(it.gateSocket()).not.toBe(gate);
    expect(it.events.filter((event) => event.ev === 'upnp')).toHaveLength(2);
  });

  test('while nobody can tell, because the masterserver is away, it holds', () => {
    const it = open();
    it.answers(false, false);
    it.run(1_000, 60_000);
    expect(it.report()).toMatchObject({ external: outside });
  });

  test('a router that has started again is asked anew at once: its epoch tells', () => {
    const it = open();
    it.run(1_000, 12_000);
    const announce = it.requests.findLast(({ bytes }) => bytes.length === 24)!.bytes.slice();
    announce[1] = 0x80;
    const epoch = (seconds: number) => {
      new DataView(announce.buffer).setUint32(8, seconds);
      return announce;
    };
    const gate = it.gateSocket();
    it.hear(12_000, gateway, epoch(5_000), gate);
    it.hear(14_000, gateway, epoch(5_002), gate);
    it.hear(14_100, gateway, epoch(5_001), gate);
    expect(it.report()).toMatchObject({ external: outside });
    it.hear(15_000, gateway, epoch(3), gate);
    expect(it.report()).toMatchObject({ external: null });
    it.run(15_000, 15_100);
    expect(it.gateSocket()).not.toBe(gate);
  });

  /** Runs, and answers every announcement that is asked for with this epoch; the numbers of requests for a mapping. */
  function wait(it: ReturnType<typeof start>, from: number, to: number, epochAt: (now: number) => number): number {
    let asked = 0;
    for (let now = from; now < to; now += 50) {
      it.mapper.handleTimeout(now);
      for (let sent = it.drain(); sent.length > 0; ) {
        asked += sent.filter(({ bytes }) => bytes.length === 60).length;
        const announce = sent.find(({ bytes }) => bytes.length === 24)?.bytes.slice();
        if (announce === undefined) break;
        announce[1] = 0x80;
        new DataView(announce.buffer).setUint32(8, epochAt(now));
        sent = it.hear(now, gateway, announce, it.gateSocket());
      }
    }
    return asked;
  }

  test('one that has started again is asked anew within 30 s, though nobody can be asked to prove what it says', () => {
    const it = start(true);
    it.hear(10, gateway, pcpAnswer(pcpOf(it.first)));
    const gate = it.gateSocket();
    expect(wait(it, 50, 60_000, (now) => 5_000 + now / 1000)).toBe(0);
    expect(it.report()).toMatchObject({ claim: 'untried' });
    expect(it.gateSocket()).toBe(gate);
    wait(it, 60_000, 90_000, (now) => (now - 60_000) / 1000);
    expect(it.gateSocket()).not.toBe(gate);
  });

  test('a mapping that was never proven is asked for anew when its life is over', () => {
    const it = start();
    it.hear(10, gateway, pcpAnswer(pcpOf(it.first)));
    const gate = it.gateSocket();
    wait(it, 50, 20_000, (now) => 5_000 + now / 1000);
    expect(it.report()).toMatchObject({ claim: 'untried' });
    // The renewals, at half its life and so on, have no answer.
    it.mapper.handleTimeout(3_600_010);
    it.drain();
    expect(it.report()).toMatchObject({ claim: 'none' });
    wait(it, 3_600_050, 3_610_000, () => 0);
    expect(it.gateSocket()).not.toBe(gate);
  });

  test('a packet from within the own network proves nothing', () => {
    const { first, hear, report } = start();
    const [, proof] = questions(hear(10, gateway, pcpAnswer(pcpOf(first))));
    const within = { address: '192.168.1.2', port: 40_000 };
    hear(40, server, encodeStun({ class: 'success', transaction: proof!.bytes.slice(8, 20), xorMapped: within }), MAIN);
    expect(report()).toMatchObject({ external: null });
  });

  test('UPnP’s claim has to be proven likewise', () => {
    const { command, hear, report } = start();
    const [, proof] = command(20, { do: 'upnp', works: true, external: outside });
    expect(report()).toMatchObject({ upnp: 'yes', external: null });
    hear(50, server, proofAnswer(proof!.bytes), MAIN);
    expect(report()).toMatchObject({ upnp: 'yes', external: outside });
  });
});
