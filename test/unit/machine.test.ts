import { expect, test } from 'vitest';
import { type Instant, type Machine, NEVER, type Output, outputs, type SocketId } from '../../src/core/index.ts';
import { agenda, Nest } from '../../src/core/testing.ts';

/** Opens one socket, echoes what comes in, counts its time-outs. */
function echo(socket: SocketId): Machine<'close', string> {
  const out = outputs<string>();
  const table = agenda();
  out.open(socket, 4);
  table.at(10, () => out.event('tick'));
  return {
    handleDatagram: (_now, on, from, bytes) => out.transmit(on, from, bytes),
    handleSocket: (_now, on, outcome) => out.event(`${on} ${outcome.ok}`),
    handleTimeout: (now) => table.run(now),
    handleCommand: () => out.event('closing'),
    poll: () => out.next(table.next()),
  };
}

function drain<Event>(poll: () => Output<Event>): Output<Event>[] {
  const all: Output<Event>[] = [];
  for (;;) {
    const output = poll();
    all.push(output);
    if (output.kind === 'wait') return all;
  }
}

const peer = { address: '192.0.2.1', port: 7 };
const outcome = { ok: true, local: { address: '10.0.0.1', port: 1 } } as const;

test('outputs come out in order, then wait', () => {
  const out = outputs<string>();
  out.open(1, 4);
  out.transmit(1, peer, new Uint8Array(1), 3);
  out.event('x');
  expect(drain(() => out.next(5)).map((o) => o.kind)).toEqual(['socket', 'transmit', 'event', 'wait']);
});

test('an agenda does each thing once, the earliest first, and one may cancel another that is due as well', () => {
  const table = agenda();
  const done: string[] = [];
  expect(table.next()).toBe(NEVER);
  table.at(20, () => done.push('late'));
  const alarm = table.at(15, () => done.push('cancelled'));
  table.at(10, () => {
    done.push('early');
    alarm.cancel();
  });
  table.at(30, () => done.push('later'));
  expect(table.next()).toBe(10);
  table.run(20);
  table.run(20);
  expect(done).toEqual(['early', 'late']);
  expect(table.next()).toBe(30);
});

test('a nest routes by socket, merges outputs and translates events', () => {
  const out = outputs<string>();
  const children = new Nest(out);
  const heard: string[] = [];
  const [left, right] = [echo(1), echo(2)];
  children.add(left, (now: Instant, event) => heard.push(`left ${now} ${event}`));
  children.add(right, (now: Instant, event) => heard.push(`right ${now} ${event}`));
  children.pump(0);
  expect(children.next()).toBe(10);
  expect(children.socket(1, 2, outcome)).toBe(true);
  expect(children.datagram(1, 1, peer, new Uint8Array(3))).toBe(true);
  expect(children.datagram(1, 9, peer, new Uint8Array(3))).toBe(false);
  children.command(2, left, 'close');
  children.pump(2);
  children.timeout(10);
  children.pump(10);
  expect(heard).toEqual(['right 2 2 true', 'left 2 closing', 'left 10 tick', 'right 10 tick']);
  expect(children.next()).toBe(NEVER);
  const sent = drain(() => out.next(NEVER)).filter((o) => o.kind === 'transmit');
  expect(sent).toHaveLength(1);
});

test('removing a child closes its sockets, but not one that was handed over', () => {
  const out = outputs<string>();
  const children = new Nest(out);
  const [left, right] = [echo(1), echo(2)];
  children.add(left, () => {});
  children.add(right, () => {});
  children.pump(0);
  children.assign(1, right);
  drain(() => out.next(NEVER));
  children.remove(left);
  expect(drain(() => out.next(NEVER))).toEqual([{ kind: 'wait', until: NEVER }]);
  children.remove(right);
  const closed = drain(() => out.next(NEVER)).flatMap((o) => (o.kind === 'socket' ? [o.socket] : []));
  expect(closed.sort()).toEqual([1, 2]);
});
