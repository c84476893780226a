/** The public face of core: what other layers use of it, by name. What only tests and benches look at is in `testing.ts`. */
export {
  addressBytes,
  addressText,
  type Endpoint,
  endpointKey,
  familyOf,
  isLoopback,
  isPrivate,
  NOWHERE,
} from './address.ts';
export { concat, equalBytes, fromBase64Url, fromHex, toBase32, toBase64Url, toHex, utf8Encode } from './bytes.ts';
export { laneOf, programOf, serviceOf } from './connection/datagram.ts';
export type { GameState } from './connection/game.ts';
export { CONNECTION_LIMITS } from './connection/limits.ts';
export {
  type Instant,
  type Machine,
  NEVER,
  type Output,
  type SocketClose,
  type SocketId,
  type SocketIds,
  type SocketOpen,
  type SocketOutcome,
  socketIds,
  type Transmit,
} from './contract.ts';
export { createDetector } from './detect/detector.ts';
export { assert, type FailureCode, RETRYABLE } from './errors.ts';
export { orderOf } from './fleet/order.ts';
export { LIMITS } from './limits.ts';
export type { MasterAddress, MasterWay } from './link/interface.ts';
export { type WayReport, WaySurvey } from './link/way-survey.ts';
export { outputs } from './machine.ts';
export { maskAddress, maskText } from './mask.ts';
export { Counters } from './master/counters.ts';
export type { MasterRelays } from './master/grants.ts';
export type {
  HostRecord,
  ListPage,
  ListQuery,
  ListViewer,
  MasterCommand,
  MasterConfig,
  MasterCounters,
  MasterEvent,
  MasterPolicy,
  TicketKey,
} from './master/interface.ts';
export { MASTER_LIMITS } from './master/limits.ts';
export { CONTROL_PORTS, createMaster, PROBE_PORTS } from './master/master.ts';
export { answerProbe, type ProbeSession } from './master/probes.ts';
export { plainEntry } from './master/registry.ts';
export { CODE_DERIVATION, CODE_SYMBOLS, codeFrom, hostIdOf, normalizeCode, showCode } from './model/code.ts';
export type { HostAnnouncement, ListEntry } from './model/listing.ts';
export type { LogData, LogEntry } from './model/log.ts';
export { adviceOf, nextOf, stageOf } from './model/log-entry.ts';
export type { PathKind, PlanSummary } from './model/pair.ts';
export type { FailureReason, Help, NatView, NextAttempt, StageReason } from './model/progress.ts';
export {
  checkServices,
  formatService,
  type Protocols,
  parseServices,
  type Service,
  type ServicesProblem,
  type ServiceTarget,
  speaks,
} from './model/service.ts';
export type {
  Allocator,
  NatProfile,
  NatType,
  ProbeResult,
  Tested,
  Verdict,
  Vpn,
} from './nat/profile.ts';
export { silentServers, unmeasured } from './nat/unmeasured.ts';
export { desynthesize, NAT64_NAME, type Nat64Prefix, nat64Prefixes, synthesize } from './nat64.ts';
export type { PeerConfig } from './peer/base/context.ts';
export type {
  Ban,
  ConnectionId,
  FriendId,
  JoinId,
  JoinStage,
  PathView,
  PeerCommand,
  PeerEvent,
} from './peer/base/interface.ts';
export { PEER_LIMITS } from './peer/base/limits.ts';
export type { RelayMode } from './peer/base/relay-choice.ts';
export { NETWORK_SECRET_BYTES } from './peer/host/bans.ts';
export { showFingerprint } from './peer/keys/fingerprint.ts';
export { createPeer } from './peer/peer.ts';
export {
  type PortReport,
  type PortRole,
  type PortSurvey,
  PortSurveyMachine,
} from './peer/port-survey.ts';
export type { MapCommand, MapEvent } from './portmap/interface.ts';
export { createPortMapper } from './portmap/mapper.ts';
export type { Random } from './random.ts';
export { addressKeys, addressPrefixes, Limiter, Pace } from './rate/pace.ts';
export { type Placed, Shares, type TableState } from './rate/shares.ts';
export { Table, textHash } from './rate/table.ts';
export type { RelayConfig, RelayCounters, RelayedKeys, RelayQuotas } from './relay/interface.ts';
export { RELAY_LIMITS } from './relay/limits.ts';
export { RelayMachine } from './relay/machine.ts';
export { Relay } from './relay/relay.ts';
export { isLocalAddress, scopeOf } from './scope.ts';
export type { AeadKey, CryptoSuite, KeyPair, MacKey, PrivateKey } from './secure/crypto.ts';
export { deriveKey } from './secure/hkdf.ts';
export { isInSubgroup, isPublicKey } from './secure/keys.ts';
export { seededCrypto } from './secure/seeded.ts';
export { requestNumbers } from './sources/asker.ts';
export { SOURCES_LIMITS } from './sources/limits.ts';
export type { Cooling } from './sources/rotation.ts';
export { answeringPort } from './sources/source.ts';
export { StunSource } from './sources/stun-source.ts';
export type { StreamCode, StreamCommand, StreamEvent, StreamId } from './streams/interface.ts';
export { STREAM_LIMITS } from './streams/limits.ts';
export { answerStun } from './stun/server.ts';
export { isServerAddress } from './wire/entry-wire.ts';
export { isSallyportDatagram, WIRE } from './wire/first-byte.ts';
export { formatInvite, pageOrigin } from './wire/invite.ts';
export { type JoinTarget, joinTextIn, parseJoinTarget } from './wire/join-link.ts';
export { WIRE_LIMITS } from './wire/limits.ts';
export {
  formatHostLink,
  formatMasterLink,
  type LinkProblem,
  type MasterLink,
  parseHostLink,
  parseMasterLink,
  parseTlsPlace,
  type TlsPlace,
} from './wire/master-link.ts';
export type { NodeList } from './wire/nodes.ts';
export { codeFault } from './wire/pasted.ts';
export { type RelayPlace, relayHash, relayKeys } from './wire/relay.ts';
export { cleanText, nameSkeleton } from './wire/text.ts';
