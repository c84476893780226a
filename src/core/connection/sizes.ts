/** What the paths of a connection carry in one datagram, and what is larger: it goes in parts, so whatever UDP carries arrives. */
import { equalBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { DATAGRAM_KIND, DATAGRAM_OVERHEAD_BYTES, TOKEN_BYTES } from './datagram.ts';
import { Parts } from './parts.ts';
import { measureRtt, type Path } from './path.ts';
import type { Sealer } from './sealer.ts';

/** Header, kind and tag: what surrounds a body. A datagram of the application has its lane in the body. */
const BODY_OVERHEAD_BYTES = DATAGRAM_OVERHEAD_BYTES - 1;

export class Sizes {
  private readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  private readonly sealer: Sealer;
  private readonly parts = new Parts();

  constructor(crypto: Pick<CryptoSuite, 'randomBytes'>, sealer: Sealer) {
    this.crypto = crypto;
    this.sealer = sealer;
  }

  /** Over the path, and a copy over a second one. False: UDP has no datagrams that large. */
  send(now: Instant, path: Path, second: Path | null, lane: number, bytes: Uint8Array): boolean {
    const carried = Math.min(path.mtu.bytes, second?.mtu.bytes ?? path.mtu.bytes);
    if (bytes.length + DATAGRAM_OVERHEAD_BYTES <= carried) {
      this.sealer.content(now, path, second, DATAGRAM_KIND.data, lane, bytes);
      path.mtu.sent(bytes.length + DATAGRAM_OVERHEAD_BYTES);
      return true;
    }
    const bodies = this.parts.split(lane, bytes, carried - BODY_OVERHEAD_BYTES);
    for (const body of bodies ?? []) this.sealer.content(now, path, second, DATAGRAM_KIND.part, null, body);
    if (bodies !== null) path.mtu.sent(carried);
    return bodies !== null;
  }

  /** What the body of a datagram may have that both paths carry. */
  room(path: Path, second: Path | null): number {
    return Math.min(path.mtu.bytes, second?.mtu.bytes ?? path.mtu.bytes) - BODY_OVERHEAD_BYTES;
  }

  /** Frames of streams, which have heeded `room`. */
  sendFrames(now: Instant, path: Path, second: Path | null, body: Uint8Array): void {
    this.sealer.content(now, path, second, DATAGRAM_KIND.stream, null, body);
    path.mtu.sent(body.length + BODY_OVERHEAD_BYTES);
  }

  /** A part has come; the whole is told where it was the last. */
  take(now: Instant, body: Uint8Array, tell: (bytes: Uint8Array, lane: number) => void): void {
    const whole = this.parts.take(now, body);
    if (whole !== null) tell(whole.bytes, whole.lane);
  }

  /** Asks with a question as large as the size that is to be tried, where one is. */
  probe(now: Instant, path: Path): void {
    const size = path.mtu.probeDue(now);
    if (size === null) return;
    const body = new Uint8Array(size - BODY_OVERHEAD_BYTES);
    const token = this.crypto.randomBytes(TOKEN_BYTES);
    body.set(token);
    path.sized = { token, at: now, bytes: size };
    this.sealer.say(now, path, DATAGRAM_KIND.ask, body);
  }

  /** False where it answers another question than the one with a size. */
  answered(now: Instant, path: Path, token: Uint8Array): boolean {
    const { sized } = path;
    if (sized === null || !equalBytes(sized.token, token)) return false;
    path.sized = null;
    measureRtt(path, now - sized.at);
    path.mtu.answered(now, sized.bytes);
    return true;
  }
}
