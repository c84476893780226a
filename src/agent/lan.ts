/**
 * Servers on the local network, without a masterserver's list: a host says every few seconds by multicast that it is there, an
 * app listens. The join itself goes through the master as always, and its LAN candidate makes the path a local one.
 *
 * A public host says its code, name and game. A private one says a nonce and a MAC of it under its *public key*, which only those
 * have whom it gave its link, or who have joined it before: to all others the two are random bytes, new each time, sent from a new
 * port each time. Its code must not be a key to this: there are few enough codes to try them all.
 *
 * Anybody on the LAN may say anything here, so names are cleaned and every number is bounded. Who listens also measures: a ping to
 * the socket that announces comes back as it is, no larger and with a TTL of 1, so that nobody outside can be reached by it.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import {
  cleanText,
  equalBytes,
  fromBase64Url,
  isLoopback,
  normalizeCode,
  parseMasterLink,
  toBase64Url,
  utf8Encode,
} from '../core/index.ts';
import { nodeCrypto } from '../node/index.ts';
import { AGENT_LIMITS } from './limits.ts';

/** Administratively scoped (RFC 2365), never forwarded by routers; the port is the first below those of a masterserver. */
const GROUP = { address: '239.255.84.30', port: 8429 } as const;
const GREETING = 'sallyport-lan 2 ';
/** Bytes of a nonce and of a MAC: nobody meets either by chance. */
const PROOF_BYTES = 16;
const PING = /^sallyport-ping 1 [0-9a-f]{16}$/;

export interface LanHandle {
  close(): void;
}

export interface LanServer {
  readonly name: string;
  readonly game: string;
  readonly code: string;
  readonly address: string;
  /** Measured; null = not yet. */
  readonly pingMs: number | null;
  /** It has answered no ping: an older version, or a firewall. */
  readonly pingGivenUp: boolean;
}

export interface LanAnnouncement extends Pick<LanServer, 'code' | 'name' | 'game'> {
  readonly public: boolean;
  readonly hostKey: Uint8Array;
}

/** A host whose key this computer has, from a link or from an earlier join. */
export interface KnownHost {
  readonly code: string;
  readonly hostKey: Uint8Array;
  /** As it was called the last time; empty where that is not known. */
  readonly name: string;
}

/**
 * Says it now and then; a network without multicast simply hears nothing. Nothing is said where the masterserver is on this very
 * computer: nobody else could reach it.
 */
export function announceOnLan(masterLink: string, announcement: () => LanAnnouncement): LanHandle {
  const link = parseMasterLink(masterLink);
  if ('problem' in link || link.host === 'localhost' || isLoopback(link.host)) return { close: () => {} };
  // Each answers pings until the next but one has been said.
  let mouths: readonly Socket[] = [];
  const say = (): void => {
    const socket = createSocket('udp4');
    mouths = [socket, ...mouths];
    for (const old of mouths.slice(2)) old.close();
    mouths = mouths.slice(0, 2);
    socket.on('error', () => {});
    socket.on('message', (bytes, from) => {
      if (PING.test(bytes.toString('latin1'))) socket.send(bytes, from.port, from.address, () => {});
    });
    socket.bind(0, () => {
      if (!mouths.includes(socket)) return;
      socket.setMulticastTTL(1);
      socket.setTTL(1);
      socket.send(formatAnnouncement(announcement()), GROUP.port, GROUP.address, () => {});
    });
  };
  const timer = setInterval(say, AGENT_LIMITS.lanAnnounceMs);
  say();
  return {
    close: () => {
      clearInterval(timer);
      for (const socket of mouths) socket.close();
      mouths = [];
    },
  };
}

/** The datagram: nothing in that of a private host is twice the same but the frame. */
export function formatAnnouncement({ public: open, code, name, game, hostKey }: LanAnnouncement): string {
  if (open) return `${GREETING}${JSON.stringify({ code, name, game })}`;
  const nonce = nodeCrypto.randomBytes(PROOF_BYTES);
  return `${GREETING}${JSON.stringify({ nonce: toBase64Url(nonce), mac: toBase64Url(proofOf(hostKey, nonce)) })}`;
}

function proofOf(hostKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  const key = nodeCrypto.macKey(nodeCrypto.sha256(utf8Encode('sallyport lan'), hostKey));
  return nodeCrypto.hmac(key, nonce).subarray(0, PROOF_BYTES);
}

interface Heard {
  readonly server: AnnouncedServer;
  readonly at: number;
  /** The quickest turn so far: a busy computer only ever adds to one. */
  pingMs: number | null;
  /** Asked since the last answer; `asked` and `sentAt` are of the one under way. */
  unanswered: number;
  asked: string;
  sentAt: number;
}

type AnnouncedServer = Omit<LanServer, 'pingMs' | 'pingGivenUp'>;

/**
 * Tells the servers heard lately, and how far away they are, whenever that changes. `known`: the hosts that are recognised though
 * they are private; asked for once in an interval.
 */
export function listenOnLan(
  known: () => readonly KnownHost[],
  onChange: (servers: readonly LanServer[]) => void,
): LanHandle {
  const heard = new Map<string, Heard>();
  let hosts = known();
  // How often each address has been looked up among the known hosts in this interval: a flood must not cost more than it pays.
  const examined = new Map<string, number>();
  const knownTo = (address: string): readonly KnownHost[] => {
    const times = examined.get(address) ?? 0;
    if (times >= AGENT_LIMITS.lanExaminedMax || (times === 0 && examined.size >= AGENT_LIMITS.lanServersMax)) return [];
    examined.set(address, times + 1);
    return hosts;
  };
  let told = '[]';
  const tell = (): void => {
    const servers = [...heard.values()].map(viewOf);
    const text = JSON.stringify(servers);
    if (text !== told) onChange(servers);
    told = text;
  };
  const pinger = createSocket('udp4');
  pinger.on('error', () => {});
  // Whoever says the address of somebody else: the ping does not leave this network.
  pinger.bind(0, () => pinger.setTTL(1));
  pinger.on('message', (bytes, { address }) => {
    const text = bytes.toString('latin1');
    const one = [...heard.values()].find((entry) => entry.asked === text && entry.server.address === address);
    if (one === undefined) return;
    one.pingMs = Math.min(one.pingMs ?? Number.POSITIVE_INFINITY, performance.now() - one.sentAt);
    one.unanswered = 0;
    one.asked = '';
    tell();
  });
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('error', () => {});
  socket.on('message', (bytes, from) => {
    const server = parseAnnouncement(String(bytes), from, knownTo);
    if (server === null || !makeRoom(heard, server)) return;
    const before = heard.get(server.code);
    const same = before !== undefined && before.server.address === server.address ? before : UNMEASURED;
    const now = { ...same, server, at: performance.now() };
    heard.set(server.code, now);
    ping(pinger, now, from.port);
    tell();
  });
  socket.bind(GROUP.port, () => {
    try {
      socket.addMembership(GROUP.address);
    } catch {
      // No interface with multicast: nothing will be heard, and nothing else depends on it.
    }
  });
  const timer = setInterval(() => {
    hosts = known();
    examined.clear();
    const oldest = performance.now() - 3 * AGENT_LIMITS.lanAnnounceMs;
    const gone = [...heard].filter(([, { at }]) => at < oldest);
    for (const [code] of gone) heard.delete(code);
    if (gone.length > 0) tell();
  }, AGENT_LIMITS.lanAnnounceMs);
  return {
    close: () => {
      clearInterval(timer);
      socket.close();
      pinger.close();
    },
  };
}

/** False where there is none for this server. */
function makeRoom(heard: Map<string, Heard>, { code, address }: AnnouncedServer): boolean {
  if (heard.has(code) || heard.size < AGENT_LIMITS.lanServersMax) return true;
  const crowded = crowdedOut([...heard.values()], address);
  return crowded !== null && heard.delete(crowded.server.code);
}

/** Who goes from a full list for one more of this address: the oldest of the address that has most, where that has more than this one. */
export function crowdedOut<Entry extends { readonly server: { readonly address: string }; readonly at: number }>(
  heard: readonly Entry[],
  address: string,
): Entry | null {
  const counts = new Map<string, number>();
  for (const { server } of heard) counts.set(server.address, (counts.get(server.address) ?? 0) + 1);
  const most = Math.max(...counts.values());
  if ((counts.get(address) ?? 0) >= most) return null;
  const holders = heard.filter(({ server }) => counts.get(server.address) === most);
  return holders.reduce((oldest, one) => (one.at < oldest.at ? one : oldest));
}

const UNMEASURED = { pingMs: null, unanswered: 0, asked: '', sentAt: 0 } as const;

function viewOf({ server, pingMs, unanswered }: Heard): LanServer {
  const rounded = pingMs === null ? null : Math.round(pingMs);
  return { ...server, pingMs: rounded, pingGivenUp: pingMs === null && unanswered > AGENT_LIMITS.lanPingsMax };
}

function ping(from: Socket, to: Heard, port: number): void {
  to.asked = `sallyport-ping 1 ${randomBytes(8).toString('hex')}`;
  to.sentAt = performance.now();
  to.unanswered += 1;
  from.send(to.asked, port, to.server.address, () => {});
}

/** Null where it is not an announcement of this version, or that of a private host that `known` does not have. */
export function parseAnnouncement(
  text: string,
  { address }: Pick<RemoteInfo, 'address'>,
  known: (address: string) => readonly KnownHost[],
): AnnouncedServer | null {
  if (!text.startsWith(GREETING) || text.length > AGENT_LIMITS.lanAnnounceBytesMax) return null;
  try {
    const told = JSON.parse(text.slice(GREETING.length)) as Readonly<Record<string, unknown>>;
    const { code, name, game, nonce, mac } = told;
    if (typeof nonce === 'string' && typeof mac === 'string') {
      const host = recognise(fromBase64Url(nonce), fromBase64Url(mac), () => known(address));
      return host === null ? null : { code: host.code, name: cleanText(host.name, 48), game: '', address };
    }
    if (typeof code !== 'string' || typeof name !== 'string' || typeof game !== 'string') return null;
    const read = normalizeCode(code);
    return read === null ? null : { code: read, name: cleanText(name, 48), game: cleanText(game, 32), address };
  } catch {
    return null;
  }
}

function recognise(
  nonce: Uint8Array | null,
  mac: Uint8Array | null,
  known: () => readonly KnownHost[],
): KnownHost | null {
  if (nonce?.length !== PROOF_BYTES || mac?.length !== PROOF_BYTES) return null;
  return known().find(({ hostKey }) => equalBytes(proofOf(hostKey, nonce), mac)) ?? null;
}
