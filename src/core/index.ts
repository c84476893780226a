/** The public face of core: what sim, node, master, agent and the tests build on. */
export * from './address.ts';
export * from './bytes.ts';
export * from './contract.ts';
export * from './detect/detector.ts';
export { RUN_PHASES } from './detect/run.ts';
export * from './errors.ts';
export * from './limits.ts';
export type * from './link/interface.ts';
export * from './link/limits.ts';
export * from './link/link.ts';
export * from './link/reach.ts';
export * from './link/sources.ts';
export * from './machine.ts';
export * from './mask.ts';
export { Counters } from './master/counters.ts';
export type * from './master/interface.ts';
export * from './master/limits.ts';
export * from './master/master.ts';
export * from './master/probes.ts';
export { plainEntry } from './master/registry.ts';
export * from './model/code.ts';
export * from './model/failure.ts';
export type * from './model/listing.ts';
export type * from './model/log.ts';
export type * from './model/network.ts';
export type * from './model/pair.ts';
export type * from './model/progress.ts';
export * from './nat/profile.ts';
export { NETWORK_SECRET_BYTES } from './peer/bans.ts';
export type { PeerConfig } from './peer/context.ts';
export * from './peer/fingerprint.ts';
export type * from './peer/interface.ts';
export { JOIN_PHASES } from './peer/join-phase.ts';
export * from './peer/limits.ts';
export { PATH_PHASES, payloadBytesMax } from './peer/path.ts';
export * from './peer/peer.ts';
export { SESSION_PHASES } from './peer/session.ts';
export { VISIT_PHASES } from './peer/visit.ts';
export * from './peer/words.ts';
export * from './portmap/mapper.ts';
export type * from './random.ts';
export * from './rate/limits.ts';
export { type AddressKeys, addressKeys, addressPrefixes, type Levels, Limiter, Pace, type Rate } from './rate/pace.ts';
export * from './rate/shares.ts';
export * from './scope.ts';
export type * from './secure/crypto.ts';
export * from './secure/hkdf.ts';
export * from './secure/keys.ts';
export * from './secure/limits.ts';
export * from './secure/noise.ts';
export { ConnectionKeys, type Label, maskSequence, unmaskSequence } from './secure/ratchet.ts';
export * from './secure/resume.ts';
export * from './secure/seeded.ts';
export * from './secure/session.ts';
export * from './secure/siphash.ts';
export * from './sources/asker.ts';
export * from './sources/limits.ts';
export type { Cooling } from './sources/rotation.ts';
export type * from './sources/source.ts';
export * from './sources/stun-source.ts';
export {
  encodeStun,
  parseStun,
  STUN_BINDING,
  type StunAttributes,
  type StunDraft,
  type StunMessage,
  type StunReject,
} from './stun/codec.ts';
export * from './stun/server.ts';
export { CLIENT_PHASES } from './traverse/lead/client.ts';
export { COMMANDER_PHASES } from './traverse/lead/commander.ts';
export * from './traverse/lead/limits.ts';
export { HOST_PHASES } from './traverse/lead/turn.ts';
export { type Device, device } from './traverse/pay/budget.ts';
export * from './traverse/pay/limits.ts';
export * from './traverse/plan/limits.ts';
export { type Nature, natureText } from './traverse/plan/nature.ts';
export { type Plan, type PlanLimits, planFor } from './traverse/plan/plan.ts';
export * from './traverse/prove/limits.ts';
export type * from './traverse/run/interface.ts';
export * from './traverse/run/limits.ts';
export { PUNCHING_PHASES } from './traverse/run/punching.ts';
export { TRAVERSAL_PHASES, traversal } from './traverse/traversal.ts';
export * from './wire/datagrams.ts';
export { isServerAddress } from './wire/entry-wire.ts';
export * from './wire/first-byte.ts';
export * from './wire/join-link.ts';
export * from './wire/limits.ts';
export * from './wire/master-link.ts';
export {
  HANDSHAKE_BYTES_MAX,
  type Push,
  type Request,
  type Response,
  readPush,
  readRequest,
  readResponse,
  type SessionId,
  writePush,
  writeRequest,
  writeResponse,
} from './wire/messages.ts';
export { PROFILE_BYTES_MAX, readProfile, writeProfile } from './wire/profile-wire.ts';
export * from './wire/text.ts';
