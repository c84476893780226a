/**
 * Names are looked up at the start, and again for as long as the masterserver does not answer: a dynamic name may lead elsewhere by
 * now, and at the start of a computer there may be no DNS yet.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  addressBytes,
  type Endpoint,
  endpointKey,
  LIMITS,
  type PeerEvent,
  type ProbeResult,
  SOURCES_LIMITS,
} from '../core/index.ts';
import { askSystem } from '../node/index.ts';
import { AGENT_LIMITS } from './limits.ts';

export interface NamedEndpoint {
  readonly host: string;
  readonly port: number;
}

type Family = 4 | 6;
/** All addresses of one family; rejects where there are none. */
export type AskName = (host: string, family: Family) => Promise<readonly string[]>;

/**
 * The addresses of a name, both families asked for at once: whichever answers first is waited with for the other a moment only, so that a
 * resolver that keeps silent about one of them holds nobody up (RFC 8305 section 3). Empty where it does not resolve in time.
 */
export async function resolveName(
  host: string,
  first: Family,
  ask: AskName = askSystem,
  timeMs: number = LIMITS.nameLookupMs,
): Promise<readonly string[]> {
  if (addressBytes(host) !== null) return [host];
  const found: Record<Family, readonly string[]> = { 4: [], 6: [] };
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number): Promise<void> => new Promise((resolve) => void timers.push(setTimeout(resolve, ms)));
  const asked = ([4, 6] as const).map((family) =>
    ask(host, family).then(
      (addresses) => {
        found[family] = addresses;
      },
      () => {},
    ),
  );
  const patience = asked.map((one, index) =>
    one.then(() => {
      const family = index === 0 ? 4 : 6;
      if (found[family].length === 0) return Promise.race(asked.filter((other) => other !== one));
      return after(family === first ? AGENT_LIMITS.otherFamilyMs : AGENT_LIMITS.mainFamilyMs);
    }),
  );
  await Promise.race([Promise.all(asked), ...patience, after(timeMs)]);
  for (const timer of timers) clearTimeout(timer);
  return interleaved(found[first], found[first === 4 ? 6 : 4]);
}

/** The order in which addresses are tried (RFC 8305 section 4): the families in turn. */
export function interleaved(first: readonly string[], second: readonly string[]): readonly string[] {
  const longest = Math.max(first.length, second.length);
  return Array.from({ length: longest }, (_, i) => [first[i], second[i]])
    .flat()
    .filter((address) => address !== undefined);
}

/** A STUN server as it was given, and where it is; null: its name leads nowhere. */
export interface NamedStun {
  readonly server: string;
  readonly at: Endpoint | null;
}

/** Where names lead; what can't be looked up is empty. */
export interface Resolved {
  readonly master: readonly string[];
  readonly stun: readonly Endpoint[];
  /** The same servers, and those that could not be looked up. */
  readonly named: readonly NamedStun[];
  /** A name, and not only an address, has been looked up with success. */
  readonly looked: boolean;
}

/**
 * One address for each STUN server; those that do not resolve in time are left out: STUN only adds knowledge. IPv4 comes first, because
 * it is what games and NATs are about, unless there is a way out by IPv6 alone. `masterTimeMs`: so long an answer for the master is waited for.
 */
export async function lookUp(
  master: string,
  servers: readonly NamedEndpoint[],
  families: readonly Family[],
  masterTimeMs: number = LIMITS.nameLookupMs,
): Promise<Resolved> {
  const asked = servers.slice(0, SOURCES_LIMITS.stunServersMax);
  const hosts = [master, ...asked.map(({ host }) => host)];
  const main = families.includes(6) && !families.includes(4) ? 6 : 4;
  const times = hosts.map((_, i) => (i === 0 ? masterTimeMs : LIMITS.nameLookupMs));
  const found = await Promise.all(hosts.map((host, i) => resolveName(host, main, askSystem, times[i])));
  const [first = [], ...others] = found;
  const named = asked.map(({ host, port }, i) => {
    const [address] = others[i] ?? [];
    return { server: endpointKey({ address: host, port }), at: address === undefined ? null : { address, port } };
  });
  const stun = named.flatMap(({ at }) => (at === null ? [] : [at]));
  const looked = hosts.some((host, i) => addressBytes(host) === null && (found[i] ?? []).length > 0);
  return { master: first, stun, named, looked };
}

/** How names are looked up, and where they led at the start. */
export interface Names {
  readonly resolved: Resolved;
  readonly look: () => Promise<Resolved>;
}

/**
 * Looks the names up every 3 s while the masterserver does not answer, and those of STUN servers once where one of them was asked in vain or has no address;
 * tells what is not as it was.
 */
export class NameWatch {
  /** Of the master, as its name leads to it now. */
  addresses: readonly string[];
  readonly #names: Names | undefined;
  readonly #onChange: (resolved: Resolved) => void;
  readonly #onLook: () => void;
  #last: Resolved;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;

  /** `names` undefined: there are none, and the addresses stay. `onLook`: each time that they are looked up. */
  constructor(
    addresses: readonly string[],
    names: Names | undefined,
    onChange: (resolved: Resolved) => void,
    onLook: () => void,
  ) {
    this.addresses = addresses;
    this.#names = names;
    this.#last = names?.resolved ?? { master: addresses, stun: [], named: [], looked: false };
    this.#onChange = onChange;
    this.#onLook = onLook;
  }

  link(state: 'connecting' | 'up' | 'lost'): void {
    const names = this.#names;
    if (state === 'up') this.#rest();
    if (state !== 'lost' || names === undefined || this.#timer !== null) return;
    this.#timer = setInterval(() => void this.#look(names), AGENT_LIMITS.namesAgainMs);
    void this.#look(names);
  }

  heard(event: PeerEvent): void {
    if (event.ev === 'link') this.link(event.state);
    else if (event.ev === 'profile' && event.final) this.detected(event.probes);
  }

  /** What a detection has found. */
  detected(probes: readonly ProbeResult[]): void {
    const answered = new Set(probes.flatMap(({ destination, seenAs }) => (seenAs === null ? [] : destination.address)));
    const isSilent = ({ address }: Endpoint): boolean =>
      !answered.has(address) && probes.some(({ destination }) => destination.address === address);
    // While the masterserver does not answer all of them are looked up anyway.
    if (
      this.#names !== undefined &&
      this.#timer === null &&
      this.#last.named.some(({ at }) => at === null || isSilent(at))
    )
      void this.#lookForServers(this.#names);
  }

  end(): void {
    this.#rest();
    this.#ended = true;
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #look({ look }: Names): Promise<void> {
    this.#onLook();
    const resolved = await look();
    if (this.#timer === null || isDeepStrictEqual(resolved, this.#last)) return;
    this.#last = resolved;
    if (resolved.master.length > 0) this.addresses = resolved.master;
    this.#onChange(resolved);
  }

  /** The masterserver answers where it is, and stays there. */
  async #lookForServers({ look }: Names): Promise<void> {
    const { stun, named, looked } = await look();
    if (this.#ended || isDeepStrictEqual(named, this.#last.named)) return;
    this.#last = { ...this.#last, stun, named };
    this.#onChange({ master: [], stun, named, looked });
  }
}
