/**
 * A router that draws a port at random for everything that goes out (pf, OPNsense) and opens one port for what comes in: the way in is
 * proven, told and used, though nobody could predict a port of this network.
 */
import { expect, test } from 'vitest';
import { NATS } from '../../src/sim/index.ts';
import { hostCommand, joinCommand, type Participant, peers } from './peers.ts';

const gatewayOf = (setup: ReturnType<typeof peers>, name: string) => {
  const found = setup.world.gateways.find((gateway) => gateway.name.startsWith(`${name}.`));
  if (found === undefined) throw new Error(`no gateway of ${name}`);
  return found;
};

/** The router of this participant does what UPnP asks for. */
function opens(setup: ReturnType<typeof peers>, of: Participant): void {
  const asked = of.last('upnp');
  if (asked === undefined) throw new Error('UPnP was not asked for');
  const { nat } = gatewayOf(setup, of.host.name);
  nat.forwardPort(asked.port, { address: of.host.addresses[0]!, port: asked.port });
  const external = { address: nat.addresses[0]!, port: asked.port };
  of.command({ do: 'upnp', works: true, external });
}

test.each([1, 2, 3])('two strict networks meet through a mapping of one of them (seed %i)', (seed) => {
  const setup = peers({ seed: `inbound-only-${seed}` });
  const host = setup.participant('host', NATS.pf);
  const client = setup.participant('client', NATS.pf);
  host.command(hostCommand());
  setup.until(() => host.last('hosting') !== undefined && client.last('ready') !== undefined, 5_000, 'both are ready');
  expect(host.last('profile')?.profile.verdict).toBe('strict');
  opens(setup, host);
  const open = () => host.last('profile')?.profile.portMapping.external != null;
  setup.until(open, 5_000, 'the mapping is proven');
  expect(host.last('profile')?.profile).toMatchObject({ mapping: 'apdm', verdict: 'open' });
  client.command(joinCommand({ code: host.last('hosting')!.code }));
  setup.until(() => client.last('path') !== undefined, 10_000, 'a path is proven');
  expect(client.last('path')).toMatchObject({ kind: 'mapped' });
});
