/**
 * The two ends of a flood, for `plane.ts`: hundreds of datagrams a system call, so that what is measured is the way between them, and not
 * what the programs of a game cost the same cores. `serve PORT` counts and says how many it has; `flood ADDRESS PORT BYTES RATE SECONDS`
 * prints what has come of so many a second, as JSON.
 */
import { ipv4, UdpBatch } from './udp-batch.ts';

const DO = { count: 0, report: 2 } as const;
const REPORT_BYTES = 9;
const COUNT_AT = 1;
const CLIENT_PORT = 45_001;
const BUFFER_BYTES = 8_388_608;
/** A program of a game takes what there is, then rests for so long. */
const TICK_MS = 1;
const REPORT_TRIES = 50;
const REPORT_MS = 100;
const AFTER_MS = 500;

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const sleep = (ms: number): void => void Atomics.wait(sleeper, 0, 0, ms);
const open = (port: number): UdpBatch =>
  new UdpBatch({ local: { address: 0, port }, size: 256, bufferBytes: BUFFER_BYTES, waitMs: REPORT_MS });

function serve(port: number): void {
  const batch = open(port);
  let counted = 0;
  process.stdout.write('ready\n');
  for (;;) {
    for (let got = batch.receive(); got > 0; got = batch.receive(true)) {
      let answers = 0;
      for (let n = 0; n < got; n += 1) {
        if (batch.received(n)[0] !== DO.report) {
          counted += 1;
          continue;
        }
        const answer = Buffer.alloc(REPORT_BYTES);
        answer[0] = DO.report;
        answer.writeUInt32BE(counted, COUNT_AT);
        // The friend's own address is bound to the one it has asked.
        batch.set(answers++, answer, batch.receivedFrom(n), batch.receivedAt(n));
      }
      batch.send(answers);
    }
    sleep(TICK_MS);
  }
}

function flood(address: string, port: number, bytes: number, rate: number, seconds: number): void {
  const batch = open(CLIENT_PORT);
  const to = { address: ipv4(address), port };
  const question = new Uint8Array(REPORT_BYTES).fill(DO.report, 0, 1);
  const report = (): number => {
    for (let tries = 0; tries < REPORT_TRIES; tries += 1) {
      batch.set(0, question, to, null);
      batch.send(1);
      for (let got = batch.receive(); got > 0; got = batch.receive(true))
        for (let n = got - 1; n >= 0; n -= 1) {
          const answer = Buffer.from(batch.received(n));
          if (answer[0] === DO.report) return answer.readUInt32BE(COUNT_AT);
        }
    }
    return -1;
  };
  /** Late answers to questions before. */
  const drain = (): void => {
    while (batch.receive(true) > 0);
  };
  const before = report();
  sleep(AFTER_MS);
  drain();
  const datagram = new Uint8Array(bytes);
  for (let n = 0; n < batch.size; n += 1) batch.set(n, datagram, to, null);
  const total = Math.round(rate * seconds);
  const start = performance.now();
  let sent = 0;
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - start) * rate) / 1_000));
    while (sent < due) sent += batch.send(Math.min(batch.size, due - sent));
    sleep(TICK_MS);
  }
  const took = performance.now() - start;
  sleep(AFTER_MS);
  drain();
  process.stdout.write(`${JSON.stringify({ sent, perSecond: (sent / took) * 1_000, heard: report() - before })}\n`);
  batch.close();
}

const [what = '', address = '', ...numbers] = process.argv.slice(2);
const [port = 0, bytes = 0, rate = 0, seconds = 0] = numbers.map(Number);
if (what === 'serve') serve(Number(address));
else flood(address, port, bytes, rate, seconds);
