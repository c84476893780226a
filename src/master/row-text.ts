/**
 * Texts of rows in memory (`rows.ts`): keys stand in them as 64 hex digits, and times as 13 digits, which take half of that as bytes. They
 * stand behind a byte that no UTF-8 has; all else is as it was, so that every text is read back as it was put in.
 */

/** Behind it: how many bytes, then so many. */
const HEX = 0xff;
/** Behind it 6 bytes, the highest first. */
const DECIMAL = 0xfe;
const DECIMAL_BYTES = 6;
/** As many pairs of digits as one byte counts, and numbers below 2^48 that are longer than what stands for them. */
const RUNS = /(?:[0-9a-f]{2}){12,255}|[1-9][0-9]{11,13}/g;

export function packText(text: string): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { 0: run, index } of text.matchAll(RUNS)) {
    parts.push(Buffer.from(text.slice(from, index)), run.length < 24 ? decimal(run) : hex(run));
    from = index + run.length;
  }
  const rest = Buffer.from(from === 0 ? text : text.slice(from));
  return parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
}

function hex(run: string): Buffer {
  return Buffer.concat([Uint8Array.of(HEX, run.length / 2), Buffer.from(run, 'hex')]);
}

function decimal(run: string): Buffer {
  const bytes = Buffer.alloc(1 + DECIMAL_BYTES, DECIMAL);
  bytes.writeUIntBE(Number(run), 1, DECIMAL_BYTES);
  return bytes;
}

export function unpackText(bytes: Buffer): string {
  let text = '';
  let from = 0;
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] as number;
    if (byte < DECIMAL) {
      at++;
      continue;
    }
    text += bytes.toString('utf8', from, at);
    const end = byte === HEX ? at + 2 + (bytes[at + 1] as number) : at + 1 + DECIMAL_BYTES;
    text += byte === HEX ? bytes.toString('hex', at + 2, end) : String(bytes.readUIntBE(at + 1, DECIMAL_BYTES));
    [from, at] = [end, end];
  }
  return text + bytes.toString('utf8', from);
}
