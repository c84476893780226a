/** The STUN servers that somebody has named and that are of no use. The machine leaves them out; whoever typed them wants to know. */
import { type PeerEvent, silentServers } from '../core/index.ts';
import type { NamedStun } from './names.ts';

export interface StunProblem {
  /** As it was given, with its port. */
  readonly server: string;
  /** `no-address`: its name leads nowhere. `silent`: it did not answer where others did. */
  readonly because: 'no-address' | 'silent';
}

/** Tells each problem once. What it returns is to be given the events of the agent. */
export function watchStun(
  servers: readonly NamedStun[],
  tell: (problem: StunProblem) => void,
): (event: PeerEvent) => void {
  for (const { server, at } of servers) if (at === null) tell({ server, because: 'no-address' });
  const told = new Set<string>();
  return (event) => {
    if (event.ev !== 'profile' || !event.final) return;
    for (const { address, ports } of silentServers(event.probes))
      for (const { server, at } of servers) {
        if (at === null || at.address !== address || !ports.includes(at.port) || told.has(server)) continue;
        told.add(server);
        tell({ server, because: 'silent' });
      }
  };
}
