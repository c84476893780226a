/**
 * Hosts and friends of the fleet under test, many in this one process: the library's own machines on real sockets, each bound to an
 * address of its own in a /24 of its own (the namespace answers to all of 20.0.0.0/8), so that no limit of an address counts. Codes are
 * the weak ones of the simulator: the real derivation would be four fifths of the load. Receives the webhooks of the nodes too.
 */
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { createPeer, type KeyPair, type PeerCommand, type PeerEvent, parseMasterLink } from '../src/core/index.ts';
import { type Driver, drive, nodeCrypto, type OpenUdpSocket, openUdpSocket, systemRandom } from '../src/node/index.ts';
import { weakCodeOf, weakCodes } from '../src/sim/index.ts';

export type CrowdOrder =
  | { readonly do: 'hosts'; readonly link: string; readonly nodes: readonly string[]; readonly count: number }
  /** So many friends come each second from now on; 0: no more. */
  | { readonly do: 'joins'; readonly perSecond: number }
  | { readonly do: 'figures' };

export interface CrowdJoin {
  /** When the friend's program began, by the clock on the wall. */
  readonly at: number;
  /** From there to the first path; null: none. */
  readonly tookMs: number | null;
  readonly failure: string | null;
}

/** A line of its output. */
export type CrowdLine =
  | { readonly ev: 'receiving' }
  | { readonly ev: 'hosting'; readonly hosts: number }
  | ({ readonly ev: 'join' } & CrowdJoin)
  | { readonly ev: 'failed'; readonly what: string }
  | {
      readonly ev: 'figures';
      readonly under: number;
      /** Joins after which the host, or the friend, had more than one path. */
      readonly twicePaths: number;
      readonly hooks: number;
      readonly hooksTwice: readonly string[];
      readonly lateMs: number;
    };

const JOIN_MS = 20_000;
/** A friend stays so long: what comes twice comes by then. */
const STAY_MS = 1_000;
const FRIENDS_FROM = 10_000;
const ADDRESSES = 65_536;
const TICK_MS = 20;

const say = (line: CrowdLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const hosts: { readonly keys: KeyPair; readonly code: string; hosting: boolean }[] = [];
/** Paths of each friend's program, as hosts see them. */
const pathsAtHosts = new Map<string, number>();
const hooks = new Map<string, number>();
let master = { key: new Uint8Array(0) as Uint8Array, port: 0, tunnel: false };
let nodes: readonly string[] = [];
let friends = 0;
let under = 0;
let twicePaths = 0;
let perSecond = 0;
let owed = 0;
let lateMs = 0;

/** Every second one is in 20.0.0.0/9, the others in 20.128.0.0/9. */
function addressOf(index: number): string {
  const half = index >> 1;
  return `20.${(index % 2) * 128 + (half >> 8)}.${half & 255}.1`;
}

function start(index: number, keys: KeyPair, onEvent: (event: PeerEvent, driver: Driver<PeerCommand>) => void) {
  const own = addressOf(index);
  const first = index % nodes.length;
  const peer = createPeer({
    ...{ identity: keys, stun: [], crypto: nodeCrypto, random: systemRandom, wallClock: Date.now, family: 4 },
    // The name of a fleet leads to its nodes in an order of its own for each who asks.
    master: { ...master, addresses: [...nodes.slice(first), ...nodes.slice(0, first)] },
  });
  const openSocket: OpenUdpSocket = (request, handlers) => openUdpSocket({ ...request, address: own }, handlers);
  const driver: Driver<PeerCommand> = drive(weakCodes(peer, nodeCrypto), {
    openSocket,
    onEvent: (event) => onEvent(event, driver),
    onFault: (error) => say({ ev: 'failed', what: `a machine met a fault: ${error.stack}` }),
  });
  driver.command({ do: 'network', network: { addresses: [own], gateway: null } });
  driver.command({ do: 'start' });
  return driver;
}

function startHost(index: number): void {
  const keys = nodeCrypto.keyPair();
  const host = { keys, code: weakCodeOf(nodeCrypto, keys.publicKey), hosting: false };
  hosts.push(host);
  const driver = start(index, keys, (event) => {
    if (event.ev === 'hosting' && !host.hosting) {
      host.hosting = true;
      say({ ev: 'hosting', hosts: hosts.filter(({ hosting }) => hosting).length });
    }
    if (event.ev === 'hosting-failed') say({ ev: 'failed', what: `host ${index}: ${event.failure}` });
    if (event.ev !== 'path' || event.instance === '') return;
    const paths = (pathsAtHosts.get(event.instance) ?? 0) + 1;
    pathsAtHosts.set(event.instance, paths);
    if (paths === 2) twicePaths += 1;
  });
  const announcement = {
    ...{ name: `Host ${index}`, game: 'luanti', public: true, playersMax: 64, map: '', mode: '', version: '1' },
    passwordNeeded: false,
  };
  driver.command({ do: 'host', announcement, password: null, ask: false });
}

/** Its program starts, and joins at once: what a person waits for. */
function startFriend(): void {
  const index = FRIENDS_FROM + (friends % (ADDRESSES - FRIENDS_FROM));
  const host = hosts[friends % hosts.length];
  friends += 1;
  if (host === undefined) return;
  under += 1;
  const [at, began] = [Date.now(), performance.now()];
  let paths = 0;
  let over = false;
  const end = (driver: Driver<PeerCommand>, afterMs: number, tookMs: number | null, failure: string | null): void => {
    if (over) return;
    over = true;
    under -= 1;
    say({ ev: 'join', at, tookMs, failure });
    setTimeout(() => driver.command({ do: 'close' }), afterMs);
    setTimeout(() => driver.dispose(), afterMs + 500);
  };
  const driver = start(index, nodeCrypto.keyPair(), (event, own) => {
    if (event.ev === 'path') {
      paths += 1;
      if (paths === 2) twicePaths += 1;
      end(own, STAY_MS, performance.now() - began, null);
    } else if (event.ev === 'join-failed') end(own, 0, null, event.failure);
  });
  const { code } = host;
  driver.command({ do: 'join', join: 1, code, hostKey: null, password: null, name: 'Ben', timeoutMs: JOIN_MS });
  setTimeout(() => end(driver, 0, null, 'no end'), JOIN_MS + 2_000);
}

function follow(order: CrowdOrder): void {
  if (order.do === 'joins') perSecond = order.perSecond;
  else if (order.do === 'figures') {
    const hooksTwice = [...hooks].flatMap(([what, times]) => (times > 1 ? [what] : []));
    say({ ev: 'figures', under, twicePaths, hooks: hooks.size, hooksTwice, lateMs });
    lateMs = 0;
  } else {
    const link = parseMasterLink(order.link);
    if ('problem' in link) throw new Error(link.problem);
    master = { key: link.key, port: link.port, tunnel: false };
    nodes = order.nodes;
    // Ten at a time each 200 ms: who waits for the first hosts does not measure how all come at once.
    const come = setInterval(() => {
      for (let n = 0; n < 10 && hosts.length < order.count; n += 1) startHost(hosts.length);
      if (hosts.length >= order.count) clearInterval(come);
    }, 200);
  }
}

let ticked = performance.now();
setInterval(() => {
  const now = performance.now();
  lateMs = Math.max(lateMs, now - ticked - TICK_MS);
  // After a pause of this process nobody comes all at once.
  owed += (perSecond * Math.min(now - ticked, 10 * TICK_MS)) / 1000;
  ticked = now;
  for (; owed >= 1; owed -= 1) startFriend();
}, TICK_MS);

createServer((request, response) => {
  let text = '';
  request.on('data', (bytes) => {
    text += String(bytes);
  });
  request.on('end', () => {
    const { event, title } = JSON.parse(text) as { event: string; title: string };
    const what = `${event} ${title}`;
    hooks.set(what, (hooks.get(what) ?? 0) + 1);
    response.end();
  });
}).listen(Number(process.argv[2] ?? '0'), () => say({ ev: 'receiving' }));
createInterface({ input: process.stdin }).on('line', (line) => follow(JSON.parse(line) as CrowdOrder));
