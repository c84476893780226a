/**
 * One life of a masterserver's store on a simulated disk: facts are told, the process is killed or the power cut at any write,
 * files are damaged, the disk is full, read-only or slow; then the real store opens what is left. The rule: nothing that was
 * told is lost, changed or back again without being said, and what is critical is lost by no kill and no power cut.
 */
import { createStore, type Store } from '../src/master/index.ts';
import { SimDisk, type SimRandom, simRandom } from '../src/sim/index.ts';
import { SimRecordFile } from './store-disk.ts';

export interface StoreWorld {
  /** What breaks the rule, or null. */
  readonly fault: string | null;
  readonly facts: number;
  readonly crashes: number;
  /** Facts that were lost and said. */
  readonly lost: number;
}

/** By the words in which its loss is said, so that a wrong word is a fault as well. */
type Kind = 'bans?' | 'join codes?' | 'held names?' | 'settings?' | 'sums? of traversals' | 'entr(y|ies) of the list';

/** Of a power cut the store may say in general that something may be missing, but never of these. */
const CRITICAL: readonly Kind[] = ['bans?', 'settings?'];

const CRASHES = 4;
const ACTS_MAX = 40;
const KEYS = 12;

export function storeWorld(seed: number): StoreWorld {
  return new Life(simRandom(`store/${seed}`)).run();
}

class Fault extends Error {}

class Life {
  readonly #random: SimRandom;
  readonly #disk: SimDisk;
  #now = 1_700_000_000_000;
  #store!: Store;
  /** `kind key` to its value: what the store must have. */
  #told = new Map<string, string>();
  /** Told while the store said that it can't write: a crash may take it. */
  #unwritten = new Set<string>();
  /** What the act under way touches: a crash in the middle leaves either. */
  #touched = new Map<string, string | undefined>();
  #said: string[] = [];
  #facts = 0;
  #lost = 0;

  constructor(random: SimRandom) {
    this.#random = random;
    this.#disk = new SimDisk(random.fork('disk'));
  }

  run(): StoreWorld {
    let crashes = 0;
    try {
      this.#open();
      for (; crashes < CRASHES; crashes += 1) this.#untilCrash();
      return this.#result(null, crashes);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return this.#result(`crash ${crashes}: ${error.message}`, crashes);
    }
  }

  #result(fault: string | null, crashes: number): StoreWorld {
    return { fault, facts: this.#facts, crashes, lost: this.#lost };
  }

  #open(): void {
    const disk = this.#disk;
    this.#store = createStore({
      file: new SimRecordFile(disk),
      wallClock: () => this.#now,
      clock: () => disk.busyMs,
      // A dead process says nothing.
      expected: this.#facts > 0,
      onProblem: (problem) => disk.killed || this.#said.push(problem),
    });
  }

  #untilCrash(): void {
    const { chance, int } = bound(this.#random);
    this.#disk.syncMs = chance(0.2) ? int(50, 3_000) : 0;
    this.#disk.operationsLeft = int(1, ACTS_MAX * 5);
    for (let acts = int(0, ACTS_MAX); acts > 0 && !this.#disk.killed; acts -= 1) this.#act();
    if (!this.#disk.killed && chance(0.3)) this.#store.close();
    const closed = !this.#disk.killed && this.#store.unwritten() === null;
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.#disk.readOnly = false;
    const power = chance(0.4);
    this.#disk.restart(power ? 'power' : 'kill');
    const damaged = chance(0.35) && this.#damage();
    this.#said = [];
    const undisturbed = this.#reopen();
    this.#check({ power, damaged });
    if (undisturbed && !power && !damaged && closed && this.#said.length > 0)
      throw new Fault(`said for nothing: ${this.#said.join()}`);
  }

  /** Killed while it opens, too; false where it was. */
  #reopen(): boolean {
    const { chance, int } = bound(this.#random);
    let undisturbed = true;
    for (let tries = 0; tries < 3 && chance(0.3); tries += 1) {
      this.#disk.operationsLeft = int(1, 12);
      this.#open();
      if (this.#disk.killed) undisturbed = false;
      this.#disk.restart('kill');
    }
    this.#open();
    return undisturbed;
  }

  #act(): void {
    const { chance, int, pick } = bound(this.#random);
    this.#now += int(0, 3_000);
    this.#touched = new Map();
    if (chance(0.04)) this.#disk.capacityBytes = chance(0.5) ? int(2_000, 60_000) : Number.POSITIVE_INFINITY;
    if (chance(0.02)) this.#disk.readOnly = !this.#disk.readOnly;
    const key = `k${int(0, KEYS - 1)}`;
    const value = `v${int(0, 1_000_000)}`;
    pick([this.#ban, this.#lift, this.#code, this.#name, this.#setting, this.#traversal, this.#list, this.#tick])(
      key,
      value,
    );
    if (this.#disk.killed) return;
    for (const id of this.#touched.keys()) this.#unwritten.add(id);
    if (this.#store.unwritten() === null) this.#unwritten.clear();
    this.#touched = new Map();
  }

  readonly #ban = (_: string, pattern: string): void => {
    const rule = { kind: 'name', label: '', scope: 'ban', reason: '', createdAt: this.#now, expiresAt: null } as const;
    // Its number is known only afterwards: while it is being written the pattern stands for it.
    this.#touch('bans?', pattern, pattern);
    this.#store.addBan({ ...rule, pattern });
  };

  readonly #lift = (): void => {
    const bans = this.#store.bans();
    if (bans.length === 0) return;
    const { id, pattern } = this.#random.pick(bans);
    this.#touch('bans?', pattern, undefined);
    this.#store.removeBan(id);
  };

  readonly #code = (code: string, value: string): void => {
    const hostKey = new Uint8Array(32).fill(Number(value.slice(1)) % 256);
    this.#touch('join codes?', code, String(hostKey[0]));
    this.#store.saveCode(this.#now, { code, hostKey });
  };

  readonly #name = (name: string, value: string): void => {
    this.#touch('held names?', name, value);
    this.#store.holdName({ skeleton: name, hostKey: value, seenAt: this.#now, network: '203.0.113' });
  };

  readonly #setting = (name: string, value: string): void => {
    this.#touch('settings?', name, value);
    this.#store.setSetting(name, value);
  };

  readonly #traversal = (clientNat: string): void => {
    const row = {
      clientNat,
      hostNat: 'h',
      family: 4,
      path: 'direct',
      result: 'path',
      elapsedMs: 1,
      attempts: 1,
    } as const;
    const old = Number(this.#told.get(`sums? of traversals ${clientNat}`) ?? 0);
    this.#touch('sums? of traversals', clientNat, String(old + 1));
    this.#store.recordTraversal(1, row);
  };

  readonly #list = (hostId: string, json: string): void => {
    const gone = `k${this.#random.int(0, KEYS - 1)}`;
    if (gone !== hostId) this.#touch('entr(y|ies) of the list', gone, undefined);
    this.#touch('entr(y|ies) of the list', hostId, json);
    this.#store.saveSnapshot(this.#now, [{ hostId, json }], gone === hostId ? [] : [gone]);
  };

  readonly #tick = (): void => {
    this.#now += this.#random.pick([1_000, 10_000, 60_000]);
    this.#store.tick();
  };

  #touch(kind: Kind, key: string, value: string | undefined): void {
    const id = `${kind} ${key}`;
    this.#touched.set(id, this.#told.get(id));
    if (value === undefined) this.#told.delete(id);
    else this.#told.set(id, value);
    this.#facts += 1;
  }

  #damage(): boolean {
    const { chance, int, pick } = bound(this.#random);
    for (let times = int(1, 3); times > 0; times -= 1) {
      const name = pick(['main', 'main', 'log', 'log', 'mark']);
      const size = this.#disk.read(name)?.length ?? 0;
      if (chance(0.6)) this.#disk.flip(name);
      else this.#disk.cut(name, chance(0.3) ? null : int(0, size));
    }
    return true;
  }

  #holdings(): Map<string, string> {
    const store = this.#store;
    const found = new Map<string, string>();
    const add = (kind: Kind, key: string, value: string): void => void found.set(`${kind} ${key}`, value);
    for (const { pattern } of store.bans()) add('bans?', pattern, pattern);
    for (const { code, hostKey } of store.codes()) add('join codes?', code, String(hostKey[0]));
    for (const { clientNat, count } of store.traversals(0)) add('sums? of traversals', clientNat, String(count));
    for (const { hostId, json } of store.snapshot().rows) add('entr(y|ies) of the list', hostId, json);
    for (let key = 0; key < KEYS; key += 1) {
      const [setting, holder] = [store.setting(`k${key}`), store.nameHolder(`k${key}`)];
      if (setting !== null) add('settings?', `k${key}`, setting);
      if (holder !== null) add('held names?', `k${key}`, holder.hostKey);
    }
    return found;
  }

  #check({ power, damaged }: { readonly power: boolean; readonly damaged: boolean }): void {
    const found = this.#holdings();
    const text = this.#said.join(' ');
    for (const id of new Set([...this.#told.keys(), ...found.keys(), ...this.#touched.keys()])) {
      const [want, have] = [this.#told.get(id), found.get(id)];
      if (want === have || (this.#touched.has(id) && have === this.#touched.get(id))) continue;
      // The trouble was said when it was told.
      if (this.#unwritten.has(id)) continue;
      const kind = id.slice(0, id.lastIndexOf(' ')) as Kind;
      const critical = CRITICAL.includes(kind);
      if (critical && !damaged) throw new Fault(`${id}: ${want} became ${have} by ${power ? 'a power cut' : 'a kill'}`);
      if (!damaged && !power) throw new Fault(`${id}: ${want} became ${have} by a kill`);
      const general = critical ? /nobody can tell|may be missing(?!, though no ban)/ : /nobody can tell|may be missing/;
      if (!new RegExp(kind).test(text) && !general.test(text))
        throw new Fault(`${id}: ${want} became ${have}, and what was said is: ${text}`);
      this.#lost += 1;
    }
    this.#told = found;
    this.#unwritten = new Set();
    this.#touched = new Map();
  }
}

function bound(random: SimRandom) {
  return {
    chance: (probability: number) => random.chance(probability),
    int: (low: number, high: number) => random.int(low, high),
    pick: <T>(items: readonly T[]) => random.pick(items),
  };
}
