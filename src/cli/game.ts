/**
 * Do servers listen at ports of this computer? Where the system does not say, a port that can't be bound is in use; it does not say of a server
 * at all addresses of IPv6 whether it takes IPv4 as well.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { familyOf } from '../core/address.ts';
import type { ServiceTarget } from '../core/index.ts';
import { speaks } from '../core/model/service.ts';
import { gameAt } from '../games/index.ts';
import { hears, isHere, type ListeningSocket, listeners } from '../node/listening.ts';
import { CLI_LIMITS } from './limits.ts';

type Protocol = 'udp' | 'tcp';
export type Look = 'listens' | 'silent' | 'unseen';

/** One port of a service with one protocol. */
export interface CheckedPort {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
}

export interface GameNews {
  /** Of all ports asked for: those where nothing listens. */
  readonly silent: readonly CheckedPort[];
  /** Those at other computers of which nobody can say: nothing has refused us there, and by UDP nothing more can be seen. */
  readonly unseen: readonly CheckedPort[];
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

/** `found`: what was found at other computers, by port as text. It is not asked for again. */
export async function lookAtGames(
  services: readonly ServiceTarget[],
  found: ReadonlyMap<string, Look> = new Map(),
): Promise<GameNews> {
  const all = { udp: listeners('udp'), tcp: listeners('tcp') };
  const look = async (at: CheckedPort): Promise<Look> => {
    if (!isHere(at.address)) return found.get(portText(at)) ?? lookElsewhere(at);
    const heard = all[at.protocol]?.filter((listener) => hears(listener, at.address, at.port));
    if (heard?.length === 0) return 'silent';
    if (heard?.some(({ address }) => familyOf(address) === familyOf(at.address))) return 'listens';
    return (await takenByOther(at)) ? 'listens' : 'silent';
  };
  const ports = gamePorts(services);
  const looks = await Promise.all(ports.map(look));
  const [silent, unseen] = (['silent', 'unseen'] as const).map((is) => ports.filter((_, n) => looks[n] === is));
  const alsoTcp: number[] = [];
  for (const { protocols, port, address } of services)
    if (protocols === 'udp' && isHere(address) && (await look({ protocol: 'tcp', port, address })) === 'listens')
      alsoTcp.push(port);
  const near = silent!.flatMap((at) => nearest(at, { udp: all.udp ?? [], tcp: all.tcp ?? [] }));
  return { silent: silent!, unseen: unseen!, near, alsoTcp };
}

export function portText({ protocol, address, port }: CheckedPort): string {
  return `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/**
 * The same number by the other protocol or at another address, else servers of the person's own: those at a port of a game that is known
 * first, then the nearest.
 */
function nearest(
  wished: CheckedPort,
  all: Readonly<Record<Protocol, readonly ListeningSocket[]>>,
): readonly CheckedPort[] {
  const { address: place } = wished;
  const at = isHere(place) ? wished : { ...wished, address: familyOf(place) === 4 ? '127.0.0.1' : '::1' };
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

/** The other computer, or its router, says that nothing is there; where it says nothing that means nothing. */
async function lookElsewhere({ protocol, address, port }: CheckedPort): Promise<Look> {
  const signal = AbortSignal.timeout(CLI_LIMITS.gameElsewhereMs);
  if (protocol === 'tcp') {
    const socket = connect({ host: address, port });
    return once(socket, 'connect', { signal })
      .then(() => 'listens' as const, looked)
      .finally(() => socket.destroy());
  }
  const socket = createSocket(familyOf(address) === 4 ? 'udp4' : 'udp6');
  socket.connect(port, address, () => socket.send(new Uint8Array(0)));
  return once(socket, 'close', { signal })
    .then(() => 'unseen' as const, looked)
    .finally(() => socket.close());
}

function looked({ code }: NodeJS.ErrnoException): Look {
  return code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' ? 'silent' : 'unseen';
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
