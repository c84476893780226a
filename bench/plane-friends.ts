/**
 * So many friends of one host in one process, each of which plays: 64 datagrams of 100 bytes a second, which the game answers. Prints what
 * came back in so many seconds, as JSON: `plane-friends.js LINK CODE FRIENDS SECONDS`. The line `playing` says that the seconds begin.
 */
import { openAgent } from '../src/agent/index.ts';
import { quickenCrypto } from '../src/node/index.ts';

const PER_SECOND = 64;
const BYTES = 100;
/** Joins that go on at the same time: a host lets in so many of one address without having them wait. */
const AT_ONCE = 2;
const ECHO = 1;
const AFTER_MS = 500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const [link = '', code = '', friends = '32', seconds = '20'] = process.argv.slice(2);
await quickenCrypto();
const agents = await Promise.all(
  Array.from({ length: Number(friends) }, () => openAgent({ master: link, relay: 'never' })),
);
let heard = 0;
let sent = 0;
let playing = false;
const joined: (() => void)[] = [];
const waiting = [...agents];
const some = async (): Promise<void> => {
  for (let agent = waiting.pop(); agent !== undefined; agent = waiting.pop()) {
    await agent.ready();
    const path = await agent.join(code);
    path.on('message', () => {
      if (playing) heard += 1;
    });
    const bytes = new Uint8Array(BYTES);
    bytes[0] = ECHO;
    joined.push(() => path.send(bytes));
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, some));
/** Each friend in its turn, so that they are spread over the time as strangers are. */
const begin = performance.now();
let turns = 0;
const timer = setInterval(() => {
  const due = ((performance.now() - begin) / 1_000) * PER_SECOND * joined.length;
  for (; turns < due; turns += 1) {
    joined[turns % joined.length]?.();
    if (playing) sent += 1;
  }
}, 1);
await pause(2_000);
playing = true;
process.stdout.write('playing\n');
await pause(Number(seconds) * 1_000);
process.stdout.write('played\n');
clearInterval(timer);
await pause(AFTER_MS);
process.stdout.write(`${JSON.stringify({ sent, heard })}\n`, () => process.exit(0));
