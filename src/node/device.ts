/**
 * Sockets that leave by one interface, whatever the routes say (Linux, SO_BINDTODEVICE, which anybody may set since Linux 5.7). Node has no way
 * to make them; the optional package koffi calls the C library for it. Elsewhere an address is enough: Windows and macOS route by it.
 */
import { constants, platform } from 'node:os';
import { addressBytes } from '../core/index.ts';

/** Of an interface's name with the zero behind it (linux/if.h, IFNAMSIZ). */
const NAME_BYTES_MAX = 16;
/** Of Linux: asm-generic/socket.h, bits/socket.h, bits/socket_type.h. */
const [AF_INET, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_CLOEXEC, SOL_SOCKET, SO_BINDTODEVICE] = [2, 2, 2048, 524_288, 1, 25];

/** Where a socket of IPv4 is to leave: an interface, and our address there. */
export interface NetworkDevice {
  readonly name: string;
  readonly address: string;
}

/** A bound UDP socket of IPv4, as its descriptor, or the errno's name of what is in the way. */
export type OpenOnDevice = (device: NetworkDevice, port: number) => number | string;

/** Null where the package is not installed, or the system is not Linux. */
export async function deviceOpener(): Promise<OpenOnDevice | null> {
  if (platform() !== 'linux') return null;
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load('libc.so.6');
    const socket = library.func('int socket(int, int, int)');
    const setOption = library.func('int setsockopt(int, int, int, const void *, uint32_t)');
    const bind = library.func('int bind(int, const void *, uint32_t)');
    const close = library.func('int close(int)');
    const errno = (): string => {
      const code = koffi.errno();
      return Object.entries(constants.errno).find(([, number]) => number === code)?.[0] ?? 'UNKNOWN';
    };
    return ({ name, address }, port) => {
      const ip = addressBytes(address);
      const device = Buffer.from(`${name}\0`, 'latin1');
      if (ip?.length !== 4 || device.length > NAME_BYTES_MAX) return 'EINVAL';
      const descriptor = Number(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (descriptor < 0) return errno();
      const at = Buffer.alloc(16);
      at.writeUInt16LE(AF_INET, 0);
      at.writeUInt16BE(port, 2);
      at.set(ip, 4);
      const bound =
        setOption(descriptor, SOL_SOCKET, SO_BINDTODEVICE, device, device.length) === 0 &&
        bind(descriptor, at, at.length) === 0;
      if (bound) return descriptor;
      const problem = errno();
      close(descriptor);
      return problem;
    };
  } catch {
    // Not installed, or another C library.
    return null;
  }
}
