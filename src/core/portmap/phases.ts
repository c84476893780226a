/** The phases of a port mapper: what is open, and how sure that is. */
import type { Endpoint } from '../address.ts';
import type { Instant, SocketId } from '../contract.ts';
import type { PortClaimState } from '../nat/profile.ts';
import type { PortProof } from './proof.ts';

export type Protocol = 'upnp' | 'natPmp' | 'pcp';

/** The socket that speaks with the gateway, and asks for proofs; and the one that tries who can give them. */
export type Gate =
  | { readonly is: 'none' }
  | { readonly is: 'opening'; readonly socket: SocketId; readonly witness: SocketId }
  | {
      readonly is: 'open';
      readonly socket: SocketId;
      readonly witness: SocketId;
      readonly askedAt: Instant;
      tries: number;
    };

/** What a router says it has opened, and by which protocol. */
export interface PortClaim {
  readonly by: Protocol;
  readonly external: Endpoint;
}

export type Phase =
  | { readonly in: 'unmapped' }
  /** Not believed yet; `shut`: the last proof has shown that nothing comes in. */
  | { readonly in: 'claimed'; readonly claim: PortClaim; readonly proof: PortProof; readonly shut: boolean }
  /** `seen`: the claimed port, at the address that the outside sees. `proof`: the newest question whether it still is; null between two. */
  | { readonly in: 'proven'; readonly claim: PortClaim; readonly seen: Endpoint; readonly proof: PortProof | null }
  | { readonly in: 'stopped' };

/** What is told of it. */
export function claimStateOf(phase: Phase): PortClaimState {
  if (phase.in === 'proven') return 'open';
  if (phase.in !== 'claimed') return 'none';
  return phase.shut ? 'shut' : 'untried';
}

/** Which phase may follow which, and when. */
export const MAPPER_PHASES = {
  unmapped: {
    claimed: 'the router says that it has opened the port',
    stopped: 'the end',
  },
  claimed: {
    proven: 'a packet that no filter would have let in has come in through it',
    claimed: 'the router names another endpoint, or there are other sources to ask',
    unmapped: 'its life is over, the router takes it back, or is another one',
    stopped: 'the end: the router is asked to close the port',
  },
  proven: {
    proven: 'it is asked whether it still is, or a packet has come in once more',
    claimed: 'the router names another endpoint',
    unmapped:
      'its life is over, nothing comes in any more, the router has started again, takes it back, or is another one',
    stopped: 'the end: the router is asked to close the port',
  },
  stopped: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;
