/**
 * A master that lies in everything it says: permits, what it has seen of the other side, outcomes, answers. No participant dies
 * of it, sends more than its own caps allow, or to an address that no permit names.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPrivate, WIRE } from '../../src/core/index.ts';
import { PAY_LIMITS, PLAN_LIMITS, type Push, type Response } from '../../src/core/testing.ts';
import { NATS, simRandom } from '../../src/sim/index.ts';
import { push as anyPush, response as anyResponse } from '../unit/rendezvous-arbitraries.ts';
import type { Lies } from './peer-master.ts';
import { hostAndClient, joinCommand, peers } from './peers.ts';

const SEEDS = 24;
const RUN_MS = 40_000;
/** Lists are asked for until then: each is answered before the end. */
const LISTS_MS = 20_000;
const BOXES = [NATS.linux, NATS.linuxRandom, NATS.linuxAccept, NATS.fullCone, NATS.pf, null];

function liar(
  seed: number,
): Lies & { readonly named: Set<string>; readonly told: Push[]; readonly sids: Uint8Array[] } {
  const random = simRandom(`lies ${seed}`);
  const pushes = fc.sample(anyPush, { numRuns: 300, seed });
  const responses = fc.sample(anyResponse, { numRuns: 300, seed });
  const named = new Set<string>();
  const sids: Uint8Array[] = [];
  const told: Push[] = [];

  /** One field of it, or all. */
  function twisted(push: Push): Push {
    const other = random.pick(pushes);
    if (random.chance(0.2)) return 'sid' in push && 'sid' in other ? { ...other, sid: push.sid } : other;
    if ('permit' in push && 'permit' in other && random.chance(0.6)) return { ...push, permit: other.permit };
    if ('observed' in push && 'observed' in other) return { ...push, observed: other.observed };
    return 'n' in push ? { ...push, n: random.int(0, 0xffff_ffff) } : push;
  }

  return {
    ...{ named, told, sids },
    push(push) {
      if ('sid' in push) sids.push(push.sid);
      const lies = random.pick([[push], [push], [push], [], [push, push], [twisted(push)], [twisted(push), push]]);
      for (const lie of lies) {
        told.push(lie);
        if ('permit' in lie) for (const { address } of lie.permit.addresses) named.add(address);
      }
      return lies;
    },
    response(response): Response {
      if (random.chance(0.8)) return response;
      const other = random.pick(responses);
      return random.chance(0.5) && 'observed' in response && 'observed' in other
        ? { ...response, observed: other.observed }
        : other;
    },
  };
}

test(`in ${SEEDS} worlds with a master that lies, nobody dies, exceeds a cap or probes what no permit names`, () => {
  let [probes, lies] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = simRandom(seed);
    const setup = peers({ seed });
    const { world, master } = setup;
    const { client, code } = hostAndClient(setup, [random.pick(BOXES), random.pick(BOXES)]);
    const lying = liar(seed);
    const sent = new Map<string, number>();
    world.watch(({ where, packet: { from, to, bytes } }) => {
      const odd = !Number.isInteger(to.port) || to.port < 1 || to.port > 65_535;
      if (odd) expect.unreachable(`port ${to.port}; ${world.replayText()}`);
      if (bytes[0] !== WIRE.punch || !['host', 'client'].includes(where)) return;
      sent.set(where, (sent.get(where) ?? 0) + 1);
      const strange = !lying.named.has(to.address) && !isPrivate(to.address);
      if (strange) expect.unreachable(`${from.address} probed ${to.address}; ${world.replayText()}`);
    }, 'sent');
    master.lie(lying);
    client.command(joinCommand({ code }));
    for (let at = 0; at < RUN_MS; at += 1_000) {
      if (at < LISTS_MS) client.command({ do: 'list', id: at });
      world.run(1_000);
      const [lie] = fc.sample(anyPush, { numRuns: 1, seed: seed * RUN_MS + at });
      const sid = random.pick([...lying.sids, new Uint8Array(16)]);
      master.pushToAll('sid' in lie! ? { ...lie, sid } : lie!);
    }
    for (const count of sent.values()) {
      probes += count;
      expect(count).toBeLessThanOrEqual(PLAN_LIMITS.birthdayBurst + (PAY_LIMITS.probesPerSecond * RUN_MS) / 1_000);
    }
    lies += lying.told.length;
    // Nobody is left without a word.
    expect(new Set(client.all('list').map(({ id }) => id)).size, world.replayText()).toBe(LISTS_MS / 1_000);
    expect(client.all('stage').length > 1 || client.last('join-failed') !== undefined, world.replayText()).toBe(true);
  }
  expect(probes).toBeGreaterThan(100);
  expect(lies).toBeGreaterThan(1_000);
});
