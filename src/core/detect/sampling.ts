/**
 * Which sources a fresh socket asks. A socket that asks two ports of one address tells APDM from ADM; one that asks two
 * addresses tells ADM from EIM; so they take turns, as far as there are sources for it. A pair differs in one thing only: of two
 * addresses the same port, of one address two ports that are both even or both odd, because boxes that share the load by port
 * parity (3 of 72 carriers, Wang 2011) would make two mappings of one. Sources that have not answered in time are passed over,
 * so a dead server costs a few questions.
 */
import type { Instant } from '../contract.ts';
import type { Random } from '../random.ts';
import type { Asker } from '../sources/asker.ts';
import type { MappingSource } from '../sources/source.ts';

/** What one fresh socket asks, in this order. */
export type SocketPlan = readonly MappingSource[];

export function planSocket(now: Instant, sources: readonly MappingSource[], asker: Asker, random: Random): SocketPlan {
  const used = new Map<MappingSource, number>();
  for (const { source } of asker.questions) used.set(source, (used.get(source) ?? 0) + 1);
  const patienceMs = 100 + 2 * (asker.rttMs() ?? 150);
  const silent = new Set(sources.filter((source) => isSilent(now, source, asker, patienceMs)));
  const rank = new Map(
    sources.map((source) => [source, (silent.has(source) ? 1e6 : 0) + (used.get(source) ?? 0) + random.float()]),
  );
  const ranked = sources.toSorted((left, right) => rank.get(left)! - rank.get(right)!);
  const ports = twoPorts(ranked, silent);
  const addresses = twoAddresses(ranked, silent);
  const sockets = new Set(asker.questions.map(({ socket }) => socket)).size;
  const pair = sockets % 2 === 0 ? (ports ?? addresses) : (addresses ?? ports);
  return pair ?? ranked.slice(0, 1);
}

/** Asked long enough ago, never answered. */
function isSilent(now: Instant, source: MappingSource, asker: Asker, patienceMs: number): boolean {
  const asked = asker.questions.filter((question) => question.source === source);
  return asked.some(({ sentAt }) => now - sentAt > patienceMs) && asked.every(({ answeredAt }) => answeredAt === null);
}

function twoPorts(ranked: readonly MappingSource[], silent: ReadonlySet<MappingSource>): SocketPlan | null {
  const fits = (left: MappingSource, right: MappingSource) =>
    left.target.address === right.target.address && left.target.port !== right.target.port;
  const alike = (left: MappingSource, right: MappingSource) => left.target.port % 2 === right.target.port % 2;
  return pairOf(ranked, silent, fits, alike);
}

function twoAddresses(ranked: readonly MappingSource[], silent: ReadonlySet<MappingSource>): SocketPlan | null {
  const fits = (left: MappingSource, right: MappingSource) => left.target.address !== right.target.address;
  const alike = (left: MappingSource, right: MappingSource) => left.target.port === right.target.port;
  return pairOf(ranked, silent, fits, alike);
}

/** The best-ranked pair that fits; among the partners of a source those alike come first. */
function pairOf(
  ranked: readonly MappingSource[],
  silent: ReadonlySet<MappingSource>,
  fits: (left: MappingSource, right: MappingSource) => boolean,
  alike: (left: MappingSource, right: MappingSource) => boolean,
): SocketPlan | null {
  const talking = ranked.filter((source) => !silent.has(source));
  for (const list of [talking, ranked]) {
    for (const left of list) {
      const partners = list.filter((candidate) => fits(left, candidate));
      const right = partners.find((candidate) => alike(left, candidate)) ?? partners[0];
      if (right !== undefined) return [left, right];
    }
  }
  return null;
}
