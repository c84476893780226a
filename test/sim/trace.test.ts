import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  asciiOf,
  createWorld,
  drawClass,
  NATS,
  placeUser,
  simClass,
  traceJson,
  tracePcap,
} from '../../src/sim/index.ts';

/** Users of every kind, floods, losses, jitter, reordering: whatever draws randomness. */
function busyWorld(seed: number) {
  const link = { lossBurst: 3, duplicateRate: 0.01, reorderRate: 0.02, corruptRate: 0.01, corruptUnnoticedRate: 0.5 };
  const world = createWorld({ seed, link });
  const random = world.random('users');
  const server = world.server();
  const reply = { address: server.address, port: 9 };
  server.bind(reply, (packet) => server.send(reply, packet.from, packet.bytes));
  for (let n = 0; n < 24; n++) {
    const access = n % 2 === 0 ? 'home' : 'mobile';
    const host = placeUser(world, simClass(drawClass(access, random), random, access), `user${n}`);
    for (let socket = 0; socket < 8; socket++) {
      const local = { address: '0.0.0.0', port: 4000 + socket };
      host.bind(local, () => {});
      for (let k = 0; k < 5; k++)
        world.after(random.between(0, 40_000), () => host.send(local, reply, asciiOf(`${n}.${k}`)));
    }
  }
  world.run(60_000);
  return world;
}

/** If this changes, traces of old seeds no longer replay: say so in the change log. The same on Node 20 and 24. */
const GOLDEN = '4ac9592b76c9967c3aa38a49e31ef8d21da1ed841b31138323f7699f7bd60592';

test('one seed gives one trace, byte for byte, on every engine', () => {
  const text = traceJson(busyWorld(1).trace);
  expect(traceJson(busyWorld(1).trace)).toBe(text);
  expect(createHash('sha256').update(text).digest('hex')).toBe(GOLDEN);
});

test('tcpdump reads the pcap of a trace: addresses, ports, TTL, ICMP, sums', () => {
  const world = createWorld({ seed: 1 });
  const server = world.server();
  server.bind({ address: server.address, port: 9 }, () => {});
  const host = world.host({ behind: NATS.linux, ipv6: true });
  const six = world.host({ ipv6: true });
  host.bind({ address: '0.0.0.0', port: 4000 }, () => {});
  host.bind({ address: '::', port: 4000 }, () => {});
  host.send({ address: '0.0.0.0', port: 4000 }, { address: server.address, port: 9 }, asciiOf('hello'));
  host.send({ address: '0.0.0.0', port: 4000 }, { address: server.address, port: 9 }, asciiOf('die'), 3);
  host.send({ address: '::', port: 4000 }, { address: six.addresses[1] as string, port: 9 }, asciiOf('hello'));
  world.run(1_000);
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-pcap-'));
  try {
    writeFileSync(join(folder, 'trace.pcap'), tracePcap(world.trace));
    const dump = spawnSync('tcpdump', ['-nvr', join(folder, 'trace.pcap')], { encoding: 'utf8' });
    expect(dump.status, dump.stderr).toBe(0);
    const outside = world.gateways[0]?.nat.addresses[0];
    expect(dump.stdout).toContain(`${outside}.4000 > ${server.address}.9: UDP, length 5`);
    expect(dump.stdout).toMatch(/ttl 63[\s\S]*UDP, length 3/);
    expect(dump.stdout).toContain('ICMP time exceeded in-transit');
    expect(dump.stdout).toContain('IP6');
    expect(dump.stdout).not.toMatch(/bad .*(cksum|sum)|truncated|invalid/i);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
