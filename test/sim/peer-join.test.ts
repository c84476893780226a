import { expect, test } from 'vitest';
import { type Gateway, NATS, type NatBehaviour, type WorldOptions } from '../../src/sim/index.ts';
import { hostAndClient, joinCommand, type Participant, type Peers, peers } from './peers.ts';

/** Every easy NAT there is: endpoint-independent mapping with each filtering, kept and random ports, and none at all. */
const EASY: Readonly<Record<string, NatBehaviour | null>> = {
  public: null,
  'full cone': NATS.fullCone,
  'address-restricted': NATS.addressRestricted,
  'port-restricted': NATS.linux,
  'WAN input accepted': NATS.linuxAccept,
  'port-restricted, random ports': { ...NATS.linux, allocation: { random: { low: 1024, high: 65_535 } } },
};

function talk(setup: Peers, host: Participant, client: Participant): void {
  const [there, back] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)];
  client.command({ do: 'send', path: client.last('path')!.path, bytes: there });
  host.command({ do: 'send', path: host.last('path')!.path, bytes: back });
  setup.until(() => host.last('message') !== undefined && client.last('message') !== undefined, 1_000, 'both hear');
  expect(host.last('message')?.bytes).toEqual(there);
  expect(client.last('message')?.bytes).toEqual(back);
}

function connect(setup: Peers, host: Participant, client: Participant, code: string, limitMs: number): void {
  client.command(joinCommand({ code }));
  const both = () => host.last('path') !== undefined && client.last('path') !== undefined;
  setup.until(both, limitMs, 'both have a path');
}

for (const [hostNat, hostBehind] of Object.entries(EASY)) {
  for (const [clientNat, clientBehind] of Object.entries(EASY)) {
    test(`host behind ${hostNat}, client behind ${clientNat}: connected within a second, and both talk`, () => {
      const setup = peers({ seed: `${hostNat}/${clientNat}` });
      const { host, client, code } = hostAndClient(setup, [hostBehind, clientBehind]);
      connect(setup, host, client, code, 1_000);
      expect(client.last('path')?.kind).toBe('direct');
      talk(setup, host, client);
    });
  }
}
