/** What an operator gives, checked before anything is made or bound, so that a typing error leaves nothing behind. */
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { addressBytes, CONTROL_PORTS, PROBE_PORTS, parseTlsPlace } from '../core/index.ts';
import { usage } from '../node/index.ts';
import { isProxyName } from './callers.ts';
import { readDownloads } from './downloads.ts';
import type { MasterOptions } from './start.ts';

export const PORT = 8430;
/** Door, control, probes. */
export const UDP_PORTS = 1 + CONTROL_PORTS + PROBE_PORTS;

/** Rejects addresses that are none, an `advertise` without its `listen`, places that are no ADDRESS:PORT, ports that collide. */
export function checkOptions(options: MasterOptions): void {
  const { listen = [], advertise = [], http, metrics } = options;
  checkPorts(options);
  readDownloads(options.downloads ?? null);
  for (const [flag, addresses] of Object.entries({ '--listen': listen, '--advertise': advertise })) {
    const wrong = addresses.find((address) => addressBytes(address) === null);
    if (wrong !== undefined) throw usage(`${flag} takes an IP address, not "${wrong}".`);
  }
  if (advertise.length > 0 && advertise.length !== listen.length) {
    throw usage('--advertise is given once for each --listen, in the same order.');
  }
  // Every address is none that a link could name.
  const every = listen.find((address) => addressBytes(address)?.every((byte) => byte === 0));
  if (every !== undefined && advertise.length === 0) {
    throw usage(`--listen ${every} is every address: give the one that others reach, or add --advertise.`);
  }
  const proxy = (options.trustedProxies ?? []).find((one) => !isProxyName(one));
  if (proxy !== undefined)
    throw usage(`--trusted-proxy takes an IP address or a network like 10.0.0.0/8, not "${proxy}".`);
  if (typeof options.https === 'string' && parseTlsPlace(options.https) === null)
    throw usage(`--https-at ${options.https} is neither HOST nor HOST:PORT.`);
  for (const [flag, at] of Object.entries({ '--http': http, '--metrics-listen': metrics })) {
    if (typeof at === 'string') placeOf(at, flag);
  }
}

function checkPorts({ port = PORT, onePort = false, alsoPort, probeWorkers = 0 }: MasterOptions): void {
  const last = onePort ? port : port + UDP_PORTS - 1;
  if (last > 65_535)
    throw usage(`--port ${port} leaves no room for ${UDP_PORTS} ports: give one up to 65511, or --one-port.`);
  if (onePort && probeWorkers > 0)
    throw usage('--probe-workers has no ports of its own with --one-port: leave one away.');
  if (alsoPort !== undefined && alsoPort >= port && alsoPort <= last)
    throw usage(`--also-port ${alsoPort} is one of the ports that there are anyway (${port} to ${last}).`);
}

/** `127.0.0.1:8420`, `[::1]:8420`, `localhost:8420`; an empty address is every address, port 0 any free port. */
export function placeOf(at: string, flag: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(at) ?? [];
  if (host === undefined || Number(port) > 65_535) throw usage(`${flag} ${at} is not ADDRESS:PORT.`);
  return { host, port: Number(port) };
}

/** The two files of HTTPS, read and understood. */
export function readTls(files: { readonly cert: string; readonly key: string }): SecureContextOptions {
  try {
    const tls = { cert: readFileSync(files.cert), key: readFileSync(files.key) };
    createSecureContext(tls);
    return tls;
  } catch (error) {
    throw usage(`--tls-cert ${files.cert} and --tls-key ${files.key} can't be used: ${(error as Error).message}.`);
  }
}
