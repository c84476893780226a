/** Checks over the trace of a world. Each answers null, or what is wrong; `world.check` adds how to replay it. */
import type { Check, World } from './world.ts';

/** Every machine that reports a path has a twin that does, and the other way round. */
export const bothSidesAgree: Check = (world) => {
  const peers = world.hosts.filter((host) => !host.server);
  const connected = peers.filter((host) => host.connected);
  return connected.length === 0 || connected.length === peers.length
    ? null
    : `only ${connected.map((host) => host.name).join(', ')} of ${peers.length} reports a path`;
};

/** No host sends more than so many packets to addresses that are not servers. */
export function packetBudget(packetsMax: number): Check {
  return (world) => {
    const servers = serverAddresses(world);
    const sent = new Map<string, number>();
    for (const { what, where, packet } of world.trace) {
      if (what === 'sent' && packet.icmp === null && !servers.has(packet.to.address)) {
        sent.set(where, (sent.get(where) ?? 0) + 1);
      }
    }
    for (const host of world.hosts) {
      const count = sent.get(host.name) ?? 0;
      if (!host.server && count > packetsMax)
        return `${host.name} sent ${count} packets to peers, ${packetsMax} allowed`;
    }
    return null;
  };
}

/**
 * Nobody is probed who did not prove its address: before a host sends to an address that is no server's, a server must have
 * received an unforged packet from that address. Addresses of the sender's own LAN and carrier are exempt: it can see those.
 */
export const noPacketToUnprovenAddress: Check = (world) => {
  const servers = serverAddresses(world);
  const serverNames = new Set(world.hosts.filter((host) => host.server).map((host) => host.name));
  const proven = new Set<string>();
  for (const { at, what, where, packet } of world.trace) {
    if (packet.icmp !== null) continue;
    if (what === 'delivered' && serverNames.has(where)) proven.add(packet.from.address);
    if (what !== 'sent' || serverNames.has(where) || servers.has(packet.to.address)) continue;
    if (!proven.has(packet.to.address) && world.internet.has(packet.to.address)) {
      return `${where} sent to ${packet.to.address}, which nobody has proven, at ${at.toFixed(3)} ms`;
    }
  }
  return null;
};

function serverAddresses(world: World): Set<string> {
  return new Set(world.hosts.filter((host) => host.server).flatMap((host) => host.addresses));
}
