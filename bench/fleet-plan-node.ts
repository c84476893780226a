/**
 * The node of `bench:fleet-plan` that hears of everybody else's hosts: a process of its own, so that its memory, its CPU and its garbage are
 * those of one node. Its parent is the other nodes and the engine between them, and gives it the words of each moment by IPC.
 */
import {
  BackplaneSeal,
  createDirectory,
  createModeration,
  createPseudonyms,
  createStore,
  type Directory,
  HostsHeard,
  SERVER_LIMITS,
  wordSchema,
} from '../src/master/testing.ts';
import { nodeCrypto, quickenCrypto } from '../src/node/index.ts';
import { NOWHERE } from './fleet-office.ts';
import { heapBytes } from './soak-memory.ts';

/** All that a moment brings, in this order. */
export interface Moment {
  /** Virtual milliseconds. */
  readonly now: number;
  /** Nodes that say they are there, and how many words they have said. */
  readonly here: readonly { readonly name: string; readonly seq: number }[];
  readonly words: readonly Uint8Array[];
  /** The list is put in order. */
  readonly commit: boolean;
}

export interface Heard {
  /** Who is asked for more, and what comes behind which of its words. */
  readonly asks: readonly { readonly name: string; readonly after: number }[];
  readonly hosts: number;
  readonly whole: boolean;
  /** Milliseconds of CPU since the process began, and in `commit` just now. */
  readonly cpuMs: number;
  readonly commitMs: number;
}

export const SECRET = new Uint8Array(32).fill(1);
export const IDENTITY = new Uint8Array(32).fill(2);
export const NOW = 1_767_225_600_000;

class Receiver {
  readonly heard: HostsHeard;
  readonly directory: Directory;
  private readonly seal = new BackplaneSeal(nodeCrypto, SECRET, IDENTITY);
  private readonly dirty = new Set<string>();
  private now = 0;

  constructor() {
    const store = createStore({ file: NOWHERE, wallClock: () => NOW, clock: () => this.now, onProblem: () => {} });
    const moderation = createModeration(store, () => NOW);
    this.heard = new HostsHeard({
      now: () => this.now,
      hostsMax: SERVER_LIMITS.fleetHostsMax,
      changed: (id) => this.dirty.add(id),
    });
    this.directory = createDirectory({
      ...{ store, moderation, pseudonyms: createPseudonyms(() => NOW), wallClock: () => NOW, onCommit: () => {} },
      others: {
        of: (id) => {
          const one = this.heard.of(id);
          return one === null ? null : { host: one.host, firstSeenAt: NOW, verifiedAt: NOW, silentMs: 0 };
        },
        ...{ tellOf: () => true, onChange: () => {}, whole: true },
      },
    });
  }

  take({ now, here, words, commit }: Moment): Heard {
    this.now = now;
    const asks = here.flatMap(({ name, seq }) => {
      const after = this.heard.here(name, name, seq);
      return after === null ? [] : [{ name, after }];
    });
    for (const bytes of words) this.hear(bytes);
    const before = cpuMs();
    if (commit) this.directory.commit();
    const after = cpuMs();
    return { asks, hosts: this.heard.size, whole: this.heard.whole, cpuMs: after, commitMs: after - before };
  }

  private hear(bytes: Uint8Array): void {
    const word = wordSchema.parse(this.seal.open(bytes));
    if (word.say === 'hosts') this.heard.hear(word);
    for (const id of this.dirty) this.directory.elsewhere(id);
    this.dirty.clear();
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

if (process.send !== undefined) {
  await quickenCrypto();
  const receiver = new Receiver();
  process.on('message', (message: Moment | 'heap') => {
    process.send?.(message === 'heap' ? heapBytes() : receiver.take(message));
  });
  process.on('disconnect', () => process.exit(0));
  process.send('ready');
}
