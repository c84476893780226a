/**
 * Takes the signature off Node for Windows before anything is put into it: it would be broken by that, and a broken signature is
 * worse than none. Words of the PE format: https://learn.microsoft.com/en-us/windows/win32/debug/pe-format
 */

/** From the start of the optional header of a PE32+ file. */
const CHECKSUM_AT = 64;
const SECURITY_AT = 112 + 4 * 8;
const PE32_PLUS = 0x20b;

export interface PeHeader {
  readonly machine: number;
  readonly console: boolean;
  readonly signed: boolean;
}

function optionalHeader(file: Buffer): number {
  const header = file.toString('latin1', 0, 2) === 'MZ' ? file.readUInt32LE(0x3c) : 0;
  const optional = header + 24;
  if (header === 0 || file.readUInt32LE(header) !== 0x4550 || file.readUInt16LE(optional) !== PE32_PLUS)
    throw new Error('This is no program for 64-bit Windows.');
  return optional;
}

export function readPe(file: Buffer): PeHeader {
  const optional = optionalHeader(file);
  return {
    machine: file.readUInt16LE(optional - 20),
    console: file.readUInt16LE(optional + 68) === 3,
    signed: file.readUInt32LE(optional + SECURITY_AT + 4) > 0,
  };
}

/** A copy without its table of certificates, which stands at the end of the file. */
export function withoutSignature(file: Buffer): Buffer {
  const optional = optionalHeader(file);
  const at = file.readUInt32LE(optional + SECURITY_AT);
  const bytes = file.readUInt32LE(optional + SECURITY_AT + 4);
  if (bytes === 0) return Buffer.from(file);
  if (at + bytes !== file.length) throw new Error('Something stands behind the signature of this program.');
  const bare = Buffer.from(file.subarray(0, at));
  bare.fill(0, optional + SECURITY_AT, optional + SECURITY_AT + 8);
  bare.writeUInt32LE(0, optional + CHECKSUM_AT);
  return bare;
}
