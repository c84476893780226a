/**
 * A `NatProfile` in bytes: in heartbeats, and inside the end-to-end handshake of JOIN and ANSWER. At most
 * `PROFILE_BYTES_MAX`, so that it fits beside Noise message 1 and the candidates in one datagram of 1200 bytes.
 * Numbers are rounded (shares to 1/65535, rates to 1/1000).
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
  type Vpn,
} from '../nat/profile.ts';
import { address, endpoint } from './fields.ts';
import { WIRE_LIMITS } from './limits.ts';
import { type Field, many, refine, scaled, share, signed, struct, u16, type Words, word } from './struct.ts';

const MAPPINGS: Words<Mapping> = ['unknown', 'eim', 'adm', 'apdm'];
const FILTERINGS: Words<Filtering> = ['unknown', 'eif', 'adf', 'apdf'];
const NAT_TYPES: Words<NatType> = [
  ...(['unknown', 'public', 'port-preserving-cone', 'cone'] as const),
  ...(['address-sensitive', 'port-sensitive', 'blocked'] as const),
];
const KINDS: Words<AllocatorKind> = ['unknown', 'preserve', 'step', 'time', 'range', 'block', 'random'];
const PARITIES: Words<Allocator['parity']> = ['unknown', 'kept', 'none'];
const POOLINGS: Words<NatProfile['pooling']> = ['unknown', 'paired', 'arbitrary'];
const TESTED: Words<Tested> = ['untested', 'yes', 'no'];
const VPNS: Words<Vpn> = ['none', 'some', 'all'];
const VERDICTS: Words<Verdict> = ['strict', 'moderate', 'open'];

export const natType = { ...word(NAT_TYPES), layout: '1 (a NAT type)' };
export const verdict = word(VERDICTS);
const tested = { ...word(TESTED), layout: '1 (tested)' };

/** No NAT gives out port 0, so 0 says that none is known. */
const port: Field<number | null> = refine(
  u16,
  (value: number | null) => value ?? 0,
  (value) => (value === 0 ? null : value),
);

const allocator: Field<Allocator> = refine(
  struct({
    kind: word(KINDS),
    parity: word(PARITIES),
    weight: share,
    step: signed(1000),
    low: port,
    high: port,
    backgroundPerSecond: scaled(1000),
    backgroundDispersion: scaled(1000),
    backgroundError: scaled(1000),
  }),
  (value: Allocator) => value,
  (told, reader) => {
    // An empty range would make a generator of ports run for ever or not at all; the planner takes these for what is not known.
    if ((told.low ?? PORT_LOW) > (told.high ?? PORT_HIGH)) reader.fail();
    // Only the clock moves a port by parts of one; adding 0 keeps -0 out.
    const step = told.step === null || told.kind === 'time' ? told.step : Math.round(told.step) + 0;
    return { ...told, step };
  },
);

export const profile: Field<NatProfile> = refine(
  struct({
    mapping: word(MAPPINGS),
    filtering: word(FILTERINGS),
    type: natType,
    pooling: word(POOLINGS),
    verdict,
    hairpin: tested,
    poisonable: tested,
    ipv6: tested,
    upnp: tested,
    natPmp: tested,
    pcp: tested,
    vpn: word(VPNS),
    delta: signed(),
    lastPort: scaled(),
    lastPortAgeMs: scaled(),
    predictedNextPort: scaled(),
    natHops: scaled(),
    layers: scaled(),
    idleLifetimeMs: scaled(),
    quota: scaled(),
    samples: scaled(),
    addressesAsked: scaled(),
    ageMs: scaled(),
    confidence: share,
    mixture: many(allocator, WIRE_LIMITS.profileMixtureMax, 'allocators'),
    external: many(address, WIRE_LIMITS.profileAddressesMax, 'addresses'),
    mapped: many(endpoint, 1, 'endpoints'),
  }),
  (value: NatProfile) => ({
    mapping: value.mapping,
    filtering: value.filtering,
    type: value.type,
    pooling: value.pooling,
    verdict: value.verdict,
    hairpin: value.hairpin,
    poisonable: value.poisonable,
    ipv6: value.ipv6,
    upnp: value.portMapping.upnp,
    natPmp: value.portMapping.natPmp,
    pcp: value.portMapping.pcp,
    vpn: value.vpn,
    delta: value.delta,
    lastPort: value.lastPort,
    lastPortAgeMs: value.lastPortAgeMs,
    predictedNextPort: value.predictedNextPort,
    natHops: value.natHops,
    layers: value.layers,
    idleLifetimeMs: value.idleLifetimeMs,
    quota: value.quota,
    samples: value.samples,
    addressesAsked: value.addressesAsked,
    ageMs: value.ageMs,
    confidence: value.confidence,
    mixture: value.mixture,
    external: value.external,
    mapped: value.portMapping.external === null ? [] : [value.portMapping.external],
  }),
  // One literal: put together from parts, V8 makes it as a dictionary, which costs ten times as much.
  (told) => ({
    v: 1,
    mapping: told.mapping,
    filtering: told.filtering,
    type: told.type,
    allocator: told.mixture[0] ?? UNKNOWN_ALLOCATOR,
    mixture: told.mixture,
    external: told.external,
    pooling: told.pooling,
    delta: told.delta,
    lastPort: within(1, PORT_HIGH, told.lastPort),
    lastPortAgeMs: told.lastPortAgeMs,
    predictedNextPort: within(1, PORT_HIGH, told.predictedNextPort),
    hairpin: told.hairpin,
    poisonable: told.poisonable,
    natHops: within(0, WIRE_LIMITS.natHopsMax, told.natHops),
    layers: told.layers,
    idleLifetimeMs: within(WIRE_LIMITS.mappingLifetimeMsMin, WIRE_LIMITS.mappingLifetimeMsMax, told.idleLifetimeMs),
    quota: within(1, PORT_HIGH, told.quota),
    portMapping: {
      ...{ upnp: told.upnp, natPmp: told.natPmp, pcp: told.pcp },
      // What nobody outside has come in by is of no use to a peer, nor is what no plan reckons with.
      claim: told.mapped[0] === undefined ? 'none' : 'open',
      external: told.mapped[0] ?? null,
    },
    portSet: null,
    ipv6: told.ipv6,
    vpn: told.vpn,
    verdict: told.verdict,
    confidence: told.confidence,
    samples: told.samples ?? 0,
    addressesAsked: told.addressesAsked ?? 0,
    ageMs: told.ageMs ?? 0,
  }),
);

export const PROFILE_BYTES_MAX = profile.bytesMax;

export const writeProfile = (writer: Writer, value: NatProfile): void => profile.write(writer, value);
export const readProfile = (reader: Reader): NatProfile => profile.read(reader);

/** What no NAT can be is not known: the planner counts with all of these. */
function within(low: number, high: number, value: number | null): number | null {
  return value !== null && value >= low && value <= high ? value : null;
}
