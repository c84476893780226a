/**
 * The ports at which a friend's programs find the services of a host, all of them or none: at 127.0.0.1 with the host's own numbers;
 * where one is taken, at a loopback address of that host with the same numbers; else moved together, by as much each.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { type FriendId, type Service, speaks } from '../core/index.ts';
import { SallyportError } from '../node/index.ts';
import { hostAddress } from './addresses.ts';
import { AGENT_LIMITS } from './limits.ts';

export interface LocalBlock {
  readonly address: string;
  /** What is added to each number of the host. */
  readonly offset: number;
  /** By service; null where it does not speak that protocol. */
  readonly udp: readonly (Socket | null)[];
  readonly tcp: readonly (Server | null)[];
  close(): void;
}

export interface BlockWish {
  readonly services: readonly Service[];
  readonly host: FriendId;
  /** For the first service, 0 = any; absent: the host's numbers. */
  readonly port?: number;
  /** Where this host was found before. */
  readonly before: string | null;
  /** The host is on this computer: at 127.0.0.1 its numbers are those of its own game, running or not. */
  readonly hostHere: boolean;
  /** The local network is let in, too: at all addresses of this computer, so at none of the host's own. */
  readonly lan: boolean;
}

const LOCALHOST = '127.0.0.1';
const EVERYWHERE = '0.0.0.0';

/** Throws LOCAL_PORT_BUSY. */
export async function openBlock(wish: BlockWish): Promise<LocalBlock> {
  const { services, lan } = wish;
  for (const { address, offset } of placesFor(wish)) {
    const block = await tryBlock(services, address, offset);
    if (block !== null) return block;
  }
  // Any ports: the first is drawn by the system, and the others may be free beside it.
  for (let tried = 0; tried < AGENT_LIMITS.localPortTries; tried++) {
    const block = await anyBlock(services, lan ? EVERYWHERE : LOCALHOST);
    if (block !== null) return block;
  }
  throw new SallyportError('LOCAL_PORT_BUSY', { detail: `No free ports on ${lan ? 'all addresses' : LOCALHOST}.` });
}

/** In the order in which they are tried. */
function placesFor({ services, host, port, before, hostHere, lan }: BlockWish): readonly Place[] {
  if (port === 0) return [];
  const numbers = services.map((service) => service.port);
  const [first = 0] = numbers;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const here = lan ? EVERYWHERE : LOCALHOST;
  const base = port === undefined ? 0 : port - first;
  const exists = ({ offset }: Place): boolean => low + offset >= 1 && high + offset <= 65_535;
  const fits = (place: Place): boolean =>
    exists(place) &&
    low + place.offset >= (place.address === here ? AGENT_LIMITS.localPortFirst : 1) &&
    !(hostHere && place.address === here && place.offset === 0);
  const near = Array.from({ length: AGENT_LIMITS.localPortTries }, (_, n) => n);
  const moved = [...near, ...near.map((n) => -n)].map((n) => ({ address: here, offset: base + n }));
  if (port !== undefined) {
    // Whoever names a port below 1024 means it.
    return [...[{ address: here, offset: base }].filter(exists), ...moved.filter(fits)];
  }
  const same = lan ? [here] : [...(before === null ? [] : [before]), LOCALHOST, hostAddress(host)];
  return [...same.map((address) => ({ address, offset: 0 })), ...moved].filter(fits);
}

interface Place {
  readonly address: string;
  readonly offset: number;
}

async function anyBlock(services: readonly Service[], address: string): Promise<LocalBlock | null> {
  const [first] = services;
  if (first === undefined) return null;
  const probe = speaks(first, 'udp') ? await bindUdp(address, 0) : await listenTcp(address, 0);
  if (probe === null) return null;
  const drawn = probe.address() as { readonly port: number };
  probe.close();
  const offset = drawn.port - first.port;
  const outside = services.some(({ port }) => port + offset < AGENT_LIMITS.localPortFirst || port + offset > 65_535);
  return outside ? null : tryBlock(services, address, offset);
}

/** Null where one of them can't be had. */
async function tryBlock(services: readonly Service[], address: string, offset: number): Promise<LocalBlock | null> {
  const udp: (Socket | null)[] = [];
  const tcp: (Server | null)[] = [];
  const close = (): void => {
    for (const socket of udp) socket?.close();
    for (const server of tcp) server?.close();
  };
  for (const service of services) {
    const port = service.port + offset;
    const socket = speaks(service, 'udp') ? await bindUdp(address, port) : null;
    udp.push(socket);
    const server = speaks(service, 'tcp') ? await listenTcp(address, port) : null;
    tcp.push(server);
    if ((speaks(service, 'udp') && socket === null) || (speaks(service, 'tcp') && server === null)) {
      close();
      return null;
    }
  }
  return { address, offset, udp, tcp, close };
}

async function bindUdp(address: string, port: number): Promise<Socket | null> {
  // An address needs no looking up, which node:dgram would do in a turn of its own for each datagram.
  const socket = createSocket({ type: 'udp4', lookup: (address, _options, done) => done(null, address, 4) });
  // Whoever looks nothing up is bound before `bind` returns.
  const listening = once(socket, 'listening');
  socket.bind({ address, port, exclusive: true });
  try {
    await listening;
    return socket;
  } catch {
    socket.close();
    return null;
  }
}

async function listenTcp(address: string, port: number): Promise<Server | null> {
  // A game that closes its half goes on to be answered, as over any TCP.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  server.listen({ host: address, port, exclusive: true });
  try {
    await once(server, 'listening');
    return server;
  } catch {
    server.close();
    return null;
  }
}
