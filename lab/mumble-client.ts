/**
 * Somebody in a Mumble channel, by the protocol of 1.3 (docs of mumble-protocol): control over TLS, voice over UDP. The server takes voice
 * only from the address that the control connection comes from, and sends a ping back that it could open. `ADDRESS PORT NAME` prints
 * `in the channel` and `voice answered`; `ADDRESS PORT SuperUser PASSWORD ban ADDRESS` bans an address instead, and ends.
 */
import { createCipheriv } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:tls';

const PING_MS = 500;
const KIND = { version: 0, authenticate: 2, ping: 3, reject: 4, serverSync: 5, banList: 10, cryptSetup: 15 } as const;
/** Protocol 1.3.4, as its client says it. */
const VERSION = (1 << 16) | (3 << 8) | 4;
const BLOCK = 16;

const [, , address = '', port = '', name = '', password = '', , banned = ''] = process.argv;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

/** A field of a protocol buffer: a number, or bytes. */
function field(number: number, value: number | Uint8Array | string): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function message(kind: number, ...fields: Buffer[]): Buffer {
  const body = Buffer.concat(fields);
  const head = Buffer.alloc(6);
  head.writeUInt16BE(kind, 0);
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
}

/** The byte fields of a message by their numbers: all that `CryptSetup` has. */
function byteFields(body: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 2 <= body.length; ) {
    const length = body[at + 1] ?? 0;
    found.set((body[at] ?? 0) >> 3, body.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

const xor = (one: Buffer, other: Buffer): Buffer => Buffer.from(one.map((byte, index) => byte ^ (other[index] ?? 0)));

/** Twice, in the field of OCB2. */
function doubled(block: Buffer): Buffer {
  const carry = (block[0] ?? 0) >> 7;
  return Buffer.from(
    block.map(
      (byte, index) => ((byte << 1) & 0xff) | (((block[index + 1] ?? 0) >> 7) ^ (index === 15 ? carry * 0x87 : 0)),
    ),
  );
}

/** OCB2-AES128 of less than a block, as Mumble has it: the nonce's low byte, three bytes of the tag, the text. */
function sealed(key: Buffer, nonce: Buffer, text: Buffer): Buffer {
  const cipher = (block: Buffer): Buffer =>
    createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(block);
  const delta = doubled(cipher(nonce));
  const bits = Buffer.alloc(BLOCK);
  bits.writeUInt32BE(text.length * 8, 12);
  const pad = cipher(xor(bits, delta));
  const last = Buffer.concat([text, pad.subarray(text.length)]);
  const tag = cipher(xor(xor(delta, doubled(delta)), last));
  return Buffer.concat([nonce.subarray(0, 1), tag.subarray(0, 3), xor(last, pad).subarray(0, text.length)]);
}

/** The nonce counts up for each packet, its first byte the lowest. */
function next(nonce: Buffer): void {
  for (let index = 0; index < nonce.length; index++) {
    nonce[index] = ((nonce[index] ?? 0) + 1) & 0xff;
    if (nonce[index] !== 0) return;
  }
}

/** The server may be known by no certificate: Mumble trusts the first it sees, and so do we. */
const control = connect({ host: address, port: Number(port), rejectUnauthorized: false });
const voice = createSocket('udp4');
let heard = Buffer.alloc(0);
let speaking = false;

function speak(setup: Map<number, Buffer>): void {
  const key = setup.get(1) ?? Buffer.alloc(BLOCK);
  const nonce = Buffer.from(setup.get(2) ?? Buffer.alloc(BLOCK));
  // It says its nonce anew where it could not open what came.
  if (speaking) return;
  speaking = true;
  setInterval(() => {
    control.write(message(KIND.ping, field(1, Date.now())));
    next(nonce);
    // A voice packet of the kind `ping`: the server sends it back as it is.
    voice.send(sealed(key, nonce, Buffer.from([0x20, 0x01])), Number(port), address);
  }, PING_MS);
}

function ban(): void {
  const bytes = Buffer.concat([
    Buffer.alloc(10),
    Buffer.from([0xff, 0xff]),
    Buffer.from(banned.split('.').map(Number)),
  ]);
  const entry = Buffer.concat([field(1, bytes), field(2, 128), field(3, 'banned'), field(5, 'lab'), field(7, 0)]);
  control.write(message(KIND.banList, field(1, entry)));
  setTimeout(() => process.exit(0), PING_MS);
}

control.on('secureConnect', () => {
  control.write(message(KIND.version, field(1, VERSION), field(2, 'lab')));
  const word = password === '' ? [] : [field(2, password)];
  control.write(message(KIND.authenticate, field(1, name), ...word, field(5, 1)));
});
control.on('data', (bytes: Buffer) => {
  heard = Buffer.concat([heard, bytes]);
  while (heard.length >= 6 && heard.length >= 6 + heard.readUInt32BE(2)) {
    const end = 6 + heard.readUInt32BE(2);
    const [kind, body] = [heard.readUInt16BE(0), heard.subarray(6, end)];
    heard = heard.subarray(end);
    if (kind === KIND.cryptSetup && banned === '') speak(byteFields(body));
    if (kind === KIND.serverSync) process.stdout.write('in the channel\n');
    if (kind === KIND.serverSync && banned !== '') ban();
    if (kind === KIND.reject) process.stdout.write(`refused: ${body.toString('latin1')}\n`);
  }
});
let answers = 0;
voice.on('message', () => {
  if (answers++ === 0) process.stdout.write('voice answered\n');
});
control.on('error', (error) => process.stdout.write(`${error.message}\n`));
control.on('close', () => {
  process.stdout.write('closed\n');
  process.exit(1);
});
