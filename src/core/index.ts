/** The public face of core: what sim, node, master, agent and the tests build on. */
export * from './address.ts';
export * from './bytes.ts';
export * from './code.ts';
export * from './contract.ts';
export * from './detect/detector.ts';
export type { Cooling } from './detect/rotation.ts';
export type * from './detect/source.ts';
export * from './errors.ts';
export * from './failure.ts';
export * from './limits.ts';
export * from './machine.ts';
export * from './mask.ts';
export * from './nat/infer.ts';
export type * from './nat/observation.ts';
export * from './nat/predict.ts';
export * from './nat/profile.ts';
export * from './nat/verdict.ts';
export type { PeerConfig } from './peer/context.ts';
export * from './peer/fingerprint.ts';
export type * from './peer/interface.ts';
export * from './peer/path.ts';
export * from './peer/peer.ts';
export * from './peer/words.ts';
export * from './portmap/mapper.ts';
export * from './portmap/natpmp.ts';
export * from './portmap/pcp.ts';
export type * from './random.ts';
export * from './rendezvous/codec.ts';
export { Counters } from './rendezvous/counters.ts';
export { isServerAddress } from './rendezvous/entry-wire.ts';
export type * from './rendezvous/interface.ts';
export * from './rendezvous/join-link.ts';
export {
  type AddressKeys,
  addressKeys,
  addressPrefixes,
  type Levels,
  Limiter,
  Pace,
  type Rate,
} from './rendezvous/limiter.ts';
export * from './rendezvous/link.ts';
export type * from './rendezvous/link-interface.ts';
export * from './rendezvous/link-sources.ts';
export * from './rendezvous/master.ts';
export * from './rendezvous/master-link.ts';
export * from './rendezvous/messages.ts';
export * from './rendezvous/probes.ts';
export * from './rendezvous/profile-wire.ts';
export { plainEntry } from './rendezvous/registry.ts';
export * from './rendezvous/text.ts';
export * from './rendezvous/wire.ts';
export * from './scope.ts';
export type * from './secure/crypto.ts';
export * from './secure/hkdf.ts';
export * from './secure/keys.ts';
export * from './secure/noise.ts';
export * from './secure/resume.ts';
export * from './secure/seeded.ts';
export * from './secure/session.ts';
export * from './secure/siphash.ts';
export * from './shares.ts';
export * from './stun/codec.ts';
export * from './stun/server.ts';
export * from './stun/source.ts';
export { type Device, device } from './traverse/budget.ts';
export type * from './traverse/interface.ts';
export { type Nature, natureText } from './traverse/nature.ts';
export { type Plan, type PlanLimits, planFor } from './traverse/plan.ts';
export { traversal } from './traverse/traversal.ts';
export * from './wire.ts';
