/** Behaviours beyond the population's classes: each kind of rule by itself, and each modifier. */
import { NATS, type NatBehaviour, PORTS_IPFW, PORTS_PF, type SimUser, simRandom } from '../src/sim/index.ts';

const apdm = { mapping: 'address-and-port', filtering: 'address-and-port' } as const;
const block = (size: number): NatBehaviour => ({
  ...apdm,
  allocation: { block: { size, order: 'random', blocksMax: 8 } },
});
const step = (by: number, perSecond: number, dispersion = 1): NatBehaviour => ({
  ...apdm,
  allocation: { step: by },
  background: { perSecond, dispersion },
});

export const BEHAVIOURS: Readonly<Record<string, NatBehaviour>> = {
  linux: NATS.linux,
  'linux accept': NATS.linuxAccept,
  'linux random': NATS.linuxRandom,
  pf: NATS.pf,
  ipfw: NATS.ipfw,
  'full cone': NATS.fullCone,
  'mapE stripes': NATS.mapE,
  'step 1, 0/s': step(1, 0),
  'step 1, 10/s': step(1, 10),
  'step 1, 30/s': step(1, 30),
  'step 1, 100/s': step(1, 100),
  'step 1, 100/s, NB 3': step(1, 100, 3),
  'step 1, 1000/s, NB 2': step(1, 1000, 2),
  'step 2, 20/s': step(2, 20),
  'step -1, 20/s': step(-1, 20),
  'step 3, 5/s': step(3, 5),
  'step 8, 5/s': step(8, 5),
  'step 1 with parity': { ...step(1, 5), parity: true },
  'cone step 1, 20/s': { ...step(1, 20), mapping: 'endpoint-independent' },
  'ADM step 1, 20/s': { ...step(1, 20), mapping: 'address' },
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
