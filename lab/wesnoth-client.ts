/**
 * A player of Battle for Wesnoth in the lobby, by the protocol of 1.16 (`src/server/common/simple_wml.cpp`, `src/network_asio.cpp` of the
 * game): after four zero bytes each way, every message is its length in four bytes and WML packed by gzip. `ADDRESS PORT NAME [WORDS]`: says
 * WORDS in the lobby when it is in, prints what the server says, and ends when the server does.
 */
import { createConnection } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';

const VERSION = '1.16.9';
/** Its lobby is silent, and the game's own client says `[ping]` from time to time. */
const PING_MS = 1_000;

const [, , address = '', port = '', name = ''] = process.argv;
const socket = createConnection({ host: address, port: Number(port) });
let heard = Buffer.alloc(0);
let greeted = false;

function say(wml: string): void {
  const packed = gzipSync(Buffer.from(wml));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(packed.length);
  socket.write(Buffer.concat([length, packed]));
}

function answer(wml: string): void {
  process.stdout.write(`${JSON.stringify(wml.slice(0, 500))}\n`);
  if (wml.startsWith('[version]')) say(`[version]\nversion="${VERSION}"\n[/version]\n`);
  else if (wml.startsWith('[mustlogin]')) say(`[login]\nusername="${name}"\n[/login]\n`);
  else if (wml.startsWith('[join_lobby]')) {
    process.stdout.write('in the lobby\n');
    setInterval(() => say(`[ping]\nrequested_at="0"\n[/ping]\n`), PING_MS);
  } else if (wml.startsWith('[error]')) process.stdout.write('refused\n');
}

socket.on('connect', () => socket.write(Buffer.alloc(4)));
socket.on('data', (bytes) => {
  heard = Buffer.concat([heard, bytes]);
  if (!greeted && heard.length >= 4) {
    greeted = true;
    heard = heard.subarray(4);
  }
  while (greeted && heard.length >= 4 && heard.length >= 4 + heard.readUInt32BE(0)) {
    const length = heard.readUInt32BE(0);
    answer(gunzipSync(heard.subarray(4, 4 + length)).toString());
    heard = heard.subarray(4 + length);
  }
});
socket.on('error', (error) => process.stdout.write(`${error.message}\n`));
socket.on('close', () => {
  process.stdout.write('closed\n');
  process.exit(1);
});
