/**
 * IPv4 on a network that has IPv6 alone, through the NAT64 of that network (`core/nat64.ts`): a socket of IPv4 that goes out by IPv6. What
 * is above it names IPv4 addresses and never learns of the others, so peers, masterservers and STUN servers are reached alike, the NAT64
 * is measured as any other NAT, and a computer may change between networks while its sockets stay.
 */
import {
  desynthesize,
  type Endpoint,
  familyOf,
  LIMITS,
  NAT64_NAME,
  type Nat64Prefix,
  nat64Prefixes,
  synthesize,
} from '../core/index.ts';
import { askSystem } from './ask-once.ts';
import { NODE_LIMITS } from './limits.ts';
import type { OpenUdpSocket, UdpSocket, UdpSocketHandlers } from './socket.ts';

/** AAAA records of the name that has none; empty where nobody makes them, or not in time. */
async function askDns(): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), LIMITS.nameLookupMs);
  });
  const found = askSystem(NAT64_NAME, 6).catch(() => []);
  const records = await Promise.race([found, late]);
  clearTimeout(timer);
  return records;
}

export class Nat64 {
  readonly #ask: () => Promise<readonly string[]>;
  /** Those of this network, the one in use first. */
  #prefixes: readonly Nat64Prefix[] = [];

  constructor(ask: () => Promise<readonly string[]> = askDns) {
    this.#ask = ask;
  }

  /** Through which IPv4 goes just now; null: by itself, or not at all. */
  get prefix(): Nat64Prefix | null {
    return this.#prefixes[0] ?? null;
  }

  /** The network is new, or may be: where there is a way out by IPv6 alone, its prefix is asked for. */
  async look(families: readonly (4 | 6)[]): Promise<void> {
    const needed = families.includes(6) && !families.includes(4);
    this.#prefixes = needed ? nat64Prefixes(await this.#ask()) : [];
  }

  /** The families by which there is a way out, with IPv4 where it leads through here. */
  families(native: readonly (4 | 6)[]): readonly (4 | 6)[] {
    return this.prefix === null ? native : [4, 6];
  }

  /** The masterserver, who alone can show that a prefix leads out, has not answered through this one: the next, where there are more. */
  next(): void {
    const [first, ...others] = this.#prefixes;
    if (first !== undefined) this.#prefixes = [...others, first];
  }

  /** Where a datagram for this address really goes. */
  outside(to: Endpoint): Endpoint {
    const { prefix } = this;
    if (prefix === null || familyOf(to.address) !== 4) return to;
    const address = synthesize(prefix, to.address);
    return address === null ? to : { address, port: to.port };
  }

  /** Opens sockets as `open` does, those of IPv4 by way of the NAT64 while there is one. */
  through(open: OpenUdpSocket): OpenUdpSocket {
    return (request, handlers) => {
      // Bound to an address of its own it is meant for that network.
      if (request.family === 6 || request.address !== undefined) return open(request, handlers);
      const socket = new TranslatedSocket(this, open, request.port, handlers);
      return socket.opened();
    };
  }
}

type Opened = ReturnType<OpenUdpSocket>;

/** One port for both families; the other one is opened with the first datagram that goes that way. */
class TranslatedSocket implements UdpSocket {
  readonly #nat64: Nat64;
  readonly #open: OpenUdpSocket;
  readonly #handlers: UdpSocketHandlers;
  readonly #made = new Map<4 | 6, UdpSocket>();
  #port: number;
  /** What was synthesized, and with which prefix. */
  #known = new Map<string, string | null>();
  #knownBy: Nat64Prefix | null = null;

  constructor(nat64: Nat64, open: OpenUdpSocket, port: number, handlers: UdpSocketHandlers) {
    this.#nat64 = nat64;
    this.#open = open;
    this.#port = port;
    this.#handlers = handlers;
  }

  opened(): Opened {
    const { outcome } = this.#make(this.#family);
    if (!outcome.ok) return { outcome, socket: null };
    this.#port = outcome.local.port;
    return { outcome: { ok: true, local: this.local }, socket: this };
  }

  get local(): Endpoint {
    return { address: '0.0.0.0', port: this.#port };
  }

  get queued(): number {
    return this.#made.get(this.#family)?.queued ?? 0;
  }

  send(to: Endpoint, bytes: Uint8Array, ttl: number | undefined): void {
    const family = this.#family;
    const address = family === 4 ? to.address : this.#synthesized(to.address);
    if (address === null) this.#handlers.onError?.('NO-WAY');
    else (this.#made.get(family) ?? this.#make(family).socket)?.send({ address, port: to.port }, bytes, ttl);
  }

  close(): void {
    for (const socket of this.#made.values()) socket.close();
    this.#made.clear();
  }

  /** The one that is in use; whoever gets it has to name addresses as they are outside. */
  release(): ReturnType<UdpSocket['release']> {
    const socket = this.#made.get(this.#family) ?? [...this.#made.values()][0];
    if (socket === undefined) throw new Error('a socket that is closed can not be given away');
    for (const other of this.#made.values()) if (other !== socket) other.close();
    this.#made.clear();
    return socket.release();
  }

  get #family(): 4 | 6 {
    return this.#nat64.prefix === null ? 4 : 6;
  }

  #make(family: 4 | 6): Opened {
    const request = { kind: 'socket', op: 'open', socket: 0, family } as const;
    const { onError } = this.#handlers;
    const handlers: UdpSocketHandlers = {
      onDatagram: family === 4 ? this.#handlers.onDatagram : (from, bytes) => this.#came(from, bytes),
      ...(onError === undefined ? {} : { onError }),
    };
    let made = this.#open({ ...request, port: this.#port }, handlers);
    // The port is another's in the other family: one more mapping then, and nothing worse.
    if (!made.outcome.ok && made.outcome.code === 'in-use' && this.#made.size > 0)
      made = this.#open({ ...request, port: 0 }, handlers);
    if (made.socket !== null) this.#made.set(family, made.socket);
    return made;
  }

  #came(from: Endpoint, bytes: Uint8Array): void {
    const { prefix } = this.#nat64;
    const address = prefix === null ? null : desynthesize(prefix, from.address);
    // What does not come through the NAT64 is nothing that a socket of IPv4 can have asked for.
    if (address !== null) this.#handlers.onDatagram({ address, port: from.port }, bytes);
  }

  #synthesized(address: string): string | null {
    const { prefix } = this.#nat64;
    if (prefix !== this.#knownBy || this.#known.size > NODE_LIMITS.nat64RememberedMax) this.#known = new Map();
    this.#knownBy = prefix;
    const known = this.#known.get(address);
    if (known !== undefined || prefix === null) return known ?? null;
    const made = synthesize(prefix, address);
    this.#known.set(address, made);
    return made;
  }
}
