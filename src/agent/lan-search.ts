/**
 * Lets a console, or a second computer, find a host of a friend in the list of its own network. Clients of games look there in one of
 * two ways: they ask everybody by broadcast, or they listen for what a server says there by itself. A
 * question is handed on as a datagram of whoever asks, so that the host's own server answers it, and the answer comes from the local port of
 * the service: there the client connects to. What a server would say by itself is said here.
 */
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import {
  cleanText,
  type Endpoint,
  fromHex,
  isLoopback,
  isPrivate,
  Limiter,
  PEER_LIMITS,
  parseServices,
} from '../core/index.ts';
import { AGENT_LIMITS } from './limits.ts';

/** How clients of a game look for servers: `src/games` has it for the known ones. */
export interface LanSearchWish {
  readonly way: 'broadcast' | 'announced';
  /** As `27960-27963`. */
  readonly ports: string;
  readonly group?: string;
  /** How a question begins, in hexadecimal. */
  readonly first?: string;
}

export interface LanAnswerOptions {
  readonly search: LanSearchWish;
  /** What clients are shown of a server that is announced. */
  readonly name: string;
  /** Where the first service is found on this computer. */
  readonly port: number;
  /** Of services: a socket is there already, and hears what is asked. */
  readonly ownPorts: readonly number[];
  readonly onQuestion: (from: Endpoint, bytes: Uint8Array) => void;
}

export interface LanAnswer {
  close(): void;
}

/** Of the local network, or of this computer: nobody else is let in by `--lan`. */
export function isNeighbour(address: string): boolean {
  return isLoopback(address) || isPrivate(address);
}

export function answerLan(options: LanAnswerOptions): LanAnswer {
  return options.search.way === 'announced' ? announce(options) : listen(options);
}

/** Ports that another program has, such as a server of the same game, are left to it. */
function listen({ search, ownPorts, onQuestion }: LanAnswerOptions): LanAnswer {
  const first = fromHex(search.first ?? '') ?? new Uint8Array(0);
  const pace = new Limiter(AGENT_LIMITS.lanQuestions, 1);
  const sockets = portsOf(search)
    .filter((port) => !ownPorts.includes(port))
    .map((port) => {
      const socket = quietSocket();
      socket.on('message', (bytes, { address, port: from }) => {
        const asks = bytes.length >= first.length && first.every((byte, n) => bytes[n] === byte);
        if (asks && isNeighbour(address) && pace.take(performance.now(), 0) === 0)
          onQuestion({ address, port: from }, bytes);
      });
      socket.bind(port, '0.0.0.0');
      return socket;
    });
  return { close: () => sockets.forEach(closeQuietly) };
}

/** As Minecraft does, the one game that is known to: https://minecraft.wiki/w/Tutorial:Setting_up_a_LAN_world. */
function announce({ search, name, port }: LanAnswerOptions): LanAnswer {
  const [to = 0] = portsOf(search);
  const shown = cleanText(name, PEER_LIMITS.nameShownMax).replace(/[[\]]/g, '');
  const text = `[MOTD]${shown}[/MOTD][AD]${port}[/AD]`;
  const sockets = new Map<string, Socket>();
  const say = (): void => {
    // Networks come and go.
    for (const address of interfaces()) {
      if (sockets.has(address)) continue;
      const socket = quietSocket();
      sockets.set(address, socket);
      socket.bind(0, address, () => socket.setMulticastInterface(address));
    }
    for (const socket of sockets.values()) socket.send(text, to, search.group, () => {});
  };
  say();
  const timer = setInterval(say, AGENT_LIMITS.lanGameAnnounceMs);
  return {
    close() {
      clearInterval(timer);
      for (const socket of sockets.values()) closeQuietly(socket);
    },
  };
}

function portsOf({ ports }: LanSearchWish): readonly number[] {
  const services = parseServices(ports);
  return 'problem' in services ? [] : services.map(({ port }) => port);
}

function interfaces(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.filter(({ family, address }) => family === 'IPv4' && isNeighbour(address)).map(({ address }) => address);
}

/** The client of this computer may listen on the same port. */
function quietSocket(): Socket {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('error', () => closeQuietly(socket));
  return socket;
}

function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // Closed by its own error.
  }
}
