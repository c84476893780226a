/** A computer with several ways out: which are measured, and which is used. */
import { expect, test, vi } from 'vitest';
import {
  AGENT_LIMITS,
  betterWay,
  inTime,
  isAside,
  type MeasuredWay,
  openAt,
  vpnOf,
  waysToMeasure,
  wayToUse,
} from '../../src/agent/testing.ts';
import type { OpenUdpSocket } from '../../src/node/index.ts';

const CABLE = { name: 'eth0', address: '192.168.1.5', tunnel: false };
const PHONE = { name: 'wlan0', address: '192.168.43.7', tunnel: false };
const VPN = { name: 'wg0', address: '10.8.0.2', tunnel: true };

const took = (way: typeof CABLE, answeredMs: number | null): MeasuredWay => ({ ...way, answeredMs });

test('one way out is not measured, two are, the one of the system first', () => {
  expect(waysToMeasure([CABLE], CABLE.address)).toEqual([]);
  expect(waysToMeasure([PHONE, CABLE], CABLE.address)).toEqual([CABLE, PHONE]);
  expect(waysToMeasure([CABLE, PHONE], null)).toEqual([]);
});

test('nothing leaves beside a VPN that all goes through, and a VPN that the system does not use is not taken', () => {
  expect(waysToMeasure([CABLE, PHONE, VPN], VPN.address)).toEqual([]);
  expect(waysToMeasure([CABLE, VPN], CABLE.address)).toEqual([]);
});

test('where a VPN has the way to the masterserver alone, the way of all else is measured, and bound to where it is answered', () => {
  expect(waysToMeasure([CABLE, VPN], CABLE.address, [VPN.address, CABLE.address])).toEqual([CABLE]);
  expect(waysToMeasure([CABLE, VPN], CABLE.address, [CABLE.address])).toEqual([]);
  expect(wayToUse([took(CABLE, 40)], null, true)).toBe(CABLE.address);
  expect(wayToUse([took(CABLE, 40)], CABLE.address, true)).toBe(CABLE.address);
  expect(wayToUse([took(CABLE, 40)], CABLE.address, false)).toBeNull();
  // A masterserver that only the VPN leads to.
  expect(wayToUse([took(CABLE, null)], null, true)).toBeNull();
  expect(wayToUse([took(CABLE, 60), took(PHONE, 30)], null, true)).toBe(PHONE.address);
  expect(wayToUse([], null, true)).toBeNull();
});

test('a VPN that all goes through is told from one beside, and from a line that has no hardware address', () => {
  const of = (system: string, ...ways: (typeof CABLE)[]) => vpnOf({ ways, system }, null);
  expect(of(CABLE.address, CABLE, PHONE)).toBe('none');
  expect(of(CABLE.address, CABLE, VPN)).toBe('some');
  expect(of(VPN.address, CABLE, VPN)).toBe('all');
  expect(vpnOf({ ways: [CABLE, VPN], system: VPN.address }, CABLE.address)).toBe('some');
  const line = { name: 'ppp0', address: '203.0.113.9', tunnel: true };
  expect(of(line.address, line)).toBe('none');
});

test('a VPN that has the way to a friend alone is told from one that all goes through, from one to the masterserver, and from a cable', () => {
  const ways = [CABLE, PHONE, VPN];
  expect(isAside(ways, [CABLE.address], VPN.address)).toBe(true);
  expect(isAside(ways, [VPN.address], VPN.address)).toBe(false);
  expect(isAside(ways, [CABLE.address, VPN.address], VPN.address)).toBe(false);
  expect(isAside(ways, [CABLE.address], PHONE.address)).toBe(false);
  expect(isAside(ways, [CABLE.address], null)).toBe(false);
});

test('a way that is much quicker is used, and one that is a little quicker is not', () => {
  expect(betterWay([took(CABLE, 60), took(PHONE, 30)], null)).toBe(PHONE.address);
  expect(betterWay([took(CABLE, 60), took(PHONE, 45)], null)).toBeNull();
  expect(betterWay([took(CABLE, 12), took(PHONE, 3)], null)).toBeNull();
});

test('where the way of the system does not answer another one that does is used', () => {
  expect(betterWay([took(CABLE, null), took(PHONE, 200)], null)).toBe(PHONE.address);
  expect(betterWay([took(CABLE, null), took(PHONE, null)], null)).toBeNull();
});

test('the way that is used stays while it is not much worse, and gives way to that of the system when it dies', () => {
  expect(betterWay([took(CABLE, 40), took(PHONE, 45)], PHONE.address)).toBe(PHONE.address);
  expect(betterWay([took(CABLE, 40), took(PHONE, null)], PHONE.address)).toBeNull();
  expect(betterWay([took(CABLE, 20), took(PHONE, 45)], PHONE.address)).toBeNull();
});

test('a silent way keeps nobody waiting for its two seconds once another has answered, and one that answers soon after is heard', async () => {
  vi.useFakeTimers();
  try {
    const { waysWaitMs } = AGENT_LIMITS;
    const after = (ms: number, answer: number | null) =>
      new Promise<number | null>((resolve) => setTimeout(() => resolve(answer), ms));
    const began = Date.now();
    const over = async (...asked: Promise<number | null>[]) => {
      const answers = await inTime(asked, waysWaitMs);
      return [answers, Date.now() - began];
    };
    const all = Promise.all([
      over(after(2_000, null), after(100, 60)),
      over(after(100 + waysWaitMs - 1, 300), after(100, 60)),
      over(after(100 + waysWaitMs + 1, 700), after(100, 60)),
      over(after(2_000, null), after(2_000, null)),
      over(after(120, 70), after(100, 60)),
    ]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await all).toEqual([
      [[null, 60], 100 + waysWaitMs],
      [[300, 60], 100 + waysWaitMs - 1],
      [[null, 60], 100 + waysWaitMs],
      [[null, null], 2_000],
      [[70, 60], 120],
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test('sockets of IPv4 are opened at the way that is used, others as they were asked for', () => {
  const asked: (string | undefined)[] = [];
  const open: OpenUdpSocket = ({ address }) => {
    asked.push(address);
    return { outcome: { ok: false, code: 'limit' }, socket: null };
  };
  const request = { kind: 'socket', op: 'open', socket: 1, port: 0 } as const;
  const handlers = { onDatagram: () => {} };
  openAt(PHONE.address, open)({ ...request, family: 4 }, handlers);
  openAt(PHONE.address, open)({ ...request, family: 6 }, handlers);
  openAt(PHONE.address, open)({ ...request, family: 4, address: '127.0.0.1' }, handlers);
  expect(asked).toEqual([PHONE.address, undefined, '127.0.0.1']);
});
