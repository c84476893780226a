/**
 * Several ways out of a computer, such as a cable and a phone's hotspot: each is tried from the address that it has, by a handshake with the
 * masterserver, and the better one is used for all that is opened from then on. A socket that is bound to an address leaves by that way
 * where the system routes by source: Windows does, Linux with rules for it, or with the package koffi, which binds to the interface itself.
 * Where it does not nobody answers, and the system's way stays.
 */
import { familyOf, isLocalAddress, type MasterAddress, type Vpn } from '../core/index.ts';
import { type OpenOnDevice, type OpenUdpSocket, openDataSocket, openDataSocketOn } from '../node/index.ts';
import { AGENT_LIMITS } from './limits.ts';
import { survey } from './way-survey.ts';

/** A way out by IPv4: an interface, and our address there. */
export interface WayOut {
  readonly name: string;
  readonly address: string;
  /** A VPN or the like. */
  readonly tunnel: boolean;
}

export interface MeasuredWay extends WayOut {
  /** Of the handshake; null: nobody has answered. */
  readonly answeredMs: number | null;
}

/** Opens sockets of IPv4 that leave by this way: at its interface where that can be done, else at its address. */
export function openBy(way: WayOut, onDevice: OpenOnDevice | null): OpenUdpSocket {
  return onDevice === null ? openAt(way.address, openDataSocket) : openDataSocketOn(way, onDevice);
}

/** Opens sockets of IPv4 at this address of the computer. */
export function openAt(address: string, open: OpenUdpSocket): OpenUdpSocket {
  return (request, handlers) =>
    open(request.family === 4 && request.address === undefined ? { ...request, address } : request, handlers);
}

/**
 * Which ways are worth a measurement, the system's own first; none where there is no choice. Who has a VPN on, and goes out by it, has a
 * reason: nothing of ours must leave by another way. Nor is a VPN taken that the system does not use.
 */
export function waysToMeasure(
  ways: readonly WayOut[],
  system: string | null,
  sources: readonly string[] = [],
): readonly WayOut[] {
  const own = ways.find(({ address }) => address === system);
  if (own === undefined || own.tunnel) return [];
  const others = ways.filter((way) => way !== own && !way.tunnel).slice(0, AGENT_LIMITS.waysMeasuredMax - 1);
  return others.length === 0 && !isSplit(ways, sources) ? [] : [own, ...others];
}

/**
 * A VPN has the way to the masterserver, and not that to the rest of the Internet: the masterserver sees us where no friend does. `sources`:
 * the addresses that we go out by, to it and to the rest.
 */
export function isSplit(ways: readonly WayOut[], sources: readonly string[]): boolean {
  return ways.some(({ tunnel, address }) => tunnel && sources.includes(address));
}

/** Goes what is sent by this address through a VPN that has neither the way to the masterserver nor that to the rest of the Internet? */
export function isAside(ways: readonly WayOut[], sources: readonly string[], by: string | null): boolean {
  return by !== null && !sources.includes(by) && ways.some(({ tunnel, address }) => tunnel && address === by);
}

/**
 * `via`: the address that sockets are bound to, which is never that of a VPN. An interface without a hardware address that has a public
 * address is a line (PPPoE), as far as others can tell.
 */
export function vpnOf(
  { ways, system }: { readonly ways: readonly WayOut[]; readonly system: string | null },
  via: string | null,
): Vpn {
  const vpns = ways.filter(({ tunnel, address }) => tunnel && isLocalAddress(address));
  if (via === null && vpns.some(({ address }) => address === system)) return 'all';
  return vpns.length > 0 ? 'some' : 'none';
}

/**
 * The one to be used; null: as the system has it. Another one has to be better by a third and 10 ms, so that two that are alike don't take
 * turns; the one that is used already has that much ahead of the others.
 */
export function betterWay(measured: readonly MeasuredWay[], used: string | null): string | null {
  const [system] = measured;
  if (system === undefined) return null;
  const current = measured.find(({ address }) => address === used) ?? system;
  const cost = ({ answeredMs }: MeasuredWay): number => answeredMs ?? Number.POSITIVE_INFINITY;
  let best = current;
  for (const way of measured) {
    const gain = cost(current) - cost(way);
    const enough =
      gain > Math.max(AGENT_LIMITS.wayGainMs, cost(current) * AGENT_LIMITS.wayGain) || current.answeredMs === null;
    if (enough && cost(way) < cost(best)) best = way;
  }
  return best === system ? null : best.address;
}

/**
 * The same; where a VPN has the way to the masterserver alone, the system's own is bound to as well, so that friends and the masterserver see
 * one address.
 */
export function wayToUse(measured: readonly MeasuredWay[], used: string | null, split: boolean): string | null {
  const [system] = measured;
  const whole = split && system !== undefined && system.answeredMs !== null ? system.address : null;
  return betterWay(measured, used) ?? whole;
}

/** Tries each of the ways at once; ends within 2 s, and soon after the first answer. */
export async function measureWays(
  ways: readonly WayOut[],
  master: MasterAddress,
  onDevice: OpenOnDevice | null,
): Promise<readonly MeasuredWay[]> {
  const four = master.addresses.filter((address) => familyOf(address) === 4);
  if (four.length === 0) return ways.map((way) => ({ ...way, answeredMs: null }));
  const { key, port } = master;
  const at = { key, port, addresses: four };
  const measured = ways.map((way) =>
    survey(at, { openSocket: openBy(way, onDevice) }).then(
      ([report]) => report?.answeredMs ?? null,
      // A way that can't be measured is none.
      () => null,
    ),
  );
  const answers = await inTime(measured, AGENT_LIMITS.waysWaitMs);
  return ways.map((way, index) => ({ ...way, answeredMs: answers[index] ?? null }));
}

/** What has come of each, null for those that have come to nothing yet when the first answer is so old. */
export async function inTime<Answer>(
  asked: readonly Promise<Answer | null>[],
  waitMs: number,
): Promise<readonly (Answer | null)[]> {
  const answers: (Answer | null)[] = asked.map(() => null);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    for (const [index, one] of asked.entries())
      void one.then((answer) => {
        answers[index] = answer;
        if (answer !== null) timer ??= setTimeout(resolve, waitMs);
      });
  });
  await Promise.race([Promise.all(asked), late]);
  clearTimeout(timer);
  return [...answers];
}
