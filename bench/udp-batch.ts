/**
 * The load tool's socket: hundreds of datagrams a system call (`sendmmsg`, `recvmmsg`), so that one core of load is more than
 * one core of server can answer, and each datagram may leave from an address of its own in 127.0.0.0/8, because the limits
 * under test count per address. Linux, 64-bit little endian. For benchmarks only: it blocks.
 */
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const sysSocket = libc.func('int socket(int, int, int)');
const sysBind = libc.func('int bind(int, uintptr_t, unsigned int)');
const sysSetsockopt = libc.func('int setsockopt(int, int, int, uintptr_t, unsigned int)');
const sysSendmmsg = libc.func('int sendmmsg(int, uintptr_t, unsigned int, int)');
const sysRecvmmsg = libc.func('int recvmmsg(int, uintptr_t, unsigned int, int, uintptr_t)');
const sysMalloc = libc.func('uintptr_t malloc(size_t)');
const sysClose = libc.func('int close(int)');

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const MSG_WAITFORONE = 0x10000;
const MSG_DONTWAIT = 0x40;
/** struct mmsghdr, struct iovec, struct sockaddr_in, CMSG_SPACE(struct in_pktinfo). */
const HEADER = 64;
const IOVEC = 16;
const NAME = 16;
const CONTROL = 32;
const DATA = 1280;

interface Lane {
  readonly memory: DataView;
  readonly bytes: Uint8Array;
  readonly at: number;
}

export interface Ipv4 {
  readonly address: number;
  readonly port: number;
}

export function ipv4(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export class UdpBatch {
  readonly size: number;
  private readonly descriptor: number;
  private readonly out: Lane;
  private readonly in: Lane;

  constructor(options: {
    readonly local: Ipv4;
    readonly size?: number;
    readonly bufferBytes?: number;
    readonly waitMs?: number;
  }) {
    const { local, size = 64, bufferBytes = 4 << 20, waitMs = 20 } = options;
    this.size = size;
    this.descriptor = Number(sysSocket(AF_INET, SOCK_DGRAM, 0));
    if (this.descriptor < 0) throw new Error(`socket: errno ${koffi.errno()}`);
    const scratch = lane(64);
    const option = (level: number, name: number, length: number): void => {
      if (Number(sysSetsockopt(this.descriptor, level, name, scratch.at, length)) < 0)
        throw new Error(`setsockopt ${name}: errno ${koffi.errno()}`);
    };
    scratch.memory.setInt32(0, bufferBytes, true);
    option(SOL_SOCKET, SO_SNDBUF, 4);
    option(SOL_SOCKET, SO_RCVBUF, 4);
    scratch.memory.setInt32(0, 1, true);
    option(IPPROTO_IP, IP_PKTINFO, 4);
    scratch.memory.setBigInt64(0, 0n, true);
    scratch.memory.setBigInt64(8, BigInt(waitMs * 1000), true);
    option(SOL_SOCKET, SO_RCVTIMEO, 16);
    writeName(scratch.memory, 0, local);
    if (Number(sysBind(this.descriptor, scratch.at, NAME)) < 0) throw new Error(`bind: errno ${koffi.errno()}`);
    this.out = this.headers();
    this.in = this.headers();
  }

  private headers(): Lane {
    const made = lane(this.size * (HEADER + IOVEC + NAME + CONTROL + DATA));
    for (let i = 0; i < this.size; i += 1) {
      const header = i * HEADER;
      const vector = this.size * HEADER + i * IOVEC;
      made.memory.setBigUint64(header, BigInt(made.at + this.name(i)), true);
      made.memory.setUint32(header + 8, NAME, true);
      made.memory.setBigUint64(header + 16, BigInt(made.at + vector), true);
      made.memory.setBigUint64(header + 24, 1n, true);
      made.memory.setBigUint64(header + 32, BigInt(made.at + this.control(i)), true);
      made.memory.setBigUint64(header + 40, BigInt(CONTROL), true);
      made.memory.setBigUint64(vector, BigInt(made.at + this.data(i)), true);
      made.memory.setBigUint64(vector + 8, BigInt(DATA), true);
    }
    return made;
  }

  private name(i: number): number {
    return this.size * (HEADER + IOVEC) + i * NAME;
  }
  private control(i: number): number {
    return this.size * (HEADER + IOVEC + NAME) + i * CONTROL;
  }
  private data(i: number): number {
    return this.size * (HEADER + IOVEC + NAME + CONTROL) + i * DATA;
  }

  /** Puts a datagram into place `i`; `from` chooses its source address. */
  set(i: number, bytes: Uint8Array, to: Ipv4, from: number | null): void {
    const { memory } = this.out;
    this.out.bytes.set(bytes, this.data(i));
    memory.setBigUint64(this.size * HEADER + i * IOVEC + 8, BigInt(bytes.length), true);
    writeName(memory, this.name(i), to);
    memory.setBigUint64(i * HEADER + 40, from === null ? 0n : BigInt(CONTROL), true);
    if (from === null) return;
    const control = this.control(i);
    memory.setBigUint64(control, 28n, true);
    memory.setInt32(control + 8, IPPROTO_IP, true);
    memory.setInt32(control + 12, IP_PKTINFO, true);
    memory.setInt32(control + 16, 0, true);
    memory.setUint32(control + 20, from, false);
    memory.setUint32(control + 24, 0, false);
  }

  /** Sends the first `count` places; how many the kernel took. */
  send(count: number): number {
    return count === 0 ? 0 : Math.max(0, Number(sysSendmmsg(this.descriptor, this.out.at, count, 0)));
  }

  /** Waits for one datagram (or the time-out) and takes what else is there; `atOnce`: only what is there. */
  receive(atOnce = false): number {
    const { memory } = this.in;
    for (let i = 0; i < this.size; i += 1) {
      memory.setUint32(i * HEADER + 8, NAME, true);
      memory.setBigUint64(i * HEADER + 40, BigInt(CONTROL), true);
    }
    return Math.max(
      0,
      Number(sysRecvmmsg(this.descriptor, this.in.at, this.size, atOnce ? MSG_DONTWAIT : MSG_WAITFORONE, 0)),
    );
  }

  /** The bytes received in place `i`; valid until the next `receive`. */
  received(i: number): Uint8Array {
    return this.in.bytes.subarray(this.data(i), this.data(i) + this.in.memory.getUint32(i * HEADER + 56, true));
  }
  receivedFrom(i: number): Ipv4 {
    const name = this.name(i);
    return { address: this.in.memory.getUint32(name + 4, false), port: this.in.memory.getUint16(name + 2, false) };
  }
  /** Which of our addresses it was sent to. */
  receivedAt(i: number): number {
    return this.in.memory.getUint32(this.control(i) + 24, false);
  }

  close(): void {
    sysClose(this.descriptor);
  }
}

function lane(bytes: number): Lane {
  const at = Number(sysMalloc(bytes));
  const buffer = koffi.view(at, bytes);
  const made = { memory: new DataView(buffer), bytes: new Uint8Array(buffer), at };
  made.bytes.fill(0);
  return made;
}

function writeName(memory: DataView, at: number, { address, port }: Ipv4): void {
  memory.setUint16(at, AF_INET, true);
  memory.setUint16(at + 2, port, false);
  memory.setUint32(at + 4, address, false);
}
