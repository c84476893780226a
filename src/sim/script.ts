/**
 * Plays the packet scripts of `test/vectors/nat-scripts` (their README describes the format) in the simulator. `lab/script.ts`
 * plays the same files on a kernel NAT; both must answer alike.
 */
import type { Endpoint } from '../core/index.ts';
import type { NatBehaviour } from './nat/behaviour.ts';
import { NATS } from './nat/presets.ts';
import type { Packet } from './packet.ts';
import { asciiOf, textOf } from './reflector.ts';
import { createWorld } from './world.ts';

export interface NatScript {
  readonly about: string;
  /** Beside those of a Linux router that drops strangers and keeps mappings for 30 s and 120 s. */
  readonly nat: Partial<NatBehaviour>;
  readonly steps: readonly ScriptStep[];
}

export interface ScriptStep {
  readonly atMs: number;
  readonly send: string;
  readonly to: string;
  readonly as?: string;
  readonly expect: string;
}

/** Time a datagram of a script has to arrive. */
const ARRIVAL_MS = 50;

/** Gives for each step what became of it, in the words of `expect`. */
export function runScriptInSim(script: NatScript, seed: number | string): string[] {
  const world = createWorld({ seed, delayMs: 1 });
  const box = world.nat(linuxBehaviour(script.nat), { name: 'nat' });
  const server = world.server({ addresses: [world.publicAddress(), world.publicAddress()] });
  const hosts = { h1: world.host({ name: 'h1', behind: box }), h2: world.host({ name: 'h2', behind: box }) };
  const arrived = new Map<string, { readonly at: string; readonly port: number }>();
  const placeOf = (end: string): { host: typeof server; local: Endpoint } => {
    const [name, port] = end.split(':') as [string, string];
    const host = name === 'h1' || name === 'h2' ? hosts[name] : server;
    const address = name === 's1' ? server.addresses[0] : name === 's2' ? server.addresses[1] : '0.0.0.0';
    return { host, local: { address: address as string, port: Number(port) } };
  };
  for (const end of new Set(script.steps.flatMap((step) => [step.send, step.to]))) {
    if (end.startsWith('nat:')) continue;
    const { host, local } = placeOf(end);
    host.bind(local, (packet: Packet) => arrived.set(textOf(packet.bytes), { at: end, port: packet.from.port }));
  }
  const labels = new Map<string, number>();
  const answers: string[] = [];
  for (const [index, step] of script.steps.entries()) {
    world.run(Math.max(0, step.atMs - world.now));
    const { host, local } = placeOf(step.send);
    const outside = step.to.startsWith('nat:') ? step.to.slice('nat:'.length) : null;
    const to =
      outside === null
        ? placeOf(step.to).local
        : { address: box.nat.addresses[0] as string, port: labels.get(outside) ?? Number(outside) };
    host.send(local, to, asciiOf(`step ${index}`));
    world.run(ARRIVAL_MS);
    const seen = arrived.get(`step ${index}`);
    if (outside !== null || seen === undefined) answers.push(seen?.at ?? 'dropped');
    else answers.push(portAnswer(seen.port, local.port, labels));
    if (step.as !== undefined && seen !== undefined) labels.set(step.as, seen.port);
  }
  return answers;
}

function portAnswer(seen: number, local: number, labels: ReadonlyMap<string, number>): string {
  if (seen === local) return 'kept';
  const label = [...labels].find(([, port]) => port === seen);
  return label ? `as ${label[0]}` : 'new';
}

function linuxBehaviour(nat: NatScript['nat']): NatBehaviour {
  const timeouts = { ...NATS.linux.timeouts, unrepliedMs: 30_000, establishedMs: 120_000, ...nat.timeouts };
  return { ...NATS.linux, unsolicited: 'drop', ...nat, timeouts };
}
