/**
 * One node of a fleet: tells the others every two seconds that it is there and what it knows, and takes in what they know. Nothing that a
 * join needs goes this way; while the engine is dead only news has to wait.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type MasterCommand, type NodeList, orderOf } from '../core/index.ts';
import { nodeCrypto } from '../node/index.ts';
import { type Backplane, type BackplaneListener, BackplaneSeal } from './backplane.ts';
import type { OtherNodes } from './directory.ts';
import { type BanFact, banFactSchema, FleetBans, idOf } from './fleet-bans.ts';
import { HostsHeard } from './fleet-hosts-heard.ts';
import { HostsTold } from './fleet-hosts-told.ts';
import { type Member, type MemberPlace, Members, memberSchema } from './fleet-members.ts';
import { FleetNames } from './fleet-names.ts';
import { FLEET_SUBJECT, type FleetWord, type NodeSeen, wordSchema } from './fleet-words.ts';
import type { HeldName } from './held-names.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { Moderation } from './moderation.ts';
import type { ListedEntry } from './snapshot.ts';
import type { Store } from './store.ts';
import type { Webhooks } from './webhooks.ts';

const MEMBERS = 'fleet-members';
const BANS = 'fleet-bans';
/** What this node was known by in its last runs: whoever has recorded those says them again as often as they like. */
const RUNS = 'fleet-runs';

export interface FleetParts {
  readonly secret: Uint8Array;
  /** The fleet's public key. */
  readonly identity: Uint8Array;
  readonly place: MemberPlace;
  readonly version: string;
  readonly store: Store;
  readonly moderation: Pick<Moderation, 'bans' | 'ban' | 'unban'>;
  /** Rules have come from another node: they work from now on. */
  readonly onRules: () => void;
  readonly webhooks: Pick<Webhooks, 'told' | 'note'>;
  readonly command: (command: MasterCommand) => void;
  /** The generation of a host that is registered here; null where it is not, or not heard of yet. */
  readonly generation: (hostId: string) => number | null;
  /** Of a host that is registered here; null likewise. */
  readonly entry: (hostId: string) => ListedEntry | null;
  /** Those that are registered here. */
  readonly hostIds: () => Iterable<string>;
  /** Other nodes tell something else of this host than before. */
  readonly onElsewhere: (hostId: string) => void;
  /** The list has become whole, or is so no longer. */
  readonly onWhole: (whole: boolean) => void;
  readonly figures: () => { readonly hosts: number; readonly sessions: number };
  readonly wallClock: () => number;
  readonly monotonic: () => number;
  readonly timers: FleetTimers;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** This run of the node: no other has the same. */
  readonly instance: string;
  /** An operator has taken this node out of the fleet. */
  readonly onDrain: () => void;
  readonly onFact: (fact: FleetFact) => void;
  readonly open: (listener: BackplaneListener) => Backplane;
}

/** Each answers what ends it. */
export interface FleetTimers {
  every(ms: number, work: () => void): () => void;
  after(ms: number, work: () => void): () => void;
}

export type FleetFact =
  | { readonly fact: 'fleet'; readonly state: 'connected' | 'alone'; readonly detail: string }
  /** Another process has this name: one of the two is wrong. */
  | { readonly fact: 'node-name-taken'; readonly name: string }
  | { readonly fact: 'fleet-list'; readonly nodes: readonly string[]; readonly serial: number };

export interface Fleet {
  readonly hosts: OtherNodes;
  /** How many hosts of other nodes are known. */
  readonly hostsElsewhere: number;
  /** The rules here have changed. */
  rulesChanged(): void;
  /** Those heard of within the last seconds, this one among them. */
  seen(): readonly NodeSeen[];
  readonly connected: boolean;
  /** Is this node the first of the code's? It alone tells of its host: while it is away nobody does, and never do two. */
  isFirst(code: string): boolean;
  /** The operator's channels are told of this. */
  told(key: string): void;
  draining(): void;
  close(): Promise<void>;
}

export function startFleet(parts: FleetParts): Fleet {
  const { place, store, moderation, wallClock, instance } = parts;
  const sealer = new BackplaneSeal(nodeCrypto, parts.secret, parts.identity);
  const members = new Members(kept(store, MEMBERS, memberSchema));
  const runs = kept(store, RUNS, z.string());
  store.setSetting(RUNS, JSON.stringify([instance, ...runs].slice(0, SERVER_LIMITS.fleetRunsMax)));
  const names = new FleetNames(store);
  const bans = new FleetBans(rowNames().flatMap((row) => kept(store, row, banFactSchema)));
  const seen = new Map<string, { readonly here: NodeSeen; readonly at: number }>();
  let draining = false;
  /** As it was told last. */
  let list: NodeList = { self: place.name, serial: 0, expiresInMs: 0, nodes: [] };
  let taken = false;
  let left = false;
  let bansTold = Number.NEGATIVE_INFINITY;
  let namesAsked = Number.NEGATIVE_INFINITY;
  let later: (() => void) | null = null;
  let whole = false;
  const heardHosts = new HostsHeard({
    now: parts.monotonic,
    hostsMax: SERVER_LIMITS.fleetHostsMax,
    changed(hostId) {
      parts.onElsewhere(hostId);
      told.look(hostId);
      giveWay(hostId);
    },
  });
  const told = new HostsTold({
    ...{ name: place.name, instance, say },
    entry: (hostId) => (isToldBefore(hostId) ? null : parts.entry(hostId)),
  });
  const backplane = parts.open({
    message: (bytes) => heard(sealer.open(bytes)),
    connected(up, why) {
      parts.onFact({ fact: 'fleet', state: up ? 'connected' : 'alone', detail: why });
      if (up) here();
    },
  });

  function isToldBefore(hostId: string): boolean {
    return heardHosts.isToldBefore(place.name, hostId, parts.generation(hostId) ?? undefined);
  }

  /** Whoever hosts with this key now does so at another node: what is here is its last run, or another computer with the same key. */
  function giveWay(hostId: string): void {
    const [own, told] = [parts.generation(hostId), heardHosts.of(hostId)];
    if (own === null || told === null || !told.by.here || told.host.generation <= own) return;
    const { hostKey, generation } = told.host;
    parts.command({ do: 'replaced', hostKey, generation });
  }

  function say(word: FleetWord): void {
    if (backplane.connected) backplane.publish(FLEET_SUBJECT, sealer.seal(word));
  }

  /** What does not fit into one message goes in several. */
  function sayAll<Row>(rows: readonly Row[], atOnce: number, word: (some: Row[]) => FleetWord): void {
    for (let at = 0; at < rows.length; at += atOnce) say(word(rows.slice(at, at + atOnce)));
  }

  function tellBans(facts: readonly BanFact[]): void {
    sayAll(facts, SERVER_LIMITS.banFactsAtOnce, (some) => ({ say: 'bans', facts: some }));
  }

  function own(): NodeSeen {
    const { hosts, sessions } = parts.figures();
    return {
      ...{ say: 'here', name: place.name, instance, members: [...members.all()], bans: bans.digest() },
      names: names.digest(),
      hostWords: told.seq,
      ...{ version: parts.version, hosts, sessions, draining },
    };
  }

  function here(): void {
    say(own());
  }

  function tellList(): void {
    const now = members.list(place.name);
    if (now.serial === list.serial) return;
    list = now;
    store.setSetting(MEMBERS, JSON.stringify(members.all()));
    parts.command({ do: 'nodes', list });
    parts.onFact({ fact: 'fleet-list', nodes: list.nodes.map(({ name }) => name), serial: list.serial });
  }

  function heard(opened: unknown): void {
    const word = wordSchema.safeParse(opened).data;
    switch (word?.say) {
      case 'here':
        if (word.instance !== instance && !runs.includes(word.instance)) met(word);
        return;
      case 'hosts':
        if (word.instance !== instance) heardHosts.hear(word);
        return;
      case 'hosts-ask':
        if (word.instance === instance) told.ask(word.after);
        return;
      case 'who':
        here();
        return;
      case 'members':
        takeMembers(word.members);
        return;
      case 'bans':
        takeBans(word.facts);
        return;
      case 'names':
        names.merge(word.names, wallClock());
        return;
      case 'name-sums':
        if (word.instance === instance) tellNames(names.missing(word.sums, parts.random));
        return;
      case 'told':
        parts.webhooks.note(word.keys);
        return;
      case 'drain':
        if (word.instance === instance) leave();
    }
  }

  function met(word: NodeSeen): void {
    const now = parts.monotonic();
    const before = seen.get(word.name);
    const goesOn = before?.here.instance === word.instance;
    if (before !== undefined || seen.size < SERVER_LIMITS.membersMax) seen.set(word.name, { here: word, at: now });
    if (word.name === place.name) {
      // What our own last run said may still be on its way; what is said twice is not.
      if (goesOn && !taken) parts.onFact({ fact: 'node-name-taken', name: place.name });
      taken ||= goesOn;
      return;
    }
    // It has just started, or was away: it may be first for hosts of which others have told.
    if (!goesOn || before.at < now - SERVER_LIMITS.fleetSeenMs) tellTold();
    const after = heardHosts.here(word.name, word.instance, word.hostWords);
    if (after !== null) say({ say: 'hosts-ask', instance: word.instance, after });
    takeMembers(word.members);
    if (word.bans !== bans.digest()) tellBansSoon();
    if (word.names !== names.digest()) askForNames(word.instance);
  }

  /**
   * What others remember of this node may be newer than its own store, which was lost or restored, and still wrong: it is here, and where it
   * is. Not where two have its name: they would outbid each other for ever.
   */
  function takeMembers(rows: readonly Member[]): void {
    if (!members.merge(rows)) return;
    if (!left && !taken) members.enter(place);
    tellList();
  }

  /** Whoever knows something else is told everything, not more often than every few seconds, and not by all at one moment. */
  function tellBansSoon(): void {
    if (later !== null) return;
    const wait = Math.max(0, bansTold + SERVER_LIMITS.banFactsGapMs - parts.monotonic());
    later = parts.timers.after(wait + parts.random() * SERVER_LIMITS.fleetJitterMs, () => {
      later = null;
      bansTold = parts.monotonic();
      tellBans(bans.all());
    });
  }

  function askForNames(from: string): void {
    if (parts.monotonic() < namesAsked + SERVER_LIMITS.banFactsGapMs) return;
    namesAsked = parts.monotonic();
    say({ say: 'name-sums', instance: from, sums: names.told() });
  }

  function tellNames(rows: readonly HeldName[]): void {
    sayAll(rows, SERVER_LIMITS.banFactsAtOnce, (some) => ({ say: 'names', names: some }));
  }

  function tellTold(): void {
    sayAll(parts.webhooks.told(), SERVER_LIMITS.toldAtOnce, (keys) => ({ say: 'told', keys }));
  }

  function takeBans(facts: readonly BanFact[]): void {
    const { put, lift } = bans.merge(facts, wallClock());
    if (put.length + lift.length === 0) return;
    const changed = new Set([...put, ...lift].map(idOf));
    store.batch(() => {
      for (const row of moderation.bans()) if (changed.has(idOf(row))) moderation.unban(row.id);
      for (const { version: _version, lifted: _lifted, createdAt, ...ban } of put) moderation.ban(createdAt, ban);
      writeDown([...put, ...lift]);
    });
    parts.onRules();
  }

  /** The rows in which these are: a store reads no row back that is too large, so there are many. */
  function writeDown(facts: readonly BanFact[]): void {
    const rows = new Map<string, BanFact[]>(facts.map((fact) => [rowOf(fact), []]));
    for (const fact of bans.all()) rows.get(rowOf(fact))?.push(fact);
    store.batch(() => {
      for (const [row, its] of rows) store.setSetting(row, JSON.stringify(its));
    });
  }

  function rulesChanged(): void {
    const news = bans.changed(moderation.bans(), wallClock());
    if (news.length === 0) return;
    writeDown(news);
    tellBans(news);
  }

  function leave(): void {
    left = true;
    members.remove(place.name);
    tellList();
    here();
    parts.onDrain();
  }

  function lookAtHosts(): void {
    heardHosts.sweep();
    told.flush();
    tellNames(names.news());
    const now = backplane.connected && heardHosts.whole;
    if (now !== whole) parts.onWhole(now);
    whole = now;
  }

  members.enter(place);
  tellList();
  rulesChanged();
  for (const hostId of parts.hostIds()) told.look(hostId);
  const ends = [
    parts.timers.every(SERVER_LIMITS.fleetHereMs, here),
    parts.timers.every(SERVER_LIMITS.snapshotIntervalMs, lookAtHosts),
    parts.timers.every(SERVER_LIMITS.fleetWorkMs, () => told.work()),
  ];

  return {
    hosts: {
      of(hostId) {
        const one = heardHosts.of(hostId);
        if (one === null) return null;
        const { host, firstSeenAt, verifiedAt, by } = one;
        return { host, firstSeenAt, verifiedAt, silentMs: Math.round(parts.monotonic() - by.heardAt) };
      },
      tellOf: isToldBefore,
      onChange(hostId) {
        told.look(hostId);
        giveWay(hostId);
      },
      get whole() {
        return whole;
      },
    },
    get hostsElsewhere() {
      return heardHosts.size;
    },
    rulesChanged,
    seen() {
      const since = parts.monotonic() - SERVER_LIMITS.fleetSeenMs;
      const others = [...seen.values()].filter(({ at, here: { name } }) => at >= since && name !== place.name);
      return [own(), ...others.map(({ here: one }) => one)];
    },
    get connected() {
      return backplane.connected;
    },
    isFirst: (code) =>
      orderOf(
        code,
        list.nodes.map(({ name }) => name),
      )[0] === place.name,
    told: (key) => say({ say: 'told', keys: [key] }),
    draining() {
      draining = true;
      here();
    },
    async close() {
      for (const end of ends) end();
      later?.();
      await backplane.close();
    },
  };
}

function rowNames(): string[] {
  return Array.from({ length: SERVER_LIMITS.banFactRows }, (_, n) => `${BANS}-${n}`);
}

function rowOf(fact: BanFact): string {
  return `${BANS}-${createHash('sha256').update(idOf(fact)).digest().readUInt16BE() % SERVER_LIMITS.banFactRows}`;
}

function kept<Row>(store: Store, setting: string, schema: z.ZodType<Row>): readonly Row[] {
  try {
    return z.array(schema).parse(JSON.parse(store.setting(setting) ?? '[]'));
  } catch {
    return [];
  }
}
