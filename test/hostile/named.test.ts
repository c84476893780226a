import { expect, test } from 'vitest';
import { PAY_LIMITS, PLAN_LIMITS } from '../../src/core/testing.ts';
import { named, WAYS } from './named.ts';

const SECONDS = 60;
/** What the probes of a device may cost somebody at most, and so everything else as well. */
const PUNCH_BYTES = 60;
const BYTES_MAX = PUNCH_BYTES * (PLAN_LIMITS.birthdayBurst + SECONDS * PAY_LIMITS.probesPerSecond);

test.each(WAYS)(
  'a public address that a dishonest master names (%s) is sent 6 kB/s at most by one participant',
  (way) => {
    const { host, friend } = named(way, 1_000 * SECONDS);
    expect(host.packets + friend.packets).toBeGreaterThan(10);
    expect(host.bytes).toBeLessThanOrEqual(BYTES_MAX);
    expect(friend.bytes).toBeLessThanOrEqual(BYTES_MAX);
  },
);
