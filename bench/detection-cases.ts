/** The cases of the detection benchmark: users of the population's classes, and behaviours each by itself. */
import {
  NATS,
  type NatBehaviour,
  PORTS_IPFW,
  PORTS_PF,
  SHARES,
  SIM_CLASSES,
  type SimUser,
  simClass,
  simRandom,
} from '../src/sim/index.ts';

const apdm = { mapping: 'address-and-port', filtering: 'address-and-port' } as const;
const block = (size: number): NatBehaviour => ({
  ...apdm,
  allocation: { block: { size, order: 'random', blocksMax: 8 } },
});
const step = (by: number): NatBehaviour => ({ ...apdm, allocation: { step: by } });
/** The others' mappings per second, Poisson. */
const BACKGROUNDS = [0, 5, 20, 50, 100] as const;

function underTraffic(name: string, nat: NatBehaviour): Record<string, NatBehaviour> {
  return Object.fromEntries(
    BACKGROUNDS.map((perSecond) => [`${name}, ${perSecond}/s`, { ...nat, background: { perSecond } }]),
  );
}

/** Beyond the population's classes: each kind of rule by itself, and each modifier. */
const BEHAVIOURS: Readonly<Record<string, NatBehaviour>> = {
  linux: NATS.linux,
  'linux accept': NATS.linuxAccept,
  'linux random': NATS.linuxRandom,
  pf: NATS.pf,
  ipfw: NATS.ipfw,
  'full cone': NATS.fullCone,
  'mapE stripes': NATS.mapE,
  ...underTraffic('step 1', step(1)),
  ...underTraffic('step 2', step(2)),
  ...underTraffic('step -1', step(-1)),
  ...underTraffic('step 8', step(8)),
  ...underTraffic('step 1 with parity', { ...step(1), parity: true }),
  ...underTraffic('ADM step 1', { ...step(1), mapping: 'address' }),
  'step 1, 100/s, NB 3': { ...step(1), background: { perSecond: 100, dispersion: 3 } },
  'step 1, 1000/s, NB 2': { ...step(1), background: { perSecond: 1000, dispersion: 2 } },
  'step 3, 5/s': { ...step(3), background: { perSecond: 5 } },
  'cone step 1, 20/s': { ...step(1), mapping: 'endpoint-independent', background: { perSecond: 20 } },
  'ADM random': { ...apdm, mapping: 'address', allocation: { random: { low: 1024, high: 65_535 } } },
  'ADM pf range': { ...apdm, mapping: 'address', allocation: { random: PORTS_PF } },
  'clock 50/s': { ...apdm, allocation: { portsPerSecond: 50 } },
  'clock 200/s': { ...apdm, allocation: { portsPerSecond: 200 } },
  'clock 1000/s': { ...apdm, allocation: { portsPerSecond: 1000 } },
  'random ipfw range': { ...apdm, allocation: { random: PORTS_IPFW } },
  'random, 4 addresses': { ...NATS.linuxRandom, addresses: 4, pooling: 'arbitrary' },
  'random with parity': { ...NATS.linuxRandom, parity: true },
  'block 64': block(64),
  'block 128': block(128),
  'block 512': block(512),
  'block 1024': block(1024),
  'block 4096': block(4096),
  'cone in a block 512': { ...block(512), mapping: 'endpoint-independent' },
  blocked: NATS.blocked,
};

export function behindNat(nat: NatBehaviour, seed: string): SimUser {
  const random = simRandom(`line ${seed}`);
  return {
    class: 'P3',
    access: 'home',
    chain: [{ nat, routers: 0 }],
    exposed: false,
    ownRouters: 0,
    coreRouters: random.int(2, 6),
    // 20-100 ms to the servers and back, half of it on this line.
    delayMs: random.between(4, 42),
    jitterMs: 1,
    lossRate: 0.01,
  };
}

export interface Case {
  readonly name: string;
  user(seed: string, i: number): SimUser;
  /** Share of the i-th user's class among the users at home, or with a mobile phone; 0 for what is no class. */
  share(i: number): number;
}

const accessOf = (i: number) => (i % 2 === 0 ? 'home' : 'mobile');

export const CASES: readonly Case[] = [
  ...SIM_CLASSES.map((id) => ({
    name: id,
    user: (seed: string, i: number) => simClass(id, simRandom(`user ${seed}`), accessOf(i)),
    share: (i: number) => SHARES[id][accessOf(i)].central,
  })),
  ...Object.entries(BEHAVIOURS).map(([name, nat]) => ({
    name,
    user: (seed: string) => behindNat(nat, seed),
    share: () => 0,
  })),
];
