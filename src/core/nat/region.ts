export interface Region {
  readonly kind: 'random' | 'range' | 'block';
  readonly low: number;
  readonly high: number;
  readonly log: number;
}

/** What a NAT falls back to: Linux and most others. */
export const PORTS_ALL = { low: 1024, high: 65_535 } as const;

/** pf (PF_NAT_PROXY_PORT_LOW/HIGH), libalias (ALIAS_PORT_BASE, MASK), IANA's dynamic ports; shares as far as known. */
const KNOWN = [
  { kind: 'random', ...PORTS_ALL, prior: 0.5 },
  { kind: 'range', low: 50_001, high: 65_535, prior: 0.12 },
  { kind: 'range', low: 32_768, high: 65_535, prior: 0.08 },
  { kind: 'range', low: 49_152, high: 65_535, prior: 0.03 },
  { kind: 'range', low: 32_768, high: 60_999, prior: 0.001 },
] as const;
/** CGN blocks of 64...4096 ports (FortiGate, Juniper, Cisco; docs/reference/nat-model.md §2.1), aligned to their size. */
const BLOCK_BITS = [6, 7, 8, 9, 10, 11, 12] as const;
const BLOCK_PRIOR = 0.2 / BLOCK_BITS.length;
/** Any other range, its bounds unknown: rules for single customers (Linux SNAT, TNSR), which have small ones mostly. */
const LEARNT_PRIOR = 0.01;
/** Widths of 64...65536 ports, each factor of two as likely as the other. */
const WIDTHS_LOG = Math.log(1024);

/** Regions that hold all ports, likeliest first; `log` is ln of prior x likelihood. Empty where there are no ports. */
export function fitRegions(ports: readonly number[]): Region[] {
  if (ports.length === 0) return [];
  const low = Math.min(...ports);
  const high = Math.max(...ports);
  const regions: Region[] = [];
  const add = (kind: Region['kind'], from: number, to: number, logPrior: number) => {
    if (from > low || to < high) return;
    regions.push({ kind, low: from, high: to, log: logPrior - ports.length * Math.log(to - from + 1) });
  };
  for (const known of KNOWN) add(known.kind, known.low, known.high, Math.log(known.prior));
  for (const bits of BLOCK_BITS) {
    const size = 2 ** bits;
    const start = low - (low % size);
    // Port 0 is no mapping's.
    add('block', Math.max(1, start), start + size - 1, Math.log(BLOCK_PRIOR) - Math.log(65_536 / size));
  }
  const learnt = learntRange(ports, low, high);
  if (learnt !== null) regions.push(learnt);
  return regions.sort((left, right) => right.log - left.log);
}

/**
 * Anywhere, of any width, equally likely on a logarithmic scale: the likelihood width^-n summed over all bounds that hold the ports
 * has a closed form. The best unbiased guess widens the span by (n+1)/(n-1) (docs/reference/nat-model.md §4.1).
 */
function learntRange(ports: readonly number[], low: number, high: number): Region | null {
  const n = ports.length;
  const span = high - low + 1;
  if (n < 4) return null;
  const margin = Math.round(span / (n - 1));
  return {
    kind: 'range',
    low: Math.max(1, low - margin),
    high: Math.min(65_535, high + margin),
    log: Math.log(LEARNT_PRIOR / (WIDTHS_LOG * 65_536 * n * (n - 1))) - (n - 1) * Math.log(span),
  };
}
