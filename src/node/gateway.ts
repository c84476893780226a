/** The router's address, from the routing table of the operating system. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { addressBytes, addressText, scopeOf } from '../core/index.ts';

const COMMAND_MS_MAX = 2_000;

/** Address of the IPv4 default gateway; null where there is none or it cannot be found. */
export async function defaultGateway(): Promise<string | null> {
  switch (platform()) {
    case 'linux': {
      const table = await readFile('/proc/net/route', 'utf8').catch(() => null);
      return table === null ? parseIpRoute(await run('ip', ['-4', 'route', 'show', 'default'])) : parseProcRoute(table);
    }
    case 'win32':
      return parseRoutePrint(await run('route', ['print', '-4', '0.0.0.0']));
    default:
      return parseRouteGet(await run('route', ['-n', 'get', 'default']));
  }
}

/** The same of IPv6, with the zone where it is link-local, as what routers announce is. */
export async function defaultGateway6(): Promise<string | null> {
  switch (platform()) {
    case 'linux':
      return parseProcIpv6Route(await readFile('/proc/net/ipv6_route', 'utf8').catch(() => ''));
    case 'win32':
      return parseRoutePrint6(await run('route', ['print', '-6', '::/0']));
    default:
      return parseRouteGet6(await run('route', ['-n', 'get', '-inet6', 'default']));
  }
}

/** Linux: hexadecimal columns destination, its length, source, its length, next hop, metric, references, uses, flags; and the interface. */
export function parseProcIpv6Route(table: string): string | null {
  const routes = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([destination, length, , sourceLength, , , , , flags]) => {
      const isUpGateway = (Number.parseInt(flags ?? '0', 16) & 3) === 3;
      return destination === '0'.repeat(32) && length === '00' && sourceLength === '00' && isUpGateway;
    })
    .sort((left, right) => Number.parseInt(left[5] ?? '0', 16) - Number.parseInt(right[5] ?? '0', 16));
  const [hex = '', zone = ''] = [routes[0]?.[4], routes[0]?.[9]];
  return hex.length === 32 ? zoned(addressText(Uint8Array.from(Buffer.from(hex, 'hex'))), zone) : null;
}

/** Windows: `8 271 ::/0 fe80::1`: interface, metric, network, gateway, which stands on a line of its own where it is long. */
export function parseRoutePrint6(output: string): string | null {
  const words = output.split(/\s+/);
  const routes = words
    .flatMap((word, at) =>
      word === '::/0'
        ? [{ zone: words[at - 2] ?? '', metric: Number(words[at - 1]), gateway: words[at + 1] ?? '' }]
        : [],
    )
    .filter(({ gateway }) => addressBytes(gateway)?.length === 16)
    .sort((left, right) => left.metric - right.metric);
  return routes[0] === undefined ? null : zoned(routes[0].gateway, routes[0].zone);
}

/** macOS, BSD: `    gateway: fe80::1%en0` */
export function parseRouteGet6(output: string): string | null {
  const line = output.split('\n').find((one) => one.trim().startsWith('gateway:'));
  const [address = '', zone = ''] = (line?.trim().slice('gateway:'.length).trim() ?? '').split('%');
  return addressBytes(address)?.length === 16 ? zoned(address, zone) : null;
}

/** A link-local address means nothing without the interface, and others mean nothing with it. */
function zoned(address: string | null, zone: string): string | null {
  if (address === null || scopeOf(address) !== 'link-local') return address;
  return zone === '' ? null : `${address}%${zone}`;
}

/** Linux: hexadecimal columns `Iface Destination Gateway Flags RefCnt Use Metric Mask`, addresses in host (little-endian) order. */
export function parseProcRoute(table: string): string | null {
  const routes = table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, gateway, flags, , , , mask]) => {
      const isUpGateway = (Number.parseInt(flags ?? '0', 16) & 3) === 3;
      return destination === '00000000' && mask === '00000000' && gateway !== '00000000' && isUpGateway;
    })
    .sort((left, right) => Number(left[6]) - Number(right[6]));
  const hex = routes[0]?.[2];
  if (hex === undefined || !/^[0-9A-F]{8}$/i.test(hex)) return null;
  const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return addressText(Uint8Array.from(bytes));
}

/** `default via 192.168.1.1 dev eth0 proto dhcp metric 100` */
export function parseIpRoute(output: string): string | null {
  return /^default via (\d+\.\d+\.\d+\.\d+)/m.exec(output)?.[1] ?? null;
}

/** macOS, BSD: `    gateway: 192.168.1.1` */
export function parseRouteGet(output: string): string | null {
  return /^[ \t]*gateway:[ \t]*(\d+\.\d+\.\d+\.\d+)[ \t\r]*$/m.exec(output)?.[1] ?? null;
}

/** Windows: `0.0.0.0  0.0.0.0  192.168.1.1  192.168.1.5  25`, the last column being the metric. */
export function parseRoutePrint(output: string): string | null {
  const routes = output
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([destination, mask, gateway = '']) => {
      return destination === '0.0.0.0' && mask === '0.0.0.0' && addressBytes(gateway)?.length === 4;
    })
    .sort((left, right) => Number(left[4]) - Number(right[4]));
  return routes[0]?.[2] ?? null;
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: COMMAND_MS_MAX, windowsHide: true }, (_error, stdout) =>
      resolve(stdout ?? ''),
    );
  });
}
