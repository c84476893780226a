/** A second entry, for tests alone: parts of core that they look at by themselves, though no other layer builds on them. */
export { inferMapping } from './nat/infer.ts';
export type { Observation } from './nat/observation.ts';
export { ipv6Of, layersOf, verdictOf } from './nat/verdict.ts';
export { agenda } from './peer/agenda.ts';
export { Connection, type ConnectionEvent } from './peer/connection.ts';
export { natPmpAddressRequest, natPmpMapRequest, parseNatPmp } from './portmap/natpmp.ts';
export { parsePcp, pcpMapRequest } from './portmap/pcp.ts';
export { integrityMatches } from './stun/codec.ts';
export { STUN_LIMITS } from './stun/limits.ts';
