/**
 * Names are looked up at the start, and again for as long as the masterserver does not answer: a dynamic name may lead elsewhere by
 * now, and at the start of a computer there may be no DNS yet.
 */
import { lookup } from 'node:dns/promises';
import { addressBytes, type Endpoint, LIMITS, SOURCES_LIMITS } from '../core/index.ts';
import { AGENT_LIMITS } from './limits.ts';

export interface NamedEndpoint {
  readonly host: string;
  readonly port: number;
}

/** The addresses of a name, IPv4 first: it is what games and NATs are about. Empty where it does not resolve in time. */
export async function resolveName(host: string): Promise<readonly string[]> {
  if (addressBytes(host) !== null) return [host];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), LIMITS.nameLookupMs);
  });
  const found = lookup(host, { all: true }).then(
    (entries) => entries.sort((left, right) => left.family - right.family).map((entry) => entry.address),
    () => [],
  );
  const addresses = await Promise.race([found, late]);
  clearTimeout(timer);
  return addresses;
}

/** One address each; names that do not resolve in time are left out: STUN only adds knowledge. */
export async function resolveEndpoints(servers: readonly NamedEndpoint[]): Promise<readonly Endpoint[]> {
  const resolved = await Promise.all(
    servers.slice(0, SOURCES_LIMITS.stunServersMax).map(async ({ host, port }) => {
      const addresses = await resolveName(host);
      return addresses.slice(0, 1).map((address) => ({ address, port }));
    }),
  );
  return resolved.flat();
}

/** Where names lead; what can't be looked up is empty. */
export interface Resolved {
  readonly master: readonly string[];
  readonly stun: readonly Endpoint[];
}

/** Looks the names up every 3 s between `begin` and `end`, and tells what has come of it where it is not what it was. */
export class NameWatch {
  readonly #look: () => Promise<Resolved>;
  readonly #onChange: (resolved: Resolved) => void;
  #last: string;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    { resolved, look }: { readonly resolved: Resolved; readonly look: () => Promise<Resolved> },
    onChange: (resolved: Resolved) => void,
  ) {
    this.#last = JSON.stringify(resolved);
    this.#look = look;
    this.#onChange = onChange;
  }

  begin(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => void this.#again(), AGENT_LIMITS.namesAgainMs);
    void this.#again();
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #again(): Promise<void> {
    const resolved = await this.#look();
    const told = JSON.stringify(resolved);
    if (this.#timer === null || told === this.#last) return;
    this.#last = told;
    this.#onChange(resolved);
  }
}
