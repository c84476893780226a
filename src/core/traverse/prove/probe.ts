/**
 * The punch probe: 32 bytes between the two sides of one session, and nothing else before a path is up.
 *
 *     0      1      2         3       4 .. 11   12 .. 15   16 .. 31
 *     0xd7   0x5a   version   flags   sid (8)   seq (4)    MAC (16)
 *
 * The MAC is HMAC-SHA256-128 under the punch key over the first 16 bytes. The flags name the sender's role, so that a probe
 * can't be reflected at its sender. A reply carries the sequence number that it answers and has the same size; what does not
 * verify is met with silence (docs/reference/security.md §3.3).
 */

import { equalBytes } from '../../bytes.ts';
import type { Role } from '../../model/pair.ts';
import type { CryptoSuite } from '../../secure/crypto.ts';
import { WIRE } from '../../wire/first-byte.ts';
import { WIRE_LIMITS } from '../../wire/limits.ts';

const MAGIC = 0x5a;
const VERSION = 1;
const HEAD_BYTES = 16;
const FLAG_REPLY = 1;
const FLAG_HOST = 2;
const FLAG_NOMINATE = 4;

export interface Probe {
  /** Answers the probe with this `seq`; else a probe of its own, to be answered. */
  readonly reply: boolean;
  /** The client has had its two-way proof here and chooses this path; only the client sends it. */
  readonly nominate: boolean;
  readonly seq: number;
}

export interface ProbeCodec {
  encode(probe: Probe): Uint8Array;
  /** A valid probe of the other side, or null. */
  decode(bytes: Uint8Array): Probe | null;
}

export function probeCodec(
  role: Role,
  sid: Uint8Array,
  punchKey: Uint8Array,
  crypto: Pick<CryptoSuite, 'macKey' | 'hmac'>,
): ProbeCodec {
  const key = crypto.macKey(punchKey);
  const own = role === 'host' ? FLAG_HOST : 0;

  function sealed(flags: number, seq: number): Uint8Array {
    const bytes = new Uint8Array(WIRE_LIMITS.punchBytes);
    bytes[0] = WIRE.punch;
    bytes[1] = MAGIC;
    bytes[2] = VERSION;
    bytes[3] = flags;
    bytes.set(sid.subarray(0, 8), 4);
    for (let n = 0; n < 4; n++) bytes[12 + n] = seq >>> (24 - 8 * n);
    bytes.set(crypto.hmac(key, bytes.subarray(0, HEAD_BYTES)).subarray(0, 16), HEAD_BYTES);
    return bytes;
  }

  return {
    encode: ({ reply, nominate, seq }) => sealed(own | (reply ? FLAG_REPLY : 0) | (nominate ? FLAG_NOMINATE : 0), seq),
    decode(bytes) {
      if (bytes.length !== WIRE_LIMITS.punchBytes) return null;
      if (bytes[0] !== WIRE.punch || bytes[1] !== MAGIC || bytes[2] !== VERSION) return null;
      const flags = bytes[3]!;
      if ((flags & FLAG_HOST) === own) return null;
      for (let n = 0; n < 8; n++) if (bytes[4 + n] !== sid[n]) return null;
      const mac = crypto.hmac(key, bytes.subarray(0, HEAD_BYTES));
      if (!equalBytes(mac.subarray(0, WIRE_LIMITS.punchBytes - HEAD_BYTES), bytes.subarray(HEAD_BYTES))) return null;
      return {
        reply: (flags & FLAG_REPLY) !== 0,
        nominate: (flags & FLAG_NOMINATE) !== 0,
        seq: new DataView(bytes.buffer, bytes.byteOffset).getUint32(12),
      };
    },
  };
}
