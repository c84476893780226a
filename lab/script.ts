/** Runs the packet scripts of `test/vectors/nat-scripts` against the kernel's NAT. Their README describes the format. */
import type { NatBehaviour } from './nat.ts';
import { Puppet } from './puppeteer.ts';
import type { Lab } from './topology.ts';

export interface NatScript {
  readonly about: string;
  readonly nat: Partial<NatBehaviour>;
  readonly steps: readonly NatScriptStep[];
}

export interface NatScriptStep {
  readonly atMs: number;
  readonly send: string;
  readonly to: string;
  readonly as?: string;
  readonly expect: string;
}

/** How long the kernel may take from namespace to namespace before a datagram counts as dropped. */
const ARRIVAL_MS = 150;

function split(end: string): [string, string] {
  return end.split(':') as [string, string];
}

/** Gives for each step what became of it, in the words of `expect`. `name` makes the namespaces' names unique. */
export async function runScriptOnKernel(lab: Lab, name: string, script: NatScript): Promise<string[]> {
  const nat = await lab.nat(`${name}n`, script.nat);
  const server = await lab.publicHost(`${name}s`, 2);
  const outside = new Puppet(server);
  const inside = {
    h1: new Puppet(await lab.hostBehind(nat, `${name}h1`)),
    h2: new Puppet(await lab.hostBehind(nat, `${name}h2`)),
  };
  const address = (host: string): string => (host === 's1' ? server.addresses[0]! : server.addresses[1]!);
  const puppetOf = (host: string): Puppet => (host === 'h1' || host === 'h2' ? inside[host] : outside);
  for (const end of new Set(script.steps.flatMap((step) => [step.send, step.to]))) {
    const [host, port] = split(end);
    if (host !== 'nat')
      await puppetOf(host).open(end, Number(port), host.startsWith('s') ? { address: address(host) } : {});
  }

  const labels = new Map<string, number>();
  const answers: string[] = [];
  const started = performance.now();
  for (const [index, step] of script.steps.entries()) {
    await new Promise((resolve) => setTimeout(resolve, started + step.atMs - performance.now()));
    const [host, port] = split(step.to);
    const sender = puppetOf(split(step.send)[0]);
    const text = `step ${index}`;
    if (host === 'nat') {
      sender.send(step.send, nat.external, labels.get(port) ?? Number(port), text);
      await sender.settled();
      answers.push(await arrival(inside, text));
    } else {
      sender.send(step.send, address(host), Number(port), text);
      const seen = (await outside.received(text)).port;
      answers.push(portAnswer(seen, Number(split(step.send)[1]), labels));
      if (step.as !== undefined) labels.set(step.as, seen);
    }
  }
  return answers;
}

function portAnswer(seen: number, local: number, labels: ReadonlyMap<string, number>): string {
  if (seen === local) return 'kept';
  const label = [...labels].find(([, port]) => port === seen);
  return label ? `as ${label[0]}` : 'new';
}

/** The socket that got the text, or `dropped`: however busy this machine is, only what no program has in its sockets. */
async function arrival(inside: Readonly<Record<string, Puppet>>, text: string): Promise<string> {
  const puppets = Object.values(inside);
  const arrived = (timeoutMs: number) =>
    Promise.any(puppets.map(async (puppet) => (await puppet.received(text, timeoutMs)).socket)).catch(() => null);
  const inTime = await arrived(ARRIVAL_MS);
  if (inTime !== null) return inTime;
  await Promise.all(puppets.map((puppet) => puppet.settled()));
  return (await arrived(0)) ?? 'dropped';
}
