/** Does anything listen on a port of this computer? Linux tells without a packet or a bind (proc(5), /proc/net/udp and /proc/net/tcp). */
import { readFileSync } from 'node:fs';

/** `0A` in the column of states. */
const TCP_LISTEN = '0A';

/** Whether a socket would take what is sent to this IPv4 address and port from here; null where the system does not say. */
export function isListenedTo(protocol: 'udp' | 'tcp', address: string, port: number): boolean | null {
  const wanted = localColumns(address, port);
  let read = false;
  for (const table of [protocol, `${protocol}6`]) {
    try {
      const lines = readFileSync(`/proc/net/${table}`, 'latin1').split('\n').slice(1);
      read = true;
      if (lines.some((line) => isListening(line, protocol, wanted))) return true;
    } catch {
      // Not Linux, or no IPv6.
    }
  }
  return read ? false : null;
}

/** `sl  local_address rem_address st ...`; a socket that is connected to somebody takes nothing of others. */
function isListening(line: string, protocol: 'udp' | 'tcp', wanted: ReadonlySet<string>): boolean {
  const [, local = '', remote = '', state] = line.trim().split(/\s+/);
  return wanted.has(local) && (protocol === 'udp' ? /^0+:0000$/.test(remote) : state === TCP_LISTEN);
}

/** How the table writes such a socket: bound to the address or to all, the IPv6 ones that take IPv4 as well among them. */
function localColumns(address: string, port: number): ReadonlySet<string> {
  const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  const bytes = [d, c, b, a].map(hex).join('');
  const mapped = `0000000000000000FFFF0000${bytes}`;
  const at = port.toString(16).toUpperCase().padStart(4, '0');
  return new Set([bytes, '0'.repeat(8), mapped, '0'.repeat(32)].map((one) => `${one}:${at}`));
}
