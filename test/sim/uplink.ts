/** Friends of a host behind one upload: connections whose datagrams share a line with a rate and a queue, in virtual time. */
import { type Instant, type Output, outputs, seededCrypto } from '../../src/core/index.ts';
import { agenda, Connection, ConnectionKeys, eightBytes, SharedLine } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { EventQueue, OneWayLink, simRandom } from '../../src/sim/index.ts';

export interface UplinkOptions {
  readonly bitsPerSecond: number;
  readonly queueMs: number;
  /** One way. */
  readonly delayMs: number;
  readonly seed: number;
  readonly lossRate?: number;
}

interface Arrival {
  readonly at: Instant;
  readonly tookMs: number;
  readonly bytes: number;
}

type Told = { readonly ev: 'upload'; readonly full: boolean; readonly at: Instant };

/** What a friend has got, and the host was told of it. */
export interface Friend {
  readonly arrivals: Arrival[];
  readonly told: Told[];
  sent: number;
  send(bytes: number): void;
}

interface End {
  readonly connection: Connection;
  readonly out: ReturnType<typeof outputs<never>>;
  readonly alarms: ReturnType<typeof agenda>;
  readonly labels: Map<string, number>;
}

const IP_UDP_BYTES = 28;

export class Uplink {
  now: Instant = 1_000;
  readonly line: OneWayLink;
  readonly #options: UplinkOptions;
  readonly #shared = new SharedLine();
  readonly #ends: { readonly host: End; readonly friend: End; readonly told: Friend }[] = [];
  readonly #queue = new EventQueue();

  constructor(options: UplinkOptions) {
    this.#options = options;
    const { bitsPerSecond, queueMs, delayMs, lossRate = 0, seed } = options;
    this.line = new OneWayLink({ bitsPerSecond, queueMs, delayMs, lossRate }, simRandom(seed));
  }

  friend(): Friend {
    const index = this.#ends.length;
    const suite = seededCrypto(`uplink ${index}`, nodeCrypto);
    const [up, down] = [new Uint8Array(32).fill(2 * index + 1), new Uint8Array(32).fill(2 * index + 2)];
    const friend: Friend = { arrivals: [], told: [], sent: 0, send: () => {} };
    const make = (
      line: SharedLine,
      keys: { send: Uint8Array; receive: Uint8Array },
      onMessage: (bytes: Uint8Array) => void,
    ): End => {
      const out = outputs<never>();
      const alarms = agenda();
      const labels = new Map<string, number>();
      const random = simRandom(index);
      const connection = new Connection(
        { crypto: suite, random, agenda: alarms, keys: new ConnectionKeys(suite, keys, 0), line },
        {
          transmit: (socket, to, bytes) => out.transmit(socket, to, bytes),
          message: onMessage,
          frames: () => {},
          event: (at, event) => {
            if (event.ev === 'upload') friend.told.push({ ...event, at });
          },
          free: () => {},
          listen: (label, n) => void labels.set(label, n),
          deaf: (label) => void labels.delete(label),
        },
      );
      return { connection, out, alarms, labels };
    };
    const host = make(this.#shared, { send: up, receive: down }, () => {});
    const end = make(new SharedLine(), { send: down, receive: up }, (bytes) => {
      const sentAt = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
      friend.arrivals.push({ at: this.now, tookMs: this.now - sentAt, bytes: bytes.length });
    });
    const remote = { address: `198.51.100.${index + 1}`, port: 1000 };
    for (const one of [host, end])
      one.connection.add(this.now, { kind: 'direct', socket: 1, remote, via: null }, 2 * this.#options.delayMs);
    friend.send = (length) => {
      const bytes = new Uint8Array(Math.max(8, length));
      new DataView(bytes.buffer).setFloat64(0, this.now);
      friend.sent++;
      host.connection.send(this.now, bytes, 0);
      this.#drain();
    };
    this.#ends.push({ host, friend: end, told: friend });
    this.#drain();
    return friend;
  }

  /** Each so many ms from now on. */
  every(ms: number, run: () => void, until: Instant): void {
    const turn = (): void => {
      run();
      if (this.now + ms <= until) this.at(this.now + ms, turn);
    };
    this.at(this.now + ms, turn);
  }

  at(at: Instant, run: () => void): void {
    this.#queue.push(at, run);
  }

  run(until: Instant): void {
    for (;;) {
      const alarms = this.#ends.flatMap(({ host, friend }) => [host.alarms.next(), friend.alarms.next()]);
      const next = Math.min(this.#queue.nextAt, ...alarms);
      if (next > until) break;
      this.now = Math.max(this.now, next);
      while (this.#queue.nextAt <= this.now) this.#queue.pop()?.run();
      for (const { host, friend } of this.#ends) {
        host.alarms.run(this.now);
        friend.alarms.run(this.now);
      }
      this.#drain();
    }
    this.now = until;
  }

  #drain(): void {
    for (const { host, friend } of this.#ends) {
      each(host, (bytes) => {
        const { lost, delays } = this.line.pass(this.now, bytes.length + IP_UDP_BYTES);
        if (lost === null) this.at(this.now + (delays[0] ?? 0), () => this.#deliver(friend, bytes));
      });
      each(friend, (bytes) => this.at(this.now + this.#options.delayMs, () => this.#deliver(host, bytes)));
    }
  }

  #deliver({ connection, labels }: End, bytes: Uint8Array): void {
    const index = this.#ends.findIndex(
      ({ host, friend }) => host.connection === connection || friend.connection === connection,
    );
    const n = labels.get(eightBytes(bytes));
    const from = { address: `198.51.100.${index + 1}`, port: 1000 };
    if (n !== undefined) connection.datagram(this.now, 1, from, n, bytes);
    this.#drain();
  }
}

function each({ out, alarms }: End, transmit: (bytes: Uint8Array) => void): void {
  for (;;) {
    const output: Output<never> = out.next(alarms.next());
    if (output.kind === 'wait') return;
    if (output.kind === 'transmit') transmit(output.bytes.slice());
  }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
