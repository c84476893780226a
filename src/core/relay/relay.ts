/**
 * A relay: forwards sealed datagrams between the two ends of a pair, one for one and as they are, and knows nothing else. It has no
 * sockets and makes no events, because it is called a hundred thousand times a second: whoever has the sockets gives it what comes in
 * and sends what it says at once (`src/master/relay-worker.ts`, the master's one port, or `machine.ts` in the simulator).
 *
 * An end is known by where its datagrams come from, so nothing is added to them, and each pair has a socket of its own at each end.
 * Who is not bound can only ask for a cookie and bind, which leaves nothing behind until a token of the master is shown from an
 * endpoint that receives; what it is answered is never larger than what it asked.
 */
import type { Endpoint } from '../address.ts';
import { toHex } from '../bytes.ts';
import { type Instant, NEVER } from '../contract.ts';
import { addressKeys, allowAt, Pace } from '../rate/pace.ts';
import type { TableState } from '../rate/shares.ts';
import { WIRE } from '../wire/first-byte.ts';
import {
  bindProven,
  endSecret,
  isRelayed,
  RELAY_RANDOM_BYTES,
  RELAY_REFUSALS,
  type RelayMessage,
  type RelayRefusal,
  readRelay,
  readToken,
  writeRelay,
} from '../wire/relay.ts';
import { EndpointCookies } from './cookies.ts';
import type { RelayConfig, RelayCounters, RelayDrop, RelayedKeys, RelayQuotas, Via } from './interface.ts';
import { RELAY_LIMITS } from './limits.ts';
import { bytesOf, type End, type Pair, type PairKeys, Pairs, type Side, TOTAL_DAY, textOf } from './pairs.ts';
import { Shortage } from './shortage.ts';

type Of<Type extends RelayMessage['type']> = Extract<RelayMessage, { readonly type: Type }>;

const UNASKED = new Uint8Array(RELAY_RANDOM_BYTES);

export class Relay {
  private readonly config: RelayConfig;
  private readonly quotas: RelayQuotas;
  private readonly cookies: EndpointCookies;
  private readonly pairs: Pairs;
  private readonly shortage: Shortage;
  private readonly hashes: Uint8Array;
  private readonly strangers = new Pace(RELAY_LIMITS.strangerRates);
  private readonly binds = new Pace(RELAY_LIMITS.bindRates);
  private strangersFullAt: Instant = 0;
  private sweepAt: Instant = NEVER;
  private forwarded = 0;
  private forwardedBytes = 0;
  private asked = 0;
  private bound = 0;
  private readonly dropped: Record<RelayDrop, number> = {
    ...{ malformed: 0, stranger: 0, limited: 0, alone: 0, stale: 0 },
    ...{ 'pair-rate': 0, share: 0, quota: 0 },
  };
  private readonly refused = Object.fromEntries(RELAY_REFUSALS.map((why) => [why, 0])) as Record<RelayRefusal, number>;

  constructor(config: RelayConfig) {
    this.config = config;
    this.quotas = { ...RELAY_LIMITS.quotas, ...config.quotas };
    this.cookies = new EndpointCookies(config.crypto);
    this.pairs = new Pairs(config.crypto, this.quotas);
    this.shortage = new Shortage(this.quotas.totalBytesPerSecond);
    this.hashes = config.crypto.randomBytes(16);
  }

  counters(): RelayCounters {
    let whole = 0;
    for (const { clientEnd, hostEnd } of this.pairs.all()) if (clientEnd !== null && hostEnd !== null) whole++;
    return {
      ...{ pairs: this.pairs.size, ends: this.pairs.ends, whole },
      ...{ forwarded: this.forwarded, forwardedBytes: this.forwardedBytes, asked: this.asked, bound: this.bound },
      ...{ dropped: { ...this.dropped }, refused: { ...this.refused } },
    };
  }

  tables(): readonly TableState[] {
    return this.pairs.tables();
  }

  /** When `sweep` has something to do; `NEVER` without pairs. */
  next(): Instant {
    return this.sweepAt;
  }

  receive(now: Instant, via: Via, from: Endpoint, bytes: Uint8Array): void {
    if (bytes[0] === WIRE.path) this.forward(now, from, bytes);
    else this.answer(now, via, from, bytes);
  }

  /** Lets go who has not shown for too long that it is there, and charges what was moved. Once a second. */
  sweep(now: Instant): void {
    if (now < this.sweepAt) return;
    const unprovenSince = now - RELAY_LIMITS.endIdleMs;
    for (const pair of this.pairs.all()) {
      this.pairs.settle(now, pair);
      for (const end of [pair.clientEnd, pair.hostEnd])
        if (end !== null && end.provenAt < unprovenSince) this.pairs.unbind(end);
      if (pair.clientEnd === null && pair.hostEnd === null) this.pairs.end(pair);
    }
    this.sweepAt = this.pairs.size === 0 ? NEVER : now + RELAY_LIMITS.sweepMs;
  }

  /** Whom the master admits has changed: pairs that it would not admit now are over. */
  expel(): void {
    const { admits } = this.config;
    if (admits === undefined) return;
    for (const pair of this.pairs.all()) {
      const ends = [pair.clientEnd, pair.hostEnd].filter((end) => end !== null);
      if (ends.some((end) => !admits(keysOf(pair), end.at))) this.pairs.end(pair);
    }
  }

  private forward(now: Instant, from: Endpoint, bytes: Uint8Array): void {
    const end = this.pairs.endAt(from);
    if (end === undefined) {
      this.dropped.stranger++;
      return;
    }
    if (!isRelayed(bytes)) {
      this.dropped.malformed++;
      return;
    }
    const { pair, peer } = end;
    if (peer === null) {
      this.dropped.alone++;
      return;
    }
    const cost = bytes.length + RELAY_LIMITS.datagramOverheadBytes;
    const why = this.refusal(now, pair, cost);
    if (why !== null) {
      this.dropped[why]++;
      return;
    }
    pair.bytes += cost;
    this.forwarded++;
    this.forwardedBytes += bytes.length;
    this.config.transmit(peer.via, peer.at, bytes);
  }

  /** Takes the cost from the pair and from all, or nothing from anybody. */
  private refusal(now: Instant, pair: Pair, cost: number): 'quota' | 'pair-rate' | 'share' | null {
    if (pair.spent) return 'quota';
    const fullAt = this.fullAfter(now, pair, cost);
    if (fullAt - now > RELAY_LIMITS.pairBurstMs) return 'pair-rate';
    if (!this.shortage.grants(now, pair, cost)) return 'share';
    this.shortage.take(now, cost);
    pair.fullAt = fullAt;
    return null;
  }

  private fullAfter(now: Instant, pair: Pair, cost: number): Instant {
    return Math.max(pair.fullAt, now) + (cost * 1_000) / this.quotas.pairBytesPerSecond;
  }

  private answer(now: Instant, via: Via, from: Endpoint, bytes: Uint8Array): void {
    const message = readRelay(bytes);
    switch (message?.type) {
      case 'ask':
        this.ask(now, via, from, message.random);
        break;
      case 'bind': {
        const why = this.bind(now, via, from, message, bytes);
        if (why !== null) this.refuse(via, from, message.random, why);
        break;
      }
      case 'keep':
        this.keep(now, via, from, message);
        break;
      default:
        this.dropped.malformed++;
    }
  }

  private ask(now: Instant, via: Via, from: Endpoint, random: Uint8Array): void {
    if (!this.stranger(now, from)) return;
    this.asked++;
    this.config.transmit(via, from, writeRelay({ type: 'cookie', random, cookie: this.cookies.make(now, from) }));
  }

  private keep(now: Instant, via: Via, from: Endpoint, { random, cookie }: Of<'keep'>): void {
    const end = this.pairs.endAt(from);
    if (end === undefined) {
      if (this.stranger(now, from)) this.refuse(via, from, random, 'expired');
      return;
    }
    // Its source alone may be forged, by whoever had the address before: data would go on to one who has never asked for them.
    if (this.cookies.valid(now, from, cookie)) end.provenAt = Math.floor(now);
    if (end.pair.spent) {
      this.refuse(via, from, random, 'quota');
      return;
    }
    // It counts as data do, but is answered beyond what data may have, or whoever sends as much as it may would seem to be lost.
    const fullAt = this.fullAfter(now, end.pair, RELAY_LIMITS.datagramOverheadBytes);
    if (fullAt - now > 2 * RELAY_LIMITS.pairBurstMs) {
      this.dropped['pair-rate']++;
      return;
    }
    end.pair.fullAt = fullAt;
    this.say(now, end, random);
  }

  /** Why not, or null where it is bound or there is nothing to say. */
  private bind(now: Instant, via: Via, from: Endpoint, bind: Of<'bind'>, bytes: Uint8Array): RelayRefusal | null {
    if (!this.cookies.valid(now, from, bind.cookie)) return this.stranger(now, from) ? 'cookie' : null;
    if (this.binds.take(now, addressKeys(this.hashes, from.address)) > 0) {
      this.dropped.limited++;
      return null;
    }
    const { crypto, keys, admits } = this.config;
    const token = readToken(crypto, keys, bind.token);
    if (token === null || !bindProven(crypto, endSecret(crypto, keys, token), bytes)) return 'token';
    const who = { client: textOf(token.client), host: textOf(token.host) };
    if (admits !== undefined && !admits(keysOf(who), from)) return 'banned';
    const name = textOf(token.pair);
    const known = this.pairs.find(name);
    const why = known === null ? this.mayNotBegin(now, token.expiresAt, who.host) : null;
    if (why !== null) return why;
    if (this.pairs.isSpent(now, who.host, from.address)) return 'quota';
    const pair = known ?? this.pairs.begin(now, name, from, who);
    if (this.sweepAt === NEVER) this.sweepAt = now + RELAY_LIMITS.sweepMs;
    this.place(now, via, from, { pair, side: token.side, bind });
    return null;
  }

  private place(
    now: Instant,
    via: Via,
    from: Endpoint,
    { pair, side, bind }: { readonly pair: Pair; readonly side: Side; readonly bind: Of<'bind'> },
  ): void {
    const turn = side === 'client' ? pair.clientTurn : pair.hostTurn;
    const before = side === 'client' ? pair.clientEnd : pair.hostEnd;
    const repeated = bind.turn === turn && before !== null && before === this.pairs.endAt(from);
    if (bind.turn <= turn && !repeated) {
      this.dropped.stale++;
      return;
    }
    if (side === 'client') pair.clientTurn = bind.turn;
    else pair.hostTurn = bind.turn;
    const end = this.pairs.bind(now, pair, side, via, from);
    this.bound++;
    this.say(now, end, bind.random);
    // Its 27 bytes go to an endpoint that is bound, and the other end knows at once that its datagrams arrive.
    if (before === null && end.peer !== null) this.say(now, end.peer, UNASKED);
  }

  private mayNotBegin(now: Instant, expiresAt: number, host: string): RelayRefusal | null {
    if (this.config.wallClock() > expiresAt * 1_000 + RELAY_LIMITS.clockMsMax) return 'expired';
    if (this.pairs.days.isOver(now, TOTAL_DAY, this.quotas.totalBytesPerDay)) return 'quota';
    return this.pairs.hostIsFull(host) ? 'full' : null;
  }

  private say(now: Instant, { via, at, peer }: End, random: Uint8Array): void {
    const cookie = this.cookies.make(now, at);
    this.config.transmit(via, at, writeRelay({ type: 'bound', random, cookie, other: peer !== null }));
  }

  private refuse(via: Via, to: Endpoint, random: Uint8Array, why: RelayRefusal): void {
    this.refused[why]++;
    this.config.transmit(via, to, writeRelay({ type: 'refused', random, why }));
  }

  /** May somebody who is not bound be answered? */
  private stranger(now: Instant, from: Endpoint): boolean {
    const next = allowAt(this.strangersFullAt, now, RELAY_LIMITS.strangersPerSecond);
    if (next === null || this.strangers.take(now, addressKeys(this.hashes, from.address)) > 0) {
      this.dropped.limited++;
      return false;
    }
    this.strangersFullAt = next;
    return true;
  }
}

function keysOf({ client, host }: PairKeys): RelayedKeys {
  return { client: toHex(bytesOf(client)), host: toHex(bytesOf(host)) };
}
