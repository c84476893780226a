/** What this computer knows of its own network, and when that changes. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { networkInterfaces, platform } from 'node:os';
import { addressBytes, addressText, familyOf } from '../core/index.ts';
import { NODE_LIMITS } from './limits.ts';
import { lookup4, lookup6, outcomeCode } from './socket.ts';

type Interfaces = ReturnType<typeof networkInterfaces>;

/** The interfaces of this computer; none where it lets the program look at nothing just now, because no descriptor is left. */
export function interfacesNow(): Interfaces {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}

/**
 * Addresses of the interfaces that a peer could reach: no loopback, and no IPv6 link-local ones, which mean nothing without
 * the name of the interface.
 */
export function localAddresses(interfaces = interfacesNow()): readonly string[] {
  return Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal && !(entry.family === 'IPv6' && /^fe[89ab]/i.test(entry.address)))
    .map((entry) => entry.address)
    .sort();
}

/** The name of the interface that has this address; null: none has it. */
export function interfaceOf(address: string, interfaces = interfacesNow()): string | null {
  const found = Object.entries(interfaces).find(([, list]) => list?.some((entry) => entry.address === address));
  return found?.[0] ?? null;
}

/** What the system says of an IPv6 address: it changes with time (RFC 8981), or is no longer, or not yet, to be used. */
export type Ipv6Use = 'temporary' | 'stable' | 'unusable';

/** IFA_F_* of Linux's if_addr.h: failed duplicate detection 0x08, deprecated 0x20, tentative 0x40; temporary 0x01. */
const UNUSABLE_FLAGS = 0x68;
const TEMPORARY_FLAG = 0x01;

/** Linux's /proc/net/if_inet6: address, interface, prefix length, scope, flags, name. */
export function parseIfInet6(table: string): ReadonlyMap<string, Ipv6Use> {
  const uses = new Map<string, Ipv6Use>();
  for (const line of table.split('\n')) {
    const [hex = '', , , , flags = ''] = line.trim().split(/\s+/);
    if (!/^[0-9a-f]{32}$/.test(hex)) continue;
    const address = addressText(Uint8Array.from(Buffer.from(hex, 'hex'))) as string;
    const bits = Number.parseInt(flags, 16);
    uses.set(address, (bits & UNUSABLE_FLAGS) > 0 ? 'unusable' : (bits & TEMPORARY_FLAG) > 0 ? 'temporary' : 'stable');
  }
  return uses;
}

/**
 * The addresses that others are told. Of IPv6 none that runs out, and in a network where one changes with time only that one: the others
 * would tell who this computer is for years. `preferred`: by which the system itself goes out, which is such a one by RFC 6724.
 */
export function shownAddresses(
  all: readonly string[],
  uses: ReadonlyMap<string, Ipv6Use>,
  preferred: string | null,
): readonly string[] {
  const usable = all.filter((address) => uses.get(address) !== 'unusable');
  /** Of each network, the addresses that change; where the system tells of none, the one that it goes out by. */
  const changing = new Map<string, readonly string[]>();
  for (const address of usable) {
    if (uses.get(address) !== 'temporary') continue;
    changing.set(networkOf(address), [...(changing.get(networkOf(address)) ?? []), address]);
  }
  if (preferred !== null && !changing.has(networkOf(preferred))) changing.set(networkOf(preferred), [preferred]);
  return usable.filter((address) => changing.get(networkOf(address))?.includes(address) ?? true);
}

/** The /64 of an IPv6 address; an IPv4 address is its own. */
function networkOf(address: string): string {
  const bytes = addressBytes(address);
  return bytes?.length === 16 ? Buffer.from(bytes.subarray(0, 8)).toString('hex') : address;
}

/** Addresses of IPv6 that a link may name, which is to lead here tomorrow too: none that changes, where the system tells which do. */
export function lastingAddresses6(
  all: readonly string[] = localAddresses(),
  uses: ReadonlyMap<string, Ipv6Use> = ipv6Uses(),
): readonly string[] {
  return all.filter((address) => familyOf(address) === 6 && (uses.get(address) ?? 'stable') === 'stable');
}

function ipv6Uses(): ReadonlyMap<string, Ipv6Use> {
  if (platform() !== 'linux') return new Map();
  try {
    return parseIfInet6(readFileSync('/proc/net/if_inet6', 'latin1'));
  } catch {
    return new Map();
  }
}

/**
 * By which of its addresses this computer would send there; null: there is no way. Nothing is sent: to connect a UDP socket only asks the
 * routing table, its rules for VPNs included. Takes 0.03 ms.
 */
export function sourceTowards(address: string): string | null {
  try {
    return lookTowards(address);
  } catch {
    return null;
  }
}

/** The same, but throws where the system is short of what it takes to look: then nobody can tell. */
function lookTowards(address: string): string | null {
  const four = familyOf(address) === 4;
  const socket = createSocket(four ? { type: 'udp4', lookup: lookup4 } : { type: 'udp6', lookup: lookup6 });
  const failed: NodeJS.ErrnoException[] = [];
  socket.on('error', (error) => failed.push(error));
  try {
    socket.bind({ port: 0, exclusive: true });
    // A socket that is to connect once it is bound would stay open for ever (node:dgram closes it after that).
    if (failed[0] !== undefined) throw failed[0];
    socket.connect(9, address);
    const { address: source } = socket.address();
    return source === '0.0.0.0' || source === '::' ? null : source;
  } catch (error) {
    if (failed.some(isShort)) throw error;
    // No such family on this computer.
    return null;
  } finally {
    socket.close();
  }
}

/** No descriptor, no memory or no port is left for a socket just now. */
function isShort({ code = '' }: NodeJS.ErrnoException): boolean {
  return ['limit', 'in-use'].includes(outcomeCode(code));
}

/** Somewhere in the Internet, by IPv4 and by IPv6: the anycast addresses of PCP (RFC 7723), which nothing is ever sent to. */
const OUTSIDE = { four: '192.0.0.9', six: '2001:1::1' } as const;

export interface NetworkWatch {
  stop(): void;
}

/** Linux's IPv4 default routes, as text that changes with them. */
function defaultRoutes(): string {
  if (platform() !== 'linux') return '';
  try {
    const routes = readFileSync('/proc/net/route', 'utf8')
      .split('\n')
      .map((line) => line.split('\t'));
    // Interface, gateway, metric.
    return routes.flatMap((row) => (row[1] === '00000000' ? [row[0], row[2], row[6]] : [])).join();
  } catch {
    return '';
  }
}

/** Interfaces of IPv4 by which this computer may go out. Those of VPNs have no hardware address. */
function waysOut(interfaces: Interfaces): NetworkNow['ways'] {
  return Object.entries(interfaces).flatMap(([name, list]) => {
    const own = list?.find(({ family, internal }) => family === 'IPv4' && !internal);
    return own === undefined ? [] : [{ name, address: own.address, tunnel: own.mac === '00:00:00:00:00:00' }];
  });
}

/** What is compared. */
export interface NetworkNow {
  readonly addresses: readonly string[];
  /** Text that changes with the ways out: default routes, and by which addresses this computer goes out. */
  readonly routes: string;
  /** The addresses that this computer goes out by, each once. */
  readonly sources: readonly string[];
  /** Families by which there is a way out at all. */
  readonly families: readonly (4 | 6)[];
  /** Interfaces with IPv4, and by which of them the system goes out. */
  readonly ways: readonly { readonly name: string; readonly address: string; readonly tunnel: boolean }[];
  readonly system: string | null;
}

/**
 * `towards`: addresses to which the way matters beside that to the Internet at large, such as the masterserver's: a VPN may have only
 * some of them. Throws where this computer lets the program look at nothing just now, because no descriptor or port is left.
 */
export function networkNow(towards: readonly string[] = []): NetworkNow {
  const [four, six] = [lookTowards(OUTSIDE.four), lookTowards(OUTSIDE.six)];
  const others = towards.slice(0, NODE_LIMITS.waysWatchedMax).map((address) => ({ address, by: lookTowards(address) }));
  const has = (family: 4 | 6): boolean =>
    (family === 4 ? four : six) !== null ||
    others.some(({ address, by }) => by !== null && familyOf(address) === family);
  const interfaces = networkInterfaces();
  return {
    addresses: shownAddresses(localAddresses(interfaces), ipv6Uses(), six),
    sources: [...new Set([four, six, ...others.map(({ by }) => by)].filter((one) => one !== null))].sort(),
    routes: [defaultRoutes(), four, six, ...others.map(({ by }) => by)].join(),
    families: ([4, 6] as const).filter(has),
    ways: waysOut(interfaces),
    system: four,
  };
}

/**
 * Calls back when the addresses or the ways out have changed, or when the computer has slept (the wall clock has run on, our timer
 * has not): either way every mapping may be gone. What can't be looked at just now is as it was.
 */
export function watchNetwork(
  onChange: (now: NetworkNow) => void,
  everyMs: number,
  look: () => NetworkNow = networkNow,
): NetworkWatch {
  const text = ({ addresses, routes, families }: NetworkNow): string =>
    `${addresses.join()} ${routes} ${families.join()}`;
  let last = text(look());
  let lastWallMs = Date.now();
  let slept = false;
  const timer = setInterval(() => {
    const wallMs = Date.now();
    slept ||= wallMs - lastWallMs > everyMs + NODE_LIMITS.sleptMs;
    lastWallMs = wallMs;
    let now: NetworkNow;
    try {
      now = look();
    } catch {
      return;
    }
    if (text(now) === last && !slept) return;
    slept = false;
    last = text(now);
    onChange(now);
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
