/**
 * Servers on the local network, without a masterserver's list: a host says every few seconds by multicast which code it has, an
 * app listens. Only the code, name and game travel; the join itself goes through the master as always, and its LAN candidate
 * makes the path a local one. Anybody on the LAN may say anything here, so names are cleaned and the number is bounded.
 * Who listens also measures: a ping to the socket that announces comes back as it is, no larger and with a TTL of 1, so that
 * nobody outside can be reached by it.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { cleanText, isLoopback, LIMITS, normalizeCode, parseMasterLink } from '../core/index.ts';
import type { LanServer } from './local-api.ts';

/** Administratively scoped (RFC 2365), never forwarded by routers; the port is the first below those of a masterserver. */
const GROUP = { address: '239.255.84.30', port: 8429 } as const;
const GREETING = 'sallyport-lan 1 ';
const PING = /^sallyport-ping 1 [0-9a-f]{16}$/;

export interface LanHandle {
  close(): void;
}

export type LanAnnouncement = Pick<LanServer, 'code' | 'name' | 'game'>;

/**
 * Says it now and then; a network without multicast simply hears nothing. Nothing is said where the masterserver is on this very
 * computer: nobody else could reach it.
 */
export function announceOnLan(masterLink: string, announcement: () => LanAnnouncement): LanHandle {
  const link = parseMasterLink(masterLink);
  if ('problem' in link || link.host === 'localhost' || isLoopback(link.host)) return { close: () => {} };
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  const say = (): void =>
    socket.send(`${GREETING}${JSON.stringify(announcement())}`, GROUP.port, GROUP.address, () => {});
  socket.on('message', (bytes, from) => {
    if (PING.test(bytes.toString('latin1'))) socket.send(bytes, from.port, from.address, () => {});
  });
  const timer = setInterval(say, LIMITS.lanAnnounceMs);
  socket.bind(0, () => {
    socket.setMulticastTTL(1);
    socket.setTTL(1);
    say();
  });
  return {
    close: () => {
      clearInterval(timer);
      socket.close();
    },
  };
}

interface Heard {
  readonly server: Announced;
  readonly at: number;
  /** The quickest turn so far: a busy computer only ever adds to one. */
  pingMs: number | null;
  /** Asked since the last answer; `asked` and `sentAt` are of the one under way. */
  unanswered: number;
  asked: string;
  sentAt: number;
}

type Announced = Omit<LanServer, 'pingMs' | 'pingGivenUp'>;

/** Tells the servers heard lately, and how far away they are, whenever that changes. */
export function listenOnLan(onChange: (servers: readonly LanServer[]) => void): LanHandle {
  const heard = new Map<string, Heard>();
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
    const server = parseAnnouncement(String(bytes), from);
    if (server === null || (!heard.has(server.code) && heard.size >= LIMITS.lanServersMax)) return;
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
    const oldest = performance.now() - 3 * LIMITS.lanAnnounceMs;
    const gone = [...heard].filter(([, { at }]) => at < oldest);
    for (const [code] of gone) heard.delete(code);
    if (gone.length > 0) tell();
  }, LIMITS.lanAnnounceMs);
  return {
    close: () => {
      clearInterval(timer);
      socket.close();
      pinger.close();
    },
  };
}

const UNMEASURED = { pingMs: null, unanswered: 0, asked: '', sentAt: 0 } as const;

function viewOf({ server, pingMs, unanswered }: Heard): LanServer {
  const rounded = pingMs === null ? null : Math.round(pingMs);
  return { ...server, pingMs: rounded, pingGivenUp: pingMs === null && unanswered > LIMITS.lanPingsMax };
}

function ping(from: Socket, to: Heard, port: number): void {
  to.asked = `sallyport-ping 1 ${randomBytes(8).toString('hex')}`;
  to.sentAt = performance.now();
  to.unanswered += 1;
  from.send(to.asked, port, to.server.address, () => {});
}

/** Null where it is not an announcement of this version. */
export function parseAnnouncement(text: string, from: Pick<RemoteInfo, 'address'>): Announced | null {
  if (!text.startsWith(GREETING) || text.length > LIMITS.lanAnnounceBytesMax) return null;
  try {
    const { code, name, game } = JSON.parse(text.slice(GREETING.length)) as Readonly<Record<string, unknown>>;
    if (typeof code !== 'string' || typeof name !== 'string' || typeof game !== 'string') return null;
    const known = normalizeCode(code);
    return known === null
      ? null
      : { code: known, name: cleanText(name, 48), game: cleanText(game, 32), address: from.address };
  } catch {
    return null;
  }
}
