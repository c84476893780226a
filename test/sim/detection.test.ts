import { describe, expect, test } from 'vitest';
import { runCase } from '../../bench/detection-job.ts';
import {
  type Detection,
  type DetectionSetting,
  describeProfile,
  detect,
  placeDetector,
} from '../../bench/detection-world.ts';
import { endpointKey } from '../../src/core/index.ts';
import { NATS, type NatBehaviour, SIM_CLASSES, type SimUser, simClass, simRandom } from '../../src/sim/index.ts';

const apdm = { mapping: 'address-and-port', filtering: 'address-and-port' } as const;

function behind(nat: NatBehaviour | null): SimUser {
  return {
    class: 'P3',
    access: 'home',
    chain: nat === null ? [] : [{ nat, routers: 0 }],
    exposed: false,
    ownRouters: 0,
    coreRouters: 3,
    delayMs: 20,
    jitterMs: 1,
    lossRate: 0.01,
  };
}

function place(nat: NatBehaviour | null, seed: string, servers: DetectionSetting['servers']): Detection {
  return placeDetector(behind(nat), { seed, servers, lossRate: 0.01 });
}

describe('the detector behind each kind of NAT', () => {
  test.each([
    ['nothing', null, 'eim eif preserve 0'],
    ['a full cone', NATS.fullCone, 'eim eif preserve 0'],
    ['an address-restricted cone', NATS.addressRestricted, 'eim adf preserve 0'],
    ['Linux', NATS.linux, 'eim apdf preserve 0'],
    ['Linux --random', NATS.linuxRandom, 'apdm apdf random 1024-65535'],
    ['pf', NATS.pf, 'apdm apdf range 50001-65535'],
    ['a step of 2', { ...apdm, allocation: { step: 2 } }, 'apdm apdf step 2'],
    ['a busy carrier', NATS.juniper, 'apdm apdf step 1'],
    ['an ADM NAT', { ...apdm, mapping: 'address', allocation: { step: 1 } }, 'adm apdf step 1'],
  ] as const)('S2: %s: %3$s', (_name, nat, expected) => {
    for (const servers of ['master-two-addresses', 'stun'] as const) {
      const { final, ms, packets } = detect(place(nat, 'each', servers));
      expect(describeProfile(final)).toContain(expected);
      expect(final.confidence).toBeGreaterThan(0.85);
      expect(ms).toBeLessThan(1000);
      expect(packets).toBeLessThanOrEqual(64);
    }
  });

  test('a port block is a quota, and nothing else that was seen is; a set of ports is told for what it is', () => {
    const block = { ...apdm, allocation: { block: { size: 512, order: 'random', blocksMax: 1 } } } as const;
    expect(detect(place(block, 'quota', 'stun')).final.quota).toBe(512);
    for (const servers of ['master-two-addresses', 'stun'] as const)
      expect(detect(place(NATS.mapE, 'quota', servers)).final).toMatchObject({ quota: null, portSet: 240 });
    for (const nat of [NATS.pf, NATS.ipfw, NATS.linuxRandom, NATS.aws])
      expect(detect(place(nat, 'quota', 'stun')).final).toMatchObject({ quota: null, portSet: null });
  });

  test('a dead server in the list delays nothing', () => {
    const [alive, dead] = ['alive', 'dead'].map(() => place(NATS.linux, 'dead', 'stun'));
    const gone = dead!.servers[2]!;
    gone.unbind({ address: gone.address, port: 3478 });
    const expected = detect(alive!);
    const { final, ms } = detect(dead!);
    expect(final).toMatchObject({ mapping: 'eim', filtering: 'apdf' });
    expect(ms).toBeLessThanOrEqual(expected.ms + 300);
  });

  test('blocked UDP is said within two seconds', () => {
    const { final, ms } = detect(place(NATS.blocked, 'blocked', 'stun'));
    expect(final).toMatchObject({ type: 'blocked', verdict: 'strict' });
    expect(ms).toBeLessThanOrEqual(2000);
  });

  test('poisoning and the hop of the NAT are measured behind the user’s back', () => {
    const harmless = detect(place(NATS.linux, 'hops', 'stun'));
    expect(harmless.refined).toMatchObject({ poisonable: 'no', natHops: 1 });
    const trap = detect(place(NATS.linuxAccept, 'hops', 'stun'));
    expect(trap.refined).toMatchObject({ poisonable: 'yes', natHops: 1 });
    expect(trap.final.poisonable).toBe('untested');
  });
});

test('with every STUN server resting the next detection waits, says so, and then runs by itself (S3)', () => {
  const detection = place(NATS.linux, 'rest', 'stun');
  detect(detection);
  const { world, running } = detection;
  const seen = running.events.length;
  running.command({ do: 'detect' });
  world.run(100);
  const waiting = running.events.slice(seen).find((event) => event.ev === 'waiting');
  expect(waiting?.why).toBe('all-rest');
  world.run(31_000);
  expect(running.events.slice(seen).some((event) => event.ev === 'profile' && event.final)).toBe(true);
});

test('rests of an earlier program run hold, and what the master alone tells is completed when they are over', () => {
  const detection = place(NATS.linux, 'restored', 'master-and-stun');
  const { world, running, sources } = detection;
  const server = endpointKey(sources.find(({ kind }) => kind === 'stun')!.target);
  running.command({ do: 'rests', rests: [{ server, forMs: 20_000 }] });
  const early = detect(detection);
  expect(early.final).toMatchObject({ mapping: 'eim', addressesAsked: 1 });
  expect(running.events.some((event) => event.ev === 'waiting' && event.why === 'some-rest')).toBe(true);
  world.run(20_000);
  const profiles = running.events.flatMap((event) => (event.ev === 'profile' && event.final ? [event.profile] : []));
  expect(profiles.at(-1)!.addressesAsked).toBeGreaterThanOrEqual(2);
  expect(profiles.at(-1)!.confidence).toBeGreaterThan(early.final.confidence);
});

describe('the life of an idle mapping, measured in the background', () => {
  const timeouts = (ms: number) => ({ timeouts: { unrepliedMs: ms, establishedMs: ms, establishedAfterMs: 0 } });
  test.each([
    ['keeps the port, 65 s', { ...NATS.linux, ...timeouts(65_000) }, 63_000],
    ['keeps the port, 180 s', { ...NATS.fullCone, ...timeouts(180_000) }, 125_000],
    ['another port each time, 35 s', { ...NATS.pf, ...timeouts(35_000) }, 33_000],
    ['forgets within 10 s', { ...NATS.pf, ...timeouts(8_000) }, 5_000],
  ] as const)('%s', (_name, nat, expected) => {
    const detection = place(nat, 'life', 'stun');
    const { world, running, detector, host } = detection;
    running.command({ do: 'lifetime' });
    expect(detect(detection).final.idleLifetimeMs).toBeNull();
    world.run(200_000);
    expect(detector.profile(world.now + host.clockOffsetMs).idleLifetimeMs).toBe(expected);
    expect(running.socketsOpen).toBe(0);
  });

  test('is measured anew on another network, and not again on the same', () => {
    const detection = place({ ...NATS.pf, ...timeouts(35_000) }, 'life', 'stun');
    const { world, running, detector, host } = detection;
    const life = () => detector.profile(world.now + host.clockOffsetMs).idleLifetimeMs;
    const measured = () =>
      running.events.filter((event) => event.ev === 'log' && event.what === 'idle-lifetime-measured').length;
    running.command({ do: 'network', network: { addresses: ['192.168.1.2'], gateway: '192.168.1.1' } });
    running.command({ do: 'lifetime' });
    detect(detection);
    world.run(200_000);
    expect([life(), measured()]).toEqual([33_000, 1]);
    running.command({ do: 'network', network: { addresses: ['192.168.7.2'], gateway: '192.168.7.1' } });
    world.run(1);
    expect(life()).toBeNull();
    world.run(400_000);
    expect([life(), measured()]).toEqual([33_000, 2]);
  });

  test.each([
    ['another port each time', { ...NATS.pf, ...timeouts(35_000) }, 8, 33_000],
    ['keeps the port', { ...NATS.linux, ...timeouts(65_000) }, 9, 63_000],
    ['keeps the port, and there is no socket for the witness', { ...NATS.linux, ...timeouts(65_000) }, 0, null],
  ] as const)('on a computer short of sockets ends all the same: %s', (_name, nat, sockets, expected) => {
    const detection = place(nat, 'short', 'stun');
    const { world, running, detector, host } = detection;
    detect(detection);
    // The witness comes first where the port is kept, then the nine canaries: the last ones are missing.
    host.limitSockets(sockets);
    running.command({ do: 'lifetime' });
    world.run(400_000);
    expect(running.events.some((event) => event.ev === 'log' && event.what === 'idle-lifetime-measured')).toBe(true);
    expect(detector.profile(world.now + host.clockOffsetMs).idleLifetimeMs).toBe(expected);
    expect(running.socketsOpen).toBe(0);
  });

  test('a server that answers only the asker proves nothing about a NAT that keeps the port', () => {
    const detection = place(NATS.linux, 'life', 'master');
    detection.running.command({ do: 'lifetime' });
    detect(detection);
    detection.world.run(200_000);
    const { detector, world, host } = detection;
    expect(detector.profile(world.now + host.clockOffsetMs).idleLifetimeMs).toBeNull();
  });
});

test('of drawn users of every class, 97 in 100 are known right, windows hold what they promise, and nobody waits long', () => {
  const outcomes = SIM_CLASSES.flatMap((id) =>
    Array.from({ length: 8 }, (_, i) => {
      const user = simClass(id, simRandom(`drawn ${id} ${i}`), i % 2 === 0 ? 'home' : 'mobile');
      return runCase(user, `drawn ${id} ${i}`, 'master-two-addresses');
    }),
  );
  const share = (of: (outcome: (typeof outcomes)[number]) => boolean) => outcomes.filter(of).length / outcomes.length;
  expect(share(({ mapping }) => mapping)).toBeGreaterThanOrEqual(0.97);
  expect(share(({ refinedAllocator }) => refinedAllocator)).toBeGreaterThanOrEqual(0.97);
  const sure = outcomes.filter(({ confidence }) => confidence >= 0.95);
  expect(sure.length).toBeGreaterThan(0.9 * outcomes.length);
  expect(sure.filter(({ mapping, allocator }) => mapping && allocator).length / sure.length).toBeGreaterThanOrEqual(
    0.97,
  );
  const windows = outcomes.flatMap(({ window }) => window ?? []);
  expect(windows.length).toBeGreaterThan(10);
  expect(windows.filter(({ hit }) => hit).length / windows.length).toBeGreaterThan(0.7);
  expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThanOrEqual(2000);
  expect(Math.max(...outcomes.map(({ packets }) => packets))).toBeLessThanOrEqual(64);
});

test('another network is another NAT: nothing of the old profile survives, and detection starts afresh', () => {
  const detection = place(NATS.pf, 'roam', 'master');
  expect(detect(detection).refined.samples).toBeGreaterThan(10);
  const { world, running, detector, host } = detection;
  running.command({ do: 'network', network: { addresses: ['10.9.9.9'], gateway: '10.9.9.1' } });
  world.run(1);
  expect(detector.profile(world.now + host.clockOffsetMs).samples).toBe(0);
  world.run(2000);
  expect(detector.profile(world.now + host.clockOffsetMs)).toMatchObject({ mapping: 'apdm' });
});

test('rules that lead all that is sent through a VPN are another network, though no address and no gateway is another', () => {
  const detection = place(NATS.pf, 'vpn', 'master');
  const { world, running, detector, host } = detection;
  const home = { addresses: ['10.8.0.2', '192.168.1.5'], gateway: '192.168.1.1' };
  running.command({ do: 'network', network: { ...home, sources: ['192.168.1.5'] } });
  expect(detect(detection).refined.samples).toBeGreaterThan(10);
  const samples = (): number => detector.profile(world.now + host.clockOffsetMs).samples;
  running.command({ do: 'network', network: { ...home, sources: ['192.168.1.5'] } });
  world.run(1);
  expect(samples()).toBeGreaterThan(10);
  running.command({ do: 'network', network: { ...home, sources: ['10.8.0.2'] } });
  world.run(1);
  expect(samples()).toBe(0);
});

test('a detection leaves no socket behind', () => {
  const detection = place(NATS.linux, 'sockets', 'stun');
  detect(detection);
  expect(detection.running.socketsOpen).toBe(0);
});
