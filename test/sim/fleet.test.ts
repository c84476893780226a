/** A fleet whose nodes are killed, hang and are drained while friends join; `npm run bench:fleet-worlds` runs ten thousand of these. */
import { expect, test } from 'vitest';
import { Rulings, wrongIn } from '../../bench/fleet-checks.ts';
import { FleetNews } from '../../bench/fleet-office.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { type NodeFault, runFleet } from '../../src/sim/index.ts';

const worlds = Number(process.env.WORLDS ?? 4);

test.each(Array.from({ length: worlds }, (_, n) => n + 1))(
  'world %i: no join is lost, and each host is at two nodes when all are back',
  (seed) => {
    const { wrong, joins } = runFleet({ seed, crypto: nodeCrypto });
    expect(wrong).toEqual([]);
    expect(joins).toHaveLength(12);
  },
);

test.each<NodeFault>(['kill', 'hang', 'drain'])(
  '%s: a join is delayed by less than the repetitions of one that is lost',
  (fault) => {
    for (const seed of ['a', 'b']) {
      const run = runFleet({ seed: `${fault}-${seed}`, crypto: nodeCrypto, faults: [fault] });
      expect(run.wrong).toEqual([]);
      const worst = Math.max(...run.joins.map(({ tookMs }) => tookMs ?? Number.POSITIVE_INFINITY));
      expect(worst).toBeLessThan(2_500);
    }
  },
);

test.each(Array.from({ length: Math.max(2, worlds / 4) }, (_, n) => n + 1))(
  'world %i with what nodes say, some of it lost: one list, one truth for each code, every ban, one holder of each name',
  (seed) => {
    const news = new FleetNews(0.05);
    const rulings = new Rulings(news);
    const office = { office: news.office, onCut: news.cut, meanwhile: rulings.plan, troublemakers: true };
    const run = runFleet({ seed, hosts: 2, joins: 3, crypto: nodeCrypto, ...office });
    expect([...run.wrong, ...rulings.wrong(), ...wrongIn(news, 3)]).toEqual([]);
  },
);

test('with loss on every line nothing is lost either', () => {
  const { wrong } = runFleet({ seed: 'loss', crypto: nodeCrypto, lines: { lossRate: 0.05, jitterMs: 10 } });
  expect(wrong).toEqual([]);
});

test('where a second passes until an answer comes, nobody wakes without end while the master of the link says which node it is', () => {
  const faults: readonly NodeFault[] = ['kill', 'drain', 'drain', 'kill'];
  const slow = { seed: 'slow-2', stays: true, joins: 12, lines: { delayMs: 500 } };
  expect(() => runFleet({ ...slow, crypto: nodeCrypto, faults })).not.toThrow();
}, 240_000);

test('who has a session with one node comes to the others by its ticket, though their clocks differ by minutes', () => {
  const { resumed } = runFleet({ seed: 'tickets', crypto: nodeCrypto, hosts: 6, joins: 1, faults: [] });
  // Every host has a second session at least; of two that it begins at one moment only one has the ticket.
  expect(resumed).toBeGreaterThanOrEqual(6);
});

test.each(['one', 'two'])('a node whose probe ports are shut says so, and no other does (seed %s)', (seed) => {
  const fleet = { seed: `shut-${seed}`, crypto: nodeCrypto, hosts: 9, joins: 1 } as const;
  expect(runFleet({ ...fleet, faults: [] }).shut).toEqual([]);
  expect(runFleet({ ...fleet, faults: ['kill', 'hang', 'drain'] }).shut).toEqual([]);
  for (const node of ['node0', 'node2'])
    expect(runFleet({ ...fleet, faults: [], shutProbePorts: [node] }).shut).toEqual([node]);
});

test('what is still to be said of a join whose node has ended meets no link that is gone', () => {
  // Between two routers that draw each port anew the search for a path outlasts a node that is drained.
  const hard = { hosts: 2, joins: 6, faults: ['drain'], nat: 'linuxRandom' } as const;
  expect(() => runFleet({ seed: 2, crypto: nodeCrypto, ...hard })).not.toThrow();
});

test('who starts and joins while a node is away waits for it no longer than until the next is called', () => {
  const took = (faults: readonly NodeFault[], seed: string): readonly number[] =>
    runFleet({ seed, crypto: nodeCrypto, hosts: 6, joins: 5, fresh: true, faults })
      .joins.filter(({ troubled }) => troubled === faults.length > 0)
      .map(({ tookMs }) => tookMs ?? Number.POSITIVE_INFINITY);
  const calm = Math.max(...took([], 'calm'));
  for (const seed of ['one', 'two', 'three']) expect(Math.max(...took(['drain'], seed))).toBeLessThan(calm + 500);
});

test('hosts that come before the nodes know each other are at two of them within a heartbeat of the list', () => {
  // The world ends 35 s after the nodes have heard of each other.
  const early = { crypto: nodeCrypto, hosts: 9, joins: 0, faults: [], strangersMs: 8_000 } as const;
  for (const seed of ['early', 'birds']) expect(runFleet({ ...early, seed }).wrong).toEqual([]);
});
