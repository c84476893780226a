/** The fields that are ours: addresses, keys, codes, permits. What they are made of is in `struct.ts`. */

import { addressBytes, addressText, type Endpoint } from '../address.ts';
import { EMPTY, type Reader, type Writer } from '../bytes.ts';
import { type FailureCode, RETRYABLE } from '../errors.ts';
import { normalizeCode } from '../model/code.ts';
import type { HostAnnouncement } from '../model/listing.ts';
import type { Permit } from '../model/pair.ts';
import { isPublicKey } from '../secure/keys.ts';
import { pageOrigin } from './invite.ts';
import { WIRE_LIMITS } from './limits.ts';
import { bytes, type Field, flags, many, refine, struct, text, u16, u32 } from './struct.ts';

/** Names a join: 16 bytes, chosen by the client at random, unique for ever; the first 8 name the session in punch probes. */
export const sid = bytes(WIRE_LIMITS.sessionIdBytes);

/** A public key in its one encoding: 32 bytes that are none do not parse. */
export const key: Field<Uint8Array> = {
  ...bytes(32),
  kind: 'key',
  read(reader) {
    const read = reader.take(32).slice();
    if (!isPublicKey(read)) reader.fail();
    return read;
  },
};

const CODE_BYTES_MAX = 16;

/** A join code as it is kept; what is none does not parse. Codes are read, never passed through. */
export const code: Field<string> = {
  ...refine(
    text(CODE_BYTES_MAX),
    (said: string) => said,
    (said, reader) => {
      const normal = normalizeCode(said);
      if (normal === null) reader.fail();
      return normal ?? '';
    },
  ),
  kind: 'code',
};

/** A join code in its one form, or empty: whoever tells what is no code has told none. */
export const codeTold: Field<string> = {
  ...refine(
    text(CODE_BYTES_MAX),
    (said: string) => said,
    (said) => normalizeCode(said) ?? '',
  ),
  kind: 'code',
};

/** Where a master's web page is, in its one form; empty: it has none, or tells what is none. */
export const page: Field<string> = refine(text(WIRE_LIMITS.pageBytesMax), (said: string) => said, pageOrigin);

/** Length 1, then 4 or 16 bytes. */
export const address: Field<string> = {
  ...{ kind: 'address', layout: '', bytesMax: 17 },
  write: (writer, value) => void writer.blob8(addressBytes(value) ?? EMPTY),
  read(reader) {
    const value = addressText(reader.blob8());
    if (value === null) reader.fail();
    return value ?? '';
  },
};

/** Nothing is at port 0, and nobody is to be sent there. */
export const endpoint: Field<Endpoint> = {
  ...refine(
    struct({ address, port: u16 }),
    (value: Endpoint) => value,
    (value, reader) => {
      if (value.port === 0) reader.fail();
      return value;
    },
  ),
  ...{ kind: 'endpoint', layout: 'endpoint' },
};

/** Text on the wire, so that a code added by a newer version still arrives as some refusal. */
export const failure: Field<FailureCode> = {
  ...refine(
    text(32),
    (said: FailureCode) => said,
    (said) => (Object.hasOwn(RETRYABLE, said) ? (said as FailureCode) : 'REFUSED'),
  ),
  ...{ kind: 'failure', layout: '' },
};

export const announcement: Field<HostAnnouncement> = struct({
  flags: flags('public', 'passwordNeeded'),
  playersMax: u16,
  name: text(WIRE_LIMITS.announcedNameBytesMax),
  game: text(WIRE_LIMITS.announcedTextBytesMax),
  map: text(WIRE_LIMITS.announcedTextBytesMax),
  mode: text(WIRE_LIMITS.announcedTextBytesMax),
  version: text(WIRE_LIMITS.announcedTextBytesMax),
});

const permitted = struct({ address, probesMax: u32, probesPerSecondMax: u16, expiresInMs: u16 });

export const permit: Field<Permit> = {
  ...struct({ addresses: many(permitted, WIRE_LIMITS.permitAddressesMax, 'permitted') }),
  layout: '',
};

export const writeEndpoint = (writer: Writer, value: Endpoint): void => endpoint.write(writer, value);
export const readEndpoint = (reader: Reader): Endpoint => endpoint.read(reader);
