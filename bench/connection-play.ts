/** A game between two people who are connected: 128 datagrams a second each way, counted where the game gets them. */
import type { PeerEvent } from '../src/core/index.ts';
import { openScene, type PairScene, type PairSide, type SceneOptions } from '../src/sim/index.ts';

const PER_SECOND = 128;
const DATAGRAM_BYTES = 100;
const SIDES: readonly PairSide[] = ['client', 'host'];

/** What one side of the game has sent and got. */
interface Seen {
  /** When each of its datagrams was sent; they are numbered from 0. */
  readonly sentAt: number[];
  /** The numbers of what came in from the other side. */
  readonly arrivals: { readonly at: number; readonly number: number }[];
  /** Connections that there are, the newest last. */
  open: readonly number[];
  /** Which ways they went, as the participant said. */
  readonly kinds: { readonly at: number; readonly kind: string }[];
}

/** What became of the datagrams that were sent within a span of time, in both directions. */
export interface Carried {
  readonly sent: number;
  readonly lost: number;
  readonly twice: number;
  /** The longest that a datagram came behind one sent after it, in ms. */
  readonly lateMs: number;
}

export interface Play {
  readonly scene: PairScene;
  readonly seen: Readonly<Record<PairSide, Seen>>;
  /** Both games send from now on, whenever there is a way. */
  begin(): void;
  end(): void;
  /** Kills the program of one side, as a crash would, and starts it after so long. */
  restart(side: PairSide, afterMs: number): void;
  /** The longest time without a datagram at either side, in ms, between the two instants. */
  gapMs(from: number, until: number): number;
  carried(from: number, until: number): Carried;
}

export function openPlay(options: SceneOptions): Play {
  const begun = (): Seen => ({ sentAt: [], arrivals: [], open: [], kinds: [] });
  const seen = { client: begun(), host: begun() };
  let playing = false;
  const scene = openScene({
    ...options,
    onEvent(side, event, at) {
      hear(seen[side], event, at);
      options.onEvent?.(side, event, at);
    },
  });
  const { world, peers } = scene;
  const turn = (side: PairSide): void => {
    if (!playing) return;
    const { open, sentAt } = seen[side];
    const path = open.at(-1);
    if (path !== undefined) {
      const bytes = new Uint8Array(DATAGRAM_BYTES);
      new DataView(bytes.buffer).setUint32(0, sentAt.length);
      sentAt.push(world.now);
      peers[side].command({ do: 'send', path, bytes });
    }
    world.after(1_000 / PER_SECOND, () => turn(side));
  };
  return {
    ...{ scene, seen },
    begin() {
      playing = true;
      for (const side of SIDES) turn(side);
    },
    end() {
      playing = false;
    },
    restart(side, afterMs) {
      seen[side].open = [];
      peers[side].restart(afterMs);
    },
    gapMs: (from, until) => Math.max(...SIDES.map((side) => longestGap(seen[side], from, until))),
    carried(from, until) {
      const both = [carriedTo(seen.client, seen.host, from, until), carriedTo(seen.host, seen.client, from, until)];
      const sum = (of: (one: Carried) => number): number => both.reduce((all, one) => all + of(one), 0);
      return {
        sent: sum((one) => one.sent),
        lost: sum((one) => one.lost),
        twice: sum((one) => one.twice),
        lateMs: Math.max(...both.map(({ lateMs }) => lateMs)),
      };
    },
  };
}

function hear(seen: Seen, event: PeerEvent, at: number): void {
  if (event.ev === 'message') seen.arrivals.push({ at, number: numberOf(event.bytes) });
  else if (event.ev === 'path-lost') seen.open = seen.open.filter((path) => path !== event.path);
  else if ('path' in event && 'kind' in event) {
    // Both a new connection, and one that goes another way now.
    if (event.ev === 'path') seen.open = [...seen.open, event.path];
    seen.kinds.push({ at, kind: event.kind });
  }
}

function numberOf({ buffer, byteOffset }: Uint8Array): number {
  return new DataView(buffer, byteOffset).getUint32(0);
}

function longestGap({ arrivals }: Seen, from: number, until: number): number {
  let last = from;
  let longest = 0;
  for (const { at } of arrivals) {
    if (at > until) break;
    if (at >= from) longest = Math.max(longest, at - last);
    last = Math.min(Math.max(last, at), Math.max(from, at));
  }
  return Math.max(longest, until - last);
}

function carriedTo(sender: Seen, receiver: Seen, from: number, until: number): Carried {
  const numbers = sender.sentAt.flatMap((at, number) => (at >= from && at <= until ? [number] : []));
  const times = new Map(numbers.map((number) => [number, 0]));
  /** Those that overtook all before them. */
  const ahead: { readonly at: number; readonly number: number }[] = [];
  let lateMs = 0;
  for (const { at, number } of receiver.arrivals) {
    const count = times.get(number);
    if (count === undefined) continue;
    times.set(number, count + 1);
    if (count > 0) continue;
    const overtaker = ahead.find((one) => one.number > number);
    if (overtaker === undefined) ahead.push({ at, number });
    else lateMs = Math.max(lateMs, at - overtaker.at);
    if (ahead.length > PER_SECOND) ahead.shift();
  }
  const counts = [...times.values()];
  return {
    sent: numbers.length,
    lost: counts.filter((count) => count === 0).length,
    twice: counts.filter((count) => count > 1).length,
    lateMs,
  };
}
