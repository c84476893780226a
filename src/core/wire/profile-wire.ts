/**
 * A `NatProfile` in bytes: in heartbeats, and inside the end-to-end handshake of JOIN and ANSWER. At most
 * `PROFILE_BYTES_MAX`, so that it fits beside Noise message 1 and the candidates in one datagram of 1200 bytes.
 * Numbers are rounded (shares to 1/65535, rates to 1/1000); what is appended by later versions is ignored.
 */
import { PORT_HIGH, PORT_LOW } from '../address.ts';
import type { Reader, Writer } from '../bytes.ts';
import {
  type Allocator,
  type AllocatorKind,
  type Filtering,
  type Mapping,
  type NatProfile,
  type NatType,
  type Tested,
  UNKNOWN_ALLOCATOR,
  type Verdict,
} from '../nat/profile.ts';
import {
  readAddress,
  readEndpoint,
  readMany,
  readScaled,
  readShare,
  readSigned,
  readWord,
  writeAddress,
  writeEndpoint,
  writeMany,
  writeScaled,
  writeShare,
  writeSigned,
  writeWord,
} from './fields.ts';
import { WIRE_LIMITS } from './limits.ts';

type Words<Word> = readonly [Word, ...Word[]];
const MAPPINGS: Words<Mapping> = ['unknown', 'eim', 'adm', 'apdm'];
const FILTERINGS: Words<Filtering> = ['unknown', 'eif', 'adf', 'apdf'];
export const NAT_TYPES: Words<NatType> = [
  ...(['unknown', 'public', 'port-preserving-cone', 'cone'] as const),
  ...(['address-sensitive', 'port-sensitive', 'blocked'] as const),
];
const KINDS: Words<AllocatorKind> = ['unknown', 'preserve', 'step', 'time', 'range', 'block', 'random'];
const PARITIES: Words<Allocator['parity']> = ['unknown', 'kept', 'none'];
const POOLINGS: Words<NatProfile['pooling']> = ['unknown', 'paired', 'arbitrary'];
const TESTED: Words<Tested> = ['untested', 'yes', 'no'];
export const VERDICTS: Words<Verdict> = ['strict', 'moderate', 'open'];

const ALLOCATOR_BYTES = 24;
const FIXED_BYTES = 64;
export const PROFILE_BYTES_MAX =
  FIXED_BYTES + WIRE_LIMITS.profileMixtureMax * ALLOCATOR_BYTES + (WIRE_LIMITS.profileAddressesMax + 1) * 19;

export function writeProfile(writer: Writer, profile: NatProfile): void {
  writer.u8(profile.v);
  writeWord(writer, MAPPINGS, profile.mapping);
  writeWord(writer, FILTERINGS, profile.filtering);
  writeWord(writer, NAT_TYPES, profile.type);
  writeWord(writer, POOLINGS, profile.pooling);
  writeWord(writer, VERDICTS, profile.verdict);
  for (const tested of testedFields(profile)) writeWord(writer, TESTED, tested);
  writeSigned(writer, profile.delta);
  for (const value of numericFields(profile)) writeScaled(writer, value);
  writeShare(writer, profile.confidence);
  writeMany(writer, profile.mixture, WIRE_LIMITS.profileMixtureMax, writeAllocator);
  writeMany(writer, profile.external, WIRE_LIMITS.profileAddressesMax, writeAddress);
  writeMany(writer, profile.portMapping.external === null ? [] : [profile.portMapping.external], 1, writeEndpoint);
}

function testedFields(profile: NatProfile): readonly Tested[] {
  const { upnp, natPmp, pcp } = profile.portMapping;
  return [profile.hairpin, profile.poisonable, profile.ipv6, upnp, natPmp, pcp];
}

function numericFields(profile: NatProfile): readonly (number | null)[] {
  return [
    ...[profile.lastPort, profile.lastPortAgeMs, profile.predictedNextPort, profile.natHops, profile.layers],
    ...[profile.idleLifetimeMs, profile.quota, profile.samples, profile.addressesAsked, profile.ageMs],
  ];
}

export function readProfile(reader: Reader): NatProfile {
  reader.u8();
  const mapping = readWord(reader, MAPPINGS);
  const filtering = readWord(reader, FILTERINGS);
  const type = readWord(reader, NAT_TYPES);
  const pooling = readWord(reader, POOLINGS);
  const verdict = readWord(reader, VERDICTS);
  const tested = (): Tested => readWord(reader, TESTED);
  const [hairpin, poisonable, ipv6, upnp, natPmp, pcp] = [tested(), tested(), tested(), tested(), tested(), tested()];
  const delta = readSigned(reader);
  const number = (): number | null => readScaled(reader);
  const [lastPort, lastPortAgeMs, predictedNextPort, natHops, layers] = [
    number(),
    number(),
    number(),
    number(),
    number(),
  ];
  const [idleLifetimeMs, quota, samples, addressesAsked, ageMs] = [number(), number(), number(), number(), number()];
  const confidence = readShare(reader);
  const mixture = readMany(reader, WIRE_LIMITS.profileMixtureMax, readAllocator);
  const external = readMany(reader, WIRE_LIMITS.profileAddressesMax, readAddress);
  const mapped = readMany(reader, 1, readEndpoint)[0] ?? null;
  // One literal: put together from parts, V8 makes it as a dictionary, which costs ten times as much.
  return {
    v: 1,
    mapping,
    filtering,
    type,
    allocator: mixture[0] ?? UNKNOWN_ALLOCATOR,
    mixture,
    external,
    pooling,
    delta,
    lastPort: port(lastPort),
    lastPortAgeMs,
    predictedNextPort: port(predictedNextPort),
    hairpin,
    poisonable,
    natHops: within(0, WIRE_LIMITS.natHopsMax, natHops),
    layers,
    idleLifetimeMs: within(WIRE_LIMITS.mappingLifetimeMsMin, WIRE_LIMITS.mappingLifetimeMsMax, idleLifetimeMs),
    quota: within(1, PORT_HIGH, quota),
    portMapping: { upnp, natPmp, pcp, external: mapped },
    ipv6,
    verdict,
    confidence,
    samples: samples ?? 0,
    addressesAsked: addressesAsked ?? 0,
    ageMs: ageMs ?? 0,
  };
}

/** What no NAT can be is not known: the planner counts with all of these. */
function within(low: number, high: number, value: number | null): number | null {
  return value !== null && value >= low && value <= high ? value : null;
}

function port(value: number | null): number | null {
  return within(1, PORT_HIGH, value);
}

function writeAllocator(writer: Writer, allocator: Allocator): void {
  writeWord(writer, KINDS, allocator.kind);
  writeWord(writer, PARITIES, allocator.parity);
  writeShare(writer, allocator.weight);
  writeSigned(writer, allocator.step, 1000);
  // No NAT gives out port 0, so 0 says "unknown".
  writer.u16(allocator.low ?? 0).u16(allocator.high ?? 0);
  writeScaled(writer, allocator.backgroundPerSecond, 1000);
  writeScaled(writer, allocator.backgroundDispersion, 1000);
  writeScaled(writer, allocator.backgroundError, 1000);
}

function readAllocator(reader: Reader): Allocator {
  const kind = readWord(reader, KINDS);
  const parity = readWord(reader, PARITIES);
  const weight = readShare(reader);
  const said = readSigned(reader, 1000);
  // Only the clock moves a port by parts of one; adding 0 keeps -0 out.
  const step = said === null || kind === 'time' ? said : Math.round(said) + 0;
  const [low, high] = [port(reader.u16()), port(reader.u16())];
  const [backgroundPerSecond, backgroundDispersion] = [readScaled(reader, 1000), readScaled(reader, 1000)];
  const backgroundError = readScaled(reader, 1000);
  // An empty range would make a generator of ports run for ever or not at all; the planner takes these for what is not known.
  if ((low ?? PORT_LOW) > (high ?? PORT_HIGH)) reader.fail();
  return { kind, weight, step, low, high, backgroundPerSecond, backgroundDispersion, backgroundError, parity };
}
