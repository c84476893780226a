/** What reaches the wire of somebody who has not asked for it, counted by the kernel, headers included. */
import { afterEach, expect, test } from 'vitest';
import { compiled, type Lab, type LabHost, openLab, openScene, type Scene } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const RUN_MS = 30_000;
/** The attacker's addresses beside its first, in a network of their own (RFC 5737). */
const extra = (n: number): string => `198.51.100.${16 + n}`;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Counts on a host what each of its addresses sends to the master, and what comes to it from anywhere else. */
async function count(lab: Lab, at: LabHost, addresses: readonly string[], masters: readonly string[]): Promise<void> {
  const chosen = `{ ${masters.join(', ')} }`;
  const counters = addresses.flatMap((_, n) => [`counter paid${n} { }`, `counter got${n} { }`]);
  const paid = addresses.map(
    (address, n) => `ip saddr ${address} ip daddr ${chosen} udp dport != 0 counter name paid${n}`,
  );
  const got = addresses.map((address, n) => `ip daddr ${address} ip saddr != ${chosen} counter name got${n}`);
  const table = `table inet ledger {
    ${counters.join('\n')}
    chain out { type filter hook output priority 0; ${paid.join('; ')}; }
    chain in { type filter hook prerouting priority -300; ${got.join('; ')}; }
  }`;
  await lab.sandbox.shell(`ip netns exec ${at.name} nft -f - <<'RULES'\n${table}\nRULES`);
}

interface Tally {
  readonly packets: number;
  readonly bytes: number;
}

async function counted(lab: Lab, at: LabHost, name: string): Promise<Tally> {
  const text = await lab.sandbox.shell(`ip netns exec ${at.name} nft list counter inet ledger ${name}`);
  const [, packets, bytes] = /packets (\d+) bytes (\d+)/.exec(text) ?? expect.unreachable(text);
  return { packets: Number(packets), bytes: Number(bytes) };
}

describeUnless(labMissing(), 'on the wire', () => {
  let lab: Lab | null = null;
  afterEach(async () => {
    await lab?.close();
    lab = null;
  });

  for (const payers of [2, 10])
    test(`with ${payers} addresses that pay, none of the attacker gets more than 2.93 times what it has sent itself`, async () => {
      const scene: Scene = await openScene({ client: { kind: 'public' }, host: { kind: 'nat', nat: 'home-router' } });
      ({ lab } = scene);
      const eve = scene.clientSide;
      const addresses = Array.from({ length: payers + 1 }, (_, n) => extra(n));
      const add = addresses.map((address) => `ip -n ${eve.name} addr add ${address}/32 dev wan`);
      await lab.sandbox.shell([...add, `ip -n core route add ${extra(0)}/28 via ${eve.address}`].join('\n'));
      await count(lab, eve, addresses, scene.masterHost.addresses);
      const ready = await scene.event(scene.host, 'ready');
      const [aim, ...paying] = addresses;
      const attack = eve.spawn([
        process.execPath,
        compiled('test/hostile/pay.js'),
        String(ready.link),
        aim!,
        paying.join(),
      ]);
      await attack.find(({ text }) => text.includes('let-in') || null, 20_000);
      await sleep(RUN_MS);
      for (const [n, address] of addresses.entries()) {
        const [paid, got] = [await counted(lab, eve, `paid${n}`), await counted(lab, eve, `got${n}`)];
        expect(paid.bytes, `${address} has paid`).toBeGreaterThan(1_228);
        expect(got.bytes / paid.bytes, `${address}: ${got.packets} packets`).toBeLessThanOrEqual(2.932);
        if (address === aim) expect(got.packets).toBeGreaterThan(20);
      }
    }, 120_000);

  test('a printer in the house of the friend that has the number of the host in its own gets nothing', async () => {
    lab = await openLab();
    // The master stands beside the host, and sees it at its local address.
    const house = await lab.nat('ananat', 'home-router');
    const [host, master] = [await lab.hostBehind(house, 'ana'), await lab.hostBehind(house, 'master')];
    await house.shell(
      `nft -f - <<'RULES'
table inet forwarded {
  chain in {
    type nat hook prerouting priority dstnat - 5;
    iifname "wan" udp dport 8430-8454 dnat ip to ${master.address}
  }
}
RULES`,
    );
    const other = await lab.nat('kofinat', 'home-router');
    const [friend, printer] = [await lab.hostBehind(other, 'kofi'), await lab.hostBehind(other, 'printer')];
    const number = host.address.replace(/\d+$/, '');
    await lab.sandbox.shell(
      [
        `ip -n ${printer.name} addr add ${host.address}/24 dev lan0`,
        `ip -n ${friend.name} addr add ${number}77/24 dev lan0`,
      ].join('\n'),
    );
    await count(lab, printer, [host.address], ['192.0.2.1']);
    const scene = await openMaster(master, host);
    const link = scene.link.replace(master.address, house.external);
    // The way there is open: a datagram arrives.
    await lab.sandbox.shell(`ip netns exec ${friend.name} bash -c 'echo x > /dev/udp/${host.address}/9'`);
    const before = await counted(lab, printer, 'got0');
    expect(before.packets).toBeGreaterThan(0);
    const joining = scene.run(friend, ['join', scene.code, '--master', link, '--json', '--timeout', '40']);
    await joining.find(({ text }) => text.includes('"attempt"') || null, 30_000);
    await sleep(RUN_MS);
    expect((await counted(lab, printer, 'got0')).packets - before.packets).toBe(0);
  }, 120_000);

  test('with the master in the local network, two in that network meet', async () => {
    lab = await openLab();
    const house = await lab.nat('ananat', 'home-router');
    const [host, master] = [await lab.hostBehind(house, 'ana'), await lab.hostBehind(house, 'master')];
    const friend = await lab.hostBehind(house, 'kofi');
    const scene = await openMaster(master, host);
    const joining = scene.run(friend, ['join', scene.code, '--master', scene.link, '--json', '--timeout', '30']);
    await joining.find(({ text }) => text.includes('"connected"') || null, 30_000);
  }, 60_000);
});

/** The real command on these three: a masterserver and a host that is ready. */
async function openMaster(master: LabHost, host: LabHost) {
  const run = (on: LabHost, argv: readonly string[]) => {
    const state = `/run/lab/${on.name}`;
    const env = { HOME: state, XDG_STATE_HOME: state, XDG_CONFIG_HOME: state, NO_COLOR: '1' };
    return on.spawn([process.execPath, compiled('src/cli/main.js'), ...argv], env);
  };
  const event = async (of: ReturnType<typeof run>, ev: string) =>
    await of.find(({ stream, text }) => {
      const told = stream === 'stdout' ? (JSON.parse(text) as Record<string, unknown>) : null;
      return told?.ev === ev ? told : null;
    }, 20_000);
  const link = String((await event(run(master, ['master', '--listen', master.address, '--json']), 'ready')).master);
  const hosting = run(host, ['host', '30000', '--master', link, '--json']);
  const code = String((await event(hosting, 'ready')).code);
  return { run, link, code };
}
