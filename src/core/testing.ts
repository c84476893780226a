/** A second entry, for tests alone: parts of core that they look at by themselves, though no other layer builds on them. */
import { ACCEPT } from './wire/datagrams.ts';
import { entry } from './wire/entry-wire.ts';
import { announcement, permit } from './wire/fields.ts';
import { PUSHES, REQUESTS, RESPONSES } from './wire/messages.ts';
import { profile } from './wire/profile-wire.ts';

export { CONNECTION_LIMITS } from './connection/limits.ts';
export { MTU_PHASES, type MtuState, mtuSearchMax, PathMtu } from './connection/mtu.ts';
export { type Parted, Parts } from './connection/parts.ts';
export { inferMapping } from './nat/infer.ts';
export type { Observation } from './nat/observation.ts';
export { ipv6Of, layersOf, verdictOf } from './nat/verdict.ts';
export { agenda } from './peer/agenda.ts';
export { Connection, type ConnectionEvent } from './peer/connection.ts';
export { natPmpAddressRequest, natPmpMapRequest, parseNatPmp } from './portmap/natpmp.ts';
export { parsePcp, pcpMapRequest } from './portmap/pcp.ts';
export { integrityMatches } from './stun/codec.ts';
export { STUN_LIMITS } from './stun/limits.ts';
/**
 * Every control message there is, by direction and type: `MESSAGES.requests.join.fields.sid` is a `Field` with its `kind`, and with
 * `words`, `parts`, `item` or `bytesMax` where that kind has them.
 */
export const MESSAGES = { requests: REQUESTS, responses: RESPONSES, pushes: PUSHES } as const;
/** What messages are made of and the document draws by itself. */
export const STRUCTURES = { announcement, entry, permit, profile, accept: ACCEPT } as const;
export { type Field, type Fields, layoutOf } from './wire/struct.ts';
