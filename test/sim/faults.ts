/**
 * The faults of security.md 4.2 that a world can show, each as something that begins and passes. Of that list, mapping time-outs,
 * double and carrier NATs, small blocks and missing hairpin are drawn with the users; files, sockets, DNS and the backplane are
 * no part of a join and have tests of their own.
 */
import type { Endpoint } from '../../src/core/index.ts';
import type { Gateway, LinkBehaviour, PairScene, PairSide, SimRandom } from '../../src/sim/index.ts';

/** Begins a fault, and answers what ends it. */
export type Fault = (scene: PairScene, random: SimRandom, ms: number) => () => void;

const SIDES: readonly PairSide[] = ['client', 'host'];

function outermost({ world }: PairScene, side: PairSide): Gateway {
  const box = world.gateways.find(({ name, behind }) => name.startsWith(`${side}.nat`) && behind === null);
  if (box === undefined) throw new Error(`the ${side} is behind no NAT`);
  return box;
}

/** Both directions of one side's line, or one. */
function line(change: (random: SimRandom) => Partial<LinkBehaviour>, directions: 'both' | 'one' = 'both'): Fault {
  return (scene, random) => {
    const { up, down } = outermost(scene, random.pick(SIDES)).outer;
    const links = directions === 'both' ? [up, down] : [random.pick([up, down])];
    const before = links.map((link) => link.behaviour);
    const changed = change(random);
    for (const link of links) link.change(changed);
    return () => {
      for (const [n, link] of links.entries()) link.behaviour = before[n]!;
    };
  };
}

const nothing = (): void => {};

function noise(random: SimRandom): Uint8Array {
  return Uint8Array.from({ length: random.int(0, 1200) }, () => random.int(0, 255));
}

/** Packets of a stranger: at boxes and master, from anywhere, of any bytes, or copies of true ones, cut or changed. */
function stranger(copies: 'none' | 'true' | 'cut'): Fault {
  return ({ world }, random, ms) => {
    const until = world.now + ms;
    const targets = (): Endpoint[] => [
      ...world.gateways.flatMap(({ nat }) =>
        nat.addresses.map((address) => ({ address, port: random.int(1, 65_535) })),
      ),
      ...world.hosts.filter(({ server }) => server).map(({ address }) => ({ address, port: 8430 })),
    ];
    const seen: { from: Endpoint; to: Endpoint; bytes: Uint8Array }[] = [];
    if (copies !== 'none') {
      world.watch(({ what, packet }) => {
        if (what !== 'delivered' && what !== 'translated') return;
        if (packet.icmp === null && world.now < until && seen.length < 400) seen.push(packet);
      });
    }
    const send = (): void => {
      if (world.now >= until) return;
      const copy = seen.length === 0 ? null : random.pick(seen);
      if (copy !== null) {
        const bytes = copy.bytes.slice(0, copies === 'cut' ? random.int(0, copy.bytes.length) : copy.bytes.length);
        if (copies === 'cut' && bytes.length > 0) bytes[random.int(0, bytes.length - 1)]! ^= 1 << random.int(0, 7);
        world.inject({ from: copy.from, to: copy.to, bytes });
      } else {
        const from = { address: `203.0.113.${random.int(1, 254)}`, port: random.int(1, 65_535) };
        world.inject({ from, to: random.pick(targets()), bytes: noise(random) });
      }
      world.after(5, send);
    };
    send();
    return nothing;
  };
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  'loss 0-50 %': line((random) => ({ lossRate: random.between(0, 0.5) })),
  'burst loss': line((random) => ({ lossRate: random.between(0.1, 0.5), lossBurst: random.int(2, 30) })),
  duplication: line(() => ({ duplicateRate: 0.5 })),
  reorder: line((random) => ({ reorderRate: 0.3, reorderMs: random.int(1, 500) })),
  'bit corruption': line(() => ({ corruptRate: 0.3, corruptUnnoticedRate: 0.5 })),
  'delay to 5 s': line((random) => ({ delayMs: random.int(100, 5_000) })),
  jitter: line((random) => ({ jitterMs: random.int(10, 300) })),
  'MTU 576': line(() => ({ mtuBytes: 576 })),
  'one-way black hole': line(() => ({ blackHole: true }), 'one'),
  'black hole': line(() => ({ blackHole: true })),
  'NAT reboot': (scene, random) => {
    outermost(scene, random.pick(SIDES)).nat.reboot();
    return nothing;
  },
  'new public address': (scene, random) => {
    scene.world.readdress(outermost(scene, random.pick(SIDES)));
    return nothing;
  },
  'stall of a peer': (scene, random) => {
    scene.peers[random.pick(SIDES)].pause(2_000);
    return nothing;
  },
  'SIGSTOP of a peer': (scene, random, ms) => {
    scene.peers[random.pick(SIDES)].pause(ms);
    return nothing;
  },
  'SIGSTOP of the master': ({ master }, _random, ms) => {
    master.pause(ms);
    return nothing;
  },
  'SIGKILL of the master': ({ master }) => {
    master.restart();
    return nothing;
  },
  'spoofed flood': stranger('none'),
  replay: stranger('true'),
  truncation: stranger('cut'),
};
