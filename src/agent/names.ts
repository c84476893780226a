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
async function resolveName(host: string): Promise<readonly string[]> {
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

/** Where names lead; what can't be looked up is empty. */
export interface Resolved {
  readonly master: readonly string[];
  readonly stun: readonly Endpoint[];
  /** A name, and not only an address, has been looked up with success. */
  readonly looked: boolean;
}

/** One address for each STUN server; those that do not resolve in time are left out: STUN only adds knowledge. */
export async function lookUp(master: string, servers: readonly NamedEndpoint[]): Promise<Resolved> {
  const asked = servers.slice(0, SOURCES_LIMITS.stunServersMax);
  const hosts = [master, ...asked.map(({ host }) => host)];
  const found = await Promise.all(hosts.map(resolveName));
  const [first = [], ...others] = found;
  const stun = asked.flatMap(({ port }, i) => (others[i] ?? []).slice(0, 1).map((address) => ({ address, port })));
  const looked = hosts.some((host, i) => addressBytes(host) === null && (found[i] ?? []).length > 0);
  return { master: first, stun, looked };
}

/** How names are looked up, and where they led at the start. */
export interface Names {
  readonly resolved: Resolved;
  readonly look: () => Promise<Resolved>;
}

/** Looks the names up every 3 s while the masterserver does not answer, and tells what is not as it was. */
export class NameWatch {
  /** Of the master, as its name leads to it now. */
  addresses: readonly string[];
  readonly #names: Names | undefined;
  readonly #onChange: (resolved: Resolved) => void;
  #last: string;
  #timer: NodeJS.Timeout | null = null;

  /** `names` undefined: there are none, and the addresses stay. */
  constructor(addresses: readonly string[], names: Names | undefined, onChange: (resolved: Resolved) => void) {
    this.addresses = addresses;
    this.#names = names;
    this.#last = JSON.stringify(names?.resolved);
    this.#onChange = onChange;
  }

  link(state: 'connecting' | 'up' | 'lost'): void {
    const names = this.#names;
    if (state === 'up') this.end();
    if (state !== 'lost' || names === undefined || this.#timer !== null) return;
    this.#timer = setInterval(() => void this.#look(names), AGENT_LIMITS.namesAgainMs);
    void this.#look(names);
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #look({ look }: Names): Promise<void> {
    const resolved = await look();
    const told = JSON.stringify(resolved);
    if (this.#timer === null || told === this.#last) return;
    this.#last = told;
    if (resolved.master.length > 0) this.addresses = resolved.master;
    this.#onChange(resolved);
  }
}
