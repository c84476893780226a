/**
 * The program behind links with delay and loss, for kernels without netem. In the namespace of the core router it makes pairs
 * of TUN devices and carries every packet from one end to the other, later or never. One JSON line on stdin asks for a
 * link, one on stdout says that both devices exist; the far one is then moved into its site's namespace.
 */
import { openSync, read, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import koffi from 'koffi';

export interface WireRequest {
  readonly near: string;
  readonly far: string;
  readonly link: LinkQuality;
}

/** One way, each way. */
export interface LinkQuality {
  readonly delayMs: number;
  /** Of IPv6, where it goes another way. */
  readonly delay6Ms?: number;
  /** Added to the delay, uniform in 0 … jitterMs; packets may overtake each other. */
  readonly jitterMs?: number;
  readonly lossRate?: number;
}

/** linux/if_tun.h: an interface of IP packets without a header of its own. */
const TUNSETIFF = 0x4004_54ca;
const IFF_TUN_NO_PI = 0x1001;
const IFREQ_BYTES = 40;
const IFREQ_FLAGS_AT = 16;
const PACKET_BYTES_MAX = 65_535;

const ioctl = koffi.load('libc.so.6').func('int ioctl(int fd, unsigned long request, void *argument)');

function openTun(name: string): number {
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name, 'latin1');
  request.writeInt16LE(IFF_TUN_NO_PI, IFREQ_FLAGS_AT);
  if (ioctl(fd, TUNSETIFF, request) !== 0) throw new Error(`cannot make the TUN device ${name}`);
  return fd;
}

function carry(from: number, to: number, link: LinkQuality): void {
  const { delayMs, delay6Ms = delayMs, jitterMs = 0, lossRate = 0 } = link;
  const buffer = Buffer.alloc(PACKET_BYTES_MAX);
  const deliver = (packet: Buffer): void => {
    try {
      writeSync(to, packet);
    } catch {
      // The far end is down or gone, as cables sometimes are.
    }
  };
  const next = (): void => {
    read(from, buffer, 0, buffer.length, null, (error, length) => {
      if (error === null && Math.random() >= lossRate) {
        // The version of the protocol is a packet's first half byte.
        const ms = buffer.readUInt8(0) >> 4 === 6 ? delay6Ms : delayMs;
        setTimeout(deliver, ms + Math.random() * jitterMs, Buffer.from(buffer.subarray(0, length)));
      }
      // A device that is not up yet answers EIO; trying again in a moment is all there is to do.
      if (error === null) next();
      else setTimeout(next, 5);
    });
  };
  next();
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { near, far, link } = JSON.parse(line) as WireRequest;
    const ends = [openTun(near), openTun(far)] as const;
    carry(ends[0], ends[1], link);
    carry(ends[1], ends[0], link);
    process.stdout.write(`${near} ready\n`);
  })
  .on('close', () => process.exit(0));
