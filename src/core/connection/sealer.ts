/** Makes datagrams of a connection and sends them. */
import { passingBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { type ConnectionKeys, maskSequence } from '../secure/ratchet.ts';
import { WIRE } from '../wire/first-byte.ts';
import { COPY, HEADER_BYTES, LABEL_AT, SEQUENCE_AT, TAG_BYTES } from './datagram.ts';
import type { ConnectionPort } from './interface.ts';
import type { Path } from './path.ts';

export class Sealer {
  private readonly keys: ConnectionKeys;
  private readonly port: Pick<ConnectionPort, 'transmit'>;

  constructor(keys: ConnectionKeys, port: Pick<ConnectionPort, 'transmit'>) {
    this.keys = keys;
    this.port = port;
  }

  /** What the application sends (`lane` null: it is in the bytes), and a copy of it over a second path. */
  content(now: Instant, path: Path, second: Path | null, kind: number, lane: number | null, bytes: Uint8Array): void {
    const sequence = this.keys.next(now);
    this.transmit(path, sequence, kind, lane, bytes);
    if (second !== null) this.transmit(second, sequence + 1, kind | COPY, lane, bytes);
  }

  say(now: Instant, path: Path, kind: number, body: Uint8Array): void {
    this.transmit(path, this.keys.next(now), kind, null, body);
  }

  /** Made where it is sealed: the one copy that is made of what the application sends is that into its datagram. */
  private transmit(path: Path, sequence: number, kind: number, lane: number | null, body: Uint8Array): void {
    const length = (lane === null ? 1 : 2) + body.length;
    const packet = passingBytes(HEADER_BYTES + length + TAG_BYTES);
    packet[0] = WIRE.path;
    packet.set(path.label.label, LABEL_AT);
    maskSequence(path.label.mask, sequence, packet, SEQUENCE_AT);
    packet[HEADER_BYTES] = kind;
    if (lane !== null) packet[HEADER_BYTES + 1] = lane;
    packet.set(body, HEADER_BYTES + length - body.length);
    this.keys.seal(packet, HEADER_BYTES, length);
    path.sent++;
    path.sentBytes += packet.length;
    this.port.transmit(path.socket, path.remote, packet);
  }
}
