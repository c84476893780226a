/**
 * A server of TCP and a program that fetches from it, for measuring and comparing what a connection carries.
 *
 *     transfer.js serve PORT                      for each connection one line: `get BYTES` or `put BYTES`; the next port echoes UDP
 *     transfer.js get|put ADDRESS PORT BYTES      prints a line of JSON each 100 ms, and one with the sums at the end
 *     transfer.js ping ADDRESS PORT SECONDS       a game's datagrams, 64 a second: prints what their round trips took, as JSON
 *
 * `get`: the server sends so many bytes. `put`: it takes them, and answers with their SHA-256. The sum of what was got is printed beside
 * that of what was sent, which both make alike.
 */
import { createHash, type Hash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';

const CHUNK_BYTES = 65_536;
const PROGRESS_MS = 100;

const PING_BYTES = 128;
const PINGS_PER_SECOND = 64;

/** Round trips in ms. */
export interface PingReport {
  readonly sent: number;
  readonly heard: number;
  readonly least: number;
  readonly p50: number;
  readonly p99: number;
}

/** What the program prints. */
export interface TransferReport {
  readonly bytes: number;
  readonly ms: number;
  /** At the end: of what came in, and of what was meant. */
  readonly got?: string;
  readonly meant?: string;
}

/** The chunk at an offset that is a multiple of its size: no two are alike. */
function chunkAt(offset: number, bytes: number): Buffer {
  const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytes - offset));
  for (let n = 0; n + 4 <= chunk.length; n += 4) chunk.writeUInt32LE(Math.imul(offset + n + 1, 2_654_435_761) >>> 0, n);
  return chunk;
}

/** Sends so many bytes and ends. */
function pour(socket: Socket, bytes: number, onSent: (bytes: number) => void): void {
  let offset = 0;
  const more = (): void => {
    while (offset < bytes) {
      const chunk = chunkAt(offset, bytes);
      offset += chunk.length;
      onSent(offset);
      if (!socket.write(chunk)) {
        socket.once('drain', more);
        return;
      }
    }
    socket.end();
  };
  more();
}

function meantSum(bytes: number): string {
  const sum = createHash('sha256');
  for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) sum.update(chunkAt(offset, bytes));
  return sum.digest('hex');
}

function serve(port: number): void {
  createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    let asked: string | null = null;
    const sum: Hash = createHash('sha256');
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      if (asked !== null) {
        sum.update(bytes);
        return;
      }
      const end = bytes.indexOf('\n');
      asked = String(bytes.subarray(0, end));
      if (asked.startsWith('get ')) pour(socket, Number(asked.slice(4)), () => {});
      else sum.update(bytes.subarray(end + 1));
    });
    socket.on('end', () => {
      if (asked?.startsWith('put ')) socket.end(sum.digest('hex'));
    });
  }).listen(port);
  const echo = createSocket('udp4');
  echo.on('message', (bytes, from) => echo.send(bytes, from.port, from.address));
  echo.bind(port + 1);
}

function ping(address: string, port: number, seconds: number): void {
  const socket = createSocket('udp4');
  const sentAt: number[] = [];
  const took = new Map<number, number>();
  socket.on('message', (bytes) => {
    const n = bytes.readUInt32LE(0);
    took.set(n, performance.now() - (sentAt[n] ?? 0));
  });
  const timer = setInterval(() => {
    const bytes = Buffer.alloc(PING_BYTES);
    bytes.writeUInt32LE(sentAt.length, 0);
    sentAt.push(performance.now());
    socket.send(bytes, port, address);
  }, 1_000 / PINGS_PER_SECOND);
  setTimeout(() => {
    clearInterval(timer);
    const sorted = [...took.values()].sort((left, right) => left - right);
    const at = (q: number): number => Math.round((sorted[Math.floor(q * (sorted.length - 1))] ?? 0) * 10) / 10;
    const pings: PingReport = { sent: sentAt.length, heard: took.size, least: at(0), p50: at(0.5), p99: at(0.99) };
    process.stdout.write(`${JSON.stringify({ pings })}\n`);
    socket.close();
  }, seconds * 1_000);
}

function transfer(what: 'get' | 'put', address: string, port: number, bytes: number): void {
  const say = (report: TransferReport): void => void process.stdout.write(`${JSON.stringify(report)}\n`);
  const meant = meantSum(bytes);
  const sum = createHash('sha256');
  let answer = '';
  let done = 0;
  const socket = connect({ port, host: address, allowHalfOpen: true, noDelay: true });
  const startedAt = performance.now();
  const ms = (): number => Math.round(performance.now() - startedAt);
  const timer = setInterval(() => say({ bytes: done, ms: ms() }), PROGRESS_MS);
  socket.on('error', ({ message }) => {
    process.stdout.write(`${JSON.stringify({ bytes: done, ms: ms(), got: message, meant })}\n`);
    process.exit(1);
  });
  socket.write(`${what} ${bytes}\n`);
  socket.on('data', (got) => {
    if (what === 'put') answer += String(got);
    else {
      done += got.length;
      sum.update(got);
    }
  });
  if (what === 'get') socket.end();
  else
    pour(socket, bytes, (sent) => {
      done = sent;
    });
  socket.on('end', () => {
    clearInterval(timer);
    say({ bytes: done, ms: ms(), got: what === 'put' ? answer : sum.digest('hex'), meant });
    socket.destroy();
  });
}

const [what = '', address = '', port = '', bytes = ''] = process.argv.slice(2);
if (what === 'serve') serve(Number(address));
else if (what === 'ping') ping(address, Number(port), Number(bytes));
else if (what === 'get' || what === 'put') transfer(what, address, Number(port), Number(bytes));
