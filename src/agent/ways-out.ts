/**
 * Several ways out of a computer, such as a cable and a phone's hotspot: each is tried from the address that it has, by a handshake with the
 * masterserver, and the better one is used for all that is opened from then on. A socket that is bound to an address leaves by that way
 * where the system routes by source: Windows does, Linux with rules for it. Where it does not nobody answers, and the system's way stays.
 */
import { familyOf, type MasterAddress } from '../core/index.ts';
import { type OpenUdpSocket, openUdpSocket } from '../node/index.ts';
import { AGENT_LIMITS } from './limits.ts';
import { survey } from './way-survey.ts';

/** A way out by IPv4: the address of its interface. */
export interface WayOut {
  readonly address: string;
  /** A VPN or the like. */
  readonly tunnel: boolean;
}

export interface MeasuredWay extends WayOut {
  /** Of the handshake; null: nobody has answered. */
  readonly answeredMs: number | null;
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
export function waysToMeasure(ways: readonly WayOut[], system: string | null): readonly WayOut[] {
  const own = ways.find(({ address }) => address === system);
  if (own === undefined || own.tunnel) return [];
  const others = ways.filter((way) => way !== own && !way.tunnel).slice(0, AGENT_LIMITS.waysMeasuredMax - 1);
  return others.length === 0 ? [] : [own, ...others];
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

/** Tries each of the ways at once; ends within 2 s. */
export async function measureWays(ways: readonly WayOut[], master: MasterAddress): Promise<readonly MeasuredWay[]> {
  const four = master.addresses.filter((address) => familyOf(address) === 4);
  if (four.length === 0) return ways.map((way) => ({ ...way, answeredMs: null }));
  const { key, port } = master;
  const at = { key, port, addresses: four };
  // A way that can't be measured is none.
  const measured = ways.map(({ address }) =>
    survey(at, { openSocket: openAt(address, openUdpSocket) }).catch(() => []),
  );
  const reports = await Promise.all(measured);
  return ways.map((way, index) => ({ ...way, answeredMs: reports[index]?.[0]?.answeredMs ?? null }));
}
