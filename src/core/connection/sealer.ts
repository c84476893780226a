/** Makes datagrams of a connection and sends them. */
import { passingBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { type ConnectionKeys, maskSequence } from '../secure/ratchet.ts';
import { WIRE } from '../wire/first-byte.ts';
import { COPY, HEADER_BYTES, SEQUENCE_AT } from './datagram.ts';
import type { ConnectionPort } from './interface.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';
import type { Path } from './path.ts';

export class Sealer {
  private readonly keys: ConnectionKeys;
  private readonly port: Pick<ConnectionPort, 'transmit'>;
  /** Header and plaintext of the datagram that is being sealed: the same bytes for all of them. */
  private readonly header = new Uint8Array(HEADER_BYTES);
  private readonly plaintext = new Uint8Array(LIMITS.frameBytes);

  constructor(keys: ConnectionKeys, port: Pick<ConnectionPort, 'transmit'>) {
    this.keys = keys;
    this.port = port;
    this.header[0] = WIRE.path;
  }

  /** What the application sends (`lane` null: it is in the bytes), and a copy of it over a second path. */
  content(now: Instant, path: Path, second: Path | null, kind: number, lane: number | null, bytes: Uint8Array): void {
    const { plaintext } = this;
    const at = lane === null ? 1 : 2;
    plaintext[0] = kind;
    if (lane !== null) plaintext[1] = lane;
    plaintext.set(bytes, at);
    const sequence = this.keys.next(now);
    this.transmit(path, sequence, at + bytes.length);
    if (second === null) return;
    plaintext[0] = kind | COPY;
    this.transmit(second, sequence + 1, at + bytes.length);
  }

  say(now: Instant, path: Path, kind: number, body: Uint8Array): void {
    this.plaintext[0] = kind;
    this.plaintext.set(body, 1);
    this.transmit(path, this.keys.next(now), 1 + body.length);
  }

  private transmit(path: Path, sequence: number, length: number): void {
    const { header, plaintext } = this;
    header.set(path.label.label, 1);
    header.set(maskSequence(path.label.mask, sequence), SEQUENCE_AT);
    const sealed = this.keys.seal(header, plaintext.subarray(0, length));
    const bytes = passingBytes(HEADER_BYTES + sealed.length);
    bytes.set(header);
    bytes.set(sealed, HEADER_BYTES);
    path.sent++;
    this.port.transmit(path.socket, path.remote, bytes);
  }
}
