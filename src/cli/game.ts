/** Do servers listen at ports of this computer? Linux says so itself; elsewhere a port that can't be bound is in use. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { addressBytes, familyOf, isLoopback, type ServiceTarget, speaks } from '../core/index.ts';
import { CLI_LIMITS } from './limits.ts';

export type Protocol = 'udp' | 'tcp';

/** One port of a service with one protocol. */
export interface GamePort {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
}

export interface GameNews {
  /** Of all ports asked for: those where nothing listens. What is at another computer counts as listening: it can't be seen. */
  readonly silent: readonly GamePort[];
  /** Where nothing listens: ports of this computer where something of the kind does, the nearest first. */
  readonly near: readonly GamePort[];
  /** The games listen here as well, by TCP, which is not among what friends reach. */
  readonly alsoTcp: readonly number[];
}

/** A socket of a server, as Linux lists it. */
interface Listed {
  readonly address: string;
  readonly port: number;
  /** It is the person's own program. */
  readonly own: boolean;
}

export function gamePorts(services: readonly ServiceTarget[]): readonly GamePort[] {
  return services.flatMap((service) =>
    (['udp', 'tcp'] as const)
      .filter((protocol) => speaks(service, protocol))
      .map((protocol) => ({ protocol, address: service.address, port: service.port })),
  );
}

export async function lookAtGames(services: readonly ServiceTarget[]): Promise<GameNews> {
  const [udp, tcp] = [listed('udp'), listed('tcp')];
  const listens = async (at: GamePort): Promise<boolean> => {
    const sockets = at.protocol === 'udp' ? udp : tcp;
    if (!isHere(at.address)) return true;
    return sockets?.some((socket) => hears(socket, at)) ?? (await takenByOther(at));
  };
  const ports = gamePorts(services);
  const heard = await Promise.all(ports.map(listens));
  const silent = ports.filter((_, n) => heard[n] === false);
  const alsoTcp: number[] = [];
  for (const { protocols, port, address } of services)
    if (protocols === 'udp' && isHere(address) && (await listens({ protocol: 'tcp', port, address })))
      alsoTcp.push(port);
  return { silent, near: silent.flatMap((at) => nearest(at, { udp: udp ?? [], tcp: tcp ?? [] })), alsoTcp };
}

export function portText({ protocol, address, port }: GamePort): string {
  return `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** The same number by the other protocol or at another address, else the nearest server of the person's own. */
function nearest(at: GamePort, all: Readonly<Record<Protocol, readonly Listed[]>>): readonly GamePort[] {
  const other = at.protocol === 'udp' ? 'tcp' : 'udp';
  if (all[other].some((socket) => hears(socket, at))) return [{ ...at, protocol: other }];
  const elsewhere = all[at.protocol].find(({ address, port }) => port === at.port && familyOf(address) === 4);
  if (elsewhere !== undefined) return [{ ...at, address: elsewhere.address }];
  const distance = ({ port }: Listed): number => Math.abs(port - at.port);
  const [best] = all[at.protocol]
    .filter(({ own, port }) => own && port < CLI_LIMITS.serverPortsEnd && port !== at.port)
    .filter((socket) => hears(socket, { ...at, port: socket.port }))
    .sort((left, right) => distance(left) - distance(right));
  return best === undefined ? [] : [{ ...at, port: best.port }];
}

function isHere(address: string): boolean {
  return isLoopback(address);
}

/** At the very address, or at all; a socket of IPv6 that listens everywhere hears IPv4 as well. */
function hears({ address, port }: Listed, at: GamePort): boolean {
  if (port !== at.port) return false;
  return address === at.address || address === '::' || (address === '0.0.0.0' && familyOf(at.address) === 4);
}

/** Null where the system has no such list. Format: `sl  local_address rem_address st ... uid ...`, addresses in hex. */
function listed(protocol: Protocol): readonly Listed[] | null {
  const found: Listed[] = [];
  let read = false;
  for (const family of ['', '6']) {
    try {
      const lines = readFileSync(`/proc/net/${protocol}${family}`, 'latin1').split('\n').slice(1);
      read = true;
      for (const line of lines) {
        const [, local = '', remote = '', state, , , , uid] = line.trim().split(/\s+/);
        const server = protocol === 'udp' ? /^0*:0000$/.test(remote) : state === TCP_LISTEN;
        const [hex = '', port = ''] = local.split(':');
        if (server)
          found.push({
            address: fromHex(hex),
            port: Number.parseInt(port, 16),
            own: Number(uid) === process.getuid?.(),
          });
      }
    } catch {
      // Not Linux, or no IPv6.
    }
  }
  return read ? found : null;
}

const TCP_LISTEN = '0A';

/** Words of four bytes, each the wrong way round on all computers that games run on. */
function fromHex(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, n) => ((bytes[2 * n] ?? 0) << 8) | (bytes[2 * n + 1] ?? 0));
  const text = groups.map((group) => group.toString(16)).join(':');
  const zero = addressBytes(text)?.every((byte) => byte === 0);
  if (zero) return '::';
  return text === '0:0:0:0:0:0:0:1' ? '::1' : (mapped(bytes) ?? text);
}

/** `::ffff:127.0.0.1`: a server of IPv6 that is bound to an address of IPv4. */
function mapped(bytes: readonly number[]): string | null {
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return isMapped ? bytes.slice(12).join('.') : null;
}

/** Where the kernel tells nothing. */
async function takenByOther({ protocol, address, port }: GamePort): Promise<boolean> {
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
