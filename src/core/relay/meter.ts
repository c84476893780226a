/** The round trips to all relays of a master: a participant asks each three times and takes the least. */
import { type Endpoint, sameEndpoint } from '../address.ts';
import { toHex } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { WIRE } from '../wire/first-byte.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';
import { RELAY_RANDOM_BYTES, readRelay, writeRelay } from '../wire/relay.ts';
import { RELAY_LIMITS } from './limits.ts';

export interface MeterConfig {
  readonly crypto: CryptoSuite;
  transmit(to: Endpoint, bytes: Uint8Array): void;
  at(instant: Instant, run: (now: Instant) => void): { cancel(): void };
  /** Each time every relay has answered once, or its time is over. */
  measured(now: Instant): void;
}

interface Measured {
  readonly at: Endpoint;
  rttMs: number | null;
}

interface Asked {
  readonly relay: Measured;
  readonly sentAt: Instant;
}

export class RelayMeter {
  private readonly config: MeterConfig;
  private relays: readonly Measured[] = [];
  /** By random, of this round. */
  private readonly asked = new Map<string, Asked>();
  private alarm: { cancel(): void } | null = null;
  private told = true;

  constructor(config: MeterConfig) {
    this.config = config;
  }

  /** Begins anew; at most as many as a master names. */
  measure(now: Instant, relays: readonly Endpoint[]): void {
    this.stop();
    this.relays = relays.slice(0, WIRE_LIMITS.relaysMax).map((at) => ({ at, rttMs: null }));
    this.told = false;
    this.round(now, 0);
  }

  stop(): void {
    this.alarm?.cancel();
    this.alarm = null;
    this.asked.clear();
    this.told = true;
  }

  /** Null where it has not answered, or is not one of those asked. */
  rttMs(relay: Endpoint): number | null {
    return this.relays.find(({ at }) => sameEndpoint(at, relay))?.rttMs ?? null;
  }

  /** False: it is not for this. */
  datagram(now: Instant, from: Endpoint, bytes: Uint8Array): boolean {
    if (bytes[0] !== WIRE.relay) return false;
    const message = readRelay(bytes);
    const name = message?.type === 'cookie' ? toHex(message.random) : '';
    const asked = this.asked.get(name);
    if (asked === undefined || !sameEndpoint(from, asked.relay.at)) return false;
    this.asked.delete(name);
    const rttMs = now - asked.sentAt;
    asked.relay.rttMs = Math.min(asked.relay.rttMs ?? rttMs, rttMs);
    if (this.relays.every((one) => one.rttMs !== null)) this.tell(now);
    return true;
  }

  private round(now: Instant, n: number): void {
    if (n === RELAY_LIMITS.meterAsks) {
      this.alarm = this.config.at(now + RELAY_LIMITS.meterWaitMs, (later) => this.tell(later));
      return;
    }
    for (const relay of this.relays) {
      const random = this.config.crypto.randomBytes(RELAY_RANDOM_BYTES);
      this.asked.set(toHex(random), { relay, sentAt: now });
      this.config.transmit(relay.at, writeRelay({ type: 'ask', random }));
    }
    this.alarm = this.config.at(now + RELAY_LIMITS.meterAskMs, (later) => this.round(later, n + 1));
  }

  private tell(now: Instant): void {
    if (this.told) return;
    this.told = true;
    this.config.measured(now);
  }
}
