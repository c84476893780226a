import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compiled,
  type Lab,
  type LabHost,
  type LabProcess,
  type NatBehaviour,
  type NatPreset,
  openLab,
} from '../../lab/index.ts';
import type { NatProfile } from '../../src/core/index.ts';
import { describeUnless, hasProgram, labMissing } from '../support.ts';

/** What our detector, and what Debian's `stun` client, say of each kernel NAT. */
const NATS = [
  ['full-cone', 'eim', 'eif', 'preserve', 'Independent Mapping, Independent Filter'],
  ['address-cone', 'eim', 'adf', 'preserve', 'Independent Mapping, Address Dependent Filter'],
  ['home-router', 'eim', 'apdf', 'preserve', 'Independent Mapping, Port Dependent Filter'],
  ['home-router-reject', 'eim', 'apdf', 'preserve', 'Independent Mapping, Port Dependent Filter'],
  ['home-router-accept', 'eim', 'apdf', 'preserve', 'Independent Mapping, Port Dependent Filter'],
  ['address-sensitive', 'adm', 'apdf', 'range', 'Dependent Mapping'],
  ['step', 'apdm', 'apdf', 'step', 'Dependent Mapping'],
  ['range-cone', 'eim', 'apdf', 'range', 'Independent Mapping, Port Dependent Filter'],
  ['random', 'apdm', 'apdf', 'random', 'Dependent Mapping'],
  ['fully-random', 'apdm', 'apdf', 'random', 'Dependent Mapping'],
  ['pf', 'apdm', 'apdf', 'range', 'Dependent Mapping'],
  ['block-512', 'apdm', 'apdf', 'block', 'Dependent Mapping'],
] as const satisfies readonly (readonly [NatPreset, string, string, string, string])[];

const missing = labMissing() ?? (hasProgram('turnserver') ? null : 'coturn is not installed');

describeUnless(missing, 'the detector on kernel NATs', () => {
  let lab: Lab;
  let coturn: LabHost;
  let ours: LabHost;
  let hosts = 0;

  beforeAll(async () => {
    lab = await openLab();
    coturn = await lab.publicHost('coturn', 2);
    const [first, second] = coturn.addresses as [string, string];
    const words =
      '-n --no-tls --no-dtls --no-tcp --no-auth --no-cli --log-file stdout --pidfile /run/lab/turn.pid --userdb /run/lab/turn.db -p 3478';
    const server = coturn.spawn(['turnserver', ...words.split(' '), '-L', first, '-L', second]);
    await server.find(({ text }) => text.includes('admin thread') || null, 10_000);
    ours = await lab.publicHost('ours', 2);
    const stun = ours.spawn([process.execPath, compiled('lab/probe.js'), 'stun', ours.addresses.join(), '3478,3479']);
    await stun.find(({ text }) => text.includes('ready') || null, 10_000);
  });
  afterAll(() => lab.close());

  async function behind(preset: NatPreset | Partial<NatBehaviour>): Promise<LabHost> {
    const id = ++hosts;
    return await lab.hostBehind(await lab.nat(`nat${id}`, preset), `host${id}`);
  }

  async function finalProfile(program: LabProcess): Promise<NatProfile> {
    return await program.find(({ text }) => {
      const event = text.startsWith('{') ? JSON.parse(text) : {};
      if (event.ev === 'fault') throw new Error(event.text);
      return event.ev === 'profile' && event.final ? event.profile : null;
    }, 20_000);
  }

  const detect = (at: LabHost, servers: readonly string[]) =>
    at.spawn([process.execPath, compiled('lab/probe.js'), 'detect', ...servers.map((server) => `${server}:3478`)]);

  test.each(NATS)(
    '%s is %s, %s, %s with coturn, and Debian’s stun client agrees',
    async (preset, mapping, filtering, kind, words) => {
      const host = await behind(preset);
      const profile = await finalProfile(detect(host, [coturn.address]));
      expect(profile).toMatchObject({ mapping, filtering, allocator: { kind } });
      expect(profile.confidence).toBeGreaterThan(0.7);
      const again = await finalProfile(detect(host, [ours.address]));
      expect(again).toMatchObject({ mapping, filtering, allocator: { kind } });
      if (!hasProgram('stun')) return;
      const client = host.spawn(['stun', ours.address]);
      await client.exited;
      expect(client.text()).toContain(words);
    },
  );

  test('udp-blocked is blocked, and Debian’s stun client says so', async () => {
    const host = await behind('udp-blocked');
    expect(await finalProfile(detect(host, [coturn.address]))).toMatchObject({ type: 'blocked', verdict: 'strict' });
    if (!hasProgram('stun')) return;
    const client = host.spawn(['stun', ours.address]);
    await client.exited;
    expect(client.text()).toContain('Blocked');
  }, 30_000);

  test('a public host is public', async () => {
    const host = await lab.publicHost('open');
    expect(await finalProfile(detect(host, [coturn.address]))).toMatchObject({ type: 'public', filtering: 'eif' });
  });

  test('a dead server in the list changes nothing', async () => {
    const host = await behind('home-router');
    const program = detect(host, ['203.0.113.250', coturn.address]);
    expect(await finalProfile(program)).toMatchObject({ mapping: 'eim', filtering: 'apdf' });
  });

  test('coturn is asked to send to mappings that kept still: one of 15 s outlives 10 s and not 20 s', async () => {
    const host = await behind({ timeouts: { unrepliedMs: 15_000, establishedMs: 15_000 } });
    const program = host.spawn([process.execPath, compiled('lab/probe.js'), 'lifetime', `${coturn.address}:3478`]);
    const lifetime = await program.find(({ text }) => {
      const event = JSON.parse(text);
      return event.what === 'idle-lifetime-measured' ? event.data.ms : null;
    }, 40_000);
    expect(lifetime).toBe(10_000);
  });

  describe('behind the user’s back', () => {
    test.each([
      ['home-router', 'no'],
      ['home-router-accept', 'yes'],
    ] as const)('%s: an early stranger spoils the mapping: %s; the NAT is at hop 1', async (preset, poisonable) => {
      const program = detect(await behind(preset), [coturn.address]);
      await finalProfile(program);
      const refined = await program.find(({ text }) => {
        const event = JSON.parse(text);
        return event.ev === 'profile' && event.profile.poisonable !== 'untested' ? event.profile : null;
      }, 20_000);
      expect(refined).toMatchObject({ poisonable, natHops: 1 });
    });

    test.each([
      ['full-cone', 'yes'],
      ['home-router', 'no'],
    ] as const)('%s: two sockets of one computer meet at its external address: %s', async (preset, hairpin) => {
      const program = detect(await behind(preset), [coturn.address]);
      const told = await program.find(({ text }) => {
        const event = JSON.parse(text);
        return event.ev === 'profile' && event.profile.hairpin !== 'untested' ? event.profile.hairpin : null;
      }, 20_000);
      expect(told).toBe(hairpin);
    });
  });
});
