/**
 * The faults of docs/reference/security.md §4.2 that a world can show, each as something that begins and passes. Of that list, mapping time-outs,
 * double and carrier NATs, small blocks and missing hairpin are drawn with the users; joins that cross and hosts with one key are in
 * `test/sim/peer-crossed.test.ts`; what a full line or a busy system does not take is loss; files, DNS and the backplane are no part of a join.
 */
import type { Endpoint } from '../core/index.ts';
import type { Gateway } from './gateway.ts';
import type { LinkBehaviour } from './link.ts';
import type { Attachment } from './network.ts';
import type { SimRandom } from './random.ts';
import type { PairScene, PairSide } from './scene.ts';

/** Begins a fault, and answers what ends it. */
export type Fault = (scene: PairScene, random: SimRandom, ms: number) => () => void;

const HOUR_MS = 3_600_000;
const SIDES: readonly PairSide[] = ['client', 'host'];

/** The box at the internet of one of the two, or of the only one who has any; null where both are public. */
function someBox({ world }: PairScene, random: SimRandom): Gateway | null {
  const boxes = SIDES.flatMap((side) => {
    const box = world.gateways.find(({ name, behind }) => name.startsWith(`${side}.nat`) && behind === null);
    return box === undefined ? [] : [box];
  });
  return boxes.length === 0 ? null : random.pick(boxes);
}

/** The lines of a box at the internet, or where both are public those of a computer. */
function someLines(scene: PairScene, random: SimRandom): readonly Attachment[] {
  const box = someBox(scene, random);
  return box === null ? scene.peers[random.pick(SIDES)].place.lines : [box.outer];
}

/** Both directions of one side's line, or one. */
function line(change: (random: SimRandom) => Partial<LinkBehaviour>, directions: 'both' | 'one' = 'both'): Fault {
  return (scene, random) => {
    const links = someLines(scene, random).flatMap(({ up, down }) =>
      directions === 'both' ? [up, down] : [random.pick([up, down])],
    );
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

/** Somebody tells both networks that what they send does not arrive. */
const unreachable: Fault = ({ world }, _random, ms) => {
  const until = world.now + ms;
  const from = { address: '203.0.113.99', port: 0 };
  world.watch(({ packet }) => {
    if (packet.icmp !== null || world.now >= until) return;
    const icmp = { kind: 'port-unreachable', from: packet.from, to: packet.to } as const;
    world.after(5, () => world.inject({ from, to: packet.from, bytes: new Uint8Array(), icmp }));
  }, 'translated');
  return nothing;
};

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
    someBox(scene, random)?.nat.reboot();
    return nothing;
  },
  'new public address': (scene, random) => {
    const box = someBox(scene, random);
    if (box !== null) scene.world.readdress(box);
    return nothing;
  },
  'ICMP unreachable': unreachable,
  'clock jump': (scene, random) => {
    scene.peers[random.pick(SIDES)].turnClock(random.pick([-HOUR_MS, HOUR_MS]));
    return nothing;
  },
  EMFILE: (scene, random) => scene.peers[random.pick(SIDES)].place.limitSockets(random.int(0, 4)),
  'SIGKILL of the host': ({ peers }) => {
    peers.host.restart();
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
