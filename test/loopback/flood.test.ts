/**
 * SECURITY.md row 11: a flood on one port leaves the others answering, because each is a socket with a buffer of its own. No clock is
 * asked: the flood and the questions go out in one turn of this process, before the master in it reads anything, so that the flooded
 * buffer is full when the questions come.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { createMaster, type Output, socketIds } from '../../src/core/index.ts';
import { Link, type LinkCommand, type LinkEvent, type MasterMachine } from '../../src/core/testing.ts';
import { type Driver, drive, nodeCrypto, systemRandom } from '../../src/node/index.ts';
import { eventually } from './master-node.ts';
import { portBase } from './processes.ts';

const ADDRESS = '127.0.0.1';
const FLOOD = 6_000;
const GARBAGE = new Uint8Array(512).fill(0xee);

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

interface Master {
  readonly port: number;
  readonly key: Uint8Array;
  readonly machine: MasterMachine;
}

async function master(): Promise<Master> {
  const identity = nodeCrypto.keyPair();
  const port = portBase();
  const machine = createMaster({
    ...{
      crypto: nodeCrypto,
      random: systemRandom,
      wallClock: Date.now,
      identity,
      addresses: [ADDRESS],
      advertised: null,
      port,
    },
    policy: { announce: (_key, _from, announcement) => announcement, admit: () => null },
  });
  let listening = false;
  const driver = drive(machine, {
    onEvent: ({ ev }) => {
      listening ||= ev === 'listening';
    },
    onFault: (error) => expect.unreachable(String(error)),
  });
  ends.push(() => driver.dispose());
  driver.command({ do: 'start' });
  await eventually('the master listens', () => listening);
  return { port, key: identity.publicKey, machine };
}

interface Participant {
  readonly driver: Driver<LinkCommand>;
  readonly events: readonly LinkEvent[];
  readonly link: Link;
  /** The control port that its session was given. */
  control(): number;
}

function participant({ port, key }: Master): Participant {
  const master = { key, addresses: [ADDRESS], port };
  const identity = nodeCrypto.keyPair();
  const link = new Link({
    crypto: nodeCrypto,
    random: systemRandom,
    sockets: socketIds(),
    identity,
    wallClock: Date.now,
    master,
  });
  const events: LinkEvent[] = [];
  let control = 0;
  const poll = link.poll.bind(link);
  link.poll = (): Output<LinkEvent> => {
    const output = poll();
    if (output.kind === 'transmit' && output.to.port !== port) control = output.to.port;
    return output;
  };
  const driver = drive(link, {
    onEvent: (event) => events.push(event),
    onFault: (error) => expect.unreachable(String(error)),
  });
  ends.push(() => driver.dispose());
  driver.command({ do: 'start' });
  return { driver, events, link, control: () => control };
}

const isUp = ({ events }: Participant): boolean => events.some((event) => event.ev === 'state' && event.state === 'up');

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  ends.push(() => socket.close());
  socket.bind(0, ADDRESS);
  await once(socket, 'listening');
  return socket;
}

/** In one turn. What the kernel has no room for is gone, which is what a flood is. */
function flood(socket: Socket, port: number): void {
  for (let i = 0; i < FLOOD; i++) socket.send(GARBAGE, port, ADDRESS, () => {});
}

function taken({ machine }: Master): number {
  const { dropped } = machine.counters();
  return ['door-malformed', 'control-malformed', 'probe-malformed'].reduce(
    (sum, name) => sum + (dropped[name] ?? 0),
    0,
  );
}

/** Ports of the same master, as docs/protocol.md has them. */
const DOOR = 0;
const PROBE = 9;

type Part = 'door' | 'control' | 'probe';
/** What is flooded, given the offset of the participant's control port, and what answers all the same. */
const FLOODS: readonly (readonly [(control: number) => number, readonly Part[]])[] = [
  [() => DOOR, ['control', 'probe']],
  [(control) => (control % 8) + 1, ['control', 'probe', 'door']],
  [(control) => control, ['probe', 'door']],
  [() => PROBE, ['control', 'probe', 'door']],
];

async function flooded(place: (control: number) => number, answering: readonly Part[]): Promise<void> {
  const server = await master();
  const one = participant(server);
  await eventually('a session', () => isUp(one));
  const [attacker, prober] = [await bound(), await bound()];
  const asked = server.port + PROBE + 4;
  const source = one.link.sources.find(({ target }) => target.port === asked) ?? expect.unreachable();
  let probed = 0;
  prober.on('message', (bytes, { address, port }) => {
    if (source.answer({ address, port }, bytes) !== null) probed++;
  });
  const before = taken(server);

  flood(attacker, server.port + place(one.control() - server.port));
  one.driver.command({ do: 'request', ref: 1, request: { type: 'echo' }, socket: null });
  for (let i = 0; i < 10; i++) prober.send(source.request(0, i, 'same'), asked, ADDRESS);
  const other = participant(server);

  const answers: Readonly<Record<Part, () => boolean>> = {
    control: () => one.events.some((event) => event.ev === 'response' && event.ref === 1),
    probe: () => probed === 10,
    door: () => isUp(other),
  };
  for (const part of answering) await eventually(`an answer: ${part}`, answers[part]);
  await eventually('the flood is read', () => taken(server) > before);
  // The buffer was full: most of the flood was never read.
  expect(taken(server) - before).toBeLessThan(FLOOD / 2);
}

describe('a flood in one turn', () => {
  test('leaves the ports that it does not hit answering, whichever it hits', async () => {
    for (const [place, answering] of FLOODS) await flooded(place, answering);
  });

  test('at the port that is asked loses the question, which is why they are apart', async () => {
    const server = await master();
    const attacker = await bound();
    const prober = await bound();
    const one = participant(server);
    await eventually('a session', () => isUp(one));
    const source = one.link.sources.find(({ target }) => target.port === server.port + PROBE) ?? expect.unreachable();
    let probed = 0;
    prober.on('message', () => probed++);
    flood(attacker, source.target.port);
    for (let i = 0; i < 10; i++) prober.send(source.request(0, 7, 'same'), source.target.port, ADDRESS);
    await eventually('the flood is read', () => taken(server) > 100);
    prober.send(source.request(0, 8, 'same'), source.target.port, ADDRESS);
    await eventually('an answer', () => probed > 0);
    expect(probed).toBeLessThan(11);
  });
});
