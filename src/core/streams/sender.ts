/**
 * When datagrams of streams go, and what becomes of them: acknowledgements, recovery, congestion and pace in one place. What they hold
 * is the business of `Content`.
 */
import type { Alarm } from '../agenda.ts';
import { Writer } from '../bytes.ts';
import { type Instant, NEVER } from '../contract.ts';
import { assert } from '../errors.ts';
import { Acks } from './acks.ts';
import { CLOCK_PER_MS, clockAhead, clockOf } from './clock.ts';
import { Congestion } from './congestion.ts';
import { ACK_BYTES_MAX, type AckFrame, FRAME, writeAck, writeVarint } from './frames.ts';
import type { StreamsConfig, StreamsPort } from './interface.ts';
import { STREAM_LIMITS as LIMITS } from './limits.ts';
import { type Acknowledged, Recovery, type SentFrame } from './recovery.ts';

/** Ethernet: no path carries more. */
const BODY_BYTES_MAX = 1_500;

/** What there is to say. */
export interface Content {
  readonly pending: boolean;
  /** Writes frames into what room there is, and names them in `frames`. */
  fill(writer: Writer, roomBytes: number, frames: SentFrame[]): void;
  acked(frame: SentFrame): void;
  lost(frame: SentFrame): void;
}

/** `behind`: there was more to send than the window let through, and there is still more. `paced`: the same, and only the pace is waited for. */
type Phase = 'idle' | 'behind' | 'paced' | 'stopped';

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const SENDER_PHASES = {
  idle: {
    behind: 'there is more to send than the window lets through',
    paced: 'there is more to send than the pace lets through',
    stopped: 'the end',
  },
  behind: {
    idle: 'all has gone out',
    paced: 'the window has room, the pace has none',
    stopped: 'the end',
  },
  paced: {
    idle: 'all has gone out',
    behind: 'the pace has room again, or the window has none',
    stopped: 'the end',
  },
  stopped: {},
} as const satisfies Record<Phase, Partial<Record<Phase, string>>>;

export class Sender {
  private readonly config: StreamsConfig;
  private readonly port: StreamsPort;
  private readonly content: Content;
  private readonly acks = new Acks();
  private readonly recovery: Recovery;
  private congestion: Congestion;
  private readonly body = new Uint8Array(BODY_BYTES_MAX);
  private next = 0;
  /** Datagrams that go whatever the window says (RFC 9002 section 7.5). */
  private probing = 0;
  private phase: Phase = 'idle';
  /** What the pace lets through now, in bytes, and when that was reckoned. */
  private paceBytes = 0;
  private pacedAt: Instant;
  /** Until then what goes is small: larger ones seem to be lost. */
  private smallUntil: Instant = 0;
  private alarm: Alarm | null = null;
  private alarmAt: Instant = NEVER;
  /** The clock of the other side less ours when the first acknowledgement came, in its units. */
  private clockFrom: number | null = null;

  constructor(now: Instant, rttMs: number, config: StreamsConfig, port: StreamsPort, content: Content) {
    this.config = config;
    this.port = port;
    this.content = content;
    this.recovery = new Recovery(rttMs);
    this.congestion = new Congestion(now, this.mss(now));
    this.pacedAt = now;
  }

  /** Has this number been sent? */
  hasSent(number: number): boolean {
    return number < this.next;
  }

  isNew(number: number): boolean {
    return this.acks.isNew(number);
  }

  took(now: Instant, number: number, eliciting: boolean): void {
    this.acks.take(now, number, eliciting);
  }

  acknowledged(now: Instant, frame: AckFrame): void {
    const { recovery } = this;
    const inFlight = recovery.inFlight;
    const outcome = recovery.acknowledge(now, frame);
    if (outcome === null) return;
    this.probing = 0;
    for (const { frames } of outcome.acked) for (const one of frames) this.content.acked(one);
    this.forget(outcome);
    const here = outcome.acked.filter(({ way }) => way === recovery.way);
    const last = here.at(-1);
    if (last === undefined) return;
    const delayMs = outcome.newest === null ? null : this.delayOf(frame.clock, outcome.newest.at);
    const bytes = here.reduce((sum, packet) => sum + packet.bytes, 0);
    const { smoothedMs: rttMs } = recovery.rtt;
    const { next } = this;
    const limited = this.phase === 'behind' || this.phase === 'paced';
    this.congestion.mss = this.mss(now);
    this.congestion.onAcked(now, { bytes, inFlight, limited, rttMs, delayMs, number: last.number, next });
  }

  /** Sends what may go now, and sets the alarm for the rest. */
  flush(now: Instant): void {
    while (this.phase !== 'stopped') {
      const room = this.room(now);
      if (room === 0) break;
      const may = this.probing > 0 || (this.content.pending && this.allowed(now, room));
      if (!may && this.acks.dueAt > now) break;
      if (!this.send(now, room, may)) break;
    }
    this.wake(now);
  }

  /** Another path carries what is sent. `dead`: nothing comes back over the former one. */
  switched(now: Instant, rttMs: number, dead: boolean): void {
    if (dead) for (const { frames } of this.recovery.clear()) for (const one of frames) this.content.lost(one);
    this.recovery.switch(rttMs);
    this.congestion = new Congestion(now, this.mss(now));
    this.clockFrom = null;
    this.smallUntil = 0;
    this.paceBytes = 0;
    this.pacedAt = now;
    this.flush(now);
  }

  /** The path works again: what waits for a probe need not wait longer. */
  revive(now: Instant): void {
    if (this.recovery.underWay > 0) this.probe(now);
    this.recovery.probes = 0;
  }

  /** Says that it is over, once. */
  close(now: Instant, error: number | null): void {
    this.enter('stopped');
    this.alarm?.cancel();
    if (error === null || this.port.room(now) === 0) return;
    const writer = writeVarint(new Writer(this.body), this.next++).u8(FRAME.close);
    this.port.transmit(now, writeVarint(writer, error).done());
  }

  private mss(now: Instant): number {
    return Math.max(1, this.room(now));
  }

  private room(now: Instant): number {
    return Math.min(this.port.room(now), now < this.smallUntil ? LIMITS.smallBytes : BODY_BYTES_MAX);
  }

  private open(room: number): boolean {
    const { recovery, congestion } = this;
    return recovery.inFlight + room <= congestion.window && recovery.underWay < LIMITS.sentPacketsMax;
  }

  private allowed(now: Instant, room: number): boolean {
    const open = this.open(room);
    const tooSoon = open && this.pace(now) < 0;
    // RFC 9002 section 7.8: whoever only waits for the pace would have used all of the window.
    if (tooSoon) this.enter('paced');
    else if (!open || this.phase === 'paced') this.enter('behind');
    return open && !tooSoon;
  }

  /** Bytes that may go; below zero: how many too many have gone. */
  private pace(now: Instant): number {
    const rate = this.congestion.rate(this.recovery.rtt.smoothedMs);
    const most = Math.max(
      LIMITS.paceBurst * this.mss(now),
      (this.phase === 'paced' ? LIMITS.paceLateMs : LIMITS.paceBurstMs) * rate,
    );
    this.paceBytes = Math.min(most, this.paceBytes + (now - this.pacedAt) * rate);
    this.pacedAt = now;
    return this.paceBytes;
  }

  /** False where there was nothing to send. */
  private send(now: Instant, room: number, eliciting: boolean): boolean {
    const writer = writeVarint(new Writer(this.body), this.next);
    const frames: SentFrame[] = [];
    const ack = this.acks.frame(now);
    if (ack !== null) writeAck(writer, ack, Math.min(ACK_BYTES_MAX, room - writer.length));
    if (eliciting) {
      this.content.fill(writer, room - writer.length, frames);
      if (frames.length === 0 && this.probing > 0) {
        writer.u8(FRAME.ping);
        frames.push({ sent: 'ping' });
      }
      this.probing = Math.max(0, this.probing - 1);
    }
    if (frames.length === 0 && ack === null) return false;
    const body = writer.done();
    const number = this.next++;
    this.port.transmit(now, body);
    if (frames.length === 0) return true;
    this.recovery.send({ number, at: now, bytes: body.length, way: this.recovery.way, frames });
    this.paceBytes -= body.length;
    if (!this.content.pending) this.enter('idle');
    return true;
  }

  private forget({ lost, persistent }: Pick<Acknowledged, 'lost' | 'persistent'>): void {
    for (const { frames } of lost) for (const one of frames) this.content.lost(one);
    this.congestion.onLost(lost.filter(({ way }) => way === this.recovery.way).length);
    if (persistent) this.congestion.collapse();
  }

  private enter(phase: Phase): void {
    if (phase === this.phase) return;
    assert(phase in SENDER_PHASES[this.phase], `a sender of streams goes from ${this.phase} to ${phase}`);
    this.phase = phase;
  }

  /** Milliseconds that a datagram has taken, plus a constant that nobody knows. */
  private delayOf(clock: number, sentAt: Instant): number {
    const ours = clockOf(sentAt);
    this.clockFrom ??= clock - ours;
    return clockAhead(clock, ours, this.clockFrom) / CLOCK_PER_MS;
  }

  private probe(now: Instant): void {
    const { oldest } = this.recovery;
    if (oldest !== null) for (const one of oldest.frames) this.content.lost(one);
    this.probing = 2;
    this.flush(now);
  }

  /** An alarm that is set for earlier stays: it goes off, and is set anew. */
  private wake(now: Instant): void {
    const at = Math.max(now, this.dueAt(now));
    if (this.phase === 'stopped' || at === NEVER || (this.alarm !== null && this.alarmAt <= at)) return;
    this.alarm?.cancel();
    this.alarmAt = at;
    this.alarm = this.config.agenda.at(at, (then) => this.due(then));
  }

  private dueAt(now: Instant): Instant {
    const { recovery, congestion } = this;
    const held = recovery.lossAt === NEVER ? recovery.probeAt : recovery.lossAt;
    const open = this.open(this.mss(now)) && this.content.pending && this.port.room(now) > 0;
    const waitMs = Math.max(LIMITS.paceRestMs, -this.paceBytes / congestion.rate(recovery.rtt.smoothedMs));
    const paced = open ? now + waitMs : NEVER;
    return Math.min(held, paced, this.acks.dueAt);
  }

  private due(now: Instant): void {
    this.alarm = null;
    const { recovery } = this;
    if (recovery.lossAt <= now) this.forget({ lost: recovery.detect(now), persistent: false });
    else if (recovery.lossAt === NEVER && recovery.probeAt <= now) {
      recovery.probes++;
      // RFC 9000 section 14.3: it may be that only large ones are lost, because the way has become narrower.
      if (recovery.probes >= LIMITS.probesBeforeSmall) this.smallUntil = now + LIMITS.smallMs;
      this.probe(now);
      return;
    }
    this.flush(now);
  }
}
