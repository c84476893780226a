/** The attacks of the campaign: each answers what was counted, and whether that is what the table of threats promises. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seededCrypto, type Transmit, WIRE, WIRE_LIMITS } from '../src/core/index.ts';
import { CONTROL_PROLOGUE, concat, helloPayload, noiseInitiate, writeHello } from '../src/core/testing.ts';
import { nodeCrypto } from '../src/node/index.ts';
import { NATS, type Packet, simRandom } from '../src/sim/index.ts';
import { hosting, join, MASTER, type Participant, PORT, type Stage, spoofed, stage } from './campaign-world.ts';

export interface Outcome {
  readonly asked: string;
  readonly counted: string;
  readonly held: boolean;
}

const WALL = 1_700_000_000_000;
const DETECTION_MS = 15_000;
const count = (n: number): string => n.toLocaleString('en');

/** HELLOs that the master can open, from keys of their own. */
function hellos({ key, now }: Stage, many: number): readonly Uint8Array[] {
  return Array.from({ length: many }, (_, n) => {
    const crypto = seededCrypto(`hello ${n}`, nodeCrypto);
    const initiator = noiseInitiate(crypto, {
      ...{ prologue: CONTROL_PROLOGUE, own: crypto.keyPair(), remoteStatic: key },
      payload: helloPayload(WALL + now()),
    });
    if (initiator === null) throw new Error('a key of ours is not usable');
    return writeHello(initiator.message1, null, false);
  });
}

/** What a host and a friend have really sent to the master, by kind. */
function recorded(setup: Stage): Map<number, Uint8Array[]> {
  const kinds = new Map<number, Uint8Array[]>();
  setup.world.watch(({ packet: { to, bytes } }) => {
    if (to.address !== MASTER.address) return;
    const kind = bytes[0] as number;
    kinds.set(kind, [...(kinds.get(kind) ?? []), bytes].slice(-200));
  }, 'sent');
  return kinds;
}

interface Flood {
  readonly name: string;
  readonly port: number;
  bytes(n: number): Uint8Array;
}

function floods(setup: Stage, kinds: ReadonlyMap<number, readonly Uint8Array[]>): readonly Flood[] {
  const valid = hellos(setup, 200);
  const random = simRandom('floods');
  const noise = nodeCrypto.randomBytes(65_536);
  const cut = (length: number): Uint8Array => noise.subarray(random.int(0, 64_000), 65_536).subarray(0, length);
  const of = (list: readonly Uint8Array[], n: number): Uint8Array => list[n % list.length] as Uint8Array;
  const changed = (list: readonly Uint8Array[], n: number): Uint8Array => {
    const bytes = of(list, n).slice();
    const at = random.int(1, bytes.length - 1);
    bytes[at] = (bytes[at] as number) ^ random.int(1, 255);
    return bytes;
  };
  const hello = (flags: number, version = 1): ((n: number) => Uint8Array) => {
    const head = Uint8Array.of(WIRE.hello, version, flags, 0);
    return () => concat(head, cut(WIRE_LIMITS.helloBytes - 4));
  };
  const [control, probes] = [kinds.get(WIRE.control) ?? [], kinds.get(WIRE.probe) ?? []];
  const typed =
    (type: number): ((n: number) => Uint8Array) =>
    (n) =>
      concat(Uint8Array.of(type), cut(40 + (n % 400)));
  return [
    { name: 'HELLO that can be opened', port: PORT.door, bytes: (n) => of(valid, n) },
    { name: 'HELLO of random bytes', port: PORT.door, bytes: hello(0) },
    { name: 'HELLO with a made-up cookie', port: PORT.door, bytes: hello(1) },
    { name: 'HELLO that insists on a RETRY', port: PORT.door, bytes: hello(2) },
    { name: 'HELLO with a made-up ticket', port: PORT.door, bytes: hello(4) },
    { name: 'HELLO of another version', port: PORT.door, bytes: hello(0, 9) },
    { name: 'sealed datagrams, played back', port: PORT.control, bytes: (n) => of(control, n) },
    { name: 'sealed datagrams, one byte changed', port: PORT.control, bytes: (n) => changed(control, n) },
    { name: 'probes, played back', port: PORT.probe, bytes: (n) => of(probes, n) },
    { name: 'probes, one byte changed', port: PORT.probe, bytes: (n) => changed(probes, n) },
    { name: 'RETRY to the master', port: PORT.door, bytes: typed(WIRE.retry) },
    { name: 'ACCEPT to the master', port: PORT.control, bytes: typed(WIRE.accept) },
    { name: 'punch probes to the master', port: PORT.probe, bytes: typed(WIRE.punch) },
    { name: 'anything of 0 to 1,500 bytes', port: PORT.control, bytes: (n) => cut(n % 1_501) },
  ];
}

/** Row 1. */
export function amplification(each: number): Outcome {
  const setup = stage('amplification');
  const kinds = recorded(setup);
  const host = hosting(setup, 'host', null);
  setup.participant('friend', null);
  setup.world.run(5_000);
  const proven = new Set([host.host.address]);
  let [worst, answers, bytesIn, bytesOut] = [0, 0, 0, 0];
  const list = floods(setup, kinds);
  for (const { port, bytes } of list) {
    for (let n = 0; n < each; n++) {
      const sent = bytes(n);
      const from = spoofed(n);
      if (proven.has(from.address)) continue;
      // Ten thousand in a second.
      if (n % 100 === 99) setup.world.run(10);
      const told = setup.hit(from, port, sent);
      bytesIn += sent.length;
      answers += told.length;
      const out = told.reduce((sum, one) => sum + one.length, 0);
      bytesOut += out;
      if (out > 0) worst = Math.max(worst, out / sent.length, told.length > 1 ? 9 : 0);
    }
  }
  return {
    asked: `${count(each)} spoofed packets of each of ${list.length} types: never more than 1.00 times as much back`,
    counted: `${count(each * list.length)} packets, ${count(answers)} answers; at most ${worst.toFixed(2)} times, ${(bytesOut / bytesIn).toFixed(3)} in all`,
    held: worst <= 1 && answers > 0,
  };
}

const pattern = (address: string): Uint8Array => Uint8Array.from(address.split('.'), Number);

/**
 * Row 2. A friend who is let in and names the victim wherever its own address would stand: whatever it seals, candidates, profile,
 * samples, endpoints and orders, is changed just before.
 */
export function victim(attempts: number): Outcome {
  let [named, worlds, hits, atAttacker] = [0, 0, 0, 0];
  while (named < attempts) {
    const setup = stage(`victim ${worlds++}`);
    const { world } = setup;
    const target = world.host({ name: 'victim' }).address;
    const host = hosting(setup, 'host', worlds % 2 === 0 ? NATS.linux : null);
    let [own, put]: [Uint8Array, Uint8Array] = [new Uint8Array(4), pattern(target)];
    const suite = seededCrypto(`attacker ${worlds}`, nodeCrypto);
    const lying: typeof suite = {
      ...suite,
      seal(key, nonce, associated, plaintext) {
        const told = plaintext.slice();
        for (
          let at = Buffer.from(told).indexOf(own);
          own[0] !== 0 && at >= 0;
          at = Buffer.from(told).indexOf(own, at)
        ) {
          told.set(put, at);
          named++;
        }
        return suite.seal(key, nonce, associated, told);
      },
    };
    const attacker = setup.participant('attacker', NATS.linuxRandom, { crypto: lying });
    world.watch(({ where, packet }) => {
      if (packet.to.address === target && where !== 'attacker') hits++;
      if (where === 'host' && packet.bytes[0] === WIRE.punch) atAttacker++;
    }, 'sent');
    world.runUntil(() => attacker.all('ready').length > 0, { limitMs: 20_000 });
    own = pattern(attacker.all('ready').at(-1)?.profile.external[0] ?? '0.0.0.0');
    put = pattern(target);
    for (let number = 1; number <= 150 && named < attempts; number++) {
      join(attacker, number, host.key.publicKey);
      // A host is joined once a second by one address, for long.
      world.run(1_200);
      attacker.running.command({ do: 'abort', join: number });
      world.run(300);
    }
  }
  return {
    asked: `${count(attempts)} attempts with a victim in every field: 0 packets`,
    counted: `${count(named)} fields with the victim in them, ${worlds} hosts: ${hits} packets to it (${count(atAttacker)} to whoever asked)`,
    held: hits === 0 && atAttacker > 0,
  };
}

/** Row 5. */
export function garbage(total: number): Outcome {
  const setup = stage('garbage');
  const kinds = recorded(setup);
  const hosts = Array.from({ length: 20 }, (_, n) => hosting(setup, `host ${n}`, null));
  setup.world.run(30_000);
  const list = floods(setup, kinds).filter(({ port }) => port !== PORT.door);
  const events = (): number => hosts.reduce((sum, host) => sum + host.all('hosting-failed').length, 0);
  const before = setup.master.counters().hosts;
  const noise = nodeCrypto.randomBytes(2_000);
  const from = hosts.map(({ host }) => ({ address: host.address, port: 40_000 }));
  for (let n = 0; n < total; n++) {
    // Mostly as short as can be made quickly; one in sixteen a datagram of theirs, changed or played back.
    const flood = list[n % list.length] as Flood;
    const bytes = n % 16 === 0 ? flood.bytes(n >> 4) : noise.subarray(n & 1_023, (n & 1_023) + ((n * 7) % 900));
    setup.hit(from[n % from.length] as (typeof from)[number], n % 3 === 0 ? PORT.door : flood.port, bytes);
    if (n % 5_000 === 4_999) setup.world.run(1);
  }
  setup.world.run(1_000);
  const after = setup.master.counters().hosts;
  const seen = hosts.filter(({ key }) => setup.master.lastSeen(key.publicKey) !== null).length;
  return {
    asked: `${count(total)} garbage datagrams from the addresses of listed hosts: the list is unchanged`,
    counted: `${before} hosts listed before, ${after} after, ${seen} of ${hosts.length} known by key, ${events()} told of an end`,
    held: before === hosts.length && after === before && seen === before && events() === 0,
  };
}

/** Row 7: guesses at a host that is being joined, and at a path, by somebody who knows where they are. */
export function guesses(total: number): Outcome {
  const setup = stage('guesses');
  const { world } = setup;
  const host = hosting(setup, 'host', null);
  const friend = setup.participant('friend', null);
  world.runUntil(() => friend.all('ready').length > 0, { limitMs: 20_000 });
  const seen: Packet[] = [];
  world.watch(({ packet }) => void (packet.bytes[0] === WIRE.punch && seen.length < 50 && seen.push(packet)), 'sent');
  join(friend, 1, host.key.publicKey);
  world.runUntil(() => host.all('path').length > 0 && friend.all('path').length > 0, { limitMs: 20_000 });
  const paths = (): number => host.all('path').length + friend.all('path').length;
  const messages = (): number => host.all('message').length + friend.all('message').length;
  const before = [paths(), messages()];
  const noise = nodeCrypto.randomBytes(4_096);
  const stranger = { address: '192.0.2.66', port: 6_666 };
  let answers = 0;
  const told = (one: Participant, bytes: Uint8Array): void => {
    for (const socket of one.sockets) {
      one.machine.handleDatagram(world.now, socket, stranger, bytes);
      for (let output = one.machine.poll(); output.kind !== 'wait'; output = one.machine.poll())
        if (output.kind === 'transmit') answers++;
    }
  };
  const probe = (seen[0]?.bytes ?? new Uint8Array(32)).slice();
  for (let n = 0; n < total; n++) {
    const bytes = n % 2 === 0 ? probe : noise.subarray(n & 1_023, (n & 1_023) + 40 + (n & 63)).slice();
    // Half of them have the true session, and guess the rest.
    if (n % 4 === 0) bytes.set(noise.subarray(n & 2_047, (n & 2_047) + 8), 4);
    else if (n % 2 === 0) bytes.set(noise.subarray(n & 2_047, (n & 2_047) + 20), 12);
    else bytes[0] = WIRE.path;
    if (n % 2 === 0) for (let i = 0; i < 4; i++) bytes[16 + i] = (bytes[16 + i] as number) ^ (n >>> (8 * i));
    told(n % 3 === 0 ? friend : host, bytes);
    if (n % 10_000 === 9_999) world.run(1);
  }
  const taken = [paths() - (before[0] as number), messages() - (before[1] as number)];
  return {
    asked: `${count(total)} guesses of a session: 0 accepted`,
    counted: `${count(total)} datagrams at each open socket: ${taken[0]} paths, ${taken[1]} messages, ${answers} answers`,
    held: taken[0] === 0 && taken[1] === 0 && answers === 0 && before[0] === 2,
  };
}

/** Heap and all that is kept outside of it; resident. */
function bytesHeld(): readonly [live: number, resident: number] {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let n = 0; n < 3; n++) collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return [heapUsed + external, rss];
}

/**
 * Row 9. V8 takes 17 MB more for its young generation some time after four million of them, whatever the program keeps: `npm run campaign`
 * lets it have them from the start (`--min-semi-space-size`), so that what is counted is what the flood has left.
 */
export function memory(total: number): Outcome {
  const setup = stage('memory');
  hosting(setup, 'host', null);
  const list = floods(setup, new Map()).filter(({ port, name }) => port === PORT.door && name.startsWith('HELLO'));
  const flood = (first: number, many: number): void => {
    for (let n = first; n < first + many; n++) {
      const { bytes } = list[n % list.length] as Flood;
      setup.hit(spoofed(n), PORT.door, bytes(n));
      // Fifty thousand in a second.
      if (n % 500 === 499) setup.world.run(10);
    }
  };
  const warm = Math.min(total, 500_000);
  flood(0, warm);
  const before = bytesHeld();
  flood(warm, total);
  const [live, resident] = bytesHeld().map((bytes, n) => (bytes - (before[n] as number)) / 1e6) as [number, number];
  const { sessions, dropped } = setup.master.counters();
  return {
    asked: `${count(total)} spoofed HELLOs: less than 5 MB more`,
    counted: `${resident.toFixed(1)} MB of resident memory, ${live.toFixed(1)} MB of it live, ${sessions} sessions, ${count(dropped['cookie-bad'] ?? 0)} cookies refused`,
    held: resident < 5 && live < 5 && sessions <= 2,
  };
}

/** Row 10: 50,000 HELLOs in a second of virtual time, and what they cost in seconds of one core. */
export function heartbeats(seconds: number): Outcome {
  const setup = stage('heartbeats');
  const { world, master } = setup;
  const hosts = Array.from({ length: 50 }, (_, n) => hosting(setup, `host ${n}`, null));
  world.run(30_000);
  const list = floods(setup, new Map()).filter(({ port, name }) => port === PORT.door && name.startsWith('HELLO'));
  let [asked, answered] = [0, 0];
  world.watch(({ where, packet }) => {
    if (packet.bytes[0] !== WIRE.control) return;
    if (packet.to.address === MASTER.address && packet.to.port !== PORT.door) asked++;
    else if (where === 'master') answered++;
  }, 'sent');
  const lost = (): number =>
    hosts.reduce((sum, one) => sum + one.all('link').filter(({ state }) => state === 'lost').length, 0);
  const [before, lostBefore] = [master.counters().heartbeats, lost()];
  const used = process.cpuUsage();
  for (let n = 0; n < 50_000 * seconds; n++) {
    const { bytes } = list[n % list.length] as Flood;
    setup.hit(spoofed(n), PORT.door, bytes(n));
    if (n % 500 === 499) world.run(10);
  }
  const { user, system } = process.cpuUsage(used);
  const load = (user + system) / 1e6 / seconds;
  world.run(1_000);
  const share = Math.min(1, answered / asked);
  const beats = master.counters().heartbeats - before;
  return {
    asked: `50,000 HELLOs a second for ${seconds} s: heartbeats acknowledged >= 99 %`,
    counted: `${count(beats)} heartbeats, ${(100 * share).toFixed(2)} % of ${count(asked)} sealed datagrams answered, ${lost() - lostBefore} hosts lost their master; one second of it takes ${load.toFixed(2)} s of one core, making the packets included`,
    held: share >= 0.99 && beats > 0 && lost() === lostBefore && master.counters().hosts === hosts.length,
  };
}

interface Detected {
  readonly profile: string;
  readonly questions: number;
  readonly injected: number;
}

/** A participant looks at its network; to each of its questions come so many wrong answers before the true one. */
function detect(wrong: number): Detected {
  const setup = stage('predictions');
  const { world } = setup;
  const noise = nodeCrypto.randomBytes(4_096);
  const friend = setup.participant('friend', NATS.linuxRandom);
  const { machine } = friend;
  const { poll } = machine;
  const open: Transmit[] = [];
  machine.poll = () => {
    const output = poll.call(machine);
    if (output.kind === 'transmit' && output.bytes[0] === WIRE.probe) open.push(output);
    return output;
  };
  let [questions, injected] = [0, 0];
  for (let ms = 0; ms < DETECTION_MS; ms++) {
    for (const { socket, to, bytes } of open.splice(0)) {
      questions++;
      for (let n = 0; n < wrong; n++) {
        const answer = noise.slice(n & 2_047, (n & 2_047) + WIRE_LIMITS.probeBytes);
        answer.set([WIRE.probeAnswer, n % 5, n % 7 === 0 ? 6 : 4, 0]);
        // The number of the true question, and every signature but the true one.
        answer.set(bytes.subarray(12, 16), 4);
        const from = n % 3 === 0 ? { ...to, port: to.port + (n % 4) } : to;
        machine.handleDatagram(world.now, socket, from, answer);
        injected++;
      }
    }
    world.run(1);
  }
  const last = friend.all('profile').at(-1);
  if (last === undefined) throw new Error(`no profile within ${DETECTION_MS} ms`);
  const { ageMs: _age, lastPortAgeMs: _portAge, ...profile } = last.profile;
  return { profile: JSON.stringify(profile), questions, injected };
}

/** Row 22. */
export function predictions(total: number): Outcome {
  const honest = detect(0);
  const lied = detect(Math.ceil(total / honest.questions));
  const same = lied.profile === honest.profile;
  return {
    asked: `${count(total)} wrong answers to probes: the prediction is unchanged`,
    counted: `${count(lied.injected)} wrong answers to ${lied.questions} questions; the profile ${same ? 'is the same' : `is ${lied.profile} instead of ${honest.profile}`}`,
    held: same && lied.injected >= total,
  };
}
