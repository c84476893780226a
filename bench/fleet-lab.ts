/** Three masters, a nats-server, and a crowd of participants, each in a network namespace of its own; and what is done to them. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nkeys } from '@nats-io/transport-node';
import { compiled, type Lab, type LabHost, type LabProcess, openLab } from '../lab/index.ts';
import type { CrowdJoin, CrowdLine, CrowdOrder } from './fleet-crowd.ts';
import type { NodeLine, NodeRequest } from './fleet-node.ts';

export const NODES = ['a', 'b', 'c'] as const;
export type NodeName = (typeof NODES)[number];

const CONFIG = fileURLToPath(new URL('../../examples/fleet/nats.conf', import.meta.url));
const CLOCK = compiled('bench/fleet-clock.js');
const PORT = 8430;
const NATS_PORT = 4222;
const HOOK_PORT = 8090;
const START_MS = 30_000;
const LIST_MS = 2_500;
/** The state folder of node b is a file system of its own, of this size. */
const DISK_MB = 16;

export type Figures = Extract<CrowdLine, { readonly ev: 'figures' }>;

/** What the lists of the nodes that answer say together. */
export interface Listed {
  readonly somewhere: number;
  /** Of all nodes together: a host is to be at two. */
  readonly registrations: number;
  /** Names that one list shows more than once. */
  readonly doubled: number;
}

type NodeList = Extract<NodeLine, { readonly ev: 'list' }>;
const NOTHING = { names: [], registered: 0 } as const;

interface Place {
  readonly host: LabHost;
  readonly stateDir: string;
  process: LabProcess | null;
}

export class FleetLab {
  readonly joins: CrowdJoin[] = [];
  readonly complaints: string[] = [];
  private readonly facts: Extract<NodeLine, { readonly ev: 'fact' }>[] = [];
  private readonly lab: Lab;
  private readonly folder: string;
  private readonly natsHost: LabHost;
  private readonly crowdHost: LabHost;
  private readonly places: Readonly<Record<NodeName, Place>>;
  private nats: LabProcess | null = null;
  private crowd: LabProcess | null = null;

  private constructor(
    lab: Lab,
    folder: string,
    natsHost: LabHost,
    crowdHost: LabHost,
    places: Readonly<Record<NodeName, Place>>,
  ) {
    this.lab = lab;
    this.folder = folder;
    this.natsHost = natsHost;
    this.crowdHost = crowdHost;
    this.places = places;
  }

  static async open(): Promise<FleetLab> {
    const lab = await openLab();
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-fleet-'));
    const natsHost = await lab.publicHost('nats');
    const crowdHost = await lab.publicHost('crowd');
    const place = async (name: NodeName): Promise<Place> => {
      const stateDir = join(folder, name);
      mkdirSync(stateDir);
      return { host: await lab.publicHost(`m${name}`), stateDir, process: null };
    };
    const places = { a: await place('a'), b: await place('b'), c: await place('c') };
    await lab.sandbox.shell(
      [
        `ip -n core route add 20.0.0.0/8 via ${crowdHost.address}`,
        'ip netns exec crowd ip route add local 20.0.0.0/8 dev lo',
        `mount -t tmpfs -o size=${DISK_MB}m,mode=700 tmpfs ${places.b.stateDir}`,
      ].join('\n'),
    );
    const made = new FleetLab(lab, folder, natsHost, crowdHost, places);
    made.writeNats();
    return made;
  }

  /** As it is published, with keys of these nodes. */
  private writeNats(): void {
    let config = readFileSync(CONFIG, 'utf8').replace('127.0.0.1:4222', `0.0.0.0:${NATS_PORT}`);
    for (const name of NODES) {
      const user = nkeys.createUser();
      config = config.replace(`NKEY_OF_NODE_${name.toUpperCase()}`, user.getPublicKey());
      writeFileSync(join(this.folder, `${name}.nk`), user.getSeed(), { mode: 0o600 });
    }
    writeFileSync(join(this.folder, 'nats.conf'), config);
  }

  startNats(): void {
    this.nats = this.natsHost.spawn(['nats-server', '-c', join(this.folder, 'nats.conf')]);
  }

  signalNats(signal: NodeJS.Signals): void {
    this.nats?.signal(signal);
  }

  async startNode(name: NodeName, clockMs = 0): Promise<string> {
    const { host, stateDir } = this.places[name];
    const request: NodeRequest = {
      ...{ name, address: host.address, port: PORT, stateDir, nkey: join(this.folder, `${name}.nk`) },
      nats: `nats://${this.natsHost.address}:${NATS_PORT}`,
      hook: `http://${this.crowdHost.address}:${HOOK_PORT}/`,
    };
    const argv = [process.execPath, '--import', CLOCK, compiled('bench/fleet-node.js'), JSON.stringify(request)];
    const child = host.spawn(argv, { FLEET_CLOCK_MS: String(clockMs) });
    this.places[name].process = child;
    child.follow(({ stream, text }) => {
      const line = stream === 'stdout' ? lineOf<NodeLine>(text) : null;
      if (line === null) this.complaints.push(`${name}: ${text}`);
      else if (line.ev === 'fact') this.facts.push(line);
    });
    return child.find(({ text }) => {
      const line = lineOf<NodeLine>(text);
      return line?.ev === 'ready' ? line.link : null;
    }, START_MS);
  }

  /** The key and the secret of node a, to those that have none yet. */
  async shareSecrets(): Promise<void> {
    const { a, b, c } = this.places;
    for (const file of ['master.key', 'fleet.secret']) {
      copyFileSync(join(a.stateDir, file), join(c.stateDir, file));
      // Its folder is seen from inside only.
      await this.lab.sandbox.shell(`cp -p ${join(a.stateDir, file)} ${join(b.stateDir, file)}`);
    }
  }

  signalNode(name: NodeName, signal: NodeJS.Signals): void {
    this.places[name].process?.signal(signal);
  }

  /** Planned: it says goodbye, waits until its sessions have moved, and ends. */
  async endNode(name: NodeName): Promise<void> {
    const child = this.places[name].process;
    child?.signal('SIGTERM');
    await child?.exited;
  }

  /** No byte of node b's disk is free any more. */
  async fillDisk(): Promise<void> {
    await this.lab.sandbox.shell(`dd if=/dev/zero of=${this.places.b.stateDir}/fill bs=64k 2>/dev/null || true`);
  }

  async emptyDisk(): Promise<void> {
    await this.lab.sandbox.shell(`rm -f ${this.places.b.stateDir}/fill`);
  }

  /** Node c hears nothing of NATS, nor of half of the participants; nor do they of it. */
  async cut(): Promise<void> {
    const address = this.places.c.host.address;
    const away = `{ ${this.natsHost.address}, 20.0.0.0/9 }`;
    await this.lab.cut([`ip saddr ${address} ip daddr ${away}`, `ip daddr ${address} ip saddr ${away}`]);
  }

  async uncut(): Promise<void> {
    await this.lab.uncut();
  }

  /** Every node has a list with all of them. */
  async knowEachOther(): Promise<void> {
    const all = NODES.map((name) => `"${name}"`).join();
    const until = performance.now() + START_MS;
    while (this.told('fleet-list', all) < NODES.length) {
      if (performance.now() > until) throw new Error('the nodes have not heard of each other');
      await sleep(50);
    }
  }

  /** How often a node has said so, in whichever of its lives. */
  told(fact: string, part: string): number {
    return this.facts.filter((said) => said.fact === fact && said.detail.includes(part)).length;
  }

  async startCrowd(): Promise<void> {
    this.crowd = this.crowdHost.spawn([process.execPath, compiled('bench/fleet-crowd.js'), String(HOOK_PORT)]);
    this.crowd.follow(({ stream, text }) => {
      const line = stream === 'stdout' ? lineOf<CrowdLine>(text) : null;
      if (line === null) this.complaints.push(text);
      else if (line.ev === 'join') this.joins.push(line);
      else if (line.ev === 'failed') this.complaints.push(line.what);
    });
    await this.crowd.find(({ text }) => lineOf<CrowdLine>(text)?.ev === 'receiving' || null, START_MS);
  }

  order(order: CrowdOrder): void {
    this.crowd?.write(`${JSON.stringify(order)}\n`);
  }

  async figures(): Promise<Figures> {
    const { crowd } = this;
    if (crowd === null) throw new Error('the crowd has not been started');
    let before = crowd.lines.length;
    this.order({ do: 'figures' });
    return crowd.find((line) => {
      before -= 1;
      const said = before < 0 ? lineOf<CrowdLine>(line.text) : null;
      return said?.ev === 'figures' ? said : null;
    }, START_MS);
  }

  nodes(): readonly string[] {
    return NODES.map((name) => this.places[name].host.address);
  }

  async listed(): Promise<Listed> {
    const lists = await Promise.all(NODES.map((name) => this.listOf(name)));
    return {
      somewhere: new Set(lists.flatMap(({ names }) => names)).size,
      registrations: lists.reduce((all, { registered }) => all + registered, 0),
      doubled: lists.reduce((all, { names }) => all + names.length - new Set(names).size, 0),
    };
  }

  /** Empty where the node is not there, or does not answer. */
  private async listOf(name: NodeName): Promise<Pick<NodeList, 'names' | 'registered'>> {
    const child = this.places[name].process;
    if (!child?.running) return NOTHING;
    const seen = child.lines.length;
    child.write('list\n');
    const until = performance.now() + LIST_MS;
    while (performance.now() < until && child.running) {
      for (const { text } of child.lines.slice(seen)) {
        const line = lineOf<NodeLine>(text);
        if (line?.ev === 'list') return line;
      }
      await sleep(50);
    }
    return NOTHING;
  }

  async close(): Promise<void> {
    await this.lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function lineOf<Line>(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}
