/** What an agent tells its machine of a network that changes. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AGENT_LIMITS, OwnNetwork } from '../../src/agent/testing.ts';
import type { PeerCommand } from '../../src/core/index.ts';
import { openUdpSocket } from '../../src/node/index.ts';

/** Four looks a second. */
const LOOK_MS = 250;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a move is told within a second, with what is known, however long the router of the new network is looked for', async () => {
  let addresses = ['192.168.1.5'];
  let found: (gateway: string) => void = () => {};
  const told: (Extract<PeerCommand, { do: 'network' }>['network'] & { readonly at: number })[] = [];
  const own = new OwnNetwork({
    network: { addresses: () => addresses, openSocket: openUdpSocket },
    master: { key: new Uint8Array(32), port: 8430, addresses: ['127.0.0.1'], tunnel: false },
    gateway: '192.168.1.1',
    findGateway: () =>
      new Promise((resolve) => {
        found = resolve;
      }),
    towards: () => ['127.0.0.1'],
    tell: (command) => {
      if (command.do === 'network') told.push({ ...command.network, at: Date.now() });
    },
  });
  const moved = Date.now();
  addresses = ['10.0.0.7'];
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told).toMatchObject([{ addresses: ['10.0.0.7'], gateway: '192.168.1.1' }]);
  expect(told[0]!.at - moved).toBe(LOOK_MS + AGENT_LIMITS.networkToldMs);
  expect(told[0]!.at - moved).toBeLessThan(1_000);
  found('10.0.0.1');
  await vi.advanceTimersByTimeAsync(1);
  expect(told.slice(1)).toMatchObject([{ addresses: ['10.0.0.7'], gateway: '10.0.0.1' }]);
  // Known at once: told once.
  addresses = ['10.9.0.7'];
  await vi.advanceTimersByTimeAsync(LOOK_MS);
  found('10.9.0.1');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told.slice(2)).toMatchObject([{ addresses: ['10.9.0.7'], gateway: '10.9.0.1' }]);
  own.stop();
});
