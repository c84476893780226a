/** A stream each way while a connection has to find another way (`connection-rows.ts`): what comes out, and how long nothing did. */
import type { ConnectionId, PeerEvent } from '../src/core/index.ts';
import { meet, type PairSide } from '../src/sim/index.ts';
import { openPlay } from './connection-play.ts';
import { easyPair, type Happening } from './connection-rows.ts';

/** So much is written each way, a piece at a time, while it happens. */
const PIECE_BYTES = 5_000;
const PIECES = 200;
const PIECE_MS = 50;
const BEFORE_MS = 3_000;
const AFTER_MS = 120_000;

export interface Streamed {
  /** Both directions came whole, in order, and ended. */
  readonly exact: boolean;
  /** How either side heard that the stream was reset. */
  readonly resets: readonly string[];
}

interface End {
  path: ConnectionId | null;
  written: number;
  got: number;
  wrong: boolean;
  ended: boolean;
}

const byteAt = (side: PairSide, offset: number): number =>
  ((Math.imul(offset + 1, 2_654_435_761) >>> 24) ^ (side === 'host' ? 0x55 : 0)) & 0xff;
const otherSide = (side: PairSide): PairSide => (side === 'client' ? 'host' : 'client');

/** `stillMs`: so long nothing is written after the first half. */
export function runStreamed(
  happening: Pick<Happening, 'relay' | 'friendNat' | 'happen'>,
  seed: string,
  stillMs = 0,
): Streamed {
  const ends = { client: newEnd(), host: newEnd() };
  const resets: string[] = [];
  const play = openPlay({
    ...easyPair(seed, happening.relay, happening.friendNat),
    onEvent: (side, event) => play.scene.world.after(0, () => hear(side, event)),
  });
  const { world, peers } = play.scene;

  function hear(side: PairSide, event: PeerEvent): void {
    const end = ends[side];
    if (event.ev === 'stream-opened') {
      end.path = event.path;
      write(side);
    } else if (event.ev === 'stream-data') {
      const from = end.got;
      end.wrong ||= event.bytes.some((byte, n) => byte !== byteAt(otherSide(side), from + n));
      end.got += event.bytes.length;
      const { path, stream, bytes } = event;
      peers[side].command({ do: 'stream', path, command: { do: 'stream-consumed', stream, bytes: bytes.length } });
    } else if (event.ev === 'stream-ended') end.ended = true;
    else if (event.ev === 'stream-reset') resets.push(`${side}: ${event.why}`);
  }

  function write(side: PairSide): void {
    const end = ends[side];
    const { path, written } = end;
    if (path === null) return;
    const bytes = Uint8Array.from({ length: PIECE_BYTES }, (_, n) => byteAt(side, written + n));
    end.written += bytes.length;
    peers[side].command({ do: 'stream', path, command: { do: 'stream-write', stream: 0, bytes } });
    const pauseMs = end.written === (PIECES * PIECE_BYTES) / 2 ? Math.max(PIECE_MS, stillMs) : PIECE_MS;
    if (end.written < PIECES * PIECE_BYTES) world.after(pauseMs, () => write(side));
    else peers[side].command({ do: 'stream', path, command: { do: 'stream-end', stream: 0 } });
  }

  meet(play.scene);
  world.run(BEFORE_MS);
  const path = play.seen.client.open.at(-1) ?? null;
  ends.client.path = path;
  if (path !== null)
    peers.client.command({ do: 'stream', path, command: { do: 'stream-open', stream: 0, service: 3 } });
  write('client');
  world.run(BEFORE_MS);
  happening.happen(play, world.random('happening'));
  const done = (): boolean => Object.values(ends).every(({ ended }) => ended);
  world.runUntil(() => done() || resets.length === 2, { limitMs: AFTER_MS + stillMs });
  const whole = Object.values(ends).every(({ got, wrong }) => !wrong && got === PIECES * PIECE_BYTES);
  return { exact: done() && whole, resets };
}

function newEnd(): End {
  return { path: null, written: 0, got: 0, wrong: false, ended: false };
}
