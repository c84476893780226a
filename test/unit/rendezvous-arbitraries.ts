/** Any message of the control protocol, for property tests. Numbers are such that the wire keeps them exactly. */
import fc from 'fast-check';
import {
  type FailureCode,
  type HostAnnouncement,
  isPublicKey,
  type ListEntry,
  type NatProfile,
  RETRYABLE,
  utf8Encode,
  WIRE_LIMITS,
} from '../../src/core/index.ts';
import {
  HANDSHAKE_BYTES_MAX,
  PATH_KINDS,
  type Permit,
  type Push,
  REFUSALS,
  type Request,
  type Response,
  Writer,
} from '../../src/core/testing.ts';

export const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Canonical and of no low order: what a clear highest bit and a random rest make of it but for one in 2^120. */
export const publicKey = bytes(32)
  .map((key) => key.with(31, (key[31] as number) & 0x7f))
  .filter(isPublicKey);
const upTo = (length: number) => fc.uint8Array({ maxLength: length });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const text = (max: number) =>
  fc
    .string({ unit: 'grapheme', maxLength: max })
    .filter((value) => utf8Encode(value).length <= max && !value.includes('\ufffd'));
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const port = fc.integer({ min: 1, max: 65535 });
const address = fc.oneof(
  bytes(4).map((raw) => raw.join('.')),
  fc.constantFrom('2001:db8::1', '::1', 'fe80::1:2:3:4', '2001:db8:1:2:3:4:5:6'),
);
export const endpoint = fc.record({ address, port });
const sid = bytes(16);
const failure = fc.constantFrom(...(Object.keys(RETRYABLE) as FailureCode[]));
const handshake = upTo(HANDSHAKE_BYTES_MAX);

const announcement: fc.Arbitrary<HostAnnouncement> = fc.record({
  name: text(WIRE_LIMITS.announcedNameBytesMax),
  game: text(WIRE_LIMITS.announcedTextBytesMax),
  map: text(WIRE_LIMITS.announcedTextBytesMax),
  mode: text(WIRE_LIMITS.announcedTextBytesMax),
  version: text(WIRE_LIMITS.announcedTextBytesMax),
  public: fc.boolean(),
  passwordNeeded: fc.boolean(),
  playersMax: u16,
});

const share = u16.map((value) => value / 0xffff);
const milli = fc.integer({ min: 0, max: 2 ** 31 }).map((value) => value / 1000);
const allocator = fc
  .record({
    kind: fc.constantFrom('preserve', 'step', 'time', 'range', 'block', 'random', 'unknown'),
    parity: fc.constantFrom('unknown', 'kept', 'none'),
    weight: share,
    step: orNull(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }).map((value) => value / 1000)),
    range: orNull(fc.tuple(port, port)),
    backgroundPerSecond: orNull(milli),
    backgroundDispersion: orNull(milli),
    backgroundError: orNull(milli),
  })
  .map(({ range, step, ...rest }) => ({
    ...rest,
    // Only the clock moves a port by parts of one.
    step: step === null || rest.kind === 'time' ? step : Math.round(step) + 0,
    low: range === null ? null : Math.min(...range),
    high: range === null ? null : Math.max(...range),
  }));
const tested = fc.constantFrom('untested', 'yes', 'no');
const small = orNull(fc.integer({ min: 0, max: 100_000 }));

export const profile = fc
  .record({
    v: fc.constant(1),
    mapping: fc.constantFrom('unknown', 'eim', 'adm', 'apdm'),
    filtering: fc.constantFrom('unknown', 'eif', 'adf', 'apdf'),
    type: fc.constantFrom('unknown', 'public', 'cone', 'port-preserving-cone', 'port-sensitive', 'blocked'),
    mixture: fc.array(allocator, { minLength: 1, maxLength: WIRE_LIMITS.profileMixtureMax }),
    external: fc.array(address, { maxLength: WIRE_LIMITS.profileAddressesMax }),
    pooling: fc.constantFrom('unknown', 'paired', 'arbitrary'),
    delta: orNull(fc.integer({ min: -65535, max: 65535 })),
    lastPort: orNull(port),
    lastPortAgeMs: small,
    predictedNextPort: orNull(port),
    hairpin: tested,
    poisonable: tested,
    natHops: orNull(fc.integer({ min: 0, max: WIRE_LIMITS.natHopsMax })),
    layers: small,
    idleLifetimeMs: orNull(
      fc.integer({ min: WIRE_LIMITS.mappingLifetimeMsMin, max: WIRE_LIMITS.mappingLifetimeMsMax }),
    ),
    quota: orNull(port),
    portSet: fc.constant(null),
    portMapping: fc
      .record({ upnp: tested, natPmp: tested, pcp: tested, external: orNull(endpoint) })
      .map((report) => ({ ...report, claim: report.external === null ? ('none' as const) : ('open' as const) })),
    ipv6: tested,
    vpn: fc.constantFrom('none', 'some', 'all'),
    verdict: fc.constantFrom('strict', 'moderate', 'open'),
    confidence: share,
    samples: u16,
    addressesAsked: fc.integer({ min: 0, max: 20 }),
    ageMs: u32.map((value) => Math.min(value, 0xffff_fffe)),
  })
  .map((value) => ({ ...value, allocator: value.mixture[0] })) as unknown as fc.Arbitrary<NatProfile>;

const seconds = fc.integer({ min: 0, max: 0xffff_fffe }).map((count) => count * 1_000);
const entry: fc.Arbitrary<ListEntry> = fc.record({
  hostId: fc.constant('abcdefghijklmnopqrstuvwxyz'),
  code: fc.constant('K7TQ9RBWXM'),
  name: text(WIRE_LIMITS.announcedNameBytesMax),
  game: text(WIRE_LIMITS.announcedTextBytesMax),
  map: text(WIRE_LIMITS.announcedTextBytesMax),
  mode: text(WIRE_LIMITS.announcedTextBytesMax),
  version: text(WIRE_LIMITS.announcedTextBytesMax),
  players: u16,
  playersMax: u16,
  passwordNeeded: fc.boolean(),
  natType: fc.constantFrom('cone', 'unknown', 'port-preserving-cone'),
  verdict: fc.constantFrom('open', 'moderate'),
  pingEstimateMs: small,
  natDelta: fc.option(fc.integer({ min: -4000, max: 4000 })),
  section: fc.constantFrom('local', 'official', 'community'),
  verifiedAt: fc.option(seconds),
  firstSeenAt: seconds,
  lastSeenAt: seconds,
  returning: fc.boolean(),
  address: fc.option(fc.constantFrom('203.0.113.9:30000', '[2001:db8::9]:30000')),
});

/** The longest address that an operator may write. */
const farEntry = entry.map((one) => ({ ...one, address: `${'a'.repeat(249)}:30000` }));

const permitted = fc.record({ address, probesMax: u32, probesPerSecondMax: u16, expiresInMs: u16 });
const permit: fc.Arbitrary<Permit> = fc.record({
  addresses: fc.array(permitted, { maxLength: WIRE_LIMITS.permitAddressesMax }),
});

const relayGrant = fc.record({ token: bytes(54), secret: bytes(16) });
/** As long as they get. */
const relayName = text(WIRE_LIMITS.relayNameBytesMax);
const relays = fc.array(
  fc.record({ name: relayName, region: relayName, addresses: fc.array(address, { maxLength: 4 }), port: u16 }),
  { maxLength: WIRE_LIMITS.relaysMax },
);

const nodes = fc.array(
  fc.record({
    ...{ name: relayName, region: relayName, port: u16, furtherPort: u16 },
    addresses: fc.array(address, { maxLength: 4 }),
  }),
  { maxLength: WIRE_LIMITS.nodesMax },
);

const type = <T extends string>(name: T) => fc.constant(name);
const beat = { players: u16, profile: orNull(profile) };
const refusal = { sid, failure, retryAfterMs: u32 };
const hold = { sid, ahead: fc.integer({ min: 0, max: 255 }) };
const step = { sid, n: u32, sealed: upTo(WIRE_LIMITS.stepBytesMax) };

export const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ type: type('register'), code: fc.constant('K7TQ9RBWXM'), announcement, ...beat, generation: u32 }),
  fc.record({ type: type('heartbeat'), announcement: orNull(announcement), ...beat }),
  fc.record({ type: type('goodbye') }),
  fc.record({ type: type('resolve'), code: fc.constant('K7TQ9RBWXM') }),
  fc.record({ type: type('join'), sid, hidden: fc.boolean(), hostKey: publicKey, handshake }),
  fc.record({ type: type('answer'), sid, hidden: fc.boolean(), handshake }),
  fc.record({ type: type('refuse'), ...refusal }),
  fc.record({ type: type('hold'), ...hold }),
  fc.record({ type: type('step'), ...step }),
  fc.record({ type: type('credit'), sid, n: u32 }),
  fc.record({
    type: type('done'),
    sid,
    outcome: fc.constantFrom('path', 'aborted'),
    clientNat: fc.constantFrom('unknown', 'cone', 'port-sensitive'),
    hostNat: fc.constantFrom('unknown', 'public', 'blocked'),
    family: fc.constantFrom(4, 6),
    path: orNull(fc.constantFrom(...PATH_KINDS)),
    method: text(32),
    attempts: u32,
    elapsedMs: u32,
    packetsSent: u32,
  }),
  fc.record({ type: type('list'), after: text(64), game: text(WIRE_LIMITS.announcedTextBytesMax) }),
  fc.record({ type: type('echo') }),
  fc.record({ type: type('relay'), token: bytes(54) }),
  fc.record({ type: type('relays') }),
  fc.record({ type: type('nodes') }),
);

export const response: fc.Arbitrary<Response> = fc.oneof(
  fc.record({ type: type('ok'), observed: endpoint, nodes: u32 }),
  fc.record({
    type: type('registered'),
    code: fc.constant('K7TQ9RBWXM'),
    hostId: text(26),
    observed: endpoint,
    page: fc.constantFrom('', 'https://ms.example.org', 'http://[2001:db8::7]:8420'),
  }),
  fc.record({ type: type('resolved'), hostKey: publicKey, entry }),
  fc.record({ type: type('entries'), entries: farEntry.map((one) => [one]), next: text(60) }),
  fc.record({ type: type('entries'), entries: fc.array(entry, { maxLength: 4 }), next: text(60) }),
  fc.record({ type: type('granted'), relay: relayGrant }),
  fc.record({ type: type('relays'), relays }),
  fc.record({ type: type('nodes'), self: relayName, serial: u32, expiresInMs: u32, nodes }),
  fc.record({ type: type('failed'), failure, why: fc.constantFrom(...REFUSALS), retryAfterMs: u32 }),
);

const relayed = {
  sid,
  observed: fc.array(endpoint, { maxLength: WIRE_LIMITS.observedMax }),
  permit,
  handshake,
  relay: orNull(relayGrant),
};

export const push: fc.Arbitrary<Push> = fc.oneof(
  fc.record({ type: type('offer'), ...relayed }),
  fc.record({ type: type('answered'), ...relayed }),
  fc.record({ type: type('refused'), ...refusal }),
  fc.record({ type: type('held'), ...hold }),
  fc.record({ type: type('replaced') }),
  fc.record({ type: type('step'), ...step }),
  fc.record({ type: type('credited'), sid, permit }),
  fc.record({ type: type('over'), sid, outcome: fc.constantFrom('path', 'aborted', 'expired') }),
  fc.record({ type: type('going-away'), afterMs: u32 }),
) as fc.Arbitrary<Push>;

/** True messages to change: so many of one kind, as they are written. */
export function encoded<Message>(
  arbitrary: fc.Arbitrary<Message>,
  write: (writer: Writer, message: Message) => void,
  seed: number,
): Uint8Array[] {
  return fc.sample(arbitrary, { numRuns: 150, seed }).map((message) => {
    const writer = new Writer(2_000);
    write(writer, message);
    return writer.done();
  });
}
