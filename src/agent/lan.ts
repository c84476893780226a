/**
 * Servers on the local network, without a masterserver's list: a host says every few seconds by multicast which code it has, an
 * app listens. Only the code, name and game travel; the join itself goes through the master as always, and its LAN candidate
 * makes the path a local one. Anybody on the LAN may say anything here, so names are cleaned and the number is bounded.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { cleanText, isLoopback, LIMITS, normalizeCode, parseMasterLink } from '../core/index.ts';
import type { LanServer } from './local-api.ts';

/** Administratively scoped (RFC 2365), never forwarded by routers; the port is the first below those of a masterserver. */
const GROUP = { address: '239.255.84.30', port: 8429 } as const;
const GREETING = 'sallyport-lan 1 ';

export interface LanHandle {
  close(): void;
}

export type LanAnnouncement = Omit<LanServer, 'address'>;

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
  const timer = setInterval(say, LIMITS.lanAnnounceMs);
  socket.bind(0, () => {
    socket.setMulticastTTL(1);
    say();
  });
  return {
    close: () => {
      clearInterval(timer);
      socket.close();
    },
  };
}

/** Tells the servers heard lately whenever that changes. */
export function listenOnLan(onChange: (servers: readonly LanServer[]) => void): LanHandle {
  const heard = new Map<string, { readonly server: LanServer; readonly at: number }>();
  const tell = (): void => onChange([...heard.values()].map(({ server }) => server));
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('error', () => {});
  socket.on('message', (bytes, from) => {
    const server = parseAnnouncement(String(bytes), from);
    if (server === null || (!heard.has(server.code) && heard.size >= LIMITS.lanServersMax)) return;
    const before = heard.get(server.code)?.server;
    heard.set(server.code, { server, at: performance.now() });
    if (JSON.stringify(before) !== JSON.stringify(server)) tell();
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
    },
  };
}

/** Null where it is not an announcement of this version. */
export function parseAnnouncement(text: string, from: Pick<RemoteInfo, 'address'>): LanServer | null {
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
