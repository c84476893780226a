/** Paces of the masterserver: of what comes at one instant as many pass as the burst of their limit says, and no more. */
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { MASTER_LIMITS } from '../../src/core/index.ts';
import type { Request } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { type Participant, REGISTER, type World, world } from './rendezvous-net.ts';

let w: World;
beforeEach(() => {
  w = world({ crypto: nodeCrypto });
});

/** People of one address of IPv4 or one /64, so many requests of each; how many of all are let through. */
function passed(people: readonly Participant[], each: number, request: (n: number) => Request): number {
  const refs = people.flatMap((one) =>
    Array.from({ length: each }, (_, n) => {
      const asked = request(n);
      return { one, ref: one.ask(asked, asked.type === 'join' ? one.socket() : null) };
    }),
  );
  // Longer than a round trip, shorter than any of them needs to be let one more through.
  w.net.run(60);
  const answers = refs.map(({ one, ref }) => one.answerTo(ref));
  return answers.filter((answer) => answer !== null && !(answer.type === 'failed' && answer.failure === 'BUSY')).length;
}

const crowd = (count: number, address: (n: number) => string): readonly Participant[] =>
  up(Array.from({ length: count }, (_, n) => w.participant(`one ${address(n)}`, address(n)).start()));

/** The door has a pace as well: people of one address come in one after the other. */
function up(people: readonly Participant[]): readonly Participant[] {
  for (let step = 0; step < 300 && !people.every(({ states }) => states.includes('up')); step++) w.net.run(100);
  expect(people.every(({ states }) => states.includes('up'))).toBe(true);
  return people;
}

const list: Request = { type: 'list', after: '', game: '' };
const wrongCode = (n: number): Request => ({
  type: 'resolve',
  code: `WWWW${'BCDFGHJKMN'[n % 10]}${'BCDFGHJKMN'[Math.floor(n / 10)]}`,
});
const join = (hostKey: Uint8Array): Request => ({
  ...{ type: 'join', hidden: false, sid: randomBytes(16), hostKey, handshake: new Uint8Array(800) },
});

describe('at one instant', () => {
  test('one session has as many pages of the list as its burst', () => {
    expect(
      passed(
        crowd(1, (n) => `60.1.1.${n}`),
        MASTER_LIMITS.listRate.burst + 8,
        () => list,
      ),
    ).toBe(MASTER_LIMITS.listRate.burst);
  });

  test('wrong codes are tried as often as their bursts allow: by an address, by its network', () => {
    const { narrow, wide } = MASTER_LIMITS.wrongCodeRates;
    expect(
      passed(
        crowd(2, (n) => `2001:db8:2:1::${n + 1}`),
        narrow.burst,
        wrongCode,
      ),
    ).toBe(narrow.burst);
    expect(
      passed(
        crowd(8, (n) => `2001:db8:22:${n + 1}::1`),
        narrow.burst,
        wrongCode,
      ),
    ).toBe(wide.burst);
  });

  test('one client knocks as often as its burst, an address as often as its own, whatever host it asks for', () => {
    const hosts = Array.from({ length: 30 }, (_, n) => w.participant(`host ${n}`, `61.${n}.1.1`).start());
    for (const host of hosts) host.get(REGISTER);
    const { joinPerClientRate, joinRates } = MASTER_LIMITS;
    const any = (n: number): Request => join(hosts[n % hosts.length]!.key.publicKey);
    expect(
      passed(
        crowd(1, (n) => `2001:db8:3:1::${n + 1}`),
        joinPerClientRate.burst + 4,
        any,
      ),
    ).toBe(joinPerClientRate.burst);
    let next = 0;
    const others = passed(
      crowd(12, (n) => `2001:db8:3:2::${n + 1}`),
      joinPerClientRate.burst,
      () => any(next++),
    );
    expect(others).toBe(joinRates.narrow.burst);
  });

  test('an address knocks at one host as often as that host’s burst', () => {
    const host = w.participant('host', '61.1.1.1').start();
    host.get(REGISTER);
    const { hostJoinRates } = MASTER_LIMITS;
    const knocks = passed(
      crowd(4, (n) => `2001:db8:4:1::${n + 1}`),
      8,
      () => join(host.key.publicKey),
    );
    expect(knocks).toBe(hostJoinRates.narrow.burst);
  });

  test('an address whose places for hosts are taken makes room for as many more as its burst', () => {
    const { hostCapsIpv6, hostRoomRates } = MASTER_LIMITS;
    const all = hostCapsIpv6.narrow + hostRoomRates.narrow.burst;
    expect(
      passed(
        crowd(all + 4, (n) => `2001:db8:5:1::${n + 1}`),
        1,
        () => REGISTER,
      ),
    ).toBe(all);
  });
});
