import type { Tested } from '../nat/profile.ts';
import type { Protocol } from './phases.ts';

/** What is known of a router before it is asked. NAT-PMP knows IPv4 alone. */
export function untested(family: 4 | 6): Record<Protocol, Tested> {
  return { upnp: 'untested', natPmp: family === 4 ? 'untested' : 'no', pcp: 'untested' };
}
