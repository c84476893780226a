/**
 * The streams of one connection: reliable, in order, with an end for each direction, as TCP's are. Semantics of streams and flow control
 * are those of RFC 9000, recovery that of RFC 9002, congestion control that of `congestion.ts`. The datagrams have numbers of their own,
 * because the connection sends copies over two paths, and belong to no path: what is under way survives a switch.
 *
 * The friend's side opens, the host's takes. Every stream ends by itself, by a reset, or with the connection.
 */
import type { Alarm } from '../agenda.ts';
import { passingBytes, Reader, type Writer } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { assert } from '../errors.ts';
import { allowAt } from '../rate/pace.ts';
import { FRAME, type Frame, readFrame, readVarint, writeVarint } from './frames.ts';
import { SharedWindow } from './incoming.ts';
import {
  STREAM_CODE,
  STREAM_CODES,
  STREAMS_ERROR,
  type StreamCode,
  type StreamCommand,
  type StreamId,
  type StreamsConfig,
  type StreamsError,
  type StreamsPort,
} from './interface.ts';
import { STREAM_LIMITS as LIMITS } from './limits.ts';
import type { SentFrame } from './recovery.ts';
import { type Content, Sender } from './sender.ts';
import { CarriedStream } from './stream.ts';

/** The largest frame that is not of bytes: a reset with three long integers. */
const WORD_BYTES_MAX = 1 + 3 * 8;

export class ConnectionStreams implements Content {
  private readonly config: StreamsConfig;
  private readonly port: StreamsPort;
  private readonly sender: Sender;
  private readonly byId = new Map<number, CarriedStream>();
  private readonly byName = new Map<StreamId, CarriedStream>();
  /** Streams that there have been, and may be in all: as the host allows. */
  private opened = 0;
  private allowed: number = LIMITS.streamsMax;
  private allowedDue = false;
  /** At the host: streams that are over and have not made room for another yet, and when the pace of that is full again. */
  private vacant = 0;
  private vacantFullAt: Instant = 0;
  private vacantAlarm: Alarm | null = null;
  private readonly window = new SharedWindow();
  /** Bytes of all streams that were sent, and may be. */
  private sentBytes = 0;
  private sentMax: number = LIMITS.connectionWindowBytes;
  /** It has grown: streams that waited for it may go on. */
  private widened = false;
  /** Those that have bytes to send, in turn, and those that have to say something else. */
  private readonly sending = new Set<CarriedStream>();
  private readonly speaking = new Set<CarriedStream>();
  private failed = false;

  constructor(now: Instant, rttMs: number, config: StreamsConfig, port: StreamsPort) {
    this.config = config;
    this.port = port;
    this.sender = new Sender(now, rttMs, config, port, this);
  }

  // ── what the application does ─────────────────────────────────────────────────────────────────────────────────────

  /** Of a stream that is no more nothing happens. */
  obey(now: Instant, command: StreamCommand): void {
    if (command.do === 'stream-open') {
      this.open(now, command.stream, command.service);
      return;
    }
    const stream = this.byName.get(command.stream);
    if (stream === undefined || stream.dead) return;
    switch (command.do) {
      case 'stream-write':
        stream.outgoing.write(command.bytes);
        this.push(now, stream);
        break;
      case 'stream-end':
        stream.outgoing.end();
        this.push(now, stream);
        break;
      case 'stream-reset':
        this.kill(now, stream, STREAM_CODE[command.why]);
        this.sender.flush(now);
        break;
      case 'stream-consumed':
        this.consumed(now, stream, command.bytes);
    }
  }

  private open(now: Instant, name: StreamId, service: number): void {
    assert(this.config.opens && !this.byName.has(name), 'the friend opens streams, each under a new name');
    if (this.failed || this.byId.size >= LIMITS.streamsMax || this.opened >= this.allowed) {
      this.port.event(now, { ev: 'stream-reset', stream: name, why: this.failed ? 'lost' : 'limit' });
      return;
    }
    const stream = this.add(name, service);
    stream.outgoing.write(Uint8Array.of(service));
    this.push(now, stream);
  }

  private consumed(now: Instant, stream: CarriedStream, bytes: number): void {
    stream.incoming.consume(bytes);
    if (!stream.speaks && !this.window.due) return;
    if (stream.speaks) this.speaking.add(stream);
    this.sender.flush(now);
  }

  // ── what the connection does ──────────────────────────────────────────────────────────────────────────────────────

  receive(now: Instant, body: Uint8Array): void {
    if (this.failed) return;
    const reader = new Reader(body);
    const number = readVarint(reader);
    if (!reader.ok || !this.sender.isNew(number)) return;
    let kept = true;
    let eliciting = false;
    while (reader.left > 0) {
      const frame = readFrame(reader);
      const taken = frame === null ? 'frameEncoding' : this.take(now, frame);
      if (taken === 'full') kept = false;
      else if (taken !== null) {
        this.fail(now, taken);
        return;
      }
      if (this.failed) return;
      eliciting ||= frame?.frame !== 'ack';
    }
    if (this.widened) for (const stream of this.byId.values()) this.sending.add(stream);
    this.widened = false;
    if (kept) this.sender.took(now, number, eliciting);
    this.sender.flush(now);
  }

  /** Data goes over another path. `dead`: the former one brings nothing any more. */
  switched(now: Instant, rttMs: number, dead: boolean): void {
    if (!this.failed) this.sender.switched(now, rttMs, dead);
  }

  /** The path answers again. */
  revived(now: Instant): void {
    if (!this.failed) this.sender.revive(now);
  }

  /** The connection is over. */
  close(now: Instant): void {
    if (this.failed) return;
    this.failed = true;
    this.sender.close(now, null);
    this.drop(now);
  }

  // ── what is sent ──────────────────────────────────────────────────────────────────────────────────────────────────

  get pending(): boolean {
    if (this.speaking.size > 0 || this.window.due || this.allowedDue) return true;
    for (const stream of this.sending) {
      if (stream.outgoing.wants(this.sentMax - this.sentBytes)) return true;
      this.sending.delete(stream);
    }
    return false;
  }

  fill(writer: Writer, roomBytes: number, frames: SentFrame[]): void {
    const end = writer.length + roomBytes;
    if (this.window.due && end - writer.length >= WORD_BYTES_MAX) {
      this.window.due = false;
      writeVarint(writer.u8(FRAME.maxData), this.window.max);
      frames.push({ sent: 'max-data' });
    }
    if (this.allowedDue && end - writer.length >= WORD_BYTES_MAX) {
      this.allowedDue = false;
      writeVarint(writer.u8(FRAME.maxStreams), this.allowed);
      frames.push({ sent: 'max-streams' });
    }
    for (const stream of this.speaking) {
      if (end - writer.length < 3 * WORD_BYTES_MAX) break;
      this.speaking.delete(stream);
      speak(writer, stream, frames);
    }
    for (const stream of [...this.sending]) {
      const left = this.sentMax - this.sentBytes;
      const { outgoing, id } = stream;
      const before = outgoing.next;
      const carried = outgoing.wants(left) ? outgoing.fill(writer, id, end - writer.length, left) : null;
      this.sentBytes += outgoing.next - before;
      if (carried !== null) frames.push({ sent: 'bytes', stream, carried });
      // Its turn is over; the next datagram begins with the next stream.
      if (carried !== null || !outgoing.wants(left)) this.sending.delete(stream);
      if (carried !== null && outgoing.wants(this.sentMax - this.sentBytes)) this.sending.add(stream);
      if (end - writer.length < WORD_BYTES_MAX) break;
    }
  }

  acked(frame: SentFrame): void {
    if (frame.sent === 'bytes') frame.stream.outgoing.onAcked(frame.carried);
    else if (frame.sent === 'reset' && frame.stream.reset !== null) frame.stream.reset.done = true;
    if ('stream' in frame) this.touched.add(frame.stream);
  }

  lost(frame: SentFrame): void {
    if (frame.sent === 'max-data') this.window.due = true;
    else if (frame.sent === 'max-streams') this.allowedDue = true;
    else if (frame.sent === 'bytes') {
      frame.stream.outgoing.onLost(frame.carried);
      this.sending.add(frame.stream);
    } else if ('stream' in frame) this.say(frame.stream, frame.sent);
  }

  /** Streams of which something was acknowledged. */
  private readonly touched = new Set<CarriedStream>();

  /** A frame is lost: again, where it still means something. */
  private say(stream: CarriedStream, what: 'reset' | 'stop' | 'max-stream-data'): void {
    if (what === 'reset' && stream.reset?.done === false) stream.reset.due = true;
    else if (what === 'stop' && stream.stop !== null && !stream.incoming.settled) stream.stop.due = true;
    else if (what === 'max-stream-data' && !stream.incoming.over) stream.incoming.due = true;
    if (stream.speaks) this.speaking.add(stream);
  }

  // ── what comes in ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Null: taken. */
  private take(now: Instant, frame: Frame): StreamsError | 'full' | null {
    switch (frame.frame) {
      case 'ping':
        return null;
      case 'ack':
        return this.takeAck(now, frame);
      case 'max-data':
        this.widened ||= frame.bytes > this.sentMax;
        this.sentMax = Math.max(this.sentMax, frame.bytes);
        return null;
      case 'max-streams':
        if (this.config.opens) this.allowed = Math.max(this.allowed, frame.streams);
        return null;
      case 'close':
        this.over(now, errorOf(frame.error), 'other');
        return null;
      default: {
        const stream = this.find(frame.stream);
        return typeof stream === 'object' ? this.takeFor(now, stream, frame) : stream === 'forgotten' ? null : stream;
      }
    }
  }

  private takeFor(
    now: Instant,
    stream: CarriedStream,
    frame: Extract<Frame, { readonly stream: number }>,
  ): StreamsError | 'full' | null {
    switch (frame.frame) {
      case 'stream':
        return this.takeBytes(now, stream, frame);
      case 'max-stream-data':
        stream.outgoing.max = Math.max(stream.outgoing.max, frame.bytes);
        this.sending.add(stream);
        return null;
      case 'reset': {
        const error = stream.incoming.reset(frame.size);
        if (error === null) this.killed(now, stream, frame.code);
        return error;
      }
      case 'stop':
        this.killed(now, stream, frame.code);
        return null;
    }
  }

  private takeBytes(
    now: Instant,
    stream: CarriedStream,
    { offset, bytes, fin }: Extract<Frame, { readonly frame: 'stream' }>,
  ): StreamsError | 'full' | null {
    const wasOver = stream.incoming.over;
    const taken = stream.incoming.take(offset, bytes, fin, (fresh) => this.deliver(now, stream, fresh));
    if (taken !== 'taken') return taken;
    if (!wasOver && stream.incoming.over && !stream.dead) {
      if (stream.service !== null) this.port.event(now, { ev: 'stream-ended', stream: stream.name });
      // It has ended before it said what it is for.
      else this.kill(now, stream, STREAM_CODE.refused);
    }
    this.settle(now, stream);
    return null;
  }

  private deliver(now: Instant, stream: CarriedStream, bytes: Uint8Array): void {
    let fresh = bytes;
    if (stream.dead) return;
    if (stream.service === null) {
      const service = bytes[0] as number;
      stream.service = service;
      stream.incoming.consume(1);
      fresh = bytes.subarray(1);
      if (!this.config.takes(service)) {
        this.kill(now, stream, STREAM_CODE.refused);
        return;
      }
      this.port.event(now, { ev: 'stream-opened', stream: stream.name, service });
    }
    if (fresh.length === 0) return;
    // A copy: what came in is a view of a buffer that may serve again.
    const kept = passingBytes(fresh.length);
    kept.set(fresh);
    this.port.event(now, { ev: 'stream-data', stream: stream.name, bytes: kept });
  }

  private takeAck(now: Instant, frame: Extract<Frame, { readonly frame: 'ack' }>): StreamsError | null {
    if (!this.sender.hasSent(frame.ranges[0]?.to ?? 0)) return 'protocolViolation';
    this.sender.acknowledged(now, frame);
    for (const stream of this.touched) {
      const bytes = stream.dead ? 0 : stream.outgoing.taken();
      if (bytes > 0) this.port.event(now, { ev: 'stream-taken', stream: stream.name, bytes });
      this.settle(now, stream);
    }
    this.touched.clear();
    return null;
  }

  /** Streams are opened in order: whoever uses one has opened all before it (RFC 9000 section 3.2). */
  private find(id: number): CarriedStream | 'forgotten' | StreamsError {
    const present = this.byId.get(id);
    if (present !== undefined) return present;
    if (id < this.opened) return 'forgotten';
    if (this.config.opens) return 'streamState';
    if (id >= this.allowed) return 'streamLimit';
    while (this.opened <= id) this.add(this.opened, null);
    return this.byId.get(id) as CarriedStream;
  }

  // ── streams ───────────────────────────────────────────────────────────────────────────────────────────────────────

  private add(name: StreamId, service: number | null): CarriedStream {
    const stream = new CarriedStream(name, this.opened++, service, this.window);
    this.byId.set(stream.id, stream);
    this.byName.set(name, stream);
    return stream;
  }

  private push(now: Instant, stream: CarriedStream): void {
    this.sending.add(stream);
    this.sender.flush(now);
  }

  /** The other side has broken it off: so is our direction. */
  private killed(now: Instant, stream: CarriedStream, code: number): void {
    if (!stream.dead && stream.service !== null) {
      const why: StreamCode = STREAM_CODES[code] ?? 'reset';
      this.port.event(now, { ev: 'stream-reset', stream: stream.name, why });
    }
    this.kill(now, stream, code);
  }

  private kill(now: Instant, stream: CarriedStream, code: number): void {
    stream.dead = true;
    stream.abandon(code);
    stream.refuse(code);
    this.sending.delete(stream);
    if (stream.speaks) this.speaking.add(stream);
    this.settle(now, stream);
  }

  private settle(now: Instant, stream: CarriedStream): void {
    if (!stream.settled || !this.byId.delete(stream.id)) return;
    this.byName.delete(stream.name);
    this.sending.delete(stream);
    this.speaking.delete(stream);
    if (!stream.dead) this.port.event(now, { ev: 'stream-closed', stream: stream.name });
    stream.dead = true;
    if (this.config.opens) return;
    this.vacant++;
    this.makeRoom(now);
  }

  /** As many streams more as are over, at a pace: whoever opens and resets them without end would have the host connect without end. */
  private makeRoom(now: Instant): void {
    while (this.vacant > 0) {
      const next = allowAt(this.vacantFullAt, now, LIMITS.openRate);
      if (next === null) break;
      this.vacantFullAt = next;
      this.vacant--;
      this.allowed++;
      this.allowedDue = true;
    }
    if (this.vacant === 0 || this.vacantAlarm !== null) return;
    this.vacantAlarm = this.config.agenda.at(now + LIMITS.openRoomMs, (then) => {
      this.vacantAlarm = null;
      this.makeRoom(then);
      this.sender.flush(then);
    });
  }

  private fail(now: Instant, error: StreamsError): void {
    this.sender.close(now, STREAMS_ERROR[error]);
    this.over(now, error, 'us');
  }

  private over(now: Instant, error: StreamsError, by: 'us' | 'other'): void {
    this.failed = true;
    this.sender.close(now, null);
    this.drop(now);
    this.port.event(now, { ev: 'streams-failed', error, by });
  }

  private drop(now: Instant): void {
    this.vacantAlarm?.cancel();
    this.vacant = 0;
    const all = [...this.byId.values()];
    this.byId.clear();
    this.byName.clear();
    this.sending.clear();
    this.speaking.clear();
    for (const { dead, service, name } of all)
      if (!dead && service !== null) this.port.event(now, { ev: 'stream-reset', stream: name, why: 'lost' });
  }
}

function speak(writer: Writer, stream: CarriedStream, frames: SentFrame[]): void {
  const { incoming, reset, stop, id } = stream;
  if (reset?.due === true) {
    reset.due = false;
    writeVarint(writeVarint(writeVarint(writer.u8(FRAME.reset), id), reset.code), reset.size);
    frames.push({ sent: 'reset', stream });
  }
  if (stop?.due === true) {
    stop.due = false;
    writeVarint(writeVarint(writer.u8(FRAME.stop), id), stop.code);
    frames.push({ sent: 'stop', stream });
  }
  if (incoming.due) {
    incoming.due = false;
    writeVarint(writeVarint(writer.u8(FRAME.maxStreamData), id), incoming.max);
    frames.push({ sent: 'max-stream-data', stream });
  }
}

function errorOf(code: number): StreamsError {
  const names = Object.keys(STREAMS_ERROR) as readonly StreamsError[];
  return names.find((name) => STREAMS_ERROR[name] === code) ?? 'internal';
}
