/** The pairs of a relay, by name and by the endpoints of their ends, with shares for those who begin them. */
import { type Endpoint, sameEndpoint } from '../address.ts';
import { utf8Encode } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { addressKeys } from '../rate/pace.ts';
import { type Placed, Shares, type TableState } from '../rate/shares.ts';
import { Table, textHash } from '../rate/table.ts';
import { type CryptoSuite, randomU32 } from '../secure/crypto.ts';
import { sipHash32 } from '../secure/siphash.ts';
import type { RelayToken } from '../wire/relay.ts';
import { Days, type Place } from './days.ts';
import type { RelayQuotas, Via } from './interface.ts';
import { RELAY_LIMITS } from './limits.ts';
import type { Wanting } from './shortage.ts';

export type Side = RelayToken['side'];

/** One end of a pair, where it is bound now. */
export class End {
  readonly pair: Pair;
  readonly side: Side;
  readonly via: Via;
  readonly at: Endpoint;
  /** The other end, where it is bound too. */
  peer: End | null = null;
  /** When it has last shown that it receives there: by a cookie made for that endpoint. */
  provenAt: Instant;
  readonly addressDay: Place;
  readonly networkDay: Place;

  constructor(
    now: Instant,
    pair: Pair,
    side: Side,
    where: { readonly via: Via; readonly at: Endpoint; readonly addressDay: Place; readonly networkDay: Place },
  ) {
    this.pair = pair;
    this.side = side;
    this.via = where.via;
    this.at = where.at;
    this.provenAt = Math.floor(now);
    this.addressDay = where.addressDay;
    this.networkDay = where.networkDay;
  }
}

/**
 * There may be tens of thousands: classes, because V8 makes a dictionary of what is put together piece by piece; times in whole
 * milliseconds, which it keeps without an object of their own; bytes as text.
 */
export class Pair implements Placed, Wanting {
  place = -1;
  readonly name: string;
  /** Of whoever has begun it: whose share it takes. */
  readonly address: string;
  readonly begunAt: Instant;
  /** Hashes of their keys, 8 bytes. */
  readonly client: string;
  readonly host: string;
  readonly hostDay: Place;
  clientEnd: End | null = null;
  hostEnd: End | null = null;
  /** The newest BIND of each end, over its address changes. */
  clientTurn = 0;
  hostTurn = 0;
  /** Cell rate algorithm. */
  fullAt: Instant = 0;
  /** Not yet charged to anybody's day. */
  bytes = 0;
  tick = 0;
  wanted = 0;
  /** Somebody's day is used up. */
  spent = false;
  /** From the moment on that the host's end is bound: a friend alone uses up nothing of a host. */
  hostCounts = false;

  constructor(now: Instant, name: string, address: string, who: PairKeys, hostDay: Place) {
    this.name = name;
    this.address = address;
    this.begunAt = Math.floor(now);
    this.client = who.client;
    this.host = who.host;
    this.hostDay = hostDay;
  }
}

/** As `textOf` makes them. */
export interface PairKeys {
  readonly client: string;
  readonly host: string;
}

/** Of all pairs together. */
export const TOTAL_DAY: Place = 0;

export class Pairs {
  readonly days = new Days();
  private readonly quotas: RelayQuotas;
  private readonly secret: Uint8Array;
  private readonly byName: Table<string, Pair>;
  private readonly byEndpoint: Table<Endpoint, End>;
  private readonly shares: Shares<Pair>;
  private readonly ofHost = new Uint16Array(RELAY_LIMITS.hostPlaces);

  constructor(suite: CryptoSuite, quotas: RelayQuotas) {
    this.quotas = quotas;
    this.secret = suite.randomBytes(16);
    const draw = (): number => randomU32(suite);
    const seed = draw();
    this.byName = new Table(
      (name) => textHash(seed, name),
      (pair, name) => pair.name === name,
    );
    this.byEndpoint = new Table(
      ({ address, port }) => textHash(seed ^ Math.imul(port, 0x9e3779b1), address),
      (end, at) => sameEndpoint(end.at, at),
    );
    const { pairsMax, pairsPerAddress, pairsPerNetwork } = quotas;
    this.shares = new Shares({
      ...{ name: 'relay-pairs', max: pairsMax, secret: this.secret, draw },
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

  /** May be changed meanwhile: a copy. */
  all(): readonly Pair[] {
    return [...this.byName.values()];
  }

  find(name: string): Pair | null {
    return this.byName.get(name) ?? null;
  }

  endAt(from: Endpoint): End | undefined {
    return this.byEndpoint.get(from);
  }

  /** Of a host that is at its limit no further pair begins. */
  hostIsFull(host: string): boolean {
    return (this.ofHost[this.hostPlace(host)] as number) >= this.quotas.pairsPerHost;
  }

  /** Is what this address, its network or this host may move today used up? */
  isSpent(now: Instant, host: string, address: string): boolean {
    const { addressDay, networkDay } = this.daysOf(address);
    const { addressBytesPerDay, networkBytesPerDay, hostBytesPerDay } = this.quotas;
    return (
      this.days.isOver(now, addressDay, addressBytesPerDay) ||
      this.days.isOver(now, networkDay, networkBytesPerDay) ||
      this.days.isOver(now, this.hostDay(host), hostBytesPerDay)
    );
  }

  /** Charges what the pair has moved since the last time, and sees whether it may go on. */
  settle(now: Instant, pair: Pair): void {
    const { bytes, clientEnd, hostEnd } = pair;
    pair.bytes = 0;
    pair.spent = false;
    this.charge(now, pair, TOTAL_DAY, bytes, this.quotas.totalBytesPerDay);
    if (pair.hostCounts) this.charge(now, pair, pair.hostDay, bytes, this.quotas.hostBytesPerDay);
    for (const end of [clientEnd, hostEnd]) {
      if (end === null) continue;
      this.charge(now, pair, end.addressDay, bytes, this.quotas.addressBytesPerDay);
      this.charge(now, pair, end.networkDay, bytes, this.quotas.networkBytesPerDay);
    }
  }

  /** Whoever has most makes room for it. */
  begin(now: Instant, name: string, from: Endpoint, who: PairKeys): Pair {
    const crowded = this.shares.crowdedOut(from.address);
    if (crowded !== null) this.end(crowded);
    const pair = new Pair(now, name, from.address, who, this.hostDay(who.host));
    this.byName.set(name, pair);
    this.shares.add(pair);
    return pair;
  }

  /** Puts an end of the pair there, and takes away whoever was: the one who can prove it is at an endpoint has it. */
  bind(now: Instant, pair: Pair, side: Side, via: Via, from: Endpoint): End {
    const before = this.byEndpoint.get(from);
    if (before !== undefined && before.pair === pair && before.side === side && before.via === via) {
      before.provenAt = Math.floor(now);
      return before;
    }
    if (before !== undefined) this.unbind(before);
    const moved = side === 'client' ? pair.clientEnd : pair.hostEnd;
    if (moved !== null) this.unbind(moved);
    const peer = side === 'client' ? pair.hostEnd : pair.clientEnd;
    const at = { address: from.address, port: from.port };
    const end = new End(now, pair, side, { via, at, ...this.daysOf(from.address) });
    end.peer = peer;
    if (peer !== null) peer.peer = end;
    if (side === 'client') pair.clientEnd = end;
    else pair.hostEnd = end;
    if (side === 'host' && !pair.hostCounts) this.countHost(pair, 1);
    this.byEndpoint.set(end.at, end);
    return end;
  }

  unbind(end: End): void {
    const { pair } = end;
    if (pair.clientEnd === end) pair.clientEnd = null;
    if (pair.hostEnd === end) pair.hostEnd = null;
    if (end.peer !== null) end.peer.peer = null;
    this.byEndpoint.delete(end.at);
  }

  end(pair: Pair): void {
    for (const one of [pair.clientEnd, pair.hostEnd]) if (one !== null) this.unbind(one);
    if (pair.hostCounts) this.countHost(pair, -1);
    this.byName.delete(pair.name);
    this.shares.remove(pair);
  }

  private charge(now: Instant, pair: Pair, day: Place, bytes: number, max: number): void {
    if (bytes > 0) this.days.charge(now, day, bytes);
    if (this.days.isOver(now, day, max)) pair.spent = true;
  }

  private countHost(pair: Pair, by: 1 | -1): void {
    pair.hostCounts = by === 1;
    const place = this.hostPlace(pair.host);
    this.ofHost[place] = (this.ofHost[place] as number) + by;
  }

  private hostHash(host: string): number {
    return sipHash32(this.secret, utf8Encode(host));
  }

  private hostPlace(host: string): number {
    return this.hostHash(host) % RELAY_LIMITS.hostPlaces;
  }

  private hostDay(host: string): Place {
    return this.days.placeOf(this.hostHash(host));
  }

  private daysOf(address: string): { readonly addressDay: Place; readonly networkDay: Place } {
    const { narrow, wide } = addressKeys(this.secret, address);
    return { addressDay: this.days.placeOf(narrow), networkDay: this.days.placeOf(wide) };
  }
}

/** Bytes as a short text: 8 of them take 24 bytes of memory, where an array takes 200. */
export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (symbol) => symbol.charCodeAt(0));
}
