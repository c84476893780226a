/** The pairs of a relay, by name and by the endpoints of their ends, with shares for those who begin them. */
import { type Endpoint, sameEndpoint } from '../address.ts';
import type { Instant } from '../contract.ts';
import { addressPrefixes } from '../rate/pace.ts';
import { type Placed, Shares, type TableState } from '../rate/shares.ts';
import { Table, textHash } from '../rate/table.ts';
import { type CryptoSuite, randomU32 } from '../secure/crypto.ts';
import type { RelayToken } from '../wire/relay.ts';
import { type Account, Accounts } from './accounts.ts';
import type { RelayQuotas, Via } from './interface.ts';
import type { Wanting } from './shortage.ts';

export type Side = RelayToken['side'];

/** One end of a pair, where it is bound now. */
export interface End {
  readonly pair: Pair;
  readonly side: Side;
  readonly via: Via;
  readonly at: Endpoint;
  /** The other end, where it is bound too. */
  peer: End | null;
  heardAt: Instant;
  readonly address: Account;
  readonly network: Account;
}

/** There may be tens of thousands: times are whole milliseconds, which V8 keeps without an object of their own. */
export interface Pair extends Placed, Wanting {
  readonly name: string;
  /** Of whoever has begun it: whose share it takes. */
  readonly address: string;
  readonly begunAt: Instant;
  /** Hashes of their keys, hex. */
  readonly client: string;
  readonly host: string;
  clientEnd: End | null;
  hostEnd: End | null;
  /** The newest BIND of each end, over its address changes. */
  clientTurn: number;
  hostTurn: number;
  /** Cell rate algorithm. */
  fullAt: Instant;
  /** Not yet charged to the accounts. */
  bytes: number;
  /** Somebody's day is used up. */
  spent: boolean;
  /** Charged from the moment on that the host's end is bound: a friend alone uses up nothing of a host. */
  hostAccount: Account | null;
}

export class Pairs {
  readonly accounts = new Accounts();
  private readonly quotas: RelayQuotas;
  private readonly byName = new Map<string, Pair>();
  private readonly byEndpoint: Table<Endpoint, End>;
  private readonly shares: Shares<Pair>;

  constructor(suite: CryptoSuite, quotas: RelayQuotas) {
    this.quotas = quotas;
    const secret = randomU32(suite);
    this.byEndpoint = new Table(
      ({ address, port }) => textHash(secret ^ Math.imul(port, 0x9e3779b1), address),
      (end, at) => sameEndpoint(end.at, at),
    );
    const { pairsMax, pairsPerAddress, pairsPerNetwork } = quotas;
    this.shares = new Shares({
      ...{ name: 'relay-pairs', max: pairsMax, secret: suite.randomBytes(16), draw: () => randomU32(suite) },
      caps: { narrow: pairsPerAddress, wide: pairsPerNetwork, widest: pairsPerNetwork * 4 },
      addressOf: ({ address }) => address,
      proven: ({ clientEnd, hostEnd }) => clientEnd !== null && hostEnd !== null,
      since: ({ begunAt }) => begunAt,
    });
  }

  get size(): number {
    return this.byName.size;
  }

  get ends(): number {
    return this.byEndpoint.size;
  }

  tables(): readonly TableState[] {
    return [this.shares.state()];
  }

  all(): Iterable<Pair> {
    return this.byName.values();
  }

  find(name: string): Pair | null {
    return this.byName.get(name) ?? null;
  }

  endAt(from: Endpoint): End | undefined {
    return this.byEndpoint.get(from);
  }

  /** Of a host that is at its limit no further pair begins. */
  hostIsFull(host: string): boolean {
    return (this.accounts.find(hostName(host))?.users ?? 0) >= this.quotas.pairsPerHost;
  }

  /** Whoever has most makes room for it. */
  begin(now: Instant, name: string, from: Endpoint, { client, host }: Pick<Pair, 'client' | 'host'>): Pair {
    const crowded = this.shares.crowdedOut(from.address);
    if (crowded !== null) this.end(crowded);
    const pair: Pair = {
      ...{ place: -1, name, address: from.address, begunAt: Math.floor(now), client, host },
      ...{ clientEnd: null, hostEnd: null, clientTurn: 0, hostTurn: 0 },
      ...{ fullAt: 0, bytes: 0, tick: 0, wanted: 0, spent: false, hostAccount: null },
    };
    this.byName.set(name, pair);
    this.shares.add(pair);
    return pair;
  }

  /** Puts an end of the pair there, and takes away whoever was: the one who can prove it is at an endpoint has it. */
  bind(now: Instant, pair: Pair, side: Side, via: Via, from: Endpoint): End {
    const before = this.byEndpoint.get(from);
    if (before !== undefined && before.pair === pair && before.side === side && before.via === via) {
      before.heardAt = Math.floor(now);
      return before;
    }
    if (before !== undefined) this.unbind(before);
    const moved = side === 'client' ? pair.clientEnd : pair.hostEnd;
    if (moved !== null) this.unbind(moved);
    const [address, network] = accountNames(from.address);
    const { accounts, quotas } = this;
    const peer = side === 'client' ? pair.hostEnd : pair.clientEnd;
    const end: End = {
      ...{ pair, side, via, at: { address: from.address, port: from.port }, peer, heardAt: Math.floor(now) },
      address: accounts.open(address, quotas.addressBytesPerDay),
      network: accounts.open(network, quotas.networkBytesPerDay),
    };
    if (peer !== null) peer.peer = end;
    if (side === 'client') pair.clientEnd = end;
    else {
      pair.hostEnd = end;
      pair.hostAccount ??= accounts.open(hostName(pair.host), quotas.hostBytesPerDay);
    }
    this.byEndpoint.set(end.at, end);
    return end;
  }

  unbind(end: End): void {
    const { pair } = end;
    if (pair.clientEnd === end) pair.clientEnd = null;
    if (pair.hostEnd === end) pair.hostEnd = null;
    if (end.peer !== null) end.peer.peer = null;
    this.byEndpoint.delete(end.at);
    this.accounts.close(end.address);
    this.accounts.close(end.network);
  }

  end(pair: Pair): void {
    for (const one of [pair.clientEnd, pair.hostEnd]) if (one !== null) this.unbind(one);
    if (pair.hostAccount !== null) this.accounts.close(pair.hostAccount);
    this.byName.delete(pair.name);
    this.shares.remove(pair);
  }
}

export function hostName(host: string): string {
  return `host ${host}`;
}

export function accountNames(address: string): readonly [address: string, network: string] {
  const [narrow, wide] = addressPrefixes(address);
  return [`address ${narrow}`, `network ${wide}`];
}

/** Bytes as a short key of a map. */
export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
