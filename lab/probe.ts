/**
 * Programs the lab runs on its hosts to test detection and port mapping by themselves: a STUN server, the detector, the port mapper.
 * They print one JSON object a line. `node probe.js stun A1,A2 3478,3479` · `detect A:3478 …` ·
 * `lifetime A:3478 …` · `map PORT LEASE A:3478 …`, LEASE in seconds · `pinhole PORT LEASE`, by UPnP alone ·
 * `agent LINK`, an agent with its log.
 */
import { createSocket } from 'node:dgram';
import { openAgent } from '../src/agent/index.ts';
import {
  answerStun,
  createDetector,
  createPortMapper,
  type Endpoint,
  familyOf,
  type Instant,
  type Machine,
  type MapCommand,
  type MapEvent,
  NEVER,
  type Output,
  outputs,
  requestNumbers,
  type SocketId,
  type SocketIds,
  type SocketOutcome,
  StunSource,
  socketIds,
} from '../src/core/index.ts';
import {
  defaultGateway,
  defaultGateway6,
  drive,
  localAddresses,
  nodeCrypto,
  systemRandom,
  upnpTask,
} from '../src/node/index.ts';

const print = (event: unknown) => process.stdout.write(`${JSON.stringify(event)}\n`);
const fault = (error: Error) => {
  print({ ev: 'fault', text: String(error.stack) });
  process.exit(1);
};

function endpointOf(text: string): Endpoint {
  const [address = '', port = ''] = text.split(':');
  return { address, port: Number(port) };
}

function stunServer(addresses: readonly string[], ports: readonly number[]): void {
  const server = { addresses, ports, behaviour: 'anybody' } as const;
  const sockets = new Map(
    addresses.flatMap((address) => ports.map((port) => [`${address}:${port}`, createSocket('udp4')] as const)),
  );
  let bound = 0;
  for (const [key, socket] of sockets) {
    const local = endpointOf(key);
    socket.on('message', (bytes, from) => {
      const reply = answerStun(server, local, from, bytes);
      const sender = reply === null ? undefined : sockets.get(`${reply.from.address}:${reply.from.port}`);
      sender?.send(reply!.bytes, reply!.to.port, reply!.to.address);
    });
    socket.bind(local.port, local.address, () => {
      if (++bound === sockets.size) print({ ev: 'ready' });
    });
  }
}

async function detect(servers: readonly Endpoint[], lifetime: boolean): Promise<void> {
  const ids = { sockets: socketIds(), requests: requestNumbers() };
  const config = { random: systemRandom, crypto: nodeCrypto, ...ids, family: 4 } as const;
  const driver = drive(createDetector(config), { onEvent: print, onFault: fault });
  driver.command({ do: 'network', network: { addresses: localAddresses(), gateway: await defaultGateway() } });
  driver.command({ do: 'sources', sources: servers.map((server) => new StunSource(server, nodeCrypto)) });
  // A participant has looked up the names of these servers.
  driver.command({ do: 'passes', what: 'dns' });
  driver.command({ do: 'detect' });
  if (lifetime) driver.command({ do: 'lifetime' });
}

/** Gives the mapper a main socket of its own, as a participant does. */
class Mapped implements Machine<MapCommand, MapEvent> {
  readonly main: SocketId;
  readonly #mapper: Machine<MapCommand, MapEvent>;
  readonly #out = outputs<MapEvent>();
  readonly #sources: readonly StunSource[];

  constructor(sockets: SocketIds, port: number, lifetimeSeconds: number, sources: readonly StunSource[]) {
    this.main = sockets.next();
    this.#sources = sources;
    const requests = requestNumbers();
    this.#mapper = createPortMapper({ crypto: nodeCrypto, sockets, requests, lifetimeSeconds });
    this.#out.open(this.main, 4, port);
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    this.#mapper.handleDatagram(now, socket, from, bytes);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    if (socket !== this.main) this.#mapper.handleSocket(now, socket, outcome);
    else if (outcome.ok) {
      this.handleCommand(now, { do: 'sources', sources: this.#sources });
      this.handleCommand(now, { do: 'map', socket: this.main, port: outcome.local.port });
    }
  }

  handleTimeout(now: Instant): void {
    this.#mapper.handleTimeout(now);
  }

  handleCommand(now: Instant, command: MapCommand): void {
    this.#mapper.handleCommand(now, command);
  }

  poll(): Output<MapEvent> {
    const own = this.#out.next(NEVER);
    return own.kind === 'wait' ? this.#mapper.poll() : own;
  }
}

/** Without UPnP where `upnp` is false, so that PCP and NAT-PMP are seen by themselves. Removes the mapping on SIGTERM. */
async function map(port: number, leaseSeconds: number, servers: readonly Endpoint[], upnp: boolean): Promise<void> {
  const sources = servers.map((server) => new StunSource(server, nodeCrypto));
  const machine = new Mapped(socketIds(), port, leaseSeconds, sources);
  const addresses = localAddresses();
  const router = (await defaultGateway()) ?? '';
  const task = upnpTask(
    () => ({ gateway: router, gateway6: null }),
    ({ works, external }) => driver.command({ do: 'upnp', works, external }),
    { leaseSeconds },
  );
  const driver = drive<MapCommand, MapEvent>(machine, {
    onFault: fault,
    onEvent: (event) => {
      print(event);
      if (event.ev === 'upnp' && event.op === 'map' && upnp) task.wish(event);
    },
  });
  driver.command({ do: 'network', network: { addresses, gateway: upnp ? null : router } });
  process.on('SIGTERM', () => {
    driver.command({ do: 'stop' });
    // The last datagrams leave before the process does.
    task.close().then(() => setTimeout(() => process.exit(0), 100));
  });
}

/** Keeps a pinhole open by UPnP, and prints what the router says of it. Closes it on SIGTERM. */
async function pinhole(port: number, leaseSeconds: number): Promise<void> {
  const gateways = { gateway: await defaultGateway(), gateway6: await defaultGateway6() };
  const task = upnpTask(() => gateways, print, { leaseSeconds });
  const address = localAddresses().find((one) => familyOf(one) === 6) ?? '';
  task.wish({ op: 'map', port, address });
  const alive = setInterval(() => {}, 1_000);
  process.on('SIGTERM', () => {
    clearInterval(alive);
    void task.close();
  });
}

/** Of a participant that does nothing. */
async function agent(link: string): Promise<void> {
  const opened = await openAgent({ master: link });
  opened.on('event', (event) => event.ev === 'log' && print(event));
  await opened.ready();
  print({ ev: 'ready' });
}

const [what, ...words] = process.argv.slice(2);
if (what === 'stun') stunServer(words[0]!.split(','), words[1]!.split(',').map(Number));
else if (what === 'detect' || what === 'lifetime') await detect(words.map(endpointOf), what === 'lifetime');
else if (what === 'agent') await agent(words[0]!);
else if (what === 'pinhole') await pinhole(Number(words[0]), Number(words[1]));
else if (what === 'map' || what === 'upnp')
  await map(Number(words[0]), Number(words[1]), words.slice(2).map(endpointOf), what === 'upnp');
