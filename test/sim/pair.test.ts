/** Whole joins with the real client, host and master, detection included, in virtual time. */
import { expect, test } from 'vitest';
import { WIRE_LIMITS } from '../../src/core/index.ts';
import { LEAD_LIMITS } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { packetRate, runPair, type SimClassId, STANDARD_CHECKS, traceJson } from '../../src/sim/index.ts';

function join(clientClass: SimClassId, hostClass: SimClassId, seed: number, limitMs = 60_000) {
  const replay = `sallyport sim --pair ${clientClass},${hostClass} --seed ${seed}`;
  return runPair({ clientClass, hostClass, seed, crypto: nodeCrypto, limitMs, trace: true, replay });
}

test.each([
  ['P0', 'S4'],
  ['P1', 'P5'],
  ['P3', 'P3'],
  ['P3', 'P4'],
  ['P3', 'S2'],
  ['S5', 'P3'],
] as const)('%s joins %s, and every check holds', (client, host) => {
  for (const seed of [1, 2]) {
    const run = join(client, host, seed);
    expect(run.connected, run.world.replayText()).toBe(true);
    run.world.check(...STANDARD_CHECKS, packetRate(400, 1_000));
  }
});

test('a network that blocks UDP never connects, and nobody is probed', () => {
  const run = join('X', 'P3', 1);
  expect(run.connected).toBe(false);
  expect(run.packets).toEqual({ client: 0, host: 0 });
  run.world.check(...STANDARD_CHECKS);
});

test.each([
  '1-P4-S3-34', // a step behind the carrier's NAT at hop 9
  '1-P4-S3-58',
])('a door far from home is opened before somebody who accepts strangers hears of it (%s)', (seed) => {
  const run = runPair({
    ...{ clientClass: 'P4', clientAccess: 'mobile', hostClass: 'S3', hostAccess: 'home', seed, crypto: nodeCrypto },
    limitMs: 10_000,
    replay: `sallyport sim --pair P4@mobile,S3@home --seed ${seed}`,
  });
  expect(run.connected, run.world.replayText()).toBe(true);
});

test('one seed gives one join, packet for packet', () => {
  const text = () => traceJson(join('P3', 'S2', 7).world.trace);
  expect(text()).toBe(text());
});

test('credits that the master refuses are asked for again as one purchase, and the links to it last', () => {
  const links = { client: 0, host: 0 };
  const options = { clientClass: 'S4', hostClass: 'S4', seed: '1-S4-S4-0', crypto: nodeCrypto } as const;
  const { world } = runPair({
    ...options,
    limitMs: 60_000,
    trace: true,
    onEvent: (side, event) => {
      if (event.ev === 'link' && event.state === 'up') links[side]++;
    },
  });
  const credits = world.trace.filter(
    ({ what, where, packet }) =>
      what === 'sent' && where === 'client' && packet.bytes.length === WIRE_LIMITS.controlBytesMax,
  );
  expect(credits.length).toBeGreaterThan(LEAD_LIMITS.creditsAtOnce);
  for (const { at } of credits) {
    const soon = credits.filter((other) => other.at >= at && other.at < at + 1_000);
    expect(soon.length).toBeLessThan(3 * LEAD_LIMITS.creditsAtOnce);
  }
  expect(links).toEqual({ client: 1, host: 1 });
});
