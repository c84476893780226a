/**
 * What two participants have in common from their handshake on: keys, one sequence and one replay window a direction, and the paths
 * between them. It is up with the first path that is ready, and over with its last.
 *
 * Data goes over the best path (`path.ts`, `bestOf`). At every switch, and while the path that carries it is sick, it goes over a
 * second one as well, as a copy: whichever comes first is told, the other one is not.
 *
 * `ask` is the consent check (RFC 7675), the measure of round trip and loss, the keepalive and, sent to an address that has just
 * turned up, the challenge that must be answered *from there* before that becomes a path and takes the other's place (SECURITY.md
 * row 8). Whoever speaks and hears nothing asks after 250 ms, and knows at the latest 350 ms after the last datagram that came.
 */
import { type Endpoint, sameEndpoint } from '../address.ts';
import type { Alarm } from '../agenda.ts';
import { equalBytes, Reader, Writer } from '../bytes.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import { assert } from '../errors.ts';
import { clockOf } from '../streams/clock.ts';
import {
  COPY,
  DATAGRAM_BYTES_MIN,
  HEADER_BYTES,
  DATAGRAM_KIND as KIND,
  LEAVE_CODE,
  LEAVE_REASONS,
  type LeaveReason,
  readAnswer,
  sequenceOf,
  TOKEN_BYTES,
} from './datagram.ts';
import { Game, type GameState } from './game.ts';
import { CONNECTION_PHASES, type ConnectionConfig, type ConnectionPhase, type ConnectionPort } from './interface.ts';
import { Labels } from './labels.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';
import { bestOf, measureLoss, measureRtt, PATH_PHASES, type Path, type PathState, pathOf, type Way } from './path.ts';
import { answerMs, isSpeaking, quietMs, repeatMs, triesBeforeDoubt } from './patience.ts';
import { Sealer } from './sealer.ts';
import { Sizes } from './sizes.ts';
import { Tally } from './tally.ts';
import { Upload } from './upload.ts';

export class Connection {
  /** What is sent goes this way; null before the first path, and gone where the connection is over. */
  current: Path | null = null;
  paths: readonly Path[] = [];
  readonly tally = new Tally();
  private phase: ConnectionPhase = 'coming';
  private readonly config: ConnectionConfig;
  private readonly port: ConnectionPort;
  /** What carried the data before, and how long it carries copies. */
  private former: Path | null = null;
  private bothUntil: Instant = 0;
  /** When the application has sent last. */
  private spokeAt: Instant = Number.NEGATIVE_INFINITY;
  /** Half of a pause that was too long for some NAT between us. */
  private pauseMsMax: number = LIMITS.pauseMsMax;
  private alarm: Alarm | null = null;
  private readonly labels: Labels;
  private early: readonly { readonly bytes: Uint8Array; readonly lane: number }[] = [];
  private readonly sealer: Sealer;
  private readonly sizes: Sizes;
  private readonly game: Game;
  private readonly upload: Upload;

  constructor(config: ConnectionConfig, port: ConnectionPort) {
    this.config = config;
    this.port = port;
    this.sealer = new Sealer(config.keys, port);
    this.sizes = new Sizes(config.crypto, this.sealer);
    this.labels = new Labels(config.keys, port);
    this.game = new Game(config.agenda, {
      say: (now, body) => this.current !== null && this.sealer.say(now, this.current, KIND.game, body),
      heard: (now, service, state) => port.event(now, { ev: 'game', service, state }),
    });
    this.upload = new Upload(config.agenda, config.line, {
      send: (now, bytes, lane) => this.current !== null && this.sendNow(now, this.current, bytes, lane),
      ask: (now) => {
        const token = config.crypto.randomBytes(TOKEN_BYTES);
        if (this.current !== null) this.sealer.say(now, this.current, KIND.ask, token);
        return token;
      },
      shed: (count) => this.tally.shed(count),
      told: (now, full) => port.event(now, { ev: 'upload', full }),
    });
  }

  get over(): boolean {
    return this.phase === 'over';
  }

  /** Does the application know of it? */
  private get isUp(): boolean {
    return this.phase === 'up' || this.phase === 'wanting';
  }

  /** A way that the traversal has proven in both directions, or one over a relay, which is still to be. */
  add(now: Instant, way: Way, rttMs: number | null): void {
    if (this.over) return;
    const path = this.begin(now, way);
    if (rttMs === null) {
      this.ask(now, path);
      return;
    }
    measureRtt(path, rttMs);
    this.succeed(now, path);
  }

  /** Has it a way of this kind, if only one to be proven? */
  has(kind: Way['kind']): boolean {
    return this.paths.some((path) => path.kind === kind && path.state !== 'gone');
  }

  private begin(now: Instant, way: Way): Path {
    const path = pathOf(now, way, this.labels.fresh());
    this.paths = [...this.paths, path];
    return path;
  }

  /** The way of this socket may work from now on: it is asked at once. False: there is no such way. */
  askNow(now: Instant, socket: SocketId): boolean {
    for (const path of this.paths) {
      if (path.socket !== socket || path.state === 'ready') continue;
      // What was lost while nothing could pass says nothing of it.
      path.samples = [];
      this.ask(now, path);
    }
    return this.uses(socket);
  }

  /** Does a path need the socket? */
  uses(socket: SocketId): boolean {
    return this.paths.some((path) => path.socket === socket);
  }

  /** Its relay does not know the way of this socket: nothing passes until it is bound again. */
  unbound(now: Instant, socket: SocketId): void {
    for (const path of this.paths) if (path.socket === socket && path.state !== 'proving') this.ails(now, path);
  }

  /** The way is no more: its relay has gone, or its socket is taken. */
  drop(now: Instant, socket: SocketId): void {
    for (const path of this.paths) if (path.socket === socket) this.lose(now, path);
  }

  /** `n`: of the label that the datagram begins with. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, n: number, bytes: Uint8Array): void {
    const mask = this.labels.maskOf(n);
    if (mask === null || this.over || bytes.length < DATAGRAM_BYTES_MIN) return;
    const sequence = sequenceOf(bytes, mask);
    if (sequence === null) return;
    const plaintext = this.config.keys.open(sequence, bytes, HEADER_BYTES);
    if (plaintext === null || plaintext.length === 0) return;
    this.labels.listenAhead(n);
    const first = plaintext[0] as number;
    const isCopy = (first & COPY) !== 0;
    const path = this.cameOver(now, socket, from, sequence);
    if (path !== null) {
      path.newest = Math.max(path.newest, sequence);
      path.heardAt = now;
      path.heardLabel = Math.max(path.heardLabel, n);
      path.heard++;
      // A relay brings nothing before both ends are bound to it.
      if (path.state === 'proving' && path.kind === 'relay') this.succeed(now, path);
    }
    if (!this.config.keys.take(isCopy ? sequence - 1 : sequence)) return;
    const kind = first & ~COPY;
    if (kind !== KIND.data) this.take(now, path, kind, plaintext.subarray(1));
    else if (plaintext.length > 1) this.tell(plaintext.subarray(2), plaintext[1] as number);
  }

  send(now: Instant, bytes: Uint8Array, lane: number): void {
    const path = this.current;
    if (path === null || this.over) return;
    this.tally.sent++;
    if (!this.upload.takes(now, path, bytes, lane)) this.sendNow(now, path, bytes, lane);
    this.spoken(now, path);
  }

  private sendNow(now: Instant, path: Path, bytes: Uint8Array, lane: number): void {
    if (!this.sizes.send(now, path, this.second(now, path), lane, bytes)) {
      this.tally.sent--;
      this.port.event(now, { ev: 'too-large', bytes: bytes.length, payloadBytesMax: LIMITS.partedBytesMax });
    }
  }

  /** What frames of streams may have in one datagram, in bytes; 0 while there is no path. */
  framesRoom(now: Instant): number {
    const path = this.current;
    return path === null || this.over ? 0 : this.sizes.room(path, this.secondForFrames(now, path));
  }

  /** Streams see to it themselves that everything arrives: only a path that may be dead gets a copy. */
  sendFrames(now: Instant, body: Uint8Array): void {
    const path = this.current;
    if (path === null || this.over) return;
    this.sizes.sendFrames(now, path, this.secondForFrames(now, path), body);
    this.spoken(now, path);
  }

  private secondForFrames(now: Instant, path: Path): Path | null {
    return path.state === 'ready' ? null : this.second(now, path);
  }

  private spoken(now: Instant, path: Path): void {
    const spoke = isSpeaking(now, this.spokeAt);
    this.spokeAt = now;
    // Games talk both ways all the time: who speaks and hears nothing asks at once, not only when the next check is due.
    if (path.tries === 0 && now - path.heardAt > quietMs(path)) this.ask(now, path);
    else if (!spoke && path.askAt > now + LIMITS.busyAskMs) this.askAt(path, now + LIMITS.busyAskMs);
  }

  /** Tells the other side whether our game answers. */
  sayGame(now: Instant, service: number, state: GameState): void {
    if (!this.over) this.game.say(now, service, state);
  }

  /** Tells the other side, on every way there is, and stops. */
  leave(now: Instant, reason: LeaveReason): void {
    if (this.over) return;
    const body = Uint8Array.of(LEAVE_CODE[reason]);
    for (const path of this.paths)
      for (let n = 0; n < LIMITS.leaveCopies; n++) this.sealer.say(now, path, KIND.leave, body);
    this.stop(now, reason);
  }

  /** The network of this computer has changed: lets the other side see our new address at once, under a name that it has not seen. */
  nudge(now: Instant): void {
    for (const path of this.paths) {
      if (path.state === 'proving') continue;
      this.relabel(path);
      path.mtu.suspect(now);
      path.tries = Math.min(path.tries, 1);
      this.ask(now, path);
    }
  }

  // ── what comes in ─────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The path that a datagram came over; null where it is none yet. From an address of no path: the other side may have moved there
   * from one that has this socket. Only the newest datagram of that path can tell: an older one was merely late (RFC 9000 §9.3).
   */
  private cameOver(now: Instant, socket: SocketId, from: Endpoint, sequence: number): Path | null {
    let near: Path | null = null;
    for (const path of this.paths) {
      if (path.socket !== socket) continue;
      if (sameEndpoint(path.remote, from)) return path;
      if (path.state !== 'proving' && path.kind !== 'relay') near ??= path;
    }
    if (near !== null && sequence > near.newest && !this.paths.some(({ state }) => state === 'proving')) {
      this.pausedTooLong(now, near);
      const path = this.begin(now, { kind: near.kind, socket, remote: from, via: null });
      path.rttMs = near.rttMs;
      this.ask(now, path);
      return path;
    }
    return null;
  }

  private take(now: Instant, path: Path | null, kind: number, body: Uint8Array): void {
    switch (kind) {
      case KIND.ask:
        // What is no path yet will be asked again: the other side has its proof a moment before us.
        if (path !== null && body.length >= TOKEN_BYTES) this.answer(now, path, body.subarray(0, TOKEN_BYTES));
        break;
      case KIND.answer: {
        const answer = readAnswer(body);
        if (path !== null && answer !== null) this.answered(now, path, answer);
        break;
      }
      case KIND.leave:
        this.stop(now, LEAVE_REASONS[body[0] ?? 0] ?? 'left');
        break;
      case KIND.part:
        this.sizes.take(now, body, (bytes, lane) => this.tell(bytes, lane));
        break;
      case KIND.deaf:
        this.unheard(now, new Reader(body).u32());
        break;
      case KIND.stream:
        // Before the application knows of the connection nobody can take a stream: it is sent again.
        if (this.isUp) this.port.frames(now, body);
        break;
      case KIND.game:
        this.game.take(now, body);
    }
  }

  private tell(bytes: Uint8Array, lane: number): void {
    if (this.isUp) this.port.message(bytes, lane);
    else this.early = [...this.early, { bytes: bytes.slice(), lane }].slice(-LIMITS.earlyMax);
  }

  /** Where a question came from, there its answer goes. */
  private answer(now: Instant, path: Path, token: Uint8Array): void {
    const body = new Writer(TOKEN_BYTES + 8)
      .raw(token)
      .u32(path.heard % 2 ** 32)
      .u32(clockOf(now));
    this.sealer.say(now, path, KIND.answer, body.done());
  }

  private answered(now: Instant, path: Path, answer: NonNullable<ReturnType<typeof readAnswer>>): void {
    const { token, heard, clock } = answer;
    if (this.upload.answered(now, path, token, heard, clock)) return;
    if (this.sizes.answered(now, path, token)) this.wake();
    const asked = path.asked.find((one) => equalBytes(one.token, token));
    if (asked === undefined) return;
    this.labels.confirm(asked.label);
    if (path === this.current) this.upload.knows(now, path, asked.at, clock);
    measureRtt(path, now - asked.at);
    const swallowed = measureLoss(now, path, asked.sent, heard) > LIMITS.lossSwallowed && path.mtu.doubtful(now);
    // A router may have begun to swallow what is large: it goes in parts now, and what was lost says nothing of that.
    if (swallowed) {
      path.mtu.suspect(now);
      path.samples = [];
      path.loss = 0;
    }
    path.asked = [];
    if (path.tries === 1 && !isSpeaking(now, this.spokeAt)) path.pauseMs = Math.min(2 * path.pauseMs, this.pauseMsMax);
    path.tries = 0;
    path.judgeAt = NEVER;
    if (path.state === 'proving') this.succeed(now, path);
    // What a full line loses would be lost on any other way, too.
    else if (path.loss > LIMITS.lossSick && !this.upload.paced) this.ails(now, path);
    else if (path.state !== 'ready') this.enter(now, path, 'ready');
    this.choose(now);
    this.rest(now, path);
    if (path === this.current) this.port.event(now, { ev: 'rtt', rttMs: path.rttMs });
  }

  /** The other side hears nothing over the path on which it sees this label. */
  private unheard(now: Instant, label: number): void {
    const path = this.paths.find(({ labelled }) => labelled === label);
    if (path?.state === 'ready') this.doubt(now, path);
  }

  /** There is one path of a kind. What it replaces still takes for a moment what is under way. */
  private succeed(now: Instant, path: Path): void {
    for (const one of this.paths) {
      if (one === path || one.kind !== path.kind || one.state === 'proving') continue;
      one.retiresAt = Math.min(one.retiresAt, now + LIMITS.retireMs);
      one.askAt = one.judgeAt = NEVER;
    }
    this.enter(now, path, 'ready');
    this.rest(now, path);
  }

  // ── what goes out ─────────────────────────────────────────────────────────────────────────────────────────────────

  private second(now: Instant, path: Path): Path | null {
    if (now < this.bothUntil && this.former !== null && this.former !== path) return this.former;
    if (path.state === 'ready') return null;
    const others = this.paths.filter((one) => one !== path);
    return bestOf(now, others, null);
  }

  // ── questions ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private ask(now: Instant, path: Path): void {
    const token = this.config.crypto.randomBytes(TOKEN_BYTES);
    const asked = { token, at: now, sent: path.sent + 1, label: path.labelled };
    path.asked = [...path.asked, asked].slice(-LIMITS.askedMax);
    path.tries++;
    this.sealer.say(now, path, KIND.ask, token);
    // A question that is repeated before its time is up does not put off the verdict on those before it.
    path.judgeAt = Math.min(path.judgeAt, now + answerMs(path));
    this.askAt(path, now + repeatMs(path, isSpeaking(now, this.spokeAt) && path === this.current));
  }

  /** An answer has had its time. What is asked meanwhile has a time of its own. */
  private judge(now: Instant, path: Path): void {
    const waitMs = answerMs(path);
    const pending = path.asked.find(({ at }) => at + waitMs > now);
    path.judgeAt = pending === undefined ? NEVER : pending.at + waitMs;
    const missing = Math.min(path.tries, path.asked.filter(({ at }) => at + waitMs <= now).length);
    const [oldest] = path.asked;
    if (path.state === 'proving' || oldest === undefined) return;
    // What was under way when the path died is no sign of life later on.
    const hears = path.heardAt > oldest.at && now - path.heardAt <= quietMs(path);
    const tries = triesBeforeDoubt(hears, isSpeaking(now, this.spokeAt));
    if (missing < tries) return;
    if (path.kind === 'relay') this.port.event(now, { ev: 'relay-quiet', socket: path.socket });
    if (missing === tries && path.state === 'ready') {
      this.doubt(now, path);
      if (!hears) this.complain(now, path);
    }
    if (missing === tries) return;
    this.pausedTooLong(now, path);
    this.ails(now, path);
    if (path.kind !== 'relay') this.want(now);
  }

  /** Its data goes another way as well. */
  private doubt(now: Instant, path: Path): void {
    this.enter(now, path, 'doubted');
    if (path.askAt > now + LIMITS.askRepeatMs) this.askAt(path, now + LIMITS.askRepeatMs);
  }

  /** Tells the other side, another way, that nothing comes in over the path. */
  private complain(now: Instant, path: Path): void {
    const { current } = this;
    const other = current === path ? this.second(now, path) : current;
    if (path.heardLabel < 0 || other === null || other === path) return;
    this.sealer.say(now, other, KIND.deaf, new Writer(4).u32(path.heardLabel).done());
  }

  private ails(now: Instant, path: Path): void {
    path.restsUntil = now + LIMITS.restMs;
    if (path.state !== 'sick') this.enter(now, path, 'sick');
    // It is asked again soon: it may work again, and whether it does decides what is looked for.
    if (path.askAt > now + LIMITS.askRepeatMs) this.askAt(path, now + LIMITS.askRepeatMs);
  }

  /** Consent is fresh. */
  private rest(now: Instant, path: Path): void {
    const standby = path !== this.current;
    const everyMs = standby && path.kind === 'relay' ? LIMITS.relayWarmMs : path.pauseMs;
    path.expiresAt = now + everyMs + LIMITS.consentExpireMs;
    const busy = !standby && isSpeaking(now, this.spokeAt);
    this.askAt(path, now + (busy ? LIMITS.busyAskMs : this.jittered(everyMs)));
  }

  /** The path failed, or moved, after a pause: a NAT may have forgotten it. */
  private pausedTooLong(now: Instant, { heardAt, pauseMs }: Path): void {
    if (now - heardAt < LIMITS.pauseMs) return;
    this.pauseMsMax = Math.max(LIMITS.pauseMs, Math.min(this.pauseMsMax, pauseMs / 2));
    for (const path of this.paths) path.pauseMs = Math.min(path.pauseMs, this.pauseMsMax);
  }

  /** RFC 7675 section 5.1: 0.8 to 1.2 of the interval, so that checks do not fall into step. */
  private jittered(ms: number): number {
    return ms * (0.8 + 0.4 * this.config.random.float());
  }

  // ── paths and phases ──────────────────────────────────────────────────────────────────────────────────────────────

  private enter(now: Instant, path: Path, state: PathState): void {
    assert(state in PATH_PHASES[path.state], `a path goes from ${path.state} to ${state}`);
    const silent = this.silent;
    if (state === 'gone') this.tally.gone(path);
    path.state = state;
    path.since = now;
    if (state === 'gone') this.paths = this.paths.filter((one) => one !== path);
    this.choose(now);
    if (state === 'gone' && !this.uses(path.socket)) this.port.free(now, path.socket);
    if (!this.isUp) return;
    if (silent !== this.silent) this.port.event(now, { ev: 'silent', silent: this.silent });
    this.settle(now);
  }

  /** Is there no path to rely on? Those that do not answer, and those that lose too much, do not count. */
  get silent(): boolean {
    return !this.paths.some(({ state }) => state === 'ready' || state === 'doubted');
  }

  private choose(now: Instant): void {
    const before = this.current;
    const best = this.over ? null : bestOf(now, this.paths, before);
    if (best === null || best === before) return;
    this.current = best;
    if (before === null) {
      this.up(now, best);
      return;
    }
    this.former = before;
    this.rely(now, best);
    this.bothUntil = now + Math.max(LIMITS.bothMs, LIMITS.bothRoundTrips * Math.max(before.rttMs, best.rttMs));
    this.port.event(now, { ev: 'switched', path: best, from: before });
  }

  /** A relay that stood by has answered up to two minutes ago: from now on it is asked, and its consent ends, as for any other path. */
  private rely(now: Instant, path: Path): void {
    if (path.kind !== 'relay') return;
    path.expiresAt = Math.min(path.expiresAt, now + LIMITS.consentExpireMs);
    this.askAt(path, Math.min(path.askAt, now));
  }

  private up(now: Instant, path: Path): void {
    this.enterPhase('up');
    this.port.event(now, { ev: 'up', path });
    const { early } = this;
    this.early = [];
    // In a moment: nobody hears data of a connection not yet told, and whoever made it has to know it before what has come ends it.
    if (early.length > 0)
      this.config.agenda.at(now, () => {
        for (const { bytes, lane } of early) this.port.message(bytes, lane);
      });
  }

  private want(now: Instant): void {
    if (this.phase !== 'up') return;
    this.enterPhase('wanting');
    this.port.event(now, { ev: 'wanting' });
  }

  /** A path without a relay that works is all that can be wanted. */
  private settle(now: Instant): void {
    if (this.phase !== 'wanting' || !this.paths.some(({ state, kind }) => state === 'ready' && kind !== 'relay'))
      return;
    this.enterPhase('up');
    this.port.event(now, { ev: 'content' });
  }

  private lose(now: Instant, path: Path): void {
    const others = this.paths.some((one) => one !== path && one.state !== 'proving');
    if (others || path.state === 'proving') this.enter(now, path, 'gone');
    else this.stop(now, 'consent');
    if (path.kind !== 'relay') this.want(now);
  }

  private stop(now: Instant, reason: 'consent' | LeaveReason): void {
    if (this.over) return;
    this.alarm?.cancel();
    this.enterPhase('over');
    for (const path of this.paths) this.enter(now, path, 'gone');
    this.labels.stop();
    this.game.stop();
    this.upload.stop();
    this.port.event(now, { ev: 'over', reason });
  }

  private enterPhase(phase: ConnectionPhase): void {
    assert(phase in CONNECTION_PHASES[this.phase], `a connection goes from ${this.phase} to ${phase}`);
    this.phase = phase;
  }

  // ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private askAt(path: Path, at: Instant): void {
    path.askAt = at;
    this.wake();
  }

  private wake(): void {
    this.alarm?.cancel();
    const due = this.paths.map((path) => {
      const sizeAt = path.state === 'ready' ? path.mtu.dueAt : NEVER;
      return Math.min(path.askAt, path.judgeAt, path.expiresAt, path.retiresAt, sizeAt);
    });
    this.alarm = this.over ? null : this.config.agenda.at(Math.min(...due), (now) => this.due(now));
  }

  private due(now: Instant): void {
    for (const path of this.paths) {
      if (path.state === 'gone') continue;
      if (path.judgeAt <= now) this.judge(now, path);
      // Paths that live long would fall out of what the other side listens for.
      if (this.labels.isOld(path.labelled)) this.relabel(path);
      if (path.retiresAt <= now) this.enter(now, path, 'gone');
      else if (path.expiresAt <= now) this.lose(now, path);
      else if (path.askAt <= now) this.askAgain(now, path);
      if (path.state === 'ready') this.sizes.probe(now, path);
    }
    this.wake();
  }

  private askAgain(now: Instant, path: Path): void {
    const { provingTriesMax, relayTriesMax } = LIMITS;
    if (path.state === 'proving' && path.tries >= (path.kind === 'relay' ? relayTriesMax : provingTriesMax))
      this.enter(now, path, 'gone');
    else this.ask(now, path);
  }

  private relabel(path: Path): void {
    const { n, label } = this.labels.fresh();
    path.labelled = n;
    path.label = label;
  }
}
