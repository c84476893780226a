/** One long transfer over one simulated line, and a game beside it: what the stream gets, and what the game feels. */
import { STREAM_LIMITS } from '../src/core/testing.ts';
import { quantile } from './stats.ts';
import { StreamsWorld, type Way } from './streams-world.ts';

const CHUNK = new Uint8Array(65_536).fill(7);
/** A game's datagram with its headers, and how often it sends. */
const GAME_BYTES = 190;
const GAME_PER_SECOND = 64;

export interface LineRow {
  readonly name: string;
  readonly way: Way;
  readonly seconds: number;
  /** The host's clock against the friend's. */
  readonly skewPpm: number;
  /** Transfers at once, each its own stream. */
  readonly streams: number;
  /** Both computers have other things to do, see `StreamsWorldOptions`. */
  readonly busy?: { readonly everyMs: number; readonly runMs: number };
  readonly megabitsMin: number;
  readonly gameP99MsMax: number;
}

export interface LineResult {
  readonly megabits: number;
  /** Delay of the game's datagrams above the empty queue. */
  readonly gameP50Ms: number;
  readonly gameP99Ms: number;
  readonly gameMaxMs: number;
  /** The slowest of several streams against the fastest, in bytes. */
  readonly fairness: number;
}

const line = (delayMs: number, megabits: number, queueMs: number, lossRate = 0, jitterMs = 0): Way => ({
  up: { delayMs, bitsPerSecond: megabits * 1e6, queueMs, lossRate, jitterMs },
  down: { delayMs, lossRate, jitterMs },
  rttMs: 2 * delayMs,
  roomBytes: 1_418,
});
const plain = { seconds: 30, skewPpm: 0, streams: 1 } as const;

export const ROWS: readonly LineRow[] = [
  { ...plain, name: '5 Mbit/s, 250 ms FIFO', way: line(10, 5, 250), megabitsMin: 4, gameP99MsMax: 20 },
  {
    ...plain,
    ...{ name: '5 Mbit/s, 250 ms FIFO, clocks 100 ppm apart', way: line(10, 5, 250), skewPpm: 100 },
    ...{ megabitsMin: 4, gameP99MsMax: 20 },
  },
  {
    ...plain,
    ...{ name: '5 Mbit/s, 250 ms FIFO, four streams', way: line(10, 5, 250), streams: 4 },
    ...{ megabitsMin: 4, gameP99MsMax: 20 },
  },
  {
    ...plain,
    ...{ name: '5 Mbit/s, 250 ms FIFO, round trip of 100 ms', way: line(50, 5, 250) },
    ...{ megabitsMin: 3.5, gameP99MsMax: 20 },
  },
  {
    ...plain,
    ...{ name: '5 Mbit/s, 250 ms FIFO, computers that stop for 20 ms', way: line(10, 5, 250) },
    ...{ busy: { everyMs: 200, runMs: 180 }, megabitsMin: 4, gameP99MsMax: 20 },
  },
  {
    ...plain,
    ...{ name: '5 Mbit/s, 250 ms FIFO, busy computers', way: line(10, 5, 250) },
    ...{ busy: { everyMs: 16, runMs: 4 }, megabitsMin: 4, gameP99MsMax: 30 },
  },
  // Reno gets 7 Mbit/s there: 1.22 datagrams a round trip by the root of the loss.
  { ...plain, name: '100 Mbit/s, 1 % loss', way: line(10, 100, 50, 0.01), megabitsMin: 50, gameP99MsMax: 20 },
  { ...plain, name: '50 Mbit/s, jitter of 3 ms', way: line(10, 50, 50, 0, 3), megabitsMin: 15, gameP99MsMax: 30 },
  {
    ...plain,
    ...{ name: '200 Mbit/s, busy computers', way: line(0.2, 200, 20), busy: { everyMs: 16, runMs: 4 } },
    ...{ megabitsMin: 50, gameP99MsMax: 30 },
  },
  {
    ...plain,
    ...{
      name: '50 Mbit/s, round trip of 20 ms, busy computers',
      way: line(10, 50, 50),
      busy: { everyMs: 16, runMs: 4 },
    },
    ...{ megabitsMin: 25, gameP99MsMax: 30 },
  },
  { ...plain, name: '20 Mbit/s, queue of 3 ms', way: line(10, 20, 3), megabitsMin: 12, gameP99MsMax: 20 },
];

export function lineRow({ way, seconds, skewPpm, streams, busy }: LineRow, seed: string): LineResult {
  const outstanding = new Array<number>(streams).fill(0);
  const got = new Array<number>(streams).fill(0);
  const delays: number[] = [];
  const world: StreamsWorld = new StreamsWorld({
    ...{ seed, ways: [way], skewPpm, ...(busy === undefined ? {} : { busy }) },
    onEvent(_side, event) {
      if (event.ev === 'stream-data') {
        const { stream, bytes } = event;
        got[stream] = got[stream]! + bytes.length;
        world.after(0, () => world.obey('host', { do: 'stream-consumed', stream, bytes: bytes.length }));
      } else if (event.ev === 'stream-taken') {
        outstanding[event.stream] = outstanding[event.stream]! - event.bytes;
        world.after(0, () => write(event.stream));
      }
    },
  });
  const write = (stream: number): void => {
    while (outstanding[stream]! + CHUNK.length <= STREAM_LIMITS.sendBytesMax) {
      outstanding[stream] = outstanding[stream]! + CHUNK.length;
      world.obey('friend', { do: 'stream-write', stream, bytes: CHUNK });
    }
  };
  const play = (): void => {
    world.beside('friend', GAME_BYTES, (delayMs) => delays.push(delayMs));
    world.after(1_000 / GAME_PER_SECOND, play);
  };
  play();
  for (let stream = 0; stream < streams; stream++) {
    world.obey('friend', { do: 'stream-open', stream, service: 0 });
    // The service's number is written, too.
    outstanding[stream] = 1;
    write(stream);
  }
  world.run(seconds * 1_000);
  const empty = Math.min(...delays);
  const at = (q: number): number => (quantile(delays, q) ?? Number.POSITIVE_INFINITY) - empty;
  return {
    megabits: (got.reduce((sum, bytes) => sum + bytes, 0) * 8) / seconds / 1e6,
    ...{ gameP50Ms: at(0.5), gameP99Ms: at(0.99), gameMaxMs: at(1) },
    fairness: Math.min(...got) / Math.max(...got),
  };
}
