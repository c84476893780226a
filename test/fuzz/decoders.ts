/** Every reader of bytes or text from strangers, each with true messages to change. */
import fc from 'fast-check';
import { fromBase64Url, parseHostLink, parseJoinTarget, parseMasterLink, utf8Encode } from '../../src/core/index.ts';
import {
  decodeStep,
  encodeStep,
  encodeStun,
  parseStun,
  RELAY_MESSAGES,
  Reader,
  readAccept,
  readAcceptPayload,
  readControlHeader,
  readHello,
  readProbe,
  readProbeAnswer,
  readProfile,
  readPush,
  readRelay,
  readRequest,
  readResponse,
  readRetry,
  relayMessageBytes,
  utf8Decode,
  Writer,
  writeProfile,
  writePush,
  writeRelay,
  writeRequest,
  writeResponse,
} from '../../src/core/testing.ts';
import { addressArbitrary, stepArbitrary } from '../property/step-arbitraries.ts';
import { encoded, profile, push, request, response } from '../unit/rendezvous-arbitraries.ts';
import { REGISTER, world } from '../unit/rendezvous-net.ts';

export interface Decoder {
  readonly name: string;
  readonly corpus: readonly Uint8Array[];
  /** Throws where the decoder does, or where what it has read cannot be written. */
  run(bytes: Uint8Array): void;
}

function messages<Message>(
  name: string,
  arbitrary: fc.Arbitrary<Message>,
  write: (writer: Writer, message: Message) => void,
  read: (reader: Reader) => Message | null,
): Decoder {
  const corpus = encoded(arbitrary, write, 1);
  const run = (bytes: Uint8Array): void => {
    const reader = new Reader(bytes);
    const message = read(reader);
    if (message !== null && reader.ok) write(new Writer(4_000), message);
  };
  return { name, corpus, run };
}

/** What was sent in a world in which everything has happened once. */
function datagrams(): readonly Uint8Array[] {
  const w = world();
  const host = w.participant('host', '203.0.113.5').start();
  const client = w.participant('client', '198.18.0.9').start();
  host.get(REGISTER);
  client.get({ type: 'list', after: '', game: '' });
  const sid = new Uint8Array(16).fill(7);
  client.get(
    { type: 'join', hidden: false, sid, hostKey: host.key.publicKey, handshake: new Uint8Array(300) },
    client.socket(),
  );
  const source = host.link.sources[0]!;
  const from = { address: '203.0.113.5', port: host.portOf(host.link.socket) };
  w.net.inject({ from, to: source.target, bytes: source.request(w.net.now, 1, 'same') });
  w.net.run(300);
  return w.net.sent.map(({ bytes }) => bytes);
}

const SENT = datagrams();
const MESSAGE_1 = new Uint8Array(484);
const KEY = new Uint8Array(16);
const TEXTS = [
  `sallyport://192.0.2.1:8430/#CQ${'A'.repeat(41)}`,
  `sallyport://192.0.2.1/j/K7TQ9RBWXM?udp=443&tls=ms.example.org:8443#CQ${'A'.repeat(41)}`,
  `sallyport://[2001:db8::1]:8430/K7TQ9RBWXM#CQ${'A'.repeat(41)}`,
  'K7TQ-9RBW',
  'Ana’s world ☃ 𐍈',
].map((text) => utf8Encode(text));
const STEPS = fc.sample(stepArbitrary(addressArbitrary, 8), { numRuns: 150, seed: 1 }).map((step) => encodeStep(step));
const TRANSACTION = new Uint8Array(12).fill(3);
const STUN = [
  encodeStun({ class: 'request', transaction: TRANSACTION }),
  encodeStun({ class: 'success', transaction: TRANSACTION, xorMapped: { address: '203.0.113.9', port: 4_000 } }),
  encodeStun({ class: 'success', transaction: TRANSACTION, xorMapped: { address: '2001:db8::9', port: 4_000 } }),
];

function text(bytes: Uint8Array): void {
  const read = utf8Decode(bytes) ?? String.fromCharCode(...bytes);
  for (const parse of [parseMasterLink, parseHostLink, parseJoinTarget, fromBase64Url]) parse(read);
}

const sent = (name: string, run: (bytes: Uint8Array) => unknown): Decoder => ({ name, corpus: SENT, run });

const RELAYED = Object.keys(RELAY_MESSAGES).map((type, n) => {
  const bytes = new Uint8Array(relayMessageBytes(type as keyof typeof RELAY_MESSAGES)).fill(1);
  bytes.set([0xd9, n + 1]);
  return bytes;
});

function relayDatagram(bytes: Uint8Array): void {
  const message = readRelay(bytes);
  if (message !== null) writeRelay(message);
}

export const DECODERS: readonly Decoder[] = [
  messages('request', request, writeRequest, readRequest),
  messages('response', response, writeResponse, readResponse),
  messages('push', push, writePush, readPush),
  messages('profile', profile, writeProfile, readProfile),
  sent('hello', readHello),
  sent('retry', (bytes) => readRetry(MESSAGE_1, bytes)),
  sent('accept', (bytes) => readAccept(MESSAGE_1, bytes)),
  sent('accept-payload', readAcceptPayload),
  sent('control', readControlHeader),
  sent('probe', readProbe),
  sent('probe-answer', (bytes) => readProbeAnswer(KEY, bytes)),
  { name: 'relay', corpus: RELAYED, run: relayDatagram },
  { name: 'step', corpus: STEPS, run: (bytes) => void decodeStep(bytes) },
  { name: 'stun', corpus: STUN, run: (bytes) => void parseStun(bytes, { classic: true }) },
  { name: 'text', corpus: TEXTS, run: text },
];
