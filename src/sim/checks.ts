/**
 * Checks over every packet of a world. Each answers null, or what is wrong; `world.check` adds how to replay the run. Two more
 * are built into the driver of machines and always on: sending on a closed socket, and never coming to rest (live-lock).
 */
import { WIRE } from '../core/index.ts';
import type { World, WorldCheck } from './world.ts';

/** Either every peer has a path at the end or none has. A path whose loss was reported does not count. */
export const bothSidesAgree: WorldCheck = (world) => {
  const peers = world.hosts.filter((host) => !host.server);
  const connected = peers.filter((host) => host.connected);
  return connected.length === 0 || connected.length === peers.length
    ? null
    : `only ${connected.map((host) => host.name).join(', ')} of ${peers.length} reports a path`;
};

/** No host sends more than so many packets to addresses that are not servers, in the whole run. */
export function packetBudget(packetsMax: number): WorldCheck {
  return (world) => {
    for (const [host, times] of probesOf(world)) {
      if (times.length > packetsMax) return `${host} sent ${times.length} packets to peers, ${packetsMax} allowed`;
    }
    return null;
  };
}

/** No host sends more than so many packets to peers within any window. */
export function packetRate(packetsMax: number, windowMs: number): WorldCheck {
  return (world) => {
    for (const [host, times] of probesOf(world)) {
      for (let last = packetsMax; last < times.length; last++) {
        const first = times[last - packetsMax] as number;
        if ((times[last] as number) - first < windowMs) {
          return `${host} sent more than ${packetsMax} packets to peers in the ${windowMs} ms from ${first.toFixed(3)} ms`;
        }
      }
    }
    return null;
  };
}

/** No box ever held more live mappings than that. */
export function mappingBudget(mappingsMax: number): WorldCheck {
  return (world) => {
    for (const { name, nat } of world.gateways) {
      const peak = nat.stats(world.now).mappingsPeak;
      if (peak > mappingsMax) return `${name} held ${peak} mappings, ${mappingsMax} allowed`;
    }
    return null;
  };
}

/** A peer with a path holds at most so many sockets: it has closed those of a birthday. */
export function fewSocketsAfterPath(socketsMax: number): WorldCheck {
  return (world) => {
    const many = world.hosts.find((host) => !host.server && host.connected && host.socketsOpen > socketsMax);
    return many === undefined ? null : `${many.name} has a path and ${many.socketsOpen} sockets, ${socketsMax} allowed`;
  };
}

/**
 * Nobody is probed who did not prove its address: before a host sends to a public address that is no server's, a server or
 * that very host must have received a packet that truly came from there. Addresses of the sender's own networks are exempt.
 */
export const noPacketToUnprovenAddress: WorldCheck = (world) => {
  const servers = serverAddresses(world);
  const serverNames = namesOfServers(world);
  const names = new Set(world.hosts.map((host) => host.name));
  const proven = new Set<string>();
  for (const { at, what, where, packet } of world.trace) {
    if (packet.icmp !== null) continue;
    if (what === 'delivered' && names.has(packet.origin)) {
      proven.add(serverNames.has(where) ? packet.from.address : `${where} ${packet.from.address}`);
    }
    if (what !== 'sent' || serverNames.has(where) || servers.has(packet.to.address)) continue;
    const { address } = packet.to;
    if (!proven.has(address) && !proven.has(`${where} ${address}`) && world.internet.has(address)) {
      return `${where} sent to ${address}, which nobody has proven, at ${at.toFixed(3)} ms`;
    }
  }
  return null;
};

/**
 * A server that runs a machine of ours sends an address no more bytes than it has received from it, until that address has
 * shown that it receives: by sending once more after the server's first answer. Public STUN servers do amplify (RFC 5780).
 */
export const noAmplification: WorldCheck = (world) => {
  const serverNames = new Set(world.hosts.filter((host) => host.server && host.runsMachine).map((host) => host.name));
  const seen = new Map<string, { received: number; sent: number; validated: boolean }>();
  for (const { at, what, where, packet } of world.trace) {
    if (!serverNames.has(where) || packet.icmp !== null || (what !== 'delivered' && what !== 'sent')) continue;
    const remote = what === 'sent' ? packet.to.address : packet.from.address;
    const key = `${where} ${remote}`;
    const count = seen.get(key) ?? { received: 0, sent: 0, validated: false };
    seen.set(key, count);
    if (what === 'sent') count.sent += packet.bytes.length;
    else {
      count.validated ||= count.sent > 0;
      count.received += packet.bytes.length;
    }
    if (!count.validated && count.sent > count.received) {
      return `${where} sent ${count.sent} bytes for ${count.received} to ${remote} at ${at.toFixed(3)} ms`;
    }
  }
  return null;
};

/**
 * Every public address gets at most 2.93 times (over IPv6 2.95) as many bytes of probes, from all peers together, as it has sent to a
 * master itself, headers included; counted at every packet. Only where a master of ours runs.
 */
export const paidForItself: WorldCheck = (world) => {
  const masters = new Set(world.hosts.filter((host) => host.server && host.runsMachine).map((host) => host.name));
  const names = new Set(world.hosts.map((host) => host.name));
  const paid = new Map<string, number>();
  const got = new Map<string, number>();
  const add = (sums: Map<string, number>, address: string, bytes: Uint8Array): number => {
    const sum = (sums.get(address) ?? 0) + bytes.length + (address.includes(':') ? 48 : 28);
    sums.set(address, sum);
    return sum;
  };
  for (const { at, what, where, packet } of world.trace) {
    if (masters.size === 0 || packet.icmp !== null) continue;
    const { from, to, bytes, origin } = packet;
    if (what === 'delivered' && masters.has(where) && names.has(origin)) add(paid, from.address, bytes);
    if (what !== 'sent' || bytes[0] !== WIRE.punch || !world.internet.has(to.address)) continue;
    const [hit, own] = [add(got, to.address, bytes), paid.get(to.address) ?? 0];
    if (hit > (to.address.includes(':') ? 2.95 : 2.932) * own)
      return `${where} sent to ${to.address} at ${at.toFixed(3)} ms: ${hit} bytes in all, for ${own} of its own`;
  }
  return null;
};

/** A machine that has said `closed` sends nothing any more. */
export const nothingAfterClose: WorldCheck = (world) => {
  const closedAt = new Map(world.hosts.map((host) => [host.name, host.closedAt]));
  for (const { at, what, where } of world.trace) {
    if (what === 'sent' && at > (closedAt.get(where) ?? at))
      return `${where} sent at ${at.toFixed(3)} ms, after it closed`;
  }
  return null;
};

/** What every run of real machines has to pass. */
export const STANDARD_CHECKS: readonly WorldCheck[] = [
  noPacketToUnprovenAddress,
  paidForItself,
  noAmplification,
  bothSidesAgree,
  nothingAfterClose,
];

/** Times of the packets each peer sent to peers. */
function probesOf(world: World): Map<string, number[]> {
  const servers = serverAddresses(world);
  const serverNames = namesOfServers(world);
  const probes = new Map<string, number[]>();
  for (const { at, what, where, packet } of world.trace) {
    if (what !== 'sent' || packet.icmp !== null || serverNames.has(where) || servers.has(packet.to.address)) continue;
    const times = probes.get(where);
    if (times === undefined) probes.set(where, [at]);
    else times.push(at);
  }
  return probes;
}

/** Addresses that anybody may send to: servers, and the boxes of the own network (port mapping). */
function serverAddresses(world: World): Set<string> {
  const servers = world.hosts.filter((host) => host.server).flatMap((host) => host.addresses);
  const boxes = world.hosts.map((host) => world.gatewayAddress(host)).filter((address) => address !== null);
  return new Set([...servers, ...boxes]);
}

function namesOfServers(world: World): Set<string> {
  return new Set(world.hosts.filter((host) => host.server).map((host) => host.name));
}
