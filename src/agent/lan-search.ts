/**
 * Lets a console, or a second computer, find a host of a friend in the list of its own network. Clients of games look there in one of
 * three ways: they ask everybody by broadcast, they listen for what a server says there by itself, or they ask a group, all of which
 * hears the answer. What is asked by broadcast is handed on as a datagram of whoever asks, so that the host's own server answers it, and the
 * answer comes from the local port of the service: there the client connects to. What a server would tell everybody is told here, as it
 * would name the host's computer, which nobody reaches from here.
 */
import { createSocket, type Socket } from 'node:dgram';
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
import { interfacesNow } from '../node/index.ts';
import { AGENT_LIMITS } from './limits.ts';

/** How clients of a game look for servers: `src/games` has it for the known ones. */
export interface LanSearchWish {
  readonly way: 'broadcast' | 'announced' | 'asked';
  /** As `27960-27963`. */
  readonly ports: string;
  readonly group?: string;
  /** How a question begins, in hexadecimal. */
  readonly first?: string;
}

export interface LanAnswerOptions {
  readonly search: LanSearchWish;
  /** What clients are shown of a server that is told of here. */
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
  const { way } = options.search;
  return way === 'announced' ? announce(options) : way === 'asked' ? tell(options) : listen(options);
}

/** Ports that another program has, such as a server of the same game, are left to it. */
function listen({ search, ownPorts, onQuestion }: LanAnswerOptions): LanAnswer {
  const asked = questions(search, onQuestion);
  const sockets = portsOf(search)
    .filter((port) => !ownPorts.includes(port))
    .map((port) => {
      const socket = quietSocket();
      socket.on('message', asked);
      socket.bind(port, '0.0.0.0');
      return socket;
    });
  return { close: () => sockets.forEach(closeQuietly) };
}

/** Lets pass what begins as a question of this game and comes from the local network, as often as people ask. */
function questions(
  { first: words = '' }: LanSearchWish,
  onQuestion: LanAnswerOptions['onQuestion'],
): (bytes: Uint8Array, from: Endpoint) => void {
  const first = fromHex(words) ?? new Uint8Array(0);
  const pace = new Limiter(AGENT_LIMITS.lanQuestions, 1);
  return (bytes, { address, port }) => {
    const asks = bytes.length >= first.length && first.every((byte, n) => bytes[n] === byte);
    if (asks && isNeighbour(address) && pace.take(performance.now(), 0) === 0) onQuestion({ address, port }, bytes);
  };
}

/** As Minecraft does, the one game that is known to: https://minecraft.wiki/w/Tutorial:Setting_up_a_LAN_world. */
function announce({ search, name, port }: LanAnswerOptions): LanAnswer {
  const [to = 0] = portsOf(search);
  const shown = cleanText(name, PEER_LIMITS.nameShownMax).replace(/[[\]]/g, '');
  const text = Buffer.from(`[MOTD]${shown}[/MOTD][AD]${port}[/AD]`);
  const said = sayEverywhere(search.group ?? '', to, () => text);
  said.again();
  const timer = setInterval(said.again, AGENT_LIMITS.lanGameAnnounceMs);
  return {
    close() {
      clearInterval(timer);
      said.close();
    },
  };
}

/**
 * As Freeciv does, the one game that is known to (`server/sernet.c`, `send_lanserver_response`): the next port of the group is told where
 * the server is, its version, what it does, how many players it has, how many of them are people, and what it says. Of these only the
 * first and the last are known here.
 */
function tell({ search, name, port }: LanAnswerOptions): LanAnswer {
  const [to = 0] = portsOf(search);
  const group = search.group ?? '';
  const shown = cleanText(name, PEER_LIMITS.nameShownMax);
  const said = sayEverywhere(group, to + 1, (address) => {
    const words = [address, `${port}`, '?', '?', '0', '0', shown].map((word) => `${word}\0`);
    return Buffer.concat([fromHex(search.first ?? '') ?? Buffer.alloc(0), Buffer.from(words.join(''))]);
  });
  const socket = quietSocket();
  socket.on('message', questions(search, said.again));
  socket.bind(to, () => {
    for (const address of interfaces()) joinGroup(socket, group, address);
  });
  return {
    close() {
      closeQuietly(socket);
      said.close();
    },
  };
}

/** Says to the group in each network of this computer what is to be said of the address that it has there. */
function sayEverywhere(
  group: string,
  port: number,
  words: (address: string) => Uint8Array,
): { again(): void; close(): void } {
  const sockets = new Map<string, Socket>();
  return {
    again() {
      // Networks come and go.
      for (const address of interfaces()) {
        if (sockets.has(address)) continue;
        const socket = quietSocket();
        sockets.set(address, socket);
        socket.bind(0, address, () => socket.setMulticastInterface(address));
      }
      for (const [address, socket] of sockets) socket.send(words(address), port, group, () => {});
    },
    close() {
      for (const socket of sockets.values()) closeQuietly(socket);
    },
  };
}

function joinGroup(socket: Socket, group: string, address: string): void {
  try {
    socket.addMembership(group, address);
  } catch {
    // A network without multicast.
  }
}

function portsOf({ ports }: LanSearchWish): readonly number[] {
  const services = parseServices(ports);
  return 'problem' in services ? [] : services.map(({ port }) => port);
}

function interfaces(): readonly string[] {
  const all = Object.values(interfacesNow()).flatMap((list) => list ?? []);
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
