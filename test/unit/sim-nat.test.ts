import { expect, test } from 'vitest';
import { createNat, NATS, type Nat, type NatBehaviour, type Packet, simRandom } from '../../src/sim/index.ts';

const LEFT = { address: '192.168.0.2', port: 50_000 };
const LEFT_TWIN = { address: '192.168.0.3', port: 50_000 };
const A = { address: '198.51.100.1', port: 3478 };
const A_OTHER_PORT = { address: '198.51.100.1', port: 3479 };
const B = { address: '198.51.100.2', port: 3478 };
const OUTSIDE = '203.0.113.9';

function natOf(behaviour: NatBehaviour, addresses = [OUTSIDE]): Nat {
  return createNat({ behaviour, addresses, random: simRandom('nat') });
}

function packet(from: Packet['from'], to: Packet['to']): Packet {
  return { id: 1, from, to, ttl: 64, bytes: new Uint8Array(8), icmp: null, origin: 'test' };
}

/** External port of a packet from inside, or the reason of its drop. */
function out(nat: Nat, from: Packet['from'], to: Packet['to'], now = 0): number | string {
  const result = nat.outbound(packet(from, to), now);
  return result.kind === 'drop' ? result.why : result.packet.from.port;
}

/** Internal port a packet from outside reaches, or the reason of its drop. */
function into(nat: Nat, from: Packet['from'], port: number, now = 0): number | string {
  const result = nat.inbound(packet(from, { address: OUTSIDE, port }), now);
  return result.kind === 'drop' ? result.why : result.packet.to.port;
}

const APDM = { mapping: 'address-and-port', filtering: 'address-and-port' } as const;

test('mapping depends on what RFC 4787 section 4.1 says', () => {
  const ports = (mapping: 'endpoint-independent' | 'address' | 'address-and-port') => {
    const nat = natOf({ mapping, filtering: 'address-and-port', allocation: { step: 1 } });
    return [A, A_OTHER_PORT, B, A].map((to) => Number(out(nat, LEFT, to)));
  };
  const differences = (list: number[]) => list.map((port) => port - (list[0] as number));
  expect(differences(ports('endpoint-independent'))).toEqual([0, 0, 0, 0]);
  expect(differences(ports('address'))).toEqual([0, 0, 1, 0]);
  expect(differences(ports('address-and-port'))).toEqual([0, 1, 2, 0]);
});

test('filtering lets in whom RFC 4787 section 5 says', () => {
  const admitted = (filtering: 'endpoint-independent' | 'address' | 'address-and-port') => {
    const nat = natOf({ mapping: 'endpoint-independent', filtering, allocation: 'preserve' });
    const port = Number(out(nat, LEFT, A));
    return [A, A_OTHER_PORT, B].map((from) => into(nat, from, port) === LEFT.port);
  };
  expect(admitted('endpoint-independent')).toEqual([true, true, true]);
  expect(admitted('address')).toEqual([true, true, false]);
  expect(admitted('address-and-port')).toEqual([true, false, false]);
});

test('Linux keeps the port for every destination until the 5-tuple clashes', () => {
  const nat = natOf(NATS.linux);
  expect(out(nat, LEFT, A)).toBe(50_000);
  expect(out(nat, LEFT, B)).toBe(50_000);
  expect(out(nat, LEFT_TWIN, B)).not.toBe(50_000);
  expect(out(nat, LEFT_TWIN, { address: '198.51.100.3', port: 1 })).toBe(out(nat, LEFT_TWIN, B));
});

test('an accepted stranger takes the 5-tuple away, is kept by repetition, and loses it after 30 s', () => {
  const nat = natOf(NATS.linuxAccept);
  expect(into(nat, B, 50_000, 0)).toBe('unsolicited');
  expect(out(nat, LEFT, A, 10)).toBe(50_000);
  expect(out(nat, LEFT, B, 20)).not.toBe(50_000);
  expect(into(nat, B, 50_000, 25_000)).toBe('unsolicited');
  const again = { ...LEFT, port: 50_001 };
  expect(into(nat, B, 50_001, 25_000)).toBe('unsolicited');
  expect(out(nat, again, B, 54_000)).not.toBe(50_001);
  const third = { ...LEFT, port: 50_002 };
  expect(into(nat, B, 50_002, 25_000)).toBe('unsolicited');
  expect(out(nat, third, B, 55_001)).toBe(50_002);
});

test.each(['linux', 'linuxReject'] as const)('%s: a stranger leaves nothing behind', (name) => {
  const nat = natOf(NATS[name]);
  expect(into(nat, B, 50_000)).toBe('unsolicited');
  expect(out(nat, LEFT, B)).toBe(50_000);
});

test('sequential allocation moves by its step, and by the background', () => {
  const quiet = natOf({ ...APDM, allocation: { step: -2 } });
  const first = Number(out(quiet, LEFT, A));
  expect(out(quiet, LEFT, B)).toBe(first - 2);
  const busy = natOf({
    ...APDM,
    allocation: { step: 1, range: { low: 1, high: 60_000 } },
    background: { perSecond: 50 },
  });
  const start = Number(out(busy, LEFT, A, 0));
  const moved = (Number(out(busy, LEFT, B, 10_000)) - start + 60_000) % 60_000;
  expect(moved).toBeGreaterThan(400);
  expect(moved).toBeLessThan(600);
});

test('a port block is aligned, and a full one refuses, evicts or is followed by the next', () => {
  const block = { size: 64, order: 'random', blocksMax: 1 } as const;
  const fill = (nat: Nat, count: number) =>
    Array.from({ length: count }, (_, i) => out(nat, LEFT, { address: '198.51.100.7', port: 1000 + i }));
  const refusing = fill(natOf({ ...APDM, allocation: { block } }), 65);
  const ports = refusing.slice(0, 64).map(Number);
  expect(new Set(ports).size).toBe(64);
  expect(Math.max(...ports) - Math.min(...ports)).toBe(63);
  expect(Math.min(...ports) % 64).toBe(0);
  expect(refusing[64]).toBe('ports-exhausted');
  const evicting = fill(natOf({ ...APDM, allocation: { block }, whenFull: 'evict' }), 65);
  expect(evicting[64]).toBe(evicting[0]);
  const following = fill(natOf({ ...APDM, allocation: { block: { ...block, blocksMax: 2 } } }), 65);
  expect(ports.includes(Number(following[64]))).toBe(false);
});

test('a session lives as long as its time-out, renewed as the box says', () => {
  const timeouts = { unrepliedMs: 30_000, establishedMs: 120_000 } as const;
  const nat = natOf({ ...NATS.fullCone, filtering: 'address-and-port', timeouts });
  out(nat, LEFT, A, 0);
  expect(into(nat, A, 50_000, 29_999)).toBe(50_000);
  expect(into(nat, A, 50_000, 149_000)).toBe(50_000);
  expect(into(nat, A, 50_000, 269_001)).toBe('unsolicited');
  const outboundOnly = natOf({
    ...NATS.fullCone,
    filtering: 'address-and-port',
    timeouts: { ...timeouts, refreshedBy: 'outbound' },
  });
  out(outboundOnly, LEFT, A, 0);
  expect(into(outboundOnly, A, 50_000, 29_999)).toBe(50_000);
  expect(into(outboundOnly, A, 50_000, 30_001)).toBe('unsolicited');
});

test('parity, hash, time and stripes do what they say', () => {
  const odd = { ...LEFT, port: 50_001 };
  const parity = natOf({ ...APDM, allocation: { random: { low: 1024, high: 65_535 } }, parity: true });
  for (let port = 1; port < 50; port++) expect(Number(out(parity, odd, { ...A, port })) % 2).toBe(1);
  const hash = natOf({ ...APDM, allocation: { hash: { low: 2000, high: 2999 } } });
  const hashed = out(hash, LEFT, A);
  hash.reboot();
  expect(out(hash, LEFT, A, 2)).toBe(hashed);
  const timed = natOf({ ...APDM, allocation: { portsPerSecond: 100, range: { low: 1, high: 60_000 } } });
  const at0 = Number(out(timed, LEFT, A, 0));
  expect((Number(out(timed, LEFT, B, 5_000)) - at0 + 60_000) % 60_000).toBe(500);
  const stripes = natOf(NATS.mapE);
  for (let port = 1; port < 50; port++) expect((Number(out(stripes, LEFT, { ...A, port })) % 4096) >> 4).toBe(16);
});

test('limits refuse what is too much', () => {
  const quota = natOf({ ...APDM, allocation: { step: 1 }, subscriberMappingsMax: 2 });
  expect(out(quota, LEFT, A)).not.toBe('quota-full');
  expect(out(quota, LEFT, B)).not.toBe('quota-full');
  expect(out(quota, LEFT, A_OTHER_PORT)).toBe('quota-full');
  expect(typeof out(quota, LEFT_TWIN, A)).toBe('number');
  expect(typeof out(quota, LEFT, A_OTHER_PORT, 40_000)).toBe('number');
  const rate = natOf({ ...APDM, allocation: { step: 1 }, newMappingsPerSecondMax: 1 });
  expect(typeof out(rate, LEFT, A, 0)).toBe('number');
  expect(out(rate, LEFT, B, 500)).toBe('mapping-rate');
  expect(typeof out(rate, LEFT, B, 1500)).toBe('number');
  const table = natOf({ ...APDM, allocation: { step: 1 }, sessionsMax: 1 });
  expect(typeof out(table, LEFT, A)).toBe('number');
  expect(out(table, LEFT, B)).toBe('table-full');
});

test('several addresses are paired with a subscriber or drawn for each mapping', () => {
  const addresses = ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4'];
  const seen = (pooling: 'paired' | 'arbitrary') => {
    const nat = natOf({ ...APDM, allocation: { step: 1 }, addresses: 4, pooling }, addresses);
    const used = Array.from({ length: 40 }, (_, i) => nat.outbound(packet(LEFT, { ...A, port: i + 1 }), 0));
    return new Set(used.map((result) => (result.kind === 'forward' ? result.packet.from.address : 'none'))).size;
  };
  expect(seen('paired')).toBe(1);
  expect(seen('arbitrary')).toBe(4);
});

test('hairpin goes back in where the box does it, with the source the box says', () => {
  const behaviour = { ...NATS.fullCone, hairpin: 'external-source' } as const;
  const nat = natOf(behaviour);
  out(nat, LEFT_TWIN, A);
  const other = { ...LEFT, port: 40_000 };
  const result = nat.outbound(packet(other, { address: OUTSIDE, port: 50_000 }), 0);
  expect(result).toMatchObject({
    kind: 'hairpin',
    packet: { from: { address: OUTSIDE, port: 40_000 }, to: LEFT_TWIN },
  });
  expect(out(natOf(NATS.fullCone), other, { address: OUTSIDE, port: 50_000 })).toBe('hairpin');
});

test('two balanced boxes are told apart by the parity of source plus destination port', () => {
  const nat = natOf({ ...NATS.linux, balancedBoxes: 2 }, ['203.0.113.1', '203.0.113.2']);
  const address = (port: number) => {
    const result = nat.outbound(packet(LEFT, { ...A, port }), 0);
    return result.kind === 'forward' ? result.packet.from.address : '';
  };
  expect([address(2), address(3), address(4)]).toEqual(['203.0.113.1', '203.0.113.2', '203.0.113.1']);
});

test('a reboot forgets, a forwarded port stays', () => {
  const nat = natOf(NATS.linux);
  nat.forwardPort(27_015, { ...LEFT, port: 27_015 });
  out(nat, LEFT, A);
  nat.reboot();
  expect(into(nat, A, 50_000, 6)).toBe('unsolicited');
  expect(into(nat, B, 27_015, 6)).toBe(27_015);
  expect(out(nat, { ...LEFT, port: 27_015 }, B)).toBe(27_015);
});

test('an exposed host gets whatever belongs to no mapping', () => {
  const nat = natOf(NATS.linux);
  nat.exposeHost(LEFT.address);
  expect(into(nat, B, 1234)).toBe(1234);
  expect(out(nat, { ...LEFT, port: 1234 }, B)).toBe(1234);
});

test('a firewall without translation keeps addresses and lets answers in only', () => {
  const host = { address: '2001:db8::2', port: 5000 };
  const peer = { address: '2001:db8:1::2', port: 6000 };
  const firewall = natOf({ mapping: 'none', filtering: 'address-and-port', allocation: 'preserve' }, []);
  expect(firewall.inbound(packet(peer, host), 0)).toMatchObject({ kind: 'drop', why: 'unsolicited' });
  expect(firewall.outbound(packet(host, peer), 0)).toMatchObject({ kind: 'forward', packet: { from: host } });
  expect(firewall.inbound(packet(peer, host), 1)).toMatchObject({ kind: 'forward', packet: { to: host } });
});
