/**
 * A lying master, a lying host and a lying friend: the real machines, which write one field of their messages as it suits them
 * (`fields.ts`). Each lie has a world of its own with honest participants in it, who come to no harm by it and, when the lies stop,
 * meet as if nothing had been.
 */

import { type CryptoSuite, type Machine, type Output, seededCrypto, WIRE } from '../../src/core/index.ts';
import { PAY_LIMITS, PLAN_LIMITS, scopeOf, sipHash128 } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import {
  NATS,
  type NatBehaviour,
  noAmplification,
  noPacketToUnprovenAddress,
  paidForItself,
} from '../../src/sim/index.ts';
import { ANNOUNCEMENT, hostCommand, joinCommand, type Participant, type Peers, peers } from '../sim/peers.ts';
import { type Field, type Lie, Tongue } from './fields.ts';

export type Liar = 'master' | 'host' | 'friend';
export const LIARS: readonly Liar[] = ['master', 'host', 'friend'];

const SETTLE_MS = 4_000;
const JOIN_MS = 6_000;
const TALK_MS = 1_000;
/** After the lies: a session that was lied to death is given up and made again, names and codes are claimed again. */
const HONEST_MS = 120_000;
/** More than any honest collection of a participant holds in such a world, and far less than what would be a leak. */
const COLLECTION_MAX = 4_096;
/** No game says this. */
const SECRETS = ['what the host tells its friend', 'what the friend tells its host'].map((text) =>
  Uint8Array.from(`sallyport ${text}`, (sign) => sign.charCodeAt(0)),
) as [Uint8Array, Uint8Array];

/** Networks that meet at once, and such that need credits, steps and a long run. */
export type Nets = 'easy' | 'hard';
export const NETS: readonly Nets[] = ['easy', 'hard'];

export interface Told {
  readonly fields: readonly Field[];
  /** How often the field was lied about. */
  readonly lies: number;
}

type AnyMachine = Machine<never, unknown>;

/** Everything that the machine does is said by this speaker. A liar's own mistakes are its own affair: its turn is over. */
function speak(machine: AnyMachine, tongue: Tongue, who: 'liar' | 'other'): void {
  const attempt = <Result>(turn: () => Result, otherwise: Result): Result => {
    try {
      return tongue.speaks(who, turn);
    } catch (error) {
      if (who === 'other') throw error;
      return otherwise;
    }
  };
  const { handleDatagram, handleSocket, handleTimeout, handleCommand, poll } = machine;
  Object.assign(machine, {
    handleDatagram: (...given: Parameters<typeof handleDatagram>) =>
      attempt(() => handleDatagram.apply(machine, given), undefined),
    handleSocket: (...given: Parameters<typeof handleSocket>) =>
      attempt(() => handleSocket.apply(machine, given), undefined),
    handleTimeout: (now: number) => attempt(() => handleTimeout.call(machine, now), undefined),
    handleCommand: (now: number, command: never) => attempt(() => handleCommand.call(machine, now, command), undefined),
    poll: () => attempt(() => poll.call(machine), { kind: 'wait', until: Number.POSITIVE_INFINITY } as const),
  });
}

/** A suite that lies just before it signs or seals: `bytes` are those that will be sent. */
function forked(suite: CryptoSuite, tongue: () => Tongue): CryptoSuite {
  return {
    ...suite,
    hmac(key, ...parts) {
      const [bytes] = parts;
      if (bytes?.[0] === WIRE.punch && bytes.length === 16) tongue().touch('probe', bytes, 1, 16);
      return suite.hmac(key, ...parts);
    },
    sealPacket(key, nonce, packet, head, length) {
      if (packet[0] === WIRE.path) tongue().touch('path', packet.subarray(head, head + length), 0, 9);
      suite.sealPacket(key, nonce, packet, head, length);
    },
  };
}

interface Probed {
  readonly sessions: {
    all(): Iterable<{ readonly probeKey: Uint8Array; readonly from: { readonly address: string } }>;
  };
}

/** Answers of a master's probe ports: told anew, with the key of whoever asked. */
function twistAnswers(machine: AnyMachine, tongue: Tongue): void {
  const { poll } = machine;
  const { sessions } = machine as unknown as Probed;
  machine.poll = () => {
    const output = poll.call(machine) as Output<unknown>;
    if (output.kind !== 'transmit' || output.bytes[0] !== WIRE.probeAnswer) return output;
    const { bytes, to } = output;
    const asked = [...sessions.all()].find(({ from }) => from.address === to.address);
    tongue.touch('answer to a probe', bytes, 1, 32, 16);
    if (asked !== undefined) bytes.set(sipHash128(asked.probeKey, bytes.subarray(0, 32)), 32);
    return output;
  };
}

interface Stage {
  readonly setup: Peers;
  readonly tongue: Tongue;
  readonly host: Participant;
  readonly friend: Participant;
  /** Beside a lying host another host, beside a lying friend another friend; beside a lying master somebody it favours. */
  readonly third: Participant;
  readonly victim: string;
}

function stage(liar: Liar, nets: Nets, seed: number): Stage {
  const setup = peers({ seed: `lies ${seed}`, trace: true });
  const { world, master } = setup;
  const victim = world.host({ name: 'victim' }).address;
  let tongue: Tongue;
  const named = (name: string, place: NatBehaviour | null): Participant => {
    const suite = seededCrypto(`${world.options.seed}/${name}`, nodeCrypto);
    return setup.participant(name, place, { crypto: name === liar ? forked(suite, () => tongue) : suite }, false);
  };
  const host = named('host', NATS.linux);
  const friend = named('friend', nets === 'easy' ? NATS.linux : NATS.linuxRandom);
  const third = named('third', null);
  const places = [victim, third.host.address, master.host.address, friend.host.address];
  tongue = new Tongue(world.random('lies'), places);
  for (const [who, one] of Object.entries({ host, friend, third }))
    speak(one.machine as AnyMachine, tongue, who === liar ? 'liar' : 'other');
  if (liar === 'master') twistAnswers(master.machine as unknown as AnyMachine, tongue);
  speak(master.machine as unknown as AnyMachine, tongue, liar === 'master' ? 'liar' : 'other');
  return { setup, tongue, host, friend, third, victim };
}

/** Throws where somebody honest has come to harm; tells which fields there are to lie about. `lie` null: nobody lies. */
export function perform(liar: Liar, nets: Nets, seed: number, lie: Lie | null): Told {
  const scene = stage(liar, nets, seed);
  const { setup, tongue } = scene;
  const deaf = tongue.listen();
  try {
    tongue.lie = lie;
    const watched = watch(liar, scene);
    play(liar, scene);
    const lies = tongue.told;
    tongue.lie = null;
    judge(liar, scene, watched);
    deaf();
    meetAgain(liar, nets, scene);
    return { fields: [...tongue.fields.values()], lies };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${setup.world.replayText()}`, { cause: error });
  } finally {
    deaf();
  }
}

/** Everything that is said in a life: handshakes, hosting, a join, the list, a path, a change of network, a goodbye. */
function play(liar: Liar, { setup, host, friend, third }: Stage): void {
  const { world } = setup;
  const all = [host, friend, third];
  for (const one of all) one.command({ do: 'start' });
  host.command(hostCommand({ public: true }));
  if (liar !== 'friend') third.command(hostCommand({ name: 'Third', public: true }));
  world.run(SETTLE_MS);
  const code = host.last('hosting')?.code ?? null;
  friend.command(joinCommand({ code, ...(code === null ? { hostKey: host.publicKey } : {}) }));
  if (liar === 'host') friend.command(joinCommand({ join: 2, hostKey: third.publicKey }));
  if (liar === 'friend') third.command(joinCommand({ hostKey: host.publicKey, name: 'Third' }));
  friend.command({ do: 'list', id: 1 });
  world.run(JOIN_MS);
  const pair = liar === 'host' ? ([third, friend] as const) : liar === 'friend' ? ([host, third] as const) : null;
  const [server, guest] = pair ?? [host, friend];
  say(server, guest, SECRETS[0]);
  say(guest, server, SECRETS[1]);
  if (liar === 'host') say(host, friend, Uint8Array.of(1));
  if (liar === 'friend') say(friend, host, Uint8Array.of(1));
  world.run(TALK_MS);
  for (const one of all)
    one.command({ do: 'network', network: { addresses: [...one.host.addresses, '192.168.77.7'], gateway: null } });
  host.command({ do: 'announce', announcement: { ...ANNOUNCEMENT, name: 'Arena 2', public: true }, players: 1 });
  world.run(TALK_MS);
  friend.command({ do: 'abort', join: 1 });
  world.run(TALK_MS);
}

/** Over every path that the two have. */
function say(from: Participant, to: Participant, bytes: Uint8Array): void {
  const open = to.all('path').map(({ words }) => words);
  for (const { path, words } of from.all('path')) if (open.includes(words)) from.command({ do: 'send', path, bytes });
}

interface Watched {
  readonly faults: string[];
  readonly punches: Map<string, number>;
}

/** What no packet may be, whoever lies. */
function watch(liar: Liar, { setup, victim }: Stage): Watched {
  const { world } = setup;
  const watched: Watched = { faults: [], punches: new Map() };
  const lan = new Map<string, number>();
  world.watch(({ where, packet: { to, bytes } }) => {
    const add = (fault: string): void => void (watched.faults.length < 8 ? watched.faults.push(fault) : 0);
    if (SECRETS.some((secret) => Buffer.from(bytes).includes(Buffer.from(secret))))
      add(`${where} says a secret in clear`);
    if (where === liar) return;
    if (!(to.port >= 1 && to.port <= 65_535)) add(`${where} sends to port ${to.port}`);
    const scope = scopeOf(to.address);
    if (scope === 'private') {
      lan.set(where, (lan.get(where) ?? 0) + 1);
      if ((lan.get(where) as number) > 3 * PAY_LIMITS.lanProbesMax) add(`${where} probes ${to.address} without end`);
    } else if (scope !== 'public') add(`${where} sends to ${to.address}, which is ${scope}`);
    if (to.address === victim && liar !== 'master') add(`${where} sends to the victim`);
    if (bytes[0] === WIRE.punch) watched.punches.set(where, (watched.punches.get(where) ?? 0) + 1);
  }, 'sent');
  return watched;
}

function judge(liar: Liar, { setup, host, friend, third }: Stage, { faults, punches }: Watched): void {
  const { world, master } = setup;
  const expect = (holds: boolean, what: string): void => void (holds || faults.push(what));
  const honest = [host, friend, third].filter((one) => one.host.name !== liar);
  // Nobody reads what is not meant for it, nor sits in between without that the words tell.
  const secrets = (one: Participant) =>
    one.all('message').filter(({ bytes }) => SECRETS.some((secret) => Buffer.from(bytes).equals(secret)));
  const outsider = liar === 'master' ? third : liar === 'host' ? host : friend;
  expect(secrets(outsider).length === 0, `${outsider.host.name} reads what others say`);
  if (liar === 'master') {
    expect(third.all('path').length === 0, 'somebody else has a path');
    const words = host.all('path').map((path) => path.words);
    expect(
      friend.all('path').every((path) => words.includes(path.words)),
      'the words differ',
    );
  }
  // A master that permits everything finds the caps of each device; the others have an honest master.
  const most = PLAN_LIMITS.birthdayBurst + (PAY_LIMITS.probesPerSecond * world.now) / 1_000;
  for (const [name, count] of punches) expect(name === liar || count <= most, `${name} sends ${count} probes`);
  const ours = liar === 'master' ? [] : [paidForItself, noPacketToUnprovenAddress, noAmplification];
  for (const check of ours) {
    const fault = check(world);
    // What the liar sends itself is its own affair.
    if (fault !== null && !fault.startsWith(`${liar} sent`)) faults.push(fault);
  }
  if (liar !== 'master') {
    for (const { name, size, max } of master.machine.tables()) expect(size <= max, `${name} holds ${size} of ${max}`);
  }
  for (const one of honest) {
    const [where, size] = largest(one.machine);
    expect(size <= COLLECTION_MAX, `${where} of ${one.host.name} holds ${size}`);
  }
  if (faults.length > 0) throw new Error(faults.slice(0, 8).join('\n'));
}

/** The largest list, map or set that is anywhere in a machine. */
function largest(root: unknown): readonly [string, number] {
  const seen = new Set<unknown>();
  let worst: readonly [string, number] = ['', 0];
  const queue: (readonly [string, unknown])[] = [['', root]];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [where, value] = next;
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) continue;
    seen.add(value);
    const items =
      value instanceof Map ? [...value.values()] : value instanceof Set || Array.isArray(value) ? [...value] : null;
    if (items !== null && items.length > worst[1]) worst = [where, items.length];
    for (const item of items ?? []) queue.push([where, item]);
    if (items === null) for (const [name, inner] of Object.entries(value)) queue.push([`${where}.${name}`, inner]);
  }
  return worst;
}

/** The lies have stopped: whoever is honest hosts and joins as always, if need be by the command that a person would repeat. */
function meetAgain(liar: Liar, nets: Nets, { setup, host, friend, third }: Stage): void {
  const { world, master } = setup;
  if (liar === 'master') {
    master.stop();
    // Those it gave as a liar may name whomever it liked.
    master.forgetTickets();
    master.start();
  }
  // Where the two are hard to bring together, somebody else shows that both the master and the host are well.
  const guest = liar === 'friend' || (liar === 'master' && nets === 'hard') ? third : friend;
  const server = liar === 'host' ? third : host;
  const before = guest.all('path').length;
  const end = world.now + HONEST_MS;
  const isIn = () => guest.all('path').length > before;
  server.command(hostCommand({ name: `Again ${server.host.name}` }));
  for (let join = 100; !isIn() && world.now < end; join++) {
    guest.command(joinCommand({ join, hostKey: server.publicKey }));
    const failed = join;
    const over = () => isIn() || guest.all('join-failed').some((event) => event.join === failed);
    world.runUntil(over, { limitMs: end - world.now });
    if (!isIn()) world.run(1_000);
  }
  if (!isIn()) throw new Error('after the lies an honest join does not work');
}
