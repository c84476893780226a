/**
 * What stands around the machines of a simulated fleet: the masterserver's own list, rules, names and words between nodes (`src/master`), on
 * virtual time, over a backplane that delays, loses and cuts. The store of a node outlives its process.
 */
import {
  type BackplaneListener,
  createDirectory,
  createModeration,
  createPseudonyms,
  createStore,
  type Directory,
  entryOf,
  type Fleet,
  type Moderation,
  type RecordFile,
  type Store,
  startFleet,
} from '../src/master/testing.ts';
import type { NodeOffice, NodeProcess } from '../src/sim/index.ts';

const COMMIT_MS = 1_000;
const DELAY_MS = { min: 1, max: 40 };

/** Kept by nobody: what has to outlive a process is in the memory of the store. */
export const NOWHERE: RecordFile = {
  ...{ boot: 'here', name: 'nowhere', read: () => ({ present: false, views: [], damage: null, marks: [] }) },
  ...{ open: () => null, commit: () => {}, checkpoint: () => {}, writeMark: () => {}, replace: () => null },
  ...{ explain: String, isDamage: () => false, close: () => {} },
};

/** A node that runs, as the checks look at it. */
export interface OfficeState {
  readonly directory: Directory;
  readonly moderation: Moderation;
  readonly store: Store;
  readonly fleet: Fleet;
}

interface Place {
  readonly process: NodeProcess;
  readonly listener: BackplaneListener;
}

export class FleetNews {
  readonly states = new Map<string, OfficeState>();
  messages = 0;
  bytes = 0;
  private readonly places = new Map<string, Place>();
  private readonly stores = new Map<string, Store>();
  private readonly cutOff = new Set<string>();
  private allAway = false;
  private readonly lossRate: number;

  /** Of what nodes say, so much is lost. */
  constructor(lossRate: number) {
    this.lossRate = lossRate;
  }

  readonly cut = (node: string | null, cut: boolean): void => {
    const before = [...this.places.keys()].filter((name) => this.carries(name));
    if (node === null) this.allAway = cut;
    else if (cut) this.cutOff.add(node);
    else this.cutOff.delete(node);
    for (const [name, { process, listener }] of this.places) {
      const now = this.carries(name);
      if (before.includes(name) !== now) process.after(0, () => listener.connected(now, ''));
    }
  };

  private carries(name: string): boolean {
    return !this.allAway && !this.cutOff.has(name);
  }

  private publish(from: NodeProcess, bytes: Uint8Array): void {
    for (const [name, { process, listener }] of this.places) {
      if (!this.carries(name) || !this.carries(from.name) || from.random.float() < this.lossRate) continue;
      this.messages += 1;
      this.bytes += bytes.length;
      process.after(from.random.between(DELAY_MS.min, DELAY_MS.max), () => {
        if (this.carries(name)) listener.message(bytes);
      });
    }
  }

  private storeOf(process: NodeProcess): Store {
    const known = this.stores.get(process.name);
    if (known !== undefined) return known;
    const { wallClock, monotonic } = process;
    const store = createStore({ file: NOWHERE, wallClock, clock: monotonic, onProblem: () => {} });
    this.stores.set(process.name, store);
    return store;
  }

  readonly office = (process: NodeProcess): NodeOffice => {
    const store = this.storeOf(process);
    const { wallClock } = process;
    const moderation = createModeration(store, wallClock);
    let fleet: Fleet | null = null;
    const at = (): Fleet => fleet as Fleet;
    const directory = createDirectory({
      ...{ store, moderation, pseudonyms: createPseudonyms(wallClock), wallClock, onCommit: () => {} },
      others: {
        of: (hostId) => at().hosts.of(hostId),
        tellOf: (hostId) => at().hosts.tellOf(hostId),
        onChange: (hostId) => fleet?.hosts.onChange(hostId),
        get whole() {
          return at().hosts.whole;
        },
      },
      onRival: (own, rival, older) =>
        process.command({ do: 'contest', code: own.host.code, rival: rival.host.hostKey, older }),
    });
    const rulesWork = (): void => {
      for (const { elsewhere, host } of directory.listing.all())
        if (!elsewhere && moderation.banned(host)) process.command({ do: 'evict', hostKey: host.hostKey });
      directory.review();
    };
    const every = (ms: number, work: () => void): (() => void) => {
      let wanted = true;
      const beat = (): void => {
        if (!wanted) return;
        work();
        process.after(ms, beat);
      };
      process.after(ms, beat);
      return () => {
        wanted = false;
      };
    };
    return {
      policy: { announce: moderation.announce, admit: moderation.admit },
      event(event) {
        if (event.ev === 'host') directory.host(event.host);
        else if (event.ev === 'host-gone') directory.gone(event.host);
        else if (event.ev === 'code') store.saveCode(wallClock(), event);
      },
      start: () => {
        process.command({ do: 'remember', codes: store.codes() });
        fleet = this.startFleet(process, { store, moderation, directory, rulesWork, every });
        every(COMMIT_MS, () => {
          directory.commit();
          directory.expire();
        });
        this.states.set(process.name, { directory, moderation, store, fleet });
      },
      draining: () => at().draining(),
      stop: () => {
        this.places.delete(process.name);
        this.states.delete(process.name);
        void at().close();
      },
    };
  };

  private startFleet(
    process: NodeProcess,
    parts: Pick<OfficeState, 'store' | 'moderation' | 'directory'> & {
      readonly rulesWork: () => void;
      readonly every: (ms: number, work: () => void) => () => void;
    },
  ): Fleet {
    const { store, moderation, directory, rulesWork, every } = parts;
    const { name, place, wallClock, monotonic, command, random, secret, identity } = process;
    const own = (hostId: string) => {
      const item = directory.listing.get(hostId);
      return item === undefined || item.elsewhere || item.returning || item.host.code === '' ? null : item;
    };
    return startFleet({
      ...{ secret, identity, version: '', store, moderation, wallClock, monotonic, command },
      place: { ...place, addresses: [...place.addresses] },
      onRules: rulesWork,
      webhooks: { told: () => [], note: () => {} },
      generation: (hostId) => own(hostId)?.host.generation ?? null,
      entry(hostId) {
        const item = own(hostId);
        return item === null ? null : entryOf(item);
      },
      hostIds: () => [...directory.listing.all()].map((item) => item.hostId),
      onElsewhere: directory.elsewhere,
      onWhole: () => {},
      figures: () => ({ hosts: process.counters().hosts, sessions: process.counters().sessions }),
      timers: { every, after: process.after },
      random: () => random.float(),
      instance: random.float().toString(36),
      onDrain: () => {},
      onFact: () => {},
      open: (listener) => {
        this.places.set(name, { process, listener });
        if (this.carries(name)) process.after(0, () => listener.connected(true, ''));
        const carries = (): boolean => this.carries(name);
        return {
          get connected() {
            return carries();
          },
          publish: (_subject, bytes) => this.publish(process, bytes),
          close: async () => {},
        };
      },
    });
  }
}
