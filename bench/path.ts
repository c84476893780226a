/**
 * What one datagram of a game costs on its way over a path: `npm run bench:path`, with `-- --datagrams N --bytes N`.
 *
 * Machines: two `Peer` machines in this process, joined in memory; datagrams go from one's `send` to the other's `message` event with
 * nothing between them. What is measured is sealing, opening and the way through the machines.
 * Agents: the library on loopback, host and friend in this process, path to path: sockets, driver and events on top.
 * Both count CPU time of this process, both directions of one datagram together (one sends, the other receives).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openAgent } from '../src/agent/index.ts';
import {
  createMaster,
  createPeer,
  type Endpoint,
  endpointKey,
  type HostAnnouncement,
  type Machine,
  NEVER,
  type Output,
  type PeerCommand,
  type PeerEvent,
  type SocketId,
} from '../src/core/index.ts';
import { startMaster } from '../src/master/index.ts';
import { nodeCrypto, quickenCrypto, systemRandom } from '../src/node/index.ts';
import { weakCodes } from '../src/sim/index.ts';

const { values: flags } = parseArgs({
  options: {
    datagrams: { type: 'string', default: '1000000' },
    bytes: { type: 'string', default: '200' },
    port: { type: 'string', default: '18430' },
    warm: { type: 'string', default: '20000' },
  },
});
const COUNT = Number(flags.datagrams);
const PAYLOAD = new Uint8Array(Number(flags.bytes)).fill(7);
const WARM = Number(flags.warm);
/** Datagrams under way at once between the agents: fewer than the kernel's receive buffer holds. */
const WINDOW = 64;
const ANNOUNCEMENT: HostAnnouncement = {
  ...{ name: 'Bench', game: 'bench', public: false, playersMax: 8, map: '', mode: '', version: '' },
  passwordNeeded: false,
};

interface Cost {
  readonly microseconds: number;
  readonly perSecond: number;
}

/** CPU and wall time of `work` for each of `count` datagrams. */
async function costOf(count: number, work: () => void | Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { microseconds: (user + system) / count, perSecond: (count / (performance.now() - start)) * 1000 };
}

interface Wired {
  readonly machine: Machine<never, unknown>;
  readonly address: string;
  readonly hear: (event: never) => void;
}

/** Machines on one wire without delay, in a time of their own. */
class Wire {
  now = 0;
  private readonly machines: Wired[] = [];
  private readonly bound = new Map<string, { readonly at: number; readonly socket: SocketId }>();
  private readonly places = new Map<string, Endpoint>();
  private readonly waits: number[] = [];
  private port = 40_000;

  add<Command, Event>(machine: Machine<Command, Event>, address: string, hear: (event: Event) => void): number {
    this.machines.push({ machine, address, hear });
    this.waits.push(NEVER);
    return this.machines.length - 1;
  }

  drain(at: number): void {
    const { machine } = this.machines[at]!;
    for (;;) {
      const output: Output<unknown> = machine.poll();
      if (output.kind === 'wait') {
        this.waits[at] = output.until;
        return;
      }
      this.obey(at, output);
    }
  }

  private obey(at: number, output: Exclude<Output<unknown>, { readonly kind: 'wait' }>): void {
    const { machine, address, hear } = this.machines[at]!;
    if (output.kind === 'event') hear(output.event as never);
    else if (output.kind === 'transmit') {
      const from = this.places.get(`${at}/${output.socket}`);
      const to = this.bound.get(endpointKey(output.to));
      if (from === undefined || to === undefined) return;
      this.machines[to.at]!.machine.handleDatagram(this.now, to.socket, from, output.bytes);
      this.drain(to.at);
    } else if (output.op === 'open') {
      const own = output.address ?? address;
      const local = { address: own, port: output.port === 0 ? this.port++ : output.port };
      if (output.family === 6) {
        machine.handleSocket(this.now, output.socket, { ok: false, code: 'unsupported' });
        return;
      }
      this.bound.set(endpointKey(local), { at, socket: output.socket });
      this.places.set(`${at}/${output.socket}`, local);
      machine.handleSocket(this.now, output.socket, { ok: true, local });
    } else {
      const local = this.places.get(`${at}/${output.socket}`);
      if (local !== undefined) this.bound.delete(endpointKey(local));
      this.places.delete(`${at}/${output.socket}`);
    }
  }

  /** Lets virtual time pass until `done`. */
  until(done: () => boolean): void {
    for (let turn = 0; turn < 100_000 && !done(); turn += 1) {
      const next = Math.min(...this.waits);
      this.now = Math.max(this.now, next);
      for (const [at, wait] of this.waits.entries()) {
        if (wait > this.now) continue;
        this.machines[at]!.machine.handleTimeout(this.now);
        this.drain(at);
      }
    }
    if (!done()) throw new Error('the two machines have not met');
  }
}

async function machines(): Promise<Cost> {
  const wire = new Wire();
  const random = systemRandom;
  const identity = nodeCrypto.keyPair();
  const wallClock = (): number => 1_700_000_000_000 + wire.now;
  const master = weakCodes(
    createMaster({
      ...{ crypto: nodeCrypto, random, identity, addresses: ['203.0.113.1'], advertised: null, port: 8430, wallClock },
      policy: { announce: (_key, _from, announcement) => announcement, admit: () => null },
    }),
    nodeCrypto,
  );
  const masterAt = wire.add(master, '203.0.113.1', () => {});
  master.handleCommand(0, { do: 'start' });
  wire.drain(masterAt);
  const told = { code: '', host: 0, client: 0, received: 0 };
  const peer = (address: string, hear: (event: PeerEvent) => void): [Machine<PeerCommand, PeerEvent>, number] => {
    const machine = weakCodes(
      createPeer({
        ...{ master: { key: identity.publicKey, addresses: ['203.0.113.1'], port: 8430 } },
        ...{ identity: nodeCrypto.keyPair(), stun: [], crypto: nodeCrypto, random, wallClock, family: 4 as const },
      }),
      nodeCrypto,
    );
    const at = wire.add(machine, address, hear);
    machine.handleCommand(0, { do: 'network', network: { addresses: [address], gateway: null } });
    machine.handleCommand(0, { do: 'start' });
    wire.drain(at);
    return [machine, at];
  };
  const [host, hostAt] = peer('203.0.113.2', (event) => {
    if (event.ev === 'hosting') told.code = event.code;
    else if (event.ev === 'path') told.host = event.path;
    else if (event.ev === 'message') told.received += 1;
  });
  host.handleCommand(wire.now, { do: 'host', announcement: ANNOUNCEMENT, password: null, ask: false });
  wire.drain(hostAt);
  wire.until(() => told.code !== '');
  const [client, clientAt] = peer('203.0.113.3', (event) => {
    if (event.ev === 'path') told.client = event.path;
  });
  client.handleCommand(wire.now, {
    ...{ do: 'join', join: 1, code: told.code, hostKey: null, password: null, name: 'Ann', timeoutMs: 0 },
  });
  wire.drain(clientAt);
  wire.until(() => told.host !== 0 && told.client !== 0);
  const send = (count: number): void => {
    for (let n = 0; n < count; n += 1) {
      client.handleCommand(wire.now, { do: 'send', path: told.client, bytes: PAYLOAD });
      wire.drain(clientAt);
    }
  };
  send(WARM);
  told.received = 0;
  const cost = await costOf(COUNT, () => send(COUNT));
  if (told.received !== COUNT) throw new Error(`${told.received} of ${COUNT} datagrams came`);
  return cost;
}

async function agents(): Promise<Cost> {
  const stateDir = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const master = await startMaster({
    ...{ listen: ['127.0.0.1'], port: Number(flags.port), http: null, stateDir, logLevel: 'silent', testJoins: null },
  });
  const { link } = master;
  const host = await openAgent({ master: link });
  const client = await openAgent({ master: link });
  await Promise.all([host.ready(), client.ready()]);
  let received = 0;
  let wake = (): void => {};
  const hosting = await host.host({
    name: 'Bench',
    onPath: (path) => {
      path.on('message', () => {
        received += 1;
        wake();
      });
    },
  });
  const path = await client.join(hosting.code);
  /** Keeps a window full; what the kernel has dropped is given up after a moment without any arrival. */
  const send = async (count: number): Promise<number> => {
    received = 0;
    let sent = 0;
    let lost = 0;
    let heard = -1;
    await new Promise<void>((resolve) => {
      wake = (): void => {
        while (sent < count && sent - received - lost < WINDOW) {
          path.send(PAYLOAD);
          sent += 1;
        }
        if (received + lost >= count) resolve();
      };
      const stalled = setInterval(() => {
        if (received === heard) lost = sent - received;
        heard = received;
        wake();
        if (received + lost >= count) clearInterval(stalled);
      }, 50);
      wake();
    });
    return lost;
  };
  await send(WARM);
  let lost = 0;
  const cost = await costOf(COUNT, async () => {
    lost = await send(COUNT);
  });
  if (lost > 0) console.log(`${lost} datagrams lost in the kernel's buffers`);
  await client.close();
  await host.close();
  await master.close();
  rmSync(stateDir, { recursive: true, force: true });
  return cost;
}

function line(what: string, { microseconds, perSecond }: Cost): string {
  return `${what.padEnd(10)} ${microseconds.toFixed(2).padStart(8)} us CPU a datagram ${Math.round(perSecond).toString().padStart(9)} a second`;
}

console.log(`${COUNT} datagrams of ${PAYLOAD.length} bytes, Node ${process.version}`);
await quickenCrypto();
console.log(line('machines', await machines()));
console.log(line('agents', await agents()));
