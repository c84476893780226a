/**
 * The same transfer by the streams of udx-native (no encryption, no paths), to compare with:
 *
 *     send OWN-PORT ADDRESS PORT BYTES     take OWN-PORT ADDRESS PORT BYTES; prints one line of JSON, as lab/transfer.ts
 */
import { createRequire } from 'node:module';

interface UdxStream {
  connect(socket: unknown, id: number, port: number, address: string): void;
  write(bytes: Uint8Array): boolean;
  end(): void;
  on(event: 'data', listener: (bytes: Uint8Array) => void): void;
  on(event: 'drain' | 'error' | 'end', listener: () => void): void;
}
interface UdxInstance {
  createSocket(): { bind(port: number): void };
  createStream(id: number): UdxStream;
}

const Udx = createRequire(import.meta.url)('udx-native') as new () => UdxInstance;
const [what, own = '', address = '', port = '', bytes = ''] = process.argv.slice(2);
const chunk = new Uint8Array(65_536);
const udx = new Udx();
const socket = udx.createSocket();
socket.bind(Number(own));
const stream = udx.createStream(what === 'send' ? 2 : 1);
stream.connect(socket, what === 'send' ? 1 : 2, Number(port), address);
stream.on('error', () => {});
if (what === 'send') {
  let left = Number(bytes);
  const pour = (): void => {
    while (left > 0) {
      left -= chunk.length;
      if (!stream.write(chunk)) return;
    }
    stream.end();
  };
  stream.on('drain', pour);
  pour();
} else {
  let got = 0;
  let startedAt = 0;
  stream.on('data', (piece) => {
    if (got === 0) startedAt = performance.now();
    got += piece.length;
    if (got < Number(bytes)) return;
    process.stdout.write(
      `${JSON.stringify({ bytes: got, ms: Math.round(performance.now() - startedAt), got: '', meant: '' })}\n`,
    );
    process.exit(0);
  });
}
