/** From which of our sockets a candidate of the peer is tried. */

import { familyOf } from '../../address.ts';
import type { SocketId } from '../../contract.ts';
import type { Candidate } from '../../model/pair.ts';
import type { TraversalConfig } from './interface.ts';

/** The socket from which a candidate of the peer is tried; null where we have none of its family. */
export function socketFor(config: TraversalConfig, candidate: Candidate): SocketId | null {
  const family = familyOf(candidate.endpoint.address);
  if (family === config.family) return config.socket;
  return config.own.candidates.find((own) => familyOf(own.endpoint.address) === family)?.socket ?? null;
}
