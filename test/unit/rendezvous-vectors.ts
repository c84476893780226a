/**
 * One exchange with fixed secrets, and one message of every kind: the test vectors of docs/protocol.md. Made by the real code;
 * `rendezvous-vectors.test.ts` keeps the file equal to it and reads it back with other code.
 */
import { scryptSync } from 'node:crypto';
import {
  CODE_DERIVATION,
  codeFrom,
  formatHostLink,
  formatMasterLink,
  fromHex,
  hostIdOf,
  type ListEntry,
  type NatProfile,
  relayKeys,
  seededCrypto,
  toHex,
} from '../../src/core/index.ts';
import {
  acceptPayload,
  CONTROL_PROLOGUE,
  cidNumber,
  concat,
  helloPayload,
  mintGrant,
  noiseInitiate,
  noiseRespond,
  PROFILE_BYTES_MAX,
  type Push,
  probeKey,
  RESUME_PROLOGUE,
  type Request,
  type Response,
  resumeInitiate,
  resumePayload,
  resumeRespond,
  resumptionOf,
  SecureSession,
  TICKET_BYTES,
  UNKNOWN_PROFILE,
  Writer,
  writeAccept,
  writeBind,
  writeControlHeader,
  writeHello,
  writeProbe,
  writeProbeAnswer,
  writeProfile,
  writePush,
  writeRelay,
  writeRequest,
  writeRequestFrame,
  writeResponse,
  writeResponseFrame,
  writeRetry,
} from '../../src/core/testing.ts';
import { nodeCrypto as suite } from '../../src/node/index.ts';

const secret = (byte: number) => new Uint8Array(32).fill(byte);
const OBSERVED = { address: '203.0.113.9', port: 41822 } as const;
const OBSERVED_6 = { address: '2001:db8::9', port: 41822 } as const;
const SID = Uint8Array.from({ length: 16 }, (_, i) => i);
const CID = Uint8Array.of(0, 0, 1, 2, 3, 4, 5, 6);
const HOST_KEY = suite.keyPair(secret(0x33)).publicKey;
const { salt, N, r, p } = CODE_DERIVATION;
const CODE = codeFrom(scryptSync(HOST_KEY, salt, CODE_DERIVATION.bytes, { N, r, p, maxmem: 2 ** 26 }));
const ANNOUNCEMENT = {
  ...{ name: 'Arena', game: 'teeworlds', map: 'dm1', mode: 'dm', version: '0.7', public: true },
  ...{ playersMax: 8, passwordNeeded: false },
} as const;
const PERMIT = {
  addresses: [
    { address: '203.0.113.9', probesMax: 60, probesPerSecondMax: 1000, expiresInMs: 15000 },
    { address: '2001:db8::9', probesMax: 46, probesPerSecondMax: 400, expiresInMs: 9000 },
  ],
};
const GRANT = {
  token: Uint8Array.from({ length: 54 }, (_, i) => i),
  secret: Uint8Array.from({ length: 16 }, (_, i) => 0xe0 + i),
};
const ENTRY: ListEntry = {
  ...{ hostId: hostIdOf(suite, HOST_KEY), code: CODE, name: 'Arena', game: 'teeworlds' },
  ...{ map: 'dm1', mode: 'dm', version: '0.7', players: 3, playersMax: 8, passwordNeeded: false },
  ...{ natType: 'cone', verdict: 'moderate', natDelta: 0, section: 'community', pingEstimateMs: null },
  ...{ verifiedAt: 1_700_000_000_000, firstSeenAt: 1_600_000_000_000, lastSeenAt: 1_700_000_100_000 },
  ...{ returning: false, address: null },
};

export const PROFILE: NatProfile = {
  ...UNKNOWN_PROFILE,
  ...{ mapping: 'apdm', filtering: 'apdf', type: 'port-sensitive', pooling: 'paired', verdict: 'strict', delta: 2 },
  ...{ hairpin: 'no', poisonable: 'yes', ipv6: 'no', external: ['203.0.113.9'], lastPort: 41822, lastPortAgeMs: 120 },
  ...{ predictedNextPort: 41824, natHops: 2, layers: 1, samples: 12, addressesAsked: 2, confidence: 1, ageMs: 120 },
};

const REQUESTS: readonly Request[] = [
  { type: 'register', code: CODE, announcement: ANNOUNCEMENT, players: 3, profile: PROFILE, generation: 7 },
  { type: 'heartbeat', announcement: null, players: 4, profile: null },
  { type: 'goodbye' },
  { type: 'resolve', code: ENTRY.code },
  { type: 'join', hidden: false, sid: SID, hostKey: HOST_KEY, handshake: Uint8Array.of(1, 2, 3) },
  { type: 'answer', hidden: false, sid: SID, handshake: Uint8Array.of(4, 5, 6) },
  { type: 'refuse', sid: SID, failure: 'FULL', retryAfterMs: 9000 },
  { type: 'step', sid: SID, n: 1, sealed: Uint8Array.of(7, 8, 9) },
  { type: 'credit', sid: SID, n: 1 },
  {
    ...{ type: 'done', sid: SID, outcome: 'path', path: 'direct', clientNat: 'cone', hostNat: 'port-sensitive' },
    ...{ family: 4, method: 'window', attempts: 1, elapsedMs: 212, packetsSent: 7 },
  },
  { type: 'list', after: '', game: 'teeworlds' },
  { type: 'echo' },
  { type: 'hold', sid: SID, ahead: 2 },
  { type: 'relay', token: GRANT.token },
  { type: 'relays' },
  { type: 'nodes' },
];

const RESPONSES: readonly Response[] = [
  { type: 'ok', observed: OBSERVED, nodes: 7 },
  { type: 'registered', code: ENTRY.code, hostId: ENTRY.hostId, observed: OBSERVED_6, page: 'https://ms.example.org' },
  { type: 'resolved', hostKey: HOST_KEY, entry: ENTRY },
  { type: 'entries', entries: [ENTRY], next: '1' },
  { type: 'granted', relay: GRANT },
  {
    type: 'relays',
    relays: [{ name: 'home', region: 'eu', addresses: [OBSERVED.address, OBSERVED_6.address], port: 8455 }],
  },
  {
    ...{ type: 'nodes', self: 'a', serial: 7, expiresInMs: 600_000 },
    nodes: [{ name: 'a', region: 'eu', addresses: [OBSERVED.address], port: 8430, furtherPort: 443 }],
  },
  { type: 'failed', failure: 'BUSY', why: 'codes-tried', retryAfterMs: 0 },
];

const PUSHES: readonly Push[] = [
  {
    ...{ type: 'offer', sid: SID, observed: [OBSERVED], permit: PERMIT },
    ...{ handshake: Uint8Array.of(1, 2, 3), relay: GRANT },
  },
  {
    ...{ type: 'answered', sid: SID, observed: [OBSERVED_6], permit: PERMIT },
    ...{ handshake: Uint8Array.of(4, 5, 6), relay: null },
  },
  { type: 'refused', sid: SID, failure: 'FULL', retryAfterMs: 9000 },
  { type: 'step', sid: SID, n: 1, sealed: Uint8Array.of(7, 8, 9) },
  { type: 'credited', sid: SID, permit: PERMIT },
  { type: 'over', sid: SID, outcome: 'path' },
  { type: 'going-away', afterMs: 30000 },
  { type: 'held', sid: SID, ahead: 2 },
  { type: 'replaced' },
];

function written<Message extends { readonly type: string }>(
  messages: readonly Message[],
  write: (writer: Writer, message: Message) => void,
): Record<string, string> {
  const entries = messages.map((message) => {
    const writer = new Writer(1200);
    write(writer, message);
    return [message.type, toHex(writer.done())] as const;
  });
  return Object.fromEntries(entries);
}

function sealed(session: SecureSession, plaintext: Uint8Array): string {
  const header = writeControlHeader(CID, session.sequence);
  return toHex(concat(header, session.seal(header, plaintext)));
}

function exchange() {
  const [participant, master] = [suite.keyPair(secret(0x11)), suite.keyPair(secret(0x22))];
  const ephemeral = { participant: suite.keyPair(secret(0x44)), master: suite.keyPair(secret(0x55)) };
  const time = 1_700_000_000_000;
  const parts = { prologue: CONTROL_PROLOGUE, own: participant, remoteStatic: master.publicKey };
  const initiator = noiseInitiate(suite, { ...parts, payload: helloPayload(time), ephemeral: ephemeral.participant });
  if (initiator === null) throw new Error('the handshake begins');
  const accept = {
    ...{
      cid: CID,
      pingMs: 2000,
      observed: OBSERVED,
      controlPort: 8433,
      firstProbePort: 8439,
      probePorts: 16,
    },
    otherAddresses: ['198.51.100.8'],
    ticket: Uint8Array.from({ length: TICKET_BYTES }, (_, i) => i),
  };
  const responder = noiseRespond(suite, { prologue: CONTROL_PROLOGUE, own: master }, initiator.message1);
  const answer = responder?.respond(() => acceptPayload(accept), ephemeral.master);
  const finished = answer && initiator.finish(answer.message2);
  if (!answer || !finished) throw new Error('the handshake completes');
  const cookie = Uint8Array.from({ length: 24 }, (_, i) => 0xc0 + i);
  const [left, right] = [new SecureSession(suite, finished.keys), new SecureSession(suite, answer.keys)];
  const probing = probeKey(suite, finished.keys.send, finished.keys.receive);
  return {
    secrets: {
      ...{ participantStatic: toHex(secret(0x11)), masterStatic: toHex(secret(0x22)) },
      ...{ participantEphemeral: toHex(secret(0x44)), masterEphemeral: toHex(secret(0x55)) },
    },
    ...{ time, prologue: toHex(CONTROL_PROLOGUE), handshakeHash: toHex(finished.keys.hash), probeKey: toHex(probing) },
    ...{ keyToMaster: toHex(finished.keys.send), keyToParticipant: toHex(finished.keys.receive) },
    acceptPayload: toHex(acceptPayload(accept)),
    datagrams: {
      hello: toHex(writeHello(initiator.message1, null, false)),
      helloWithCookie: toHex(writeHello(initiator.message1, cookie, false)),
      retry: toHex(writeRetry(initiator.message1, cookie, OBSERVED)),
      accept: toHex(writeAccept(initiator.message1, answer.message2)),
      confirm: sealed(left, writeRequestFrame({ id: 7, via: false, stamp: 0, message: { type: 'echo' } })),
      response: sealed(right, writeResponseFrame(7, 0x01020304, { type: 'ok', observed: OBSERVED, nodes: 0 })),
      probe: toHex(writeProbe(probing, CID, 5, 'other-port')),
      probeAnswer: toHex(
        writeProbeAnswer(
          probing,
          { session: cidNumber(CID), request: 5, answerFrom: 'other-port', toPort: 0 },
          OBSERVED_6,
        ),
      ),
    },
  };
}

/** The same two come back by the ticket of that exchange; what is random at the master comes from a seed. */
function resumption({ keyToMaster, keyToParticipant, time }: ReturnType<typeof exchange>) {
  const resumption = resumptionOf(suite, hexBytes(keyToMaster), hexBytes(keyToParticipant));
  const ticket = Uint8Array.from({ length: TICKET_BYTES }, (_, i) => i);
  const input = { prologue: RESUME_PROLOGUE, ticketBytes: TICKET_BYTES, resumption };
  const initiator = resumeInitiate(suite, { ...input, random: secret(0x66), ticket, payload: resumePayload(time + 1) });
  const responder = resumeRespond(seededCrypto('vectors', suite), input, initiator.message1);
  const payload = acceptPayload({
    ...{
      cid: CID,
      pingMs: 2000,
      observed: OBSERVED,
      controlPort: 8433,
      firstProbePort: 8439,
      probePorts: 16,
    },
    ...{ otherAddresses: [], ticket: Uint8Array.from({ length: TICKET_BYTES }, (_, i) => 255 - i) },
  });
  const answer = responder?.respond(() => payload);
  const finished = answer && initiator.finish(answer.message2);
  if (!answer || !finished) throw new Error('the resumption completes');
  return {
    ...{ prologue: toHex(RESUME_PROLOGUE), proof: toHex(resumption.proof), chain: toHex(resumption.chain) },
    ...{ keyToMaster: toHex(finished.keys.send), keyToParticipant: toHex(finished.keys.receive) },
    acceptPayload: toHex(payload),
    datagrams: {
      resume: toHex(writeHello(initiator.message1, null, false, true)),
      accept: toHex(writeAccept(initiator.message1, answer.message2)),
      refusal: toHex(writeRetry(initiator.message1, new Uint8Array(24), OBSERVED, 'ticket')),
    },
  };
}

/** One pair at a relay. */
function relay() {
  const masterKey = suite.keyPair(secret(0x22)).publicKey;
  const clientKey = suite.keyPair(secret(0x11)).publicKey;
  const keys = relayKeys(suite, secret(0x77), masterKey);
  const end = { side: 'client', expiresAt: 1_700_000_060 } as const;
  const grant = mintGrant(suite, keys, { sid: SID, clientKey, hostKey: HOST_KEY }, end);
  const random = Uint8Array.from({ length: 8 }, (_, i) => 0xa0 + i);
  const cookie = Uint8Array.from({ length: 16 }, (_, i) => 0xc0 + i);
  return {
    ...{ secret: toHex(secret(0x77)), masterKey: toHex(masterKey), sid: toHex(SID) },
    ...{ clientKey: toHex(clientKey), hostKey: toHex(HOST_KEY), expiresAt: end.expiresAt },
    ...{ token: toHex(grant.token), endSecret: toHex(grant.secret) },
    datagrams: {
      ask: toHex(writeRelay({ type: 'ask', random })),
      cookie: toHex(writeRelay({ type: 'cookie', random, cookie })),
      bind: toHex(writeBind(suite, grant, { random, cookie, turn: 5 })),
      bound: toHex(writeRelay({ type: 'bound', random, cookie, other: true })),
      refused: toHex(writeRelay({ type: 'refused', random, why: 'expired' })),
      keep: toHex(writeRelay({ type: 'keep', random, cookie })),
    },
  };
}

export function protocolVectors() {
  const first = exchange();
  const writer = new Writer(PROFILE_BYTES_MAX);
  writeProfile(writer, PROFILE);
  const master = { host: '198.51.100.7', port: 8430, key: suite.keyPair(secret(0x22)).publicKey };
  return {
    about:
      'Sallyport control protocol, version 1. Hexadecimal. Kept equal to the code by test/unit/rendezvous-vectors.test.ts.',
    exchange: first,
    resumption: resumption(first),
    relay: relay(),
    requests: written(REQUESTS, writeRequest),
    responses: written(RESPONSES, writeResponse),
    pushes: written(PUSHES, writePush),
    profile: toHex(writer.done()),
    names: {
      hostKey: toHex(HOST_KEY),
      code: CODE,
      hostId: hostIdOf(suite, HOST_KEY),
      masterLink: formatMasterLink(master),
      hostLink: formatHostLink({ master, code: ENTRY.code, hostKey: HOST_KEY }),
    },
  };
}

export const hexBytes = (text: string): Uint8Array => fromHex(text) ?? new Uint8Array(0);
