/**
 * A second entry, for tests alone: parts of core that they look at by themselves, though no other layer builds on them. What is here
 * is a codec that a hostile side must be able to write, or the part with which a room begins (docs/architecture.md).
 */
import { ACCEPT } from './wire/datagrams.ts';
import { entry } from './wire/entry-wire.ts';
import { announcement, permit } from './wire/fields.ts';
import { PUSHES, REQUESTS, RESPONSES } from './wire/messages.ts';
import { profile } from './wire/profile-wire.ts';
import { relayGrant, relayPlace } from './wire/relay.ts';

export { CONNECTION_LIMITS } from './connection/limits.ts';
export { MTU_PHASES, type MtuState, mtuSearchMax, PathMtu } from './connection/mtu.ts';
export { type Parted, Parts } from './connection/parts.ts';
export { inferMapping } from './nat/infer.ts';
export type { Observation } from './nat/observation.ts';
export { ipv6Of, layersOf, verdictOf } from './nat/verdict.ts';
export { agenda } from './peer/agenda.ts';
export { Connection, type ConnectionEvent } from './peer/connection.ts';
export { DOOR } from './peer/door-limits.ts';
export {
  type ClientHandshake,
  type ClientHello,
  type EndToEnd,
  openAsClient,
  openAsHost,
  passwordProof,
} from './peer/handshake.ts';
export { natPmpAddressRequest, natPmpMapRequest, parseNatPmp } from './portmap/natpmp.ts';
export { parsePcp, pcpMapRequest } from './portmap/pcp.ts';
export { integrityMatches } from './stun/codec.ts';
export { STUN_LIMITS } from './stun/limits.ts';
export { decodeStep, encodeStep, SAMPLES_MAX, STEP_PLAIN_BYTES_MAX, type Step } from './traverse/lead/step.ts';
export { canaries, watchedMs } from './traverse/learn/canary.ts';
export { deviceBudget, hardSlot } from './traverse/pay/budget.ts';
export { type Purpose, Purse, type PurseConfig } from './traverse/pay/purse.ts';
export { reachOf } from './traverse/pay/reach.ts';
export { adviceFor, changeBetween, oddsNextMinute } from './traverse/plan/advice.ts';
export { knownLife, natView, quotaOf } from './traverse/plan/nature.ts';
export { type Method, plansFor } from './traverse/plan/plan.ts';
export { type PortSpec, portAt, portCount, shuffled } from './traverse/plan/ports.ts';
export { CANARIES_MAX, type ProbeClass, packetsOf, type SidePlan, tupleAt } from './traverse/plan/side-plan.ts';
export { probeCodec } from './traverse/prove/probe.ts';
export { Prover } from './traverse/prove/prover.ts';
export { type Field, type Fields, layoutOf } from './wire/struct.ts';
/**
 * Every control message there is, by direction and type: `MESSAGES.requests.join.fields.sid` is a `Field` with its `kind`, and with
 * `words`, `parts`, `item` or `bytesMax` where that kind has them.
 */
export const MESSAGES = { requests: REQUESTS, responses: RESPONSES, pushes: PUSHES } as const;
/** What messages are made of and the document draws by itself. */
export const STRUCTURES = {
  ...{ announcement, entry, permit, profile, accept: ACCEPT },
  ...{ relay: relayPlace, relayGrant },
} as const;
