/**
 * Do servers listen at ports of this computer? Where the system does not say, a port that can't be bound is in use; it does not say of a server
 * at all addresses of IPv6 whether it takes IPv4 as well.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { familyOf, isLoopback } from '../core/address.ts';
import type { ServiceTarget } from '../core/index.ts';
import { speaks } from '../core/model/service.ts';
import { gameAt } from '../games/index.ts';
import { hears, type ListeningSocket, listeners } from '../node/listening.ts';
import { CLI_LIMITS } from './limits.ts';

type Protocol = 'udp' | 'tcp';

/** One port of a service with one protocol. */
export interface CheckedPort {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
}

export interface GameNews {
  /** Of all ports asked for: those where nothing listens. What is at another computer counts as listening: it can't be seen. */
  readonly silent: readonly CheckedPort[];
  /** Where nothing listens: ports of this computer where something of the kind does. */
  readonly near: readonly CheckedPort[];
  /** The games listen here as well, by TCP, which is not among what friends reach. */
  readonly alsoTcp: readonly number[];
}

export function gamePorts(services: readonly ServiceTarget[]): readonly CheckedPort[] {
  return services.flatMap((service) =>
    (['udp', 'tcp'] as const)
      .filter((protocol) => speaks(service, protocol))
      .map((protocol) => ({ protocol, address: service.address, port: service.port })),
  );
}

export async function lookAtGames(services: readonly ServiceTarget[]): Promise<GameNews> {
  const all = { udp: listeners('udp'), tcp: listeners('tcp') };
  const listens = async (at: CheckedPort): Promise<boolean> => {
    if (!isLoopback(at.address)) return true;
    const found = all[at.protocol]?.filter((listener) => hears(listener, at.address, at.port));
    if (found?.length === 0 || found?.some(({ address }) => familyOf(address) === familyOf(at.address)))
      return found.length > 0;
    return takenByOther(at);
  };
  const ports = gamePorts(services);
  const heard = await Promise.all(ports.map(listens));
  const silent = ports.filter((_, n) => heard[n] === false);
  const alsoTcp: number[] = [];
  for (const { protocols, port, address } of services)
    if (protocols === 'udp' && isLoopback(address) && (await listens({ protocol: 'tcp', port, address })))
      alsoTcp.push(port);
  return { silent, near: silent.flatMap((at) => nearest(at, { udp: all.udp ?? [], tcp: all.tcp ?? [] })), alsoTcp };
}

export function portText({ protocol, address, port }: CheckedPort): string {
  return `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/**
 * The same number by the other protocol or at another address, else servers of the person's own: those at a port of a game that is known
 * first, then the nearest.
 */
function nearest(at: CheckedPort, all: Readonly<Record<Protocol, readonly ListeningSocket[]>>): readonly CheckedPort[] {
  const other = at.protocol === 'udp' ? 'tcp' : 'udp';
  if (all[other].some((listener) => hears(listener, at.address, at.port))) return [{ ...at, protocol: other }];
  const same = all[at.protocol].filter(({ address, port }) => port === at.port && !address.startsWith('fe80'));
  const elsewhere = same.find(({ address }) => familyOf(address) === 4) ?? same[0];
  // Who takes what comes to any address is reached from here at that of this computer.
  const reached = { '::': '::1', '0.0.0.0': '127.0.0.1' } as const;
  if (elsewhere !== undefined)
    return [{ ...at, address: reached[elsewhere.address as keyof typeof reached] ?? elsewhere.address }];
  const distance = ({ port }: ListeningSocket): number => Math.abs(port - at.port);
  const unknown = ({ port }: ListeningSocket): number => (gameAt(at.protocol, port) === null ? 1 : 0);
  const likely = all[at.protocol]
    .filter(({ own, port }) => own && port < CLI_LIMITS.serverPortsEnd && port !== at.port)
    .filter((listener) => hears(listener, at.address, listener.port))
    .sort((left, right) => unknown(left) - unknown(right) || distance(left) - distance(right));
  const ports = [...new Set(likely.map(({ port }) => port))];
  return ports.slice(0, CLI_LIMITS.portsNamedMax).map((port) => ({ ...at, port }));
}

async function takenByOther({ protocol, address, port }: CheckedPort): Promise<boolean> {
  if (protocol === 'tcp') {
    const server = createServer();
    server.listen({ host: address, port, exclusive: true });
    return refused(server);
  }
  const socket = createSocket(familyOf(address) === 4 ? 'udp4' : 'udp6');
  socket.bind({ port, address, exclusive: true });
  return refused(socket);
}

async function refused(socket: ReturnType<typeof createServer> | ReturnType<typeof createSocket>): Promise<boolean> {
  try {
    await once(socket, 'listening');
    return false;
  } catch {
    return true;
  } finally {
    socket.close();
  }
}
