/** What an operator asks a fleet from outside: who is there, and that a node be taken out. Whoever has the fleet's secret may. */
import { join } from 'node:path';
import { nodeCrypto, readKey, SallyportError, usage } from '../node/index.ts';
import { type Backplane, BackplaneSeal } from './backplane.ts';
import { Members } from './fleet-members.ts';
import { FLEET_SECRET_FILE } from './fleet-options.ts';
import { FLEET_SUBJECT, type FleetWord, type NodeSeen, wordSchema } from './fleet-words.ts';
import { SERVER_LIMITS } from './limits.ts';
import { loadNats, type NatsOptions } from './nats.ts';

export interface FleetView {
  readonly serial: number;
  readonly nodes: readonly (Pick<NodeSeen, 'name' | 'version' | 'hosts' | 'sessions' | 'draining'> & {
    readonly region: string;
  })[];
  /** In the list, and not heard of within a second. */
  readonly missing: readonly string[];
}

interface Asked {
  readonly members: Members;
  readonly seen: ReadonlyMap<string, NodeSeen>;
  say(word: FleetWord): void;
}

export function askFleet(nats: NatsOptions, stateDir: string): Promise<FleetView> {
  return asking(nats, stateDir, ({ members, seen }) => {
    const list = members.list('');
    const regions = new Map(members.all().map(({ name, region }) => [name, region]));
    const nodes = [...seen.values()].map(({ name, version, hosts, sessions, draining }) => ({
      ...{ name, region: regions.get(name) ?? '', version, hosts, sessions, draining },
    }));
    nodes.sort((left, right) => (left.name < right.name ? -1 : 1));
    const missing = list.nodes.map(({ name }) => name).filter((name) => !seen.has(name));
    return { serial: list.serial, nodes, missing };
  });
}

/** `told`: it is there, and goes. `removed`: it is not there, so the others were told that it is out. */
export function drainNode(nats: NatsOptions, stateDir: string, node: string): Promise<'told' | 'removed' | 'unknown'> {
  return asking(nats, stateDir, ({ members, seen, say }) => {
    const there = seen.get(node);
    if (there !== undefined) {
      say({ say: 'drain', instance: there.instance });
      return 'told';
    }
    const out = members.remove(node);
    if (out === null) return 'unknown';
    say({ say: 'members', members: [out] });
    return 'removed';
  });
}

async function asking<Answer>(nats: NatsOptions, stateDir: string, act: (asked: Asked) => Answer): Promise<Answer> {
  const secret = keyIn(stateDir, FLEET_SECRET_FILE);
  const identity = nodeCrypto.keyPair(keyIn(stateDir, 'master.key')).publicKey;
  const seal = new BackplaneSeal(nodeCrypto, secret, identity);
  const members = new Members([]);
  const seen = new Map<string, NodeSeen>();
  const hear = (bytes: Uint8Array): void => {
    const word = wordSchema.safeParse(seal.open(bytes)).data;
    if (word?.say !== 'here' || (seen.size >= SERVER_LIMITS.membersMax && !seen.has(word.name))) return;
    seen.set(word.name, word);
    members.merge(word.members);
  };
  const backplane = await connected(nats, hear);
  const say = (word: FleetWord): void => backplane.publish(FLEET_SUBJECT, seal.seal(word));
  try {
    say({ say: 'who' });
    await new Promise((resolve) => setTimeout(resolve, SERVER_LIMITS.fleetAnswerMs));
    return act({ members, seen, say });
  } finally {
    // What was said last goes out before the connection ends.
    await backplane.close();
  }
}

async function connected(nats: NatsOptions, message: (bytes: Uint8Array) => void): Promise<Backplane> {
  const open = await loadNats(nats);
  let why = 'no answer';
  return new Promise<Backplane>((resolve, reject) => {
    const late = setTimeout(() => {
      void backplane.close();
      const detail = `No NATS server lets us in at ${nats.servers.join(', ')}: ${why}.`;
      reject(new SallyportError('MASTER_UNREACHABLE', { detail }));
    }, SERVER_LIMITS.natsAskMs);
    const backplane = open(FLEET_SUBJECT, {
      message,
      connected(up, detail) {
        why = detail;
        if (!up) return;
        clearTimeout(late);
        resolve(backplane);
      },
    });
  });
}

function keyIn(stateDir: string, name: string): Uint8Array {
  const file = join(stateDir, name);
  const key = readKey(file);
  if (key !== null) return key;
  throw usage(
    `${file} is not there: give the --state-dir of a node of the fleet, or copy its master.key and fleet.secret to a folder.`,
  );
}
