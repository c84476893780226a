/**
 * Speaks noray's protocol to games on this computer, so that a game made for noray (Godot's netfox.noray) needs another address and nothing
 * else: TCP for its commands, UDP where it registers its port. Whoever has registered is hosted under our join code, which is its OpenID; who connects
 * to an OpenID joins that code, and is told a port of 127.0.0.1 that leads to the host. The game's own handshake then goes over our path.
 *
 * Two games of one computer that name each other's OpenID are told each other's ports, as by noray itself. There is no token in that protocol: any
 * program of this computer may speak to it, so it is only there where it has been asked for, and a browser is shown the door.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { SallyportError } from '../node/index.ts';
import { APP_LIMITS } from './limits.ts';
import { isInside, type LocalAnswer, type LocalCommand, type LocalState } from './local-api.ts';
import { type NorayLine, norayLine, parseNorayLine } from './noray-line.ts';

/** What of an engine it needs. */
export interface NorayEngine {
  code(): Promise<string>;
  state(): LocalState;
  onChange(listener: () => void): () => void;
  command(command: LocalCommand): Promise<LocalAnswer>;
}

export interface NorayPorts {
  /** noray's own: 8890. */
  readonly tcp: number;
  /** Its registrar's: 8809. */
  readonly udp: number;
}

/** A game that has registered. */
interface Game {
  readonly socket: Socket;
  readonly oid: string;
  readonly pid: string;
  /** Hosted under our code, or known on this computer alone. */
  readonly hosted: boolean;
  /** UDP, on 127.0.0.1; null before it has registered one. */
  port: number | null;
  registering: Promise<void> | null;
}

const LOCALHOST = '127.0.0.1';
/** As many symbols as noray's own have. */
const ID_BYTES = 16;

/**
 * A page of the web can make a browser send lines, but not without a head of HTTP before them, or the one of TLS, in whose session ticket
 * its server may have put them.
 */
function isOfBrowser(line: string): boolean {
  return / HTTP\/\d/.test(line) || [...line].some((sign) => sign < ' ' && sign !== '\t' && sign !== '\r');
}

export class NorayFront {
  readonly #engine: NorayEngine;
  readonly #games = new Set<Game>();
  /** Which join a code has led to. */
  readonly #joins = new Map<string, number>();
  /** Friends that the hosted game has been told of, with when they came. */
  #told = new Map<string, number | null>();
  readonly #sockets = new Set<Socket>();
  readonly #stop: () => void;
  #server: Server | null = null;
  #registrar: UdpSocket | null = null;
  #hostedPort: number | null = null;

  constructor(engine: NorayEngine) {
    this.#engine = engine;
    this.#stop = engine.onChange(() => this.#look());
  }

  /** Rejects with LOCAL_PORT_BUSY. */
  async open(ports: NorayPorts): Promise<void> {
    const server = createServer((socket) => this.#connected(socket));
    const registrar = createSocket('udp4');
    this.#server = server;
    this.#registrar = registrar;
    try {
      server.listen({ host: LOCALHOST, port: ports.tcp, exclusive: true });
      await once(server, 'listening');
      registrar.bind({ address: LOCALHOST, port: ports.udp, exclusive: true });
      await once(registrar, 'listening');
    } catch (error) {
      this.close();
      throw new SallyportError('LOCAL_PORT_BUSY', { detail: `noray's ports: ${(error as Error).message}.` });
    }
    registrar.on('error', () => {});
    registrar.on('message', (bytes, { port, address }) => {
      const answer = (text: string): void => registrar.send(text, port, address, () => {});
      void this.#register(bytes.toString('utf8'), port).then(answer, (error: Error) => answer(error.message));
    });
  }

  close(): void {
    this.#stop();
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#registrar?.close();
    this.#registrar = null;
  }

  #connected(socket: Socket): void {
    if (this.#sockets.size >= APP_LIMITS.norayGamesMax) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    let silent = 0;
    socket.on('data', (bytes) => {
      silent = bytes.includes(10) ? bytes.length - bytes.lastIndexOf(10) : silent + bytes.length;
      if (silent > APP_LIMITS.norayLineBytesMax) socket.destroy();
    });
    // One after the other: answers come in the order of the commands.
    let before: Promise<void> = Promise.resolve();
    let waiting = 0;
    const lines = createInterface({ input: socket });
    lines.on('line', (text) => {
      if (isOfBrowser(text)) socket.destroy();
      if (socket.destroyed || text.length > APP_LIMITS.norayLineBytesMax) return;
      // A connect may take a minute, and whoever goes on talking meanwhile would fill the memory.
      if (++waiting > APP_LIMITS.norayLinesMax) {
        socket.destroy();
        return;
      }
      const line = parseNorayLine(text);
      before = before
        .then(() => (socket.destroyed ? undefined : this.#obey(socket, line)))
        .catch((error: Error) => refuse(socket, line, error))
        .finally(() => {
          waiting--;
        });
    });
    socket.on('close', () => {
      lines.close();
      this.#sockets.delete(socket);
      for (const game of this.#games) if (game.socket === socket) this.#games.delete(game);
      this.#look();
    });
  }

  async #obey(socket: Socket, line: NorayLine): Promise<void> {
    if (line.name === 'register-host') return this.#registerHost(socket);
    if (line.name === 'connect' || line.name === 'connect-relay') return this.#connect(socket, line);
    if (line.name === 'echo') socket.write(norayLine('echo', line.text));
  }

  async #registerHost(socket: Socket): Promise<void> {
    const first = ![...this.#games].some(({ hosted }) => hosted);
    const oid = first ? await this.#engine.code() : randomId();
    if (socket.destroyed) return;
    for (const game of this.#games) if (game.socket === socket) this.#games.delete(game);
    const game: Game = { socket, oid, pid: randomId(), hosted: first, port: null, registering: null };
    this.#games.add(game);
    socket.write(norayLine('set-oid', game.oid) + norayLine('set-pid', game.pid));
  }

  /** From here the game has sent its private number: there it will listen, or there it is a client. */
  async #register(pid: string, port: number): Promise<string> {
    const game = [...this.#games].find((one) => one.pid === pid);
    if (game === undefined) throw new Error('Unknown host pid!');
    if (game.port !== null) return 'OK';
    if (!game.hosted) {
      game.port = port;
      return 'OK';
    }
    game.registering ??= this.#host(port).finally(() => {
      game.registering = null;
    });
    await game.registering;
    game.port = port;
    return 'OK';
  }

  async #host(port: number): Promise<void> {
    if (this.#hostedPort === port) return;
    if (this.#engine.state().hosting !== null) await this.#engine.command({ do: 'unhost' });
    this.#hostedPort = port;
    const wish = {
      services: `${port}`,
      name: 'game',
      game: '',
      playersMax: 16,
      public: false,
      password: '',
      ask: false,
    };
    const answer = await this.#engine.command({ do: 'host', ...wish });
    if (answer.ok) return;
    this.#hostedPort = null;
    throw new Error(`${answer.error.code}: ${answer.error.what} ${answer.error.hint}`);
  }

  async #connect(socket: Socket, line: NorayLine): Promise<void> {
    const { name, text: oid } = line;
    const client = [...this.#games].find((game) => game.socket === socket);
    if (client === undefined) throw new Error('Unknown client from address');
    if (client.port === null) throw new Error('Client has no remote info registered!');
    const here = [...this.#games].find((game) => game.oid === oid && game !== client);
    if (here !== undefined) {
      if (here.port === null) throw new Error('Host has no remote info registered!');
      told(socket, name, here.port);
      told(here.socket, name, client.port);
      return;
    }
    told(socket, name, await this.#join(oid));
  }

  /** The port of 127.0.0.1 that leads to the host. Asked for again, it is joined anew: so the host's game is told again, too. */
  async #join(oid: string): Promise<number> {
    const before = this.#joins.get(oid);
    if (before !== undefined) await this.#engine.command({ do: 'forget', join: before });
    this.#joins.delete(oid);
    const localPort = await freePort();
    const wish = { target: oid, password: '', localPort, waitMs: APP_LIMITS.norayJoinMs };
    const answer = await this.#engine.command({ do: 'join', ...wish });
    if (!answer.ok) throw new Error(`${answer.error.code}: ${answer.error.what} ${answer.error.hint}`);
    this.#joins.set(oid, answer.join ?? 0);
    // Each is a path that lives; those over are forgotten with the next look at them.
    const { joins } = this.#engine.state();
    for (const [code, id] of this.#joins) if (!joins.some((join) => join.id === id)) this.#joins.delete(code);
    const port = Number(answer.local?.split(':')[1] ?? 0);
    if (port === 0) throw new Error('GAVE_UP: There is no path yet. Try again.');
    return port;
  }

  /** Tells the hosted game of friends that have come, and ends hosting when the game and all friends have gone. */
  #look(): void {
    if (this.#hostedPort === null) return;
    const { hosting } = this.#engine.state();
    const here = (hosting?.friends ?? []).filter(isInside);
    const game = [...this.#games].find(({ hosted }) => hosted);
    const told = new Map<string, number | null>();
    for (const { friend, instance, seat, connectedAt } of here) {
      const name = `${friend}/${instance}`;
      told.set(name, connectedAt);
      if (game === undefined || seat === null || this.#told.get(name) === connectedAt) continue;
      game.socket.write(norayLine('connect', seat));
    }
    this.#told = told;
    if (game !== undefined || here.length > 0 || hosting === null || hosting.state === 'starting') return;
    this.#hostedPort = null;
    void this.#engine.command({ do: 'unhost' });
  }
}

function told(socket: Socket, name: string, port: number): void {
  socket.write(norayLine(name, name === 'connect' ? `${LOCALHOST}:${port}` : `${port}`));
}

/** noray 1.x says nothing, 2.x answers a request. A game that asked without a number is told by a word that noray's clients pass over. */
function refuse(socket: Socket, { request }: NorayLine, error: Error): void {
  if (!socket.destroyed) socket.write(norayLine(request === null ? 'error' : `!${request}`, error.message));
}

function randomId(): string {
  return randomBytes(ID_BYTES).toString('base64url').replaceAll('-', '0').replaceAll('_', '1');
}

/** Of 127.0.0.1, now: what `connect-relay` says has room for a port and not for an address. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, LOCALHOST);
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}
