/** Who asks for a mapping, and whose answer counts. */
import { expect, test } from 'vitest';
import {
  createPortMapper,
  type Endpoint,
  type Output,
  requestNumbers,
  type SocketId,
  StunSource,
  socketIds,
} from '../../src/core/index.ts';
import { Asker, encodeStun, type MappingSource } from '../../src/core/testing.ts';

const SERVER: Endpoint = { address: '192.0.2.1', port: 3478 };
const crypto = { randomBytes: (length: number) => globalThis.crypto.getRandomValues(new Uint8Array(length)) };

/** A source whose answer is its request with the port seen, and says nothing of the socket: as the master's is. */
const PLAIN: MappingSource = {
  target: SERVER,
  kind: 'master',
  answersFrom: ['same', 'other-address'],
  request: (_now, request) => Uint8Array.of(request),
  answer: (_from, bytes) => ({ request: bytes[0]!, observed: { address: '203.0.113.9', port: 40_000 } }),
};

function asker(numbers = requestNumbers()) {
  const sent: { readonly socket: SocketId; readonly bytes: Uint8Array }[] = [];
  return { asker: new Asker((socket, _to, bytes) => void sent.push({ socket, bytes }), numbers), sent };
}

test('an answer counts once, for the socket that asked, whichever packet of the question it answers', () => {
  const { asker: one, sent } = asker();
  const question = one.ask(0, 7, PLAIN);
  one.repeat(40, question);
  expect(sent.map(({ bytes }) => bytes[0])).toEqual([question.request, question.request]);
  expect(one.receive(50, 8, SERVER, sent[0]!.bytes)).toBeNull();
  expect(one.receive(60, 7, SERVER, sent[0]!.bytes)).toBe(question);
  expect(question).toMatchObject({ packets: 2, answeredAt: 60 });
  expect(one.receive(70, 7, SERVER, sent[1]!.bytes)).toBeNull();
  // A question that was asked twice tells nothing of the way's length.
  expect(one.rttMs()).toBeNull();
});

test('the answer to one part of a participant, led to the socket of another, answers nothing', () => {
  const numbers = requestNumbers();
  const [detector, mapper] = [asker(numbers), asker(numbers)];
  const asked = detector.asker.ask(0, 1, PLAIN);
  const proof = mapper.asker.ask(0, 2, PLAIN, 'other-address');
  expect(mapper.asker.receive(5, 2, SERVER, detector.sent[0]!.bytes)).toBeNull();
  expect(detector.asker.receive(5, 1, SERVER, mapper.sent[0]!.bytes)).toBeNull();
  expect([asked.observed, proof.observed]).toEqual([null, null]);
  expect(mapper.asker.receive(6, 2, SERVER, mapper.sent[0]!.bytes)).toBe(proof);
});

test('a port mapping is not proven by the answer to a question about the claim before', () => {
  const numbers = requestNumbers();
  const mapper = createPortMapper({
    ...{ crypto, sockets: socketIds(), requests: numbers },
  });
  const outside = { address: '203.0.113.9', port: 40_000 };
  const source = new StunSource(SERVER, crypto);
  const answer = (request: Uint8Array) =>
    encodeStun({ class: 'success', transaction: request.slice(8, 20), xorMapped: outside });
  const drain = () => {
    const all: Output<unknown>[] = [];
    for (let output = mapper.poll(); output.kind !== 'wait'; output = mapper.poll()) all.push(output);
    return all;
  };
  const proofs = () => drain().flatMap((output) => (output.kind === 'transmit' ? [output.bytes] : []));
  const isProven = () => JSON.stringify(drain()).includes('"to":"proven"');
  const upnp = (external: Endpoint | null) =>
    mapper.handleCommand(0, { do: 'upnp', works: external !== null, external });
  mapper.handleCommand(0, { do: 'sources', sources: [source] });
  mapper.handleCommand(0, { do: 'map', socket: 100, port: 40_000 });
  upnp(outside);
  const [, helper] = drain().flatMap((output) => (output.kind === 'socket' ? [output.socket] : []));
  mapper.handleSocket(0, helper!, { ok: true, local: { address: '0.0.0.0', port: 5 } });
  const [, before] = proofs();
  upnp(null);
  upnp(outside);
  const [, after] = proofs();
  mapper.handleDatagram(1, 100, SERVER, answer(before!));
  expect(isProven()).toBe(false);
  mapper.handleDatagram(2, 100, SERVER, answer(after!));
  expect(isProven()).toBe(true);
});
