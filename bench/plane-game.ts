/**
 * A game that is measured, both ends: `server PORT`, or one question to such a server, whose answer is one JSON line.
 *
 *     rtt ADDRESS PORT HZ SECONDS BYTES      round trips of a game that speaks so often
 *     burst ADDRESS PORT COUNT BYTES         what arrives of so many at once
 *     pull ADDRESS PORT COUNT BYTES          the same towards the friend
 *     reach ADDRESS PORT                     does it answer at all; asked for 30 s
 *     feed ADDRESS PORT BYTES RATE SECONDS   what arrives of so many a second from the host
 *
 * A datagram begins with what is to be done with it; the second to ninth byte are when it was sent, in ms.
 */
import { createSocket, type Socket } from 'node:dgram';

const DO = { count: 0, echo: 1, report: 2, burst: 3, feed: 4 } as const;
/** As much as the kernel gives: what the game itself loses is not what is measured. */
const BUFFER_BYTES = 8_388_608;
const CLIENT_PORT = 45_001;
const STAMP_AT = 1;
const HEAD_BYTES = 9;

function open(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(port, () => {
      socket.setRecvBufferSize(BUFFER_BYTES);
      socket.setSendBufferSize(BUFFER_BYTES);
      resolve(socket);
    });
  });
}

async function serve(port: number): Promise<void> {
  const socket = await open(port);
  let counted = 0;
  socket.on('message', (bytes, { address, port: from }) => {
    const what = bytes[0];
    if (what === DO.count) counted += 1;
    else if (what === DO.echo) socket.send(bytes, from, address);
    else if (what === DO.report) {
      const answer = Buffer.alloc(HEAD_BYTES);
      answer[0] = DO.report;
      answer.writeUInt32BE(counted, STAMP_AT);
      socket.send(answer, from, address);
    } else if (what === DO.burst) {
      const burst = Buffer.alloc(bytes.readUInt32BE(5));
      for (let n = bytes.readUInt32BE(1); n > 0; n -= 1) socket.send(burst, from, address);
    } else if (what === DO.feed) {
      const one = Buffer.alloc(bytes.readUInt32BE(1));
      void paced(bytes.readUInt32BE(5), bytes.readUInt32BE(9), () => socket.send(one, from, address));
    }
  });
  process.stdout.write('ready\n');
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What the server has counted so far. */
async function report(socket: Socket): Promise<number> {
  let answer = -1;
  const hear = (bytes: Buffer): void => {
    if (bytes[0] === DO.report && answer < 0) answer = bytes.readUInt32BE(STAMP_AT);
  };
  socket.on('message', hear);
  const question = Buffer.alloc(HEAD_BYTES);
  question[0] = DO.report;
  for (let tries = 0; answer < 0 && tries < 50; tries += 1) {
    socket.send(question);
    await pause(100);
  }
  socket.off('message', hear);
  return answer;
}

/** Calls `send` `rate` times a second, a few at once each millisecond. */
async function paced(rate: number, seconds: number, send: (n: number) => void): Promise<void> {
  const start = performance.now();
  let sent = 0;
  const total = Math.round(rate * seconds);
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - start) * rate) / 1000));
    while (sent < due) send(sent++);
    await pause(1);
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function rtt(socket: Socket, [hz, seconds, size]: readonly number[]): Promise<object> {
  const times: number[] = [];
  socket.on('message', (bytes) => {
    if (bytes[0] === DO.echo) times.push(performance.now() - bytes.readDoubleBE(STAMP_AT));
  });
  const bytes = (): Buffer => {
    const one = Buffer.alloc(size ?? 100);
    one[0] = DO.echo;
    one.writeDoubleBE(performance.now(), STAMP_AT);
    return one;
  };
  await paced(hz ?? 1000, 1, () => socket.send(bytes()));
  await pause(300);
  times.length = 0;
  let sent = 0;
  await paced(hz ?? 1000, seconds ?? 5, () => {
    sent += 1;
    socket.send(bytes());
  });
  await pause(500);
  const sorted = times.toSorted((left, right) => left - right);
  const [p50, p95, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.95), quantile(sorted, 0.99)];
  return { p50, p95, p99, max: sorted.at(-1), sent, heard: sorted.length };
}

async function burst(socket: Socket, [count, size]: readonly number[]): Promise<object> {
  const before = await report(socket);
  const bytes = Buffer.alloc(size ?? 1200);
  for (let n = 0; n < (count ?? 800); n += 1) socket.send(bytes);
  await pause(1000);
  return { sent: count, heard: (await report(socket)) - before };
}

async function pull(socket: Socket, [count, size]: readonly number[]): Promise<object> {
  let heard = 0;
  socket.on('message', (bytes) => {
    if (bytes[0] === DO.count) heard += 1;
  });
  const question = Buffer.alloc(HEAD_BYTES);
  question[0] = DO.burst;
  question.writeUInt32BE(count ?? 800, 1);
  question.writeUInt32BE(size ?? 1200, 5);
  socket.send(question);
  await pause(1500);
  return { sent: count, heard };
}

async function feed(socket: Socket, [size, rate, seconds]: readonly number[]): Promise<object> {
  let heard = 0;
  socket.on('message', (bytes) => {
    if (bytes[0] === DO.count) heard += 1;
  });
  const question = Buffer.alloc(HEAD_BYTES + 4);
  question[0] = DO.feed;
  question.writeUInt32BE(size ?? 1200, 1);
  question.writeUInt32BE(rate ?? 833, 5);
  question.writeUInt32BE(seconds ?? 10, 9);
  socket.send(question);
  await pause(1000 * (seconds ?? 10) + 500);
  return { sent: (rate ?? 833) * (seconds ?? 10), heard };
}

async function reach(socket: Socket): Promise<object> {
  for (let tries = 0; tries < 6; tries += 1) if ((await report(socket)) >= 0) return { heard: 1 };
  return { heard: 0 };
}

async function main(): Promise<void> {
  const [what = '', ...words] = process.argv.slice(2);
  if (what === 'server') {
    await serve(Number(words[0]));
    return;
  }
  const [address = '', port = '', ...numbers] = words;
  // The same port each time, as a game has it: each further one would be a further program, of which a friend has sixteen.
  const socket = await open(CLIENT_PORT);
  await new Promise<void>((resolve) => {
    socket.connect(Number(port), address, resolve);
  });
  socket.on('error', () => {});
  const run = { rtt, burst, pull, feed, reach }[what];
  if (run === undefined) throw new Error(`plane-game has no ${what}`);
  const result = await run(socket, numbers.map(Number));
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

await main();
