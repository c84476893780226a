/**
 * What a million hosts cost a node of eight: `npm run bench:fleet-plan -- --nodes 8 --hosts 125000`. One node hears of the hosts of all others
 * by the real words (told, sealed, opened, checked, put into the real list), at the real pace on virtual time; what that takes of CPU and memory
 * is measured, and the rest is calculated from it. Prints a plan, and keeps it in bench/results/fleet-plan-DATE.txt.
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BackplaneSeal, HostsTold, type HostsWord, SERVER_LIMITS } from '../src/master/testing.ts';
import { nodeCrypto, quickenCrypto } from '../src/node/index.ts';
import { type Heard, IDENTITY, type Moment, NOW, SECRET } from './fleet-plan-node.ts';

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
const STEADY_S = 5;
/** Words that are said twice, so that it is known what a word costs that brings nothing new. */
const SAMPLES = 100;

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

/** A node that hears of them, in a process of its own. */
class Node {
  private readonly child = fork(fileURLToPath(new URL('./fleet-plan-node.js', import.meta.url)), [], {
    serialization: 'advanced',
  });

  async ready(): Promise<void> {
    await once(this.child, 'message');
  }

  async ask<Answer>(message: Moment | 'heap'): Promise<Answer> {
    const answer = once(this.child, 'message');
    this.child.send(message);
    const [told] = await answer;
    return told as Answer;
  }

  close(): void {
    this.child.disconnect();
  }
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** The words of all tellers, sealed; the real engine would carry them. */
class Engine {
  carries = false;
  words: Uint8Array[] = [];
  messages = 0;
  bytes = 0;
  tellMs = 0;
  /** Some of the first words, of the size that most have. */
  readonly samples: Uint8Array[] = [];
  private readonly seal = new BackplaneSeal(nodeCrypto, SECRET, IDENTITY);

  say(word: HostsWord): void {
    if (!this.carries) return;
    const sealed = this.seal.seal(word);
    this.words.push(sealed);
    this.messages += 1;
    this.bytes += sealed.length;
    if (this.samples.length < SAMPLES) this.samples.push(sealed);
  }

  /** What is said meanwhile. */
  gather(tell: () => void): readonly Uint8Array[] {
    const start = cpuMs();
    tell();
    this.tellMs += cpuMs() - start;
    return this.words.splice(0);
  }
}

/** A node that has just started asks all others for all they have: virtual seconds until it has it. */
async function converge(node: Node, tellers: readonly Teller[], engine: Engine): Promise<number> {
  const byName = new Map(tellers.map((teller) => [teller.name, teller]));
  for (let now = 0; ; now += SERVER_LIMITS.fleetWorkMs) {
    const beats = now % SERVER_LIMITS.fleetHereMs === 0;
    const here = beats ? tellers.map(({ name, told }) => ({ name, seq: told.seq })) : [];
    const words = engine.gather(() => {
      for (const { told } of tellers) told.work();
    });
    const commit = now % SERVER_LIMITS.snapshotIntervalMs === 0;
    const { asks, hosts: heard, whole } = await node.ask<Heard>({ now, here, words, commit });
    for (const { name, after } of asks) byName.get(name)?.told.ask(after);
    if (whole && heard === others * hosts) return now / 1_000;
  }
}

async function main(): Promise<void> {
  await quickenCrypto();
  print(`npm run bench:fleet-plan -- --nodes ${nodes} --hosts ${hosts} --changes ${changeS}`);
  print(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, node ${process.version}, load ${loadavg()[0]?.toFixed(1)} before; times are CPU time, not time on the wall`,
  );
  print();
  const node = new Node();
  await node.ready();
  const engine = new Engine();
  const tellers = Array.from({ length: others }, (_, n) => new Teller(n, (word) => engine.say(word)));
  for (const { told } of tellers) told.flush();
  engine.carries = true;
  const bytesEach = await told(node, tellers, engine);
  await steady(node, tellers, engine);
  plan(bytesEach);
  node.close();
  const file = `bench/results/fleet-plan-${new Date().toISOString().slice(0, 10)}.txt`;
  writeFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), `${lines.join('\n')}\n`);
}

const NOTHING: Moment = { now: 0, here: [], words: [], commit: false };

/** All hosts are told to one that has just started: bytes of heap for each. */
async function told(node: Node, tellers: readonly Teller[], engine: Engine): Promise<number> {
  const all = others * hosts;
  const heap = await node.ask<number>('heap');
  const before = await node.ask<Heard>(NOTHING);
  const seconds = await converge(node, tellers, engine);
  const after = await node.ask<Heard>({ ...NOTHING, now: 1_000 * seconds, commit: true });
  const bytesEach = ((await node.ask<number>('heap')) - heap) / all;
  const idle = await node.ask<Heard>({ ...NOTHING, now: 1_000 * seconds });
  const again = await node.ask<Heard>({ ...NOTHING, now: 1_000 * seconds, words: engine.samples });
  const repeated = (all * engine.samples.reduce((sum, { length }) => sum + length, 0)) / engine.bytes;
  const [tellUs, hearUs] = [engine.tellMs, after.cpuMs - before.cpuMs].map((ms) => (1_000 * ms) / all) as [
    number,
    number,
  ];
  const idleUs = (1_000 * (again.cpuMs - idle.cpuMs)) / repeated;
  const share = (us: number): string => ((us * all) / 1e4 / seconds).toFixed(0);
  print(`${all} hosts of ${others} other nodes, all told to one that has just started:`);
  print(`  memory of each, heard of and listed: ${bytesEach.toFixed(0)} bytes of heap (limit 2000)`);
  print(
    `  until it has them: ${seconds.toFixed(1)} s (limit 30) at the pace of ${SERVER_LIMITS.fleetHostsAtOnce} hosts in ${SERVER_LIMITS.fleetWorkMs} ms of each node`,
  );
  print(
    `  CPU time for each host: telling ${tellUs.toFixed(1)} us, hearing and listing ${hearUs.toFixed(1)} us, hearing what one has already ${idleUs.toFixed(1)} us`,
  );
  print(`  bytes for each host: ${(engine.bytes / all).toFixed(0)} on the wire, ${engine.messages} messages`);
  print(
    `  so meanwhile: ${share(hearUs)} % of a core there, ${share(idleUs)} % at each other node and ${share(tellUs / others)} % to tell its own, ${((8 * engine.bytes) / 1e6 / seconds).toFixed(0)} Mbit/s to each`,
  );
  print();
  return bytesEach;
}

/** Each host changes once in so many seconds; each node tells its changes once a second. */
async function steady(node: Node, tellers: readonly Teller[], engine: Engine): Promise<void> {
  const perSecond = Math.round(hosts / changeS);
  const [messages, bytes] = [engine.messages, engine.bytes];
  const start = await node.ask<Heard>(NOTHING);
  let commitMs = 0;
  let end = start;
  for (let second = 0; second < STEADY_S; second += 1) {
    const words = engine.gather(() => {
      for (const teller of tellers) {
        teller.change(perSecond, second * perSecond);
        teller.told.flush();
      }
    });
    end = await node.ask<Heard>({ now: 0, here: [], words, commit: true });
    commitMs += end.commitMs;
  }
  const each = (value: number): number => value / STEADY_S;
  const heardMs = each(end.cpuMs - start.cpuMs - commitMs);
  print(`every host changes once in ${changeS} s (${perSecond} hosts a second of each node):`);
  print(
    `  messages of all ${others} others: ${each(engine.messages - messages).toFixed(0)} a second, ${((8 * each(engine.bytes - bytes)) / 1e6).toFixed(1)} Mbit/s to each node`,
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
