/** Does a UDP server listen on a port of this computer? */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

export async function gameListens(port: number): Promise<boolean> {
  return listedByKernel(port) ?? (await takenByOther(port));
}

/** Linux says so without any packet or bind; null elsewhere. Format: `sl  local_address rem_address st ...`, addresses in hex. */
function listedByKernel(port: number): boolean | null {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let read = false;
  for (const path of ['/proc/net/udp', '/proc/net/udp6']) {
    try {
      const lines = readFileSync(path, 'latin1').split('\n').slice(1);
      read = true;
      if (lines.some((line) => line.trim().split(/\s+/)[1]?.endsWith(wanted))) return true;
    } catch {
      // Not Linux, or no IPv6.
    }
  }
  return read ? false : null;
}

/** Where the kernel tells nothing: a port that can't be bound is in use. */
async function takenByOther(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  socket.bind({ port, address: '127.0.0.1', exclusive: true });
  try {
    await once(socket, 'listening');
    return false;
  } catch {
    return true;
  } finally {
    socket.close();
  }
}
