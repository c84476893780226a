/**
 * A client that pays at one address for what it wants sent to another (SECURITY.md row 3). It is let in as anybody is, joins from
 * the socket at `aim`, buys credits from `pay` without end, and orders the host's longest runs at `aim`. A machine like every other,
 * so it attacks in the simulator and in the lab alike.
 */

import {
  type CryptoSuite,
  type Endpoint,
  type Instant,
  type KeyPair,
  type Machine,
  type MasterAddress,
  type Output,
  outputs,
  type Random,
  type SocketId,
  type SocketOutcome,
  socketIds,
  WIRE,
} from '../../src/core/index.ts';
import {
  type ClientHandshake,
  type EndToEnd,
  encodeStep,
  Link,
  type LinkEvent,
  openAsClient,
  PLAN_LIMITS,
  type Request,
  type SidePlan,
} from '../../src/core/testing.ts';
import { STRANGERS_HELLO } from '../stranger.ts';

export interface PayerConfig {
  readonly crypto: CryptoSuite;
  readonly random: Random;
  readonly wallClock: () => number;
  readonly identity: KeyPair;
  readonly master: MasterAddress;
  readonly hostKey: Uint8Array;
  readonly pay: string;
  readonly aim: string;
}

/** Packets that came to the address that is aimed at; and that the host has let it in. */
export type PayerEvent = { readonly ev: 'let-in' } | { readonly ev: 'hit' };

const CREDIT_EVERY_MS = 40;
const ORDER_EVERY_MS = 5_000;

export class Payer implements Machine<{ readonly do: 'start' }, PayerEvent> {
  private readonly config: PayerConfig;
  private readonly out = outputs<PayerEvent>();
  private readonly ids = socketIds();
  private readonly link: Link;
  private readonly aim: SocketId;
  private readonly sid: Uint8Array;
  private readonly handshake: ClientHandshake;
  private keys: EndToEnd | null = null;
  private joined = false;
  private ref = 1;
  private credits = 0;
  private orders = 0;
  private nextAt: Instant = Number.POSITIVE_INFINITY;
  private orderAt: Instant = 0;

  constructor(config: PayerConfig) {
    this.config = config;
    const { crypto, random, wallClock, identity, master, hostKey } = config;
    this.link = new Link({ crypto, random, wallClock, identity, master, sockets: this.ids });
    this.aim = this.ids.next();
    this.sid = crypto.randomBytes(16);
    const handshake = openAsClient(crypto, identity, { sid: this.sid, hostKey, hello: STRANGERS_HELLO });
    if (handshake === null) throw new Error('the key of the host is not usable');
    this.handshake = handshake;
  }

  handleCommand(now: Instant): void {
    this.out.open(this.aim, 4, 0, this.config.aim);
    this.link.handleCommand(now, { do: 'start' });
    this.drain(now);
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (bytes[0] === WIRE.punch) this.out.event({ ev: 'hit' });
    else this.link.handleDatagram(now, socket, from, bytes);
    this.drain(now);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    if (socket !== this.aim) this.link.handleSocket(now, socket, outcome);
    this.drain(now);
  }

  handleTimeout(now: Instant): void {
    this.link.handleTimeout(now);
    if (this.keys !== null && now >= this.nextAt) this.go(now, this.keys);
    this.drain(now);
  }

  poll(): Output<PayerEvent> {
    return this.out.next(Math.min(this.until, this.nextAt));
  }

  private until: Instant = Number.POSITIVE_INFINITY;

  private drain(now: Instant): void {
    for (;;) {
      const output = this.link.poll();
      if (output.kind === 'wait') {
        this.until = output.until;
        return;
      }
      if (output.kind === 'transmit') this.out.transmit(output.socket, output.to, output.bytes);
      else if (output.kind === 'event') this.told(now, output.event);
      else if (output.op === 'open') this.out.open(output.socket, output.family, 0, this.config.pay);
      else this.out.close(output.socket);
    }
  }

  private told(now: Instant, event: LinkEvent): void {
    if (event.ev === 'state' && event.state === 'up' && !this.joined) {
      this.joined = true;
      const { hostKey } = this.config;
      this.ask(
        now,
        { type: 'join', hidden: false, sid: this.sid, hostKey, handshake: this.handshake.message },
        this.aim,
      );
    }
    if (event.ev !== 'push' || event.push.type !== 'answered' || this.keys !== null) return;
    this.keys = this.handshake.finish(event.push.handshake)?.keys ?? null;
    this.nextAt = now;
    this.out.event({ ev: 'let-in' });
  }

  private go(now: Instant, { signal }: EndToEnd): void {
    this.nextAt = now + CREDIT_EVERY_MS;
    this.ask(now, { type: 'credit', sid: this.sid, n: ++this.credits }, null);
    if (now < this.orderAt) return;
    this.orderAt = now + ORDER_EVERY_MS;
    for (const kind of ['prediction', 'birthday', 'easy'] as const) {
      const step = encodeStep({ order: ++this.orders, run: { startInMs: 500, side: this.salvo(kind) } });
      const n = signal.sequence;
      this.ask(now, { type: 'step', sid: this.sid, n, sealed: signal.seal(this.sid, step) }, null);
    }
  }

  private salvo(kind: SidePlan['class']): SidePlan {
    const many = kind === 'birthday' ? PLAN_LIMITS.birthdayMappings : 64;
    return {
      ...{
        class: kind,
        from: kind === 'easy' ? 'punching' : 'fresh',
        sockets: kind === 'easy' ? 1 : many,
        tuples: many,
      },
      ...{ addresses: [this.config.aim], ports: { kind: 'shuffle', low: 1_024, high: 65_535, seed: 1 }, portEvery: 1 },
      ...{ ratePerSecond: 1_000, passes: [{ afterMs: 0, ttl: null }], again: { mode: 'refresh', everyMs: 1_000 } },
      ...{ sampleEvery: 0, durationMs: 60_000 },
    };
  }

  private ask(now: Instant, request: Request, socket: SocketId | null): void {
    this.link.handleCommand(now, { do: 'request', ref: this.ref++, request, socket });
  }
}
