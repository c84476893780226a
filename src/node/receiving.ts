/**
 * Bursts. A game that sends a map or a world sends hundreds of datagrams at once, and the kernel keeps what has not been read yet: by
 * default 100 of them. Sockets that carry data ask for more, and are read faster than their datagrams are dealt with.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { NODE_LIMITS } from './limits.ts';

const { receiveBytes, receiveBytesMin, burstAtOnce, burstGapMs, burstKeptMax } = NODE_LIMITS;

/** Lets the kernel keep as much for this bound socket as it allows; gives how many bytes it has room for now. */
export function widenReceive(socket: Socket): number {
  // Linux gives what it allows; macOS and BSD refuse what is more.
  for (let bytes: number = receiveBytes; bytes >= receiveBytesMin; bytes /= 2) {
    try {
      socket.setRecvBufferSize(bytes);
      break;
    } catch {
      // Half as much, then.
    }
  }
  return socket.getRecvBufferSize();
}

/** How much a socket gets here; null where that suffices for the bursts of games, or can't be known. */
export function narrowReceive(): number | null {
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  try {
    socket.bind({ port: 0, address: '127.0.0.1', exclusive: true });
    const bytes = widenReceive(socket);
    return bytes < receiveBytes ? bytes : null;
  } catch {
    return null;
  } finally {
    socket.close();
  }
}

/**
 * Hands on what a socket brings: at once, but in a burst only the first few. The others wait here, a few more dealt with each time the
 * loop has read all that it reads at once (32, libuv), until it is over.
 */
export function inBursts(handle: (bytes: Buffer, from: RemoteInfo) => void): (bytes: Buffer, from: RemoteInfo) => void {
  let kept: { readonly bytes: Buffer; readonly from: RemoteInfo }[] = [];
  let first = 0;
  let row = 0;
  let endedAt = Number.NEGATIVE_INFINITY;
  const some = (): void => {
    for (let n = 0; n < burstAtOnce && first < kept.length; n++) {
      const { bytes, from } = kept[first++] as (typeof kept)[number];
      handle(bytes, from);
    }
    endedAt = performance.now();
    if (first < kept.length) setImmediate(some);
    else {
      kept = [];
      first = 0;
    }
  };
  return (bytes, from) => {
    if (kept.length > 0) {
      if (kept.length - first < burstKeptMax) kept.push({ bytes, from });
      return;
    }
    row = performance.now() - endedAt > burstGapMs ? 0 : row + 1;
    if (row < burstAtOnce) {
      handle(bytes, from);
      endedAt = performance.now();
      return;
    }
    kept.push({ bytes, from });
    setImmediate(some);
  };
}
