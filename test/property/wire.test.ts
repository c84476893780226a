import { describe, expect, test } from 'vitest';
import { fromBase64Url, parseHostLink, parseJoinTarget, parseMasterLink, WIRE } from '../../src/core/index.ts';
import {
  type MasterMachine,
  Reader,
  readAccept,
  readAcceptPayload,
  readControlHeader,
  readHello,
  readProbe,
  readProbeAnswer,
  readProfile,
  readPush,
  readRequest,
  readResponse,
  readRetry,
  utf8Decode,
  Writer,
  writeProfile,
  writePush,
  writeRequest,
  writeResponse,
} from '../../src/core/testing.ts';
import { encoded, profile, push, request, response } from '../unit/rendezvous-arbitraries.ts';
import { DOOR, type Participant, REGISTER, type World, world } from '../unit/rendezvous-net.ts';
import { FUZZ, FUZZ_SEED, mutator, REPLAY } from './wire-fuzz.ts';

/** A world in which everything has happened once, and what was sent in it. */
function busyWorld(): { w: World; host: Participant; client: Participant } {
  const w = world();
  const host = w.participant('host', '203.0.113.5').start();
  const client = w.participant('client', '198.18.0.9').start();
  const sid = new Uint8Array(16).fill(7);
  // Both come back by their tickets.
  w.restartMaster('second');
  w.net.run(5_000);
  host.get(REGISTER);
  client.get({ type: 'list', after: '', game: '' });
  client.get(
    { type: 'join', hidden: false, sid, hostKey: host.key.publicKey, handshake: new Uint8Array(300) },
    client.socket(),
  );
  host.get({ type: 'answer', hidden: false, sid, handshake: new Uint8Array(300) }, host.socket());
  client.get({ type: 'step', sid, n: 1, sealed: new Uint8Array(100) });
  client.get({ type: 'credit', sid, n: 1 });
  const source = host.link.sources[0];
  const from = { address: '203.0.113.5', port: host.portOf(host.link.socket) };
  if (source) w.net.inject({ from, to: source.target, bytes: source.request(w.net.now, 1, 'same') });
  w.net.run(300);
  return { w, host, client };
}

describe(`${FUZZ} mutated datagrams (${REPLAY})`, () => {
  test('no decoder throws, and what one accepts can be written again', () => {
    const fuzz = mutator(FUZZ_SEED);
    const decoders: [Uint8Array[], (bytes: Uint8Array) => void][] = [
      [encoded(request, writeRequest, FUZZ_SEED), (bytes) => again(readRequest(new Reader(bytes)), writeRequest)],
      [encoded(response, writeResponse, FUZZ_SEED), (bytes) => again(readResponse(new Reader(bytes)), writeResponse)],
      [encoded(push, writePush, FUZZ_SEED), (bytes) => again(readPush(new Reader(bytes)), writePush)],
      [encoded(profile, writeProfile, FUZZ_SEED), readAndWriteProfile],
    ];
    for (let i = 0; i < FUZZ; i++) {
      const [corpus, decode] = decoders[i % decoders.length] as (typeof decoders)[number];
      decode(fuzz.mutate(corpus));
    }
  });

  test('no reader of datagrams, links or texts throws', () => {
    const fuzz = mutator(FUZZ_SEED + 1);
    const { w } = busyWorld();
    const corpus = w.net.sent.map((packet) => packet.bytes);
    const key = new Uint8Array(16);
    const message1 = new Uint8Array(484);
    for (let i = 0; i < FUZZ; i++) {
      const bytes = fuzz.mutate(corpus);
      readHello(bytes);
      readRetry(message1, bytes);
      readAccept(message1, bytes);
      readAcceptPayload(bytes);
      readControlHeader(bytes);
      readProbe(bytes);
      if (i % 8 === 0) readProbeAnswer(key, bytes);
      const text = utf8Decode(bytes.subarray(0, 80)) ?? String.fromCharCode(...bytes.subarray(0, 80));
      for (const parse of [parseMasterLink, parseHostLink, parseJoinTarget, fromBase64Url]) {
        parse(i % 2 === 0 ? text : `sallyport://${text}`);
      }
    }
  });

  test("at the master's sockets: no throw, no state change, no answer but a RETRY to a whole HELLO", () => {
    const { w } = busyWorld();
    const fuzz = mutator(FUZZ_SEED + 2);
    const corpus = w.net.sent.filter((packet) => packet.from.address !== DOOR.address).map((packet) => packet.bytes);
    const sources = w.net.sent.filter((packet) => packet.from.address !== DOOR.address).map((packet) => packet.from);
    const sockets = [...w.master.sockets.keys()];
    const machine = w.master.machine as unknown as MasterMachine;
    const before = JSON.stringify({
      ...w.counters(),
      handshakes: 0,
      resumptions: 0,
      dropped: 0,
      limited: 0,
      challenges: 0,
    });
    let answers = 0;
    for (let i = 0; i < FUZZ; i++) {
      w.net.now += 0.01;
      const bytes = fuzz.mutate(corpus);
      const socket = sockets[i % 3 === 0 ? 0 : fuzz.random.int(0, sockets.length - 1)] as number;
      machine.handleDatagram(w.net.now, socket, sources[i % sources.length] as (typeof sources)[number], bytes);
      for (let output = machine.poll(); output.kind !== 'wait'; output = machine.poll()) {
        answers++;
        const type = output.kind === 'transmit' ? output.bytes[0] : output.kind;
        // A changed version or flag leaves a HELLO whole: it is asked for a cookie, which is an eighth of its size.
        const whole = bytes.length === 512 && bytes[0] === WIRE.hello;
        // ... and with nothing but its flags changed it is the very HELLO that was accepted before.
        if (!whole || (type !== WIRE.retry && type !== WIRE.accept)) {
          expect.unreachable(`answer ${type} to ${bytes.length} bytes of type ${bytes[0]}; ${REPLAY}`);
        }
      }
    }
    expect(
      JSON.stringify({ ...w.counters(), handshakes: 0, resumptions: 0, dropped: 0, limited: 0, challenges: 0 }),
    ).toBe(before);
    expect(answers).toBeLessThan(FUZZ / 20);
  });

  test('at a link: no throw, no event, nothing sent in answer', () => {
    const { w, host } = busyWorld();
    const fuzz = mutator(FUZZ_SEED + 3);
    const corpus = w.net.sent.filter((packet) => packet.from.address === DOOR.address).map((packet) => packet.bytes);
    const events = host.events.length;
    for (let i = 0; i < FUZZ; i++) {
      const from = { address: DOOR.address, port: DOOR.port + (i % 25) };
      host.link.handleDatagram(w.net.now, host.link.socket, from, fuzz.mutate(corpus));
      const output = host.link.poll();
      if (output.kind !== 'wait') expect.unreachable(`${output.kind} in answer to garbage; ${REPLAY}`);
    }
    expect(host.events).toHaveLength(events);
  });
});

function again<Message>(message: Message | null, write: (writer: Writer, message: Message) => void): void {
  if (message !== null) write(new Writer(4000), message);
}

function readAndWriteProfile(bytes: Uint8Array): void {
  const reader = new Reader(bytes);
  const value = readProfile(reader);
  if (reader.ok) writeProfile(new Writer(4000), value);
}
