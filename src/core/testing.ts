/**
 * A second entry, for tests and benches alone: parts of core that they look at by themselves, though no other layer builds on them.
 * What is here is a codec that a hostile side must be able to write, the part with which a room begins (docs/architecture.md), or
 * phases and limits to compare with.
 */
import { ACCEPT } from './wire/datagrams.ts';
import { entry } from './wire/entry-wire.ts';
import { announcement, permit } from './wire/fields.ts';
import { PUSHES, REQUESTS, RESPONSES } from './wire/messages.ts';
import { profile } from './wire/profile-wire.ts';
import { relayGrant, relayPlace } from './wire/relay.ts';

export { agenda } from './agenda.ts';
export { concat, Reader, utf8Decode, Writer } from './bytes.ts';
export { Connection } from './connection/connection.ts';
export { eightBytes } from './connection/datagram.ts';
export { Game } from './connection/game.ts';
export type { ConnectionEvent } from './connection/interface.ts';
export { MTU_PHASES, type MtuState, mtuSearchMax, PathMtu } from './connection/mtu.ts';
export { type Parted, Parts } from './connection/parts.ts';
export { pathOf } from './connection/path.ts';
export { SharedLine } from './connection/shared-line.ts';
export { Upload } from './connection/upload.ts';
export type { DetectCommand, DetectEvent, Detector } from './detect/detector.ts';
export { EpochKeys } from './fleet/epochs.ts';
export { FLEET_LIMITS } from './fleet/limits.ts';
export type { LinkCommand, LinkEvent, LinkMachine, MastersCommand, MastersEvent } from './link/interface.ts';
export { LINK_LIMITS } from './link/limits.ts';
export { Link } from './link/link.ts';
export { Masters } from './link/masters.ts';
export { Nodes } from './link/nodes.ts';
export { probeSources } from './link/sources.ts';
export { Nest } from './machine.ts';
export { namingMask } from './mask.ts';
export { Cookies } from './master/cookie.ts';
export type { MasterMachine } from './master/interface.ts';
export { Budget, Permits } from './master/permits.ts';
export { Tickets } from './master/tickets.ts';
export { type Candidate, PATH_KINDS, type Permit, type PermittedAddress, type Role } from './model/pair.ts';
export { REFUSALS } from './model/progress.ts';
export { inferMapping } from './nat/infer.ts';
export type { Observation } from './nat/observation.ts';
export { portSetOf } from './nat/port-set.ts';
export {
  type AllocatorKind,
  type Filtering,
  type Mapping,
  type OwnProfile,
  UNKNOWN_ALLOCATOR,
  UNKNOWN_PROFILE,
} from './nat/profile.ts';
export { ipv6Of, layersOf, verdictOf } from './nat/verdict.ts';
export type { GuestMemory } from './peer/base/interface.ts';
export { DOOR_LIMITS } from './peer/host/limits.ts';
export {
  type ClientHandshake,
  type ClientHello,
  type EndToEnd,
  NO_CONNECTION,
  openAsClient,
  openAsHost,
  passwordProof,
} from './peer/keys/handshake.ts';
export { unseenAddresses, usableCandidates } from './peer/reach/candidates.ts';
export { natPmpAddressRequest, natPmpMapRequest, parseNatPmp } from './portmap/natpmp.ts';
export { parsePcp, pcpMapRequest } from './portmap/pcp.ts';
export { Binder, type BinderEvent } from './relay/binder.ts';
export { RelayMeter } from './relay/meter.ts';
export { isLocal, type Scope, sameRealm, scopeOf } from './scope.ts';
export { deriveKey } from './secure/hkdf.ts';
export { SECURE_LIMITS } from './secure/limits.ts';
export {
  NOISE_MESSAGE_1_OVERHEAD,
  type NoiseInitiator,
  noiseInitiate,
  noiseNonce,
  noiseRespond,
  type TransportKeys,
} from './secure/noise.ts';
export { ConnectionKeys, maskSequence, unmaskSequence } from './secure/ratchet.ts';
export { type Resumption, resumeInitiate, resumeRespond, resumptionOf } from './secure/resume.ts';
export { ReplayWindow, SecureSession } from './secure/session.ts';
export { sipHash128 } from './secure/siphash.ts';
export { Asker, type Send } from './sources/asker.ts';
export type { AnswerFrom, MappingSource } from './sources/source.ts';
export { clockOf } from './streams/clock.ts';
export { QueueDelay } from './streams/congestion.ts';
export { readFrame, readVarint, writeVarint } from './streams/frames.ts';
export type { StreamCommand, StreamEvent } from './streams/interface.ts';
export { STREAM_LIMITS } from './streams/limits.ts';
export { Ranges } from './streams/ranges.ts';
export { ConnectionStreams } from './streams/streams.ts';
export { encodeStun, integrityMatches, parseStun, type StunMessage } from './stun/codec.ts';
export { STUN_LIMITS } from './stun/limits.ts';
export { CLIENT_PHASES } from './traverse/lead/client.ts';
export { COMMANDER_PHASES } from './traverse/lead/commander.ts';
export { Depth } from './traverse/lead/depth.ts';
export { LEAD_LIMITS } from './traverse/lead/limits.ts';
export { decodeStep, encodeStep, STEP_PLAIN_BYTES_MAX, type Step } from './traverse/lead/step.ts';
export { HOST_PHASES } from './traverse/lead/turn.ts';
export { canaries, watchedMs } from './traverse/learn/canary.ts';
export { type Device, device, deviceBudget, hardSlot } from './traverse/pay/budget.ts';
export { PAY_LIMITS } from './traverse/pay/limits.ts';
export { type Purpose, Purse, type PurseConfig } from './traverse/pay/purse.ts';
export { lanAddresses, reachOf } from './traverse/pay/reach.ts';
export { adviceFor, changeBetween, oddsNextMinute } from './traverse/plan/advice.ts';
export { PLAN_LIMITS } from './traverse/plan/limits.ts';
export {
  knownLife,
  type Nature,
  natureText,
  natView,
  quotaOf,
  type StepNature,
} from './traverse/plan/nature.ts';
export { type Method, type Plan, type PlanLimits, planFor, plansFor } from './traverse/plan/plan.ts';
export { type PortSpec, portAt, portCount, shuffled } from './traverse/plan/ports.ts';
export { type ProbeClass, packetsOf, type Sample, type SidePlan, tupleAt } from './traverse/plan/side-plan.ts';
export { PROVE_LIMITS } from './traverse/prove/limits.ts';
export { probeCodec } from './traverse/prove/probe.ts';
export { Prover } from './traverse/prove/prover.ts';
export type { Traversal, TraversalCommand, TraversalConfig, TraversalEvent } from './traverse/run/interface.ts';
export { RUN_LIMITS } from './traverse/run/limits.ts';
export { PUNCHING_PHASES } from './traverse/run/punching.ts';
export { TRAVERSAL_PHASES, traversal } from './traverse/traversal.ts';
export {
  type Accept,
  acceptPayload,
  CHALLENGE_BYTES,
  CONTROL_PROLOGUE,
  cidNumber,
  FRAME,
  helloPayload,
  probeAuthentic,
  probeKey,
  RESUME_PROLOGUE,
  readAccept,
  readAcceptPayload,
  readControlHeader,
  readHello,
  readProbe,
  readProbeAnswer,
  readRequestFrame,
  readRetry,
  resumePayload,
  TICKET_BYTES,
  writeAccept,
  writeChallengeFrame,
  writeControlHeader,
  writeHello,
  writeProbe,
  writeProbeAnswer,
  writePushAckFrame,
  writePushFrame,
  writeRequestFrame,
  writeResponseFrame,
  writeRetry,
} from './wire/datagrams.ts';
export {
  HANDSHAKE_BYTES_MAX,
  type Push,
  type Request,
  type Response,
  readPush,
  readRequest,
  readResponse,
  writePush,
  writeRequest,
  writeResponse,
} from './wire/messages.ts';
export { PROFILE_BYTES_MAX, readProfile, writeProfile } from './wire/profile-wire.ts';
export {
  mintGrant,
  RELAY_MESSAGES,
  RELAY_REFUSALS,
  type RelayGrant,
  type RelayKeys,
  type RelayMessage,
  readRelay,
  relayMessageBytes,
  writeBind,
  writeRelay,
} from './wire/relay.ts';
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
export { Displaced } from './master/displaced.ts';
export { PortWatch } from './master/port-watch.ts';
export { Vantage } from './master/vantage.ts';
