/** A relay, and ends that speak to it, in virtual time: what is sent is handed over at once, and kept to be looked at. */

import { type Endpoint, Relay, type RelayConfig, relayKeys, seededCrypto } from '../../src/core/index.ts';
import {
  mintGrant,
  type RelayGrant,
  type RelayMessage,
  readRelay,
  writeBind,
  writeRelay,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';

export const crypto = seededCrypto('relay', nodeCrypto);
export const MASTER_KEY = new Uint8Array(32).fill(9);
export const KEYS = relayKeys(crypto, new Uint8Array(32).fill(1), MASTER_KEY);
const START = 1_000_000;
/** Seconds: what `wallClock` says at `START`. */
const EPOCH = 1_700_000_000;
export const keyOf = (n: number): Uint8Array => crypto.sha256(Uint8Array.of(n >>> 16, n >>> 8, n));

export interface Sent {
  readonly via: number;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

/** A sealed datagram, as far as a relay can see. */
export function data(length = 100, mark = 0): Uint8Array {
  const bytes = new Uint8Array(length).fill(mark);
  bytes[0] = 0xd8;
  return bytes;
}

export class RelayNet {
  now = START;
  readonly sent: Sent[] = [];
  /** What each end was told last, by its endpoint. */
  private readonly cookies = new Map<string, Uint8Array>();
  readonly relay: Relay;
  private turn = 1;

  constructor(config: Partial<RelayConfig> = {}) {
    this.relay = new Relay({
      ...{ crypto, keys: KEYS, wallClock: () => this.wallMs },
      transmit: (via, to, bytes) => void this.sent.push({ via, to, bytes: bytes.slice() }),
      ...config,
    });
  }

  get wallMs(): number {
    return EPOCH * 1_000 + this.now - START;
  }

  /** What the relay sends because of this datagram. */
  give(from: Endpoint, bytes: Uint8Array, via = 1): readonly Sent[] {
    const before = this.sent.length;
    this.relay.receive(this.now, via, from, bytes);
    const sent = this.sent.slice(before);
    for (const one of sent) {
      const message = readRelay(one.bytes);
      if (message?.type === 'bound') this.cookies.set(`${one.to.address} ${one.to.port}`, message.cookie);
    }
    return sent;
  }

  pass(ms: number): void {
    const end = this.now + ms;
    while (this.relay.next() <= end) {
      this.now = Math.max(this.now, this.relay.next());
      this.relay.sweep(this.now);
    }
    this.now = end;
  }

  /** Pair `n`: session and keys of its own. */
  grant(n: number, side: 'client' | 'host', of: { ageMs?: number; host?: number } = {}): RelayGrant {
    const pair = {
      sid: keyOf(n).slice(0, 16),
      clientKey: keyOf(1_000_000 + n),
      hostKey: keyOf(2_000_000 + (of.host ?? n)),
    };
    const expiresAt = Math.floor((this.wallMs - (of.ageMs ?? 0)) / 1_000) + 60;
    return mintGrant(crypto, KEYS, pair, { side, expiresAt });
  }

  cookie(from: Endpoint): Uint8Array {
    const [answer] = this.give(from, writeRelay({ type: 'ask', random: crypto.randomBytes(8) }));
    const message = answer && readRelay(answer.bytes);
    if (message?.type !== 'cookie') throw new Error('no cookie');
    return message.cookie;
  }

  bindBytes(from: Endpoint, grant: RelayGrant, turn = this.turn++): Uint8Array {
    return writeBind(crypto, grant, { random: crypto.randomBytes(8), cookie: this.cookie(from), turn });
  }

  /** What the one who binds is told. */
  bind(from: Endpoint, grant: RelayGrant, via = 1): RelayMessage | null {
    const answer = this.give(from, this.bindBytes(from, grant), via).find(({ to }) => to.port === from.port);
    return answer === undefined ? null : readRelay(answer.bytes);
  }

  /** With the cookie that it was told last, unless another is given. */
  keep(
    from: Endpoint,
    cookie = this.cookies.get(`${from.address} ${from.port}`) ?? new Uint8Array(16),
  ): RelayMessage | null {
    const [answer] = this.give(from, writeRelay({ type: 'keep', random: crypto.randomBytes(8), cookie }));
    return answer === undefined ? null : readRelay(answer.bytes);
  }

  /** Both ends of pair `n`, each with a socket of its own, mostly at an address of its own. */
  pair(n: number, at: { client?: string; host?: string } = {}, hostN = n) {
    const client = { address: at.client ?? `198.18.${n >> 8}.${n & 255}`, port: 1_024 + (n % 60_000) };
    const host = { address: at.host ?? `203.0.${n >> 8}.${n & 255}`, port: 2_024 + (n % 60_000) };
    this.bind(host, this.grant(n, 'host', { host: hostN }));
    const told = this.bind(client, this.grant(n, 'client', { host: hostN }));
    return { client, host, told };
  }
}
