/**
 * What a million hosts cost a node of eight: `npm run bench:fleet-plan -- --nodes 8 --hosts 125000`. One node hears of the hosts of all others
 * by the real words (told, sealed, opened, checked, put into the real list), at the real pace on virtual time; what that takes of CPU and memory
 * is measured, and the rest is calculated from it. Prints a plan, and keeps it in bench/results/fleet-plan-DATE.txt.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  BackplaneSeal,
  createDirectory,
  createModeration,
  createPseudonyms,
  createStore,
  type Directory,
  HostsHeard,
  HostsTold,
  type HostsWord,
  SERVER_LIMITS,
  wordSchema,
} from '../src/master/testing.ts';
import { nodeCrypto, quickenCrypto } from '../src/node/index.ts';
import { NOWHERE } from './fleet-office.ts';
import { heapBytes } from './soak-memory.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '8' },
    hosts: { type: 'string', default: '125000' },
    /** Seconds between two changes of one host: of its players, mostly. */
    changes: { type: 'string', default: '60' },
  },
});
const [nodes, hosts, changeS] = [Number(values.nodes), Number(values.hosts), Number(values.changes)];
const others = nodes - 1;
const NOW = 1_767_225_600_000;
const STEADY_S = 5;

const lines: string[] = [];
function print(line = ''): void {
  lines.push(line);
  console.log(line);
}

function entryOf(id: string, n: number, players: number) {
  return {
    ...{
      v: 2 as const,
      key: id,
      code: id.slice(0, 10).toUpperCase(),
      name: `Server number ${n} of many`,
      game: 'luanti',
    },
    ...{ public: true, playersMax: 16, map: `map-${n % 97}`, mode: `mode-${n % 7}`, version: '5.9.1' },
    ...{
      passwordNeeded: n % 11 === 0,
      players,
      natType: 'cone' as const,
      verdict: 'open' as const,
      delta: 0,
      rttMs: 20,
    },
    ...{ address: `198.${18 + (n % 2)}.${(n >> 9) & 255}.${(n >> 1) & 255}`, port: 40_000, generation: n },
    ...{ firstSeenAt: NOW - n, verifiedAt: NOW },
  };
}

/** Another node with its hosts; what it says goes to `hear`. */
class Teller {
  readonly told: HostsTold;
  readonly name: string;
  readonly ids: readonly string[];
  private readonly players = new Map<string, number>();

  constructor(n: number, say: (word: HostsWord) => void) {
    this.name = `node${n}`;
    this.ids = Array.from({ length: hosts }, (_, i) => createHash('sha256').update(`${n} ${i}`).digest('hex'));
    const number = new Map(this.ids.map((id, i) => [id, i]));
    this.told = new HostsTold({
      ...{ name: this.name, instance: this.name, say },
      entry: (id) => entryOf(id, number.get(id) ?? 0, this.players.get(id) ?? 0),
    });
    for (const id of this.ids) this.told.look(id);
  }

  change(count: number, from: number): void {
    for (let i = 0; i < count; i += 1) {
      const id = this.ids[(from + i) % hosts] as string;
      this.players.set(id, (this.players.get(id) ?? 0) + 1);
      this.told.look(id);
    }
  }
}

class Receiver {
  readonly heard: HostsHeard;
  readonly directory: Directory;
  now = 0;
  private readonly dirty = new Set<string>();

  constructor() {
    const store = createStore({ file: NOWHERE, wallClock: () => NOW, clock: () => this.now, onProblem: () => {} });
    const moderation = createModeration(store, () => NOW);
    this.heard = new HostsHeard({ now: () => this.now, changed: (id) => this.dirty.add(id) });
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

  hear(word: HostsWord): void {
    this.heard.hear(word);
    for (const id of this.dirty) this.directory.elsewhere(id);
    this.dirty.clear();
  }
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** Runs words over the seal; what each side takes is counted apart. */
class Wire {
  readonly seal = new BackplaneSeal(nodeCrypto, new Uint8Array(32).fill(1), new Uint8Array(32).fill(2));
  messages = 0;
  bytes = 0;
  sendMs = 0;
  hearMs = 0;
  /** Of whoever hears a word that it has already. */
  idleMs = 0;
  private readonly receiver: Receiver;

  constructor(receiver: Receiver) {
    this.receiver = receiver;
  }

  carry(word: HostsWord): void {
    const start = cpuMs();
    const sealed = this.seal.seal(word);
    const sent = cpuMs();
    const opened = wordSchema.parse(this.seal.open(sealed));
    const read = cpuMs();
    if (opened.say === 'hosts') this.receiver.hear(opened);
    this.sendMs += sent - start;
    this.hearMs += cpuMs() - sent;
    this.idleMs += read - sent;
    this.messages += 1;
    this.bytes += sealed.length;
  }
}

/** A node that has just started asks all others for all they have: virtual seconds until it has it. */
function converge(receiver: Receiver, tellers: readonly Teller[]): number {
  const stepMs = SERVER_LIMITS.fleetWorkMs;
  for (let step = 0; ; step += 1) {
    receiver.now = step * stepMs;
    const beats = receiver.now % SERVER_LIMITS.fleetHereMs === 0;
    let waits = false;
    for (const { told, name } of tellers) {
      const after = beats ? receiver.heard.here(name, name, told.seq) : null;
      if (after !== null) told.ask(after);
      told.work();
      waits ||= !receiver.heard.whole;
    }
    if (receiver.now % SERVER_LIMITS.snapshotIntervalMs === 0) receiver.directory.commit();
    if (!waits && receiver.heard.size === others * hosts) return receiver.now / 1_000;
  }
}

async function main(): Promise<void> {
  await quickenCrypto();
  print(`npm run bench:fleet-plan -- --nodes ${nodes} --hosts ${hosts} --changes ${changeS}`);
  print(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, node ${process.version}, load ${loadavg()[0]?.toFixed(1)} before; times are CPU time, not time on the wall`,
  );
  print();
  const receiver = new Receiver();
  const wire = new Wire(receiver);
  let carries = false;
  const tellers = Array.from({ length: others }, (_, n) => new Teller(n, (word) => carries && wire.carry(word)));
  for (const { told } of tellers) told.flush();
  const before = heapBytes();
  carries = true;
  const seconds = converge(receiver, tellers);
  receiver.directory.commit();
  const all = others * hosts;
  const bytesEach = (heapBytes() - before) / all;
  const [sendUs, hearUs, idleUs] = [wire.sendMs, wire.hearMs, wire.idleMs].map((ms) => (1_000 * ms) / all) as [
    number,
    number,
    number,
  ];
  print(`${all} hosts of ${others} other nodes, all told to one that has just started:`);
  print(`  memory of each, heard of and listed: ${bytesEach.toFixed(0)} bytes of heap (limit 2000)`);
  print(
    `  until it has them: ${seconds.toFixed(1)} s at the pace of ${SERVER_LIMITS.fleetHostsAtOnce} hosts in ${SERVER_LIMITS.fleetWorkMs} ms of each node`,
  );
  print(
    `  CPU time for each host: telling ${sendUs.toFixed(1)} us, hearing ${hearUs.toFixed(1)} us, ${idleUs.toFixed(1)} us of it for who has it already`,
  );
  print(`  bytes for each host: ${(wire.bytes / all).toFixed(0)} on the wire, ${wire.messages} messages`);
  const load = (100 * hearUs * all) / 1e6 / seconds;
  print(
    `  so meanwhile: ${load.toFixed(0)} % of a core there, ${((100 * idleUs * all) / 1e6 / seconds).toFixed(0)} % at each other node, ${((8 * wire.bytes) / 1e6 / seconds).toFixed(0)} Mbit/s to each`,
  );
  print();
  steady(receiver, tellers, wire);
  plan(bytesEach);
  const file = `bench/results/fleet-plan-${new Date().toISOString().slice(0, 10)}.txt`;
  writeFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), `${lines.join('\n')}\n`);
}

/** Each host changes once in so many seconds; each node tells its changes once a second. */
function steady(receiver: Receiver, tellers: readonly Teller[], wire: Wire): void {
  const perSecond = Math.round(hosts / changeS);
  const [messages, bytes, hearMs] = [wire.messages, wire.bytes, wire.hearMs];
  let commitMs = 0;
  for (let second = 0; second < STEADY_S; second += 1) {
    receiver.now += 1_000;
    for (const teller of tellers) {
      teller.change(perSecond, second * perSecond);
      teller.told.flush();
    }
    const start = cpuMs();
    receiver.directory.commit();
    commitMs += cpuMs() - start;
  }
  const each = (value: number): number => value / STEADY_S;
  const heardMs = each(wire.hearMs - hearMs);
  print(`every host changes once in ${changeS} s (${perSecond} hosts a second of each node):`);
  print(
    `  messages of all ${others} others: ${each(wire.messages - messages).toFixed(0)} a second, ${((8 * each(wire.bytes - bytes)) / 1e6).toFixed(1)} Mbit/s to each node`,
  );
  print(
    `  CPU of each node: ${(heardMs / 10).toFixed(1)} % of a core to hear them, ${(each(commitMs) / 10).toFixed(1)} % to put the list in order`,
  );
  print(`  a change is on every list after 1 to 2 s: told once a second, listed once a second`);
  print(`beside that ${(nodes * 1_000) / SERVER_LIMITS.fleetHereMs} messages a second say who is there`);
}

function plan(bytesEach: number): void {
  const registered = (2 * nodes * hosts) / nodes;
  print();
  print(
    `a node of ${nodes} with ${nodes * hosts} hosts in all: ${registered} registered there (each at two), ${others * hosts} heard of`,
  );
  print(
    `  memory for those heard of: ${((bytesEach * others * hosts) / 1e9).toFixed(2)} GB of heap; for those registered see bench:master, bytes per host`,
  );
  print(`  heartbeats: ${(registered / 18).toFixed(0)} a second (each host every 18 s, at both)`);
}

await main();
