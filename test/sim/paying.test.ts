/** Who pays is who may be probed: a client with several addresses gets no more at any of them than that one has sent itself. */
import { expect, test } from 'vitest';
import { seededCrypto } from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { NATS, noPacketToUnprovenAddress, paidForItself, type World } from '../../src/sim/index.ts';
import { Payer, type PayerEvent } from '../hostile/payer.ts';
import { hostCommand, type Peers, peers } from './peers.ts';

const RUN_MS = 30_000;

function hosting(setup: Peers) {
  const host = setup.participant('host', NATS.linux);
  host.command(hostCommand({ playersMax: 16 }));
  setup.until(() => host.last('hosting') !== undefined && host.last('ready') !== undefined, 5_000, 'listed');
  return host;
}

/** Attackers with an address each to pay from, who all aim at one more. */
function attack(setup: Peers, payers: number): { readonly letIn: number; readonly hits: number } {
  const { world } = setup;
  const host = hosting(setup);
  const eve = world.host({ name: 'eve', addresses: payers + 1 });
  const [aim, ...paying] = eve.addresses as [string, ...string[]];
  const told: PayerEvent[] = [];
  for (const pay of paying) {
    const crypto = seededCrypto(`${world.options.seed}/${pay}`, nodeCrypto);
    const machine = new Payer({
      ...{
        crypto,
        random: world.random(pay),
        wallClock: () => 1_700_000_000_000 + world.now,
        identity: crypto.keyPair(),
      },
      ...{ master: setup.master.address, hostKey: host.publicKey, pay, aim },
    });
    eve.run(machine, { onEvent: (event) => told.push(event) }).command({ do: 'start' });
  }
  world.run(RUN_MS);
  const hits = world.trace.filter(
    ({ what, where, packet }) => what === 'sent' && where === 'host' && packet.to.address === aim,
  );
  return { letIn: told.filter(({ ev }) => ev === 'let-in').length, hits: hits.length };
}

for (const payers of [1, 2, 10]) {
  test(`with ${payers} addresses that pay and one that is aimed at, each gets at most 2.93 times its own bytes`, () => {
    const setup = peers({ seed: `payers ${payers}`, trace: true });
    const { letIn, hits } = attack(setup, payers);
    expect(letIn).toBe(payers);
    // Each JOIN came from there, and has paid for 60.
    expect(hits).toBeGreaterThan(20);
    expect(hits).toBeLessThanOrEqual(60 * payers);
    setup.world.check(paidForItself, noPacketToUnprovenAddress);
  });
}

test('the check sees a packet too many', () => {
  const setup = peers({ seed: 'ledger', trace: true });
  const host = hosting(setup);
  setup.world.run(5_000);
  expect(() => setup.world.check(paidForItself)).not.toThrow();
  const from = { address: '0.0.0.0', port: 9 };
  const stranger: World['hosts'][number] = setup.world.host({ name: 'stranger' });
  stranger.bind(from, () => {});
  const address = host.last('profile')?.profile.external[0] as string;
  for (let n = 0; n < 1_000; n++)
    stranger.send(
      from,
      { address, port: 7 },
      Uint8Array.from({ length: 32 }, () => 0xd7),
    );
  expect(() => setup.world.check(paidForItself)).toThrow('bytes in all');
});
