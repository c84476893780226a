/** Security row 22: answers nobody asked for, or not from whom they were asked, change no profile. */
import { expect, test } from 'vitest';
import { behindNat } from '../../bench/detection-cases.ts';
import { type Detection, detect, placeDetector } from '../../bench/detection-world.ts';
import type { NatProfile } from '../../src/core/index.ts';
import { encodeStun } from '../../src/core/testing.ts';
import { NATS, type NatBehaviour, type Packet, simRandom } from '../../src/sim/index.ts';

const FORGED = 100_000;

/** What stays of a profile when ages and such are left out. */
function essence({ mapping, filtering, type, allocator, external, pooling, delta, natHops }: NatProfile) {
  return { mapping, filtering, type, kind: allocator.kind, step: allocator.step, external, pooling, delta, natHops };
}

function place(nat: NatBehaviour | null): Detection {
  const user = nat === null ? { ...behindNat(NATS.linux, 'h'), chain: [] } : behindNat(nat, 'h');
  return placeDetector(user, { seed: 'hostile', servers: 'stun', lossRate: 0 });
}

/** Every kind of forgery, from addresses that were asked and others, towards the ports in use. */
function forge(detection: Detection, seen: readonly Packet[]): void {
  const { host, world, servers } = detection;
  const random = simRandom('forger');
  const attacker = world.server({ name: 'attacker' });
  const observed = { address: '198.51.100.66', port: 666 };
  // Of each kind so many: those that know the transaction id, but come from elsewhere; those from the right address that guess.
  for (let i = 0; i < 2 * FORGED; i++) {
    const real = seen[i % seen.length]!;
    const transaction = Uint8Array.from({ length: 12 }, () => random.int(0, 255));
    const knows = i % 2 === 0;
    if (knows) transaction.set(real.bytes.subarray(8, 20));
    const bytes = encodeStun({
      class: i % 7 === 0 ? 'error' : 'success',
      transaction,
      xorMapped: observed,
      otherAddress: { address: attacker.address, port: 1 },
    });
    if (i % 5 === 0) bytes[i % bytes.length]! ^= 1 << (i % 8);
    const from = knows
      ? { address: attacker.address, port: 3478 }
      : { address: servers[i % servers.length]!.address, port: 3478 };
    host.receive({ ...real, id: -i, from, to: { address: host.address, port: real.from.port }, bytes });
  }
}

test.each([
  ['a public host', null],
  ['a Linux router', NATS.linux],
  ['a sequential carrier', NATS.juniper],
] as const)(
  '10^5 forged answers of each kind during a detection behind %s leave its profile as it would have been',
  (_name, nat) => {
    const honest = detect(place(nat));
    const attacked = place(nat);
    const seen: Packet[] = [];
    attacked.world.watch(({ what, where, packet }) => {
      if (what === 'sent' && where === attacked.host.name) seen.push(packet);
    });
    attacked.world.after(150, () => forge(attacked, seen));
    const result = detect(attacked);
    expect(seen.length).toBeGreaterThan(10);
    expect(essence(result.refined)).toEqual(essence(honest.refined));
    expect(essence(result.final)).toEqual(essence(honest.final));
  },
);
