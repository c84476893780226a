/** Eight friends in a simulated internet who join, play and leave for hours: real machines, virtual time. */
import { NATS } from '../src/sim/index.ts';
import { ANNOUNCEMENT, type Participant, stage } from './campaign-world.ts';
import type { rowsOf } from './rows.ts';
import { heapBytes, notMore, slope } from './soak-memory.ts';

const HOUR_MS = 3_600_000;
const FRIENDS = 8;
const DATAGRAM = new Uint8Array(100).fill(7);
/** From a datagram of a friend to its next; the host answers each. */
const SAY_MS = 500;
/** A friend plays for so long, then rests; with the time that a join takes, eight do so 10,000 times in eight hours. */
const PLAY_MS = [10_000, 24_000] as const;
const REST_MS = [1_000, 6_000] as const;
/** Before each count everybody leaves, and what is remembered of the joins for a minute is over. */
const QUIET_MS = 120_000;
const JOIN_MS_MAX = 30_000;

interface Friend {
  readonly one: Participant;
  state: 'resting' | 'joining' | 'playing';
  /** When it next does something; of who plays, until when. */
  at: number;
  sayAt: number;
  path: number | null;
  join: number;
}

interface Counts {
  joins: number;
  failed: number;
  answers: number;
}

type Tell = ReturnType<typeof rowsOf>['row'];

/** What has been told since the last look; it is forgotten, because the simulator keeps it for tests. */
function news<Event>({ events }: { readonly events: readonly Event[] }): readonly Event[] {
  return (events as Event[]).splice(0);
}

function act(now: number, friend: Friend, code: string, between: (range: readonly [number, number]) => number): void {
  const { one } = friend;
  if (friend.state === 'resting' && now >= friend.at) {
    friend.state = 'joining';
    friend.join++;
    friend.at = now + JOIN_MS_MAX;
    const who = { hostKey: null, password: null, name: 'Ann' };
    one.running.command({ do: 'join', join: friend.join, code, timeoutMs: JOIN_MS_MAX, ...who });
  } else if (friend.state === 'playing' && now >= friend.at) {
    if (friend.path !== null) one.running.command({ do: 'leave', path: friend.path });
    friend.state = 'resting';
    friend.path = null;
    friend.at = now + between(REST_MS);
  } else if (friend.path !== null && now >= friend.sayAt) {
    friend.sayAt = now + SAY_MS;
    one.running.command({ do: 'send', path: friend.path, bytes: DATAGRAM });
  }
}

function hear(
  now: number,
  friend: Friend,
  counts: Counts,
  between: (range: readonly [number, number]) => number,
): void {
  for (const event of news(friend.one.running)) {
    if (event.ev === 'path' && friend.state === 'joining') {
      counts.joins++;
      friend.state = 'playing';
      friend.path = event.path;
      friend.at = now + between(PLAY_MS);
    } else if (event.ev === 'join-failed') {
      counts.failed++;
      friend.state = 'resting';
      friend.at = now + between(REST_MS);
    } else if (event.ev === 'path-lost' && event.path === friend.path) friend.path = null;
    else if (event.ev === 'message') counts.answers++;
  }
}

export function soakVirtual(hours: number, seed: string, row: Tell): void {
  const { world, master, serving, participant } = stage(`soak ${seed}`);
  const random = world.random('friends');
  const between = ([from, to]: readonly [number, number]): number => from + random.float() * (to - from);
  const host = participant('host', NATS.linux);
  host.running.command({ do: 'host', announcement: ANNOUNCEMENT, password: null, ask: false });
  const nats = [NATS.linux, NATS.linux, NATS.linux, null];
  const friends = Array.from({ length: FRIENDS }, (_, n): Friend => {
    const one = participant(`friend${n}`, nats[n % nats.length] ?? null);
    return { one, state: 'resting', at: 5_000 + 500 * n, sayAt: 0, path: null, join: 0 };
  });
  world.run(4_000);
  const hosting = news(host.running).find((event) => event.ev === 'hosting');
  if (hosting?.ev !== 'hosting') throw new Error('the host is not listed');
  const counts: Counts = { joins: 0, failed: 0, answers: 0 };
  const everybody = [host, ...friends.map(({ one }) => one)];
  const sockets = (): number => everybody.reduce((sum, { running }) => sum + running.socketsOpen, 0);
  const held = (): number => master.tables().reduce((sum, { size }) => sum + size, 0);
  const ends: { readonly sockets: number; readonly held: number; readonly heap: number }[] = [];
  const began = performance.now();
  for (let hour = 1; hour <= hours; hour++) {
    const quietAt = hour * HOUR_MS - QUIET_MS;
    while (world.now < hour * HOUR_MS) {
      const leaving = world.now >= quietAt;
      for (const friend of friends) {
        if (leaving && friend.state === 'playing') friend.at = world.now;
        if (!leaving || friend.state === 'playing') act(world.now, friend, hosting.code, between);
      }
      world.run(SAY_MS / 5);
      for (const event of news(host.running))
        if (event.ev === 'message') host.running.command({ do: 'send', path: event.path, bytes: DATAGRAM });
      news(serving);
      for (const { icmp } of world.hosts) icmp.length = 0;
      for (const friend of friends) hear(world.now, friend, counts, between);
    }
    const end = { sockets: sockets(), held: held(), heap: heapBytes() };
    ends.push(end);
    const figures = `${end.sockets} sockets, ${end.held} in the tables of the master, ${(end.heap / 1e6).toFixed(1)} MB`;
    console.log(`hour ${hour}: ${counts.joins} joins, ${counts.failed} failed, ${counts.answers} answers; ${figures}`);
  }
  const seconds = (performance.now() - began) / 1_000;
  // What is made once (keys remembered, buckets touched) is there after the first hour.
  const later = ends.slice(1);
  const grown = (of: (end: (typeof ends)[number]) => number): number => Math.max(...later.map(of)) - of(ends[0]!);
  const perHour = slope(later.map(({ heap }) => heap)) / 1_000;
  const perJoin = (perHour * 1_000) / (counts.joins / hours);
  row('virtual hours', hours, 'h');
  row('virtual time by real time', (hours * 3_600) / seconds, 'times', 'at least 50', seconds <= (hours * 3_600) / 50);
  row('joins that led to a path, each left again', counts.joins, '');
  row('joins that failed', counts.failed, '', 'none', counts.failed === 0);
  row('datagrams answered', counts.answers, '');
  if (later.length === 0) return;
  notMore(
    row,
    'sockets more than after the first hour',
    grown((end) => end.sockets),
  );
  notMore(
    row,
    'entries more in the tables of the master',
    grown((end) => end.held),
  );
  row('memory more for each join', perJoin, 'bytes', 'below 100', perJoin < 100);
}
