import { expect, test } from 'vitest';
import type { SocketId } from '../../src/core/index.ts';
import { NATS } from '../../src/sim/index.ts';
import { hostAndClient, hostCommand, joinCommand, type Participant, type Peers, peers } from './peers.ts';

const EASY = [NATS.linux, NATS.linux] as const;

function connect(setup: Peers, client: Participant, code: string) {
  client.command(joinCommand({ code }));
  setup.until(() => client.last('path') !== undefined, 2_000, 'the client has a path');
  setup.world.run(100);
}

for (const afterMs of [0, 1, 30, 45, 75, 100, 130, 150, 165, 185, 400]) {
  test(`S31: quitting ${afterMs} ms after a join leaves no socket on either side`, () => {
    const setup = peers({ seed: `quit ${afterMs}` });
    const { host, client, code } = hostAndClient(setup, EASY);
    client.command(joinCommand({ code }));
    setup.world.run(afterMs);
    client.command({ do: 'close' });
    setup.until(() => client.last('closed') !== undefined, 400, 'the client is closed');
    expect(client.running.socketsOpen).toBe(0);
    setup.world.run(1_000);
    host.command({ do: 'close' });
    setup.until(() => host.last('closed') !== undefined, 400, 'the host is closed');
    expect(host.running.socketsOpen).toBe(0);
  });

  test(`an abort ${afterMs} ms after a join is told, and leaves only the sockets there were before`, () => {
    const setup = peers({ seed: `abort ${afterMs}` });
    const { host, client, code } = hostAndClient(setup, EASY);
    setup.world.run(3_000);
    const before = [host.running.socketsOpen, client.running.socketsOpen];
    client.command(joinCommand({ code }));
    setup.world.run(afterMs);
    client.command({ do: 'abort', join: 1 });
    setup.world.run(1);
    const told = client.last('join-failed')?.failure ?? client.last('path-lost')?.reason;
    expect(['ABORTED', 'left']).toContain(told);
    setup.world.run(2_000);
    expect([host.running.socketsOpen, client.running.socketsOpen]).toEqual(before);
  });
}

test('quitting before anything has begun leaves no socket', () => {
  const setup = peers({ seed: 'quit early' });
  for (const [n, afterMs] of [0, 10, 50, 200, 700].entries()) {
    const one = setup.participant(`one${n}`, NATS.linux);
    setup.world.run(afterMs);
    one.command({ do: 'close' });
    setup.until(() => one.last('closed') !== undefined, 400, 'closed');
    expect(one.running.socketsOpen).toBe(0);
  }
});

test('a participant that was never started, and one that is closed twice, say closed once', () => {
  const setup = peers({ seed: 'closed' });
  for (const start of [false, true]) {
    const one = setup.participant(`one ${start}`, NATS.linux, {}, start);
    one.command({ do: 'close' });
    one.command({ do: 'close' });
    setup.world.run(1_000);
    expect(one.all('closed')).toHaveLength(1);
    expect(one.running.socketsOpen).toBe(0);
  }
});

test('an attempt that is cut short is told with what it has sent, one in a rest is not told again', () => {
  for (const [afterMs, result] of [
    [1_500, 'aborted'],
    [8_000, 'timeout'],
  ] as const) {
    const setup = peers({ seed: `cut ${afterMs}` });
    const { client, code } = hostAndClient(setup, [NATS.linuxRandom, NATS.linuxRandom]);
    client.command(joinCommand({ code }));
    setup.world.run(afterMs);
    expect(client.last('path')).toBeUndefined();
    client.command({ do: 'abort', join: 1 });
    setup.world.run(1_000);
    const over = client.all('attempt-over');
    expect(over.map(({ n }) => n)).toEqual(client.all('attempt').map(({ n }) => n));
    expect(over.at(-1)).toMatchObject({ result });
    expect(over.at(-1)!.packetsSent).toBeGreaterThan(0);
    const logged = client.all('log').filter(({ what }) => what === 'over');
    expect(logged.at(-1)?.data).toMatchObject({ result, packets: over.at(-1)!.packetsSent });
    expect(setup.master.reports.map(({ packetsSent }) => packetsSent)).toEqual([
      over.reduce((sum, { packetsSent }) => sum + packetsSent, 0),
    ]);
  }
});

test('a join with a time-out fails with GAVE_UP, one without goes on for ever', () => {
  const setup = peers({ seed: 'give up' });
  const { host, client, code } = hostAndClient(setup, EASY);
  host.command(hostCommand({}, null, true));
  setup.world.run(500);
  client.command(joinCommand({ code, timeoutMs: 25_000 }));
  client.command(joinCommand({ join: 2, code }));
  setup.until(() => client.last('join-failed') !== undefined, 25_100, 'given up');
  expect(client.last('join-failed')).toMatchObject({ join: 1, failure: 'GAVE_UP' });
  // It was not the NATs: the person who is asked has said nothing.
  expect(client.last('join-failed')?.detail).toEqual({ because: 'host-undecided' });
  setup.world.run(300_000);
  expect(client.all('join-failed')).toHaveLength(1);
});

test('a knock without an answer is told after 2 s, with who it is that does not answer', () => {
  for (const gone of ['host', 'master'] as const) {
    const setup = peers({ seed: `quiet ${gone}` });
    const { host, client, code } = hostAndClient(setup, EASY);
    host.command(hostCommand());
    setup.world.run(500);
    if (gone === 'host') host.running.pause(60_000);
    client.command(joinCommand({ code, timeoutMs: 8_000 }));
    setup.until(() => client.all('stage').some(({ stage }) => stage === 'asking'), 2_000, 'knocked');
    if (gone === 'master') setup.master.stop();
    setup.world.run(1_900);
    expect(client.last('stage')?.stage).toBe('asking');
    setup.world.run(200);
    expect(client.last('stage')?.why?.because).toMatch(/^(host|master)-silent$/);
    setup.until(() => client.last('join-failed') !== undefined, 10_000, 'failed');
    const { failure, detail } = client.last('join-failed')!;
    expect(`${failure} ${detail?.because}`).toMatch(
      gone === 'host' ? /^GAVE_UP host-silent/ : /^(GAVE_UP master-silent|MASTER_UNREACHABLE)/,
    );
  }
});

test('an idle path lives for an hour behind NATs that forget after 30 s', () => {
  const setup = peers({ seed: 'hour' });
  const forgetful = { ...NATS.linux, timeouts: { unrepliedMs: 30_000, establishedMs: 30_000 } } as const;
  const { host, client, code } = hostAndClient(setup, [forgetful, forgetful]);
  connect(setup, client, code);
  setup.world.run(3_600_000);
  expect([...host.all('path-lost'), ...client.all('path-lost')]).toEqual([]);
});

test('where the NAT of a friend that plays has a new address, the connection has a new path within 1.2 s and goes on', () => {
  const setup = peers({ seed: 'reboot' });
  const gateway = setup.world.nat(NATS.linux, { name: 'clientnat' });
  const { host, client, code } = hostAndClient(setup, [NATS.linux, setup.world.host({ name: 'c', behind: gateway })]);
  connect(setup, client, code);
  const sides = [host, client];
  const play = (ms: number): void => {
    for (const until = setup.world.now + ms; setup.world.now < until; setup.world.run(8)) {
      for (const side of sides) side.command({ do: 'send', path: 1, bytes: Uint8Array.of(7) });
    }
  };
  play(5_000);
  setup.world.readdress(gateway);
  play(4_000);
  for (const side of sides) {
    const heard = side.log.filter(({ event }) => event.ev === 'message').map(({ at }) => at);
    expect(heard.at(-1)).toBeGreaterThan(setup.world.now - 100);
    expect(Math.max(...heard.map((at, n) => at - (heard[n - 1] ?? at)))).toBeLessThan(1_200);
  }
  for (const side of sides) expect([side.all('path').length, side.all('path-lost').length]).toEqual([1, 0]);
  expect(client.last('path-changed')).toMatchObject({ path: 1, kind: 'direct' });
});

test('the master is killed in mid-play: the path lives, both register again, the code stays', () => {
  const setup = peers({ seed: 'master' });
  const { host, client, code } = hostAndClient(setup, EASY);
  connect(setup, client, code);
  setup.master.stop();
  setup.world.run(120_000);
  expect([...host.all('path-lost'), ...client.all('path-lost')]).toEqual([]);
  expect(host.last('link')?.state).toBe('lost');
  setup.master.start();
  setup.until(() => host.last('link')?.state === 'up' && client.last('link')?.state === 'up', 15_000, 'links are up');
  setup.world.run(500);
  const second = setup.participant('second', NATS.linux);
  second.command(joinCommand({ code }));
  setup.until(() => second.last('path') !== undefined, 5_000, 'the same code leads to the host');
  expect([...host.all('path-lost'), ...client.all('path-lost')]).toEqual([]);
});

test('the master is killed and restarted while a join is under way: the join still comes through', () => {
  for (const afterMs of [10, 50, 70, 90, 110]) {
    const setup = peers({ seed: `master ${afterMs}` });
    const { client, code } = hostAndClient(setup, EASY);
    client.command(joinCommand({ code }));
    setup.world.run(afterMs);
    setup.master.stop();
    setup.world.run(1_000);
    setup.master.start();
    const over = () => client.last('path') !== undefined || client.last('join-failed') !== undefined;
    setup.until(over, 30_000, 'the join is over');
    expect(client.last('join-failed')).toBeUndefined();
  }
});

test('a host that crashes and comes back is found again with the same code', () => {
  const setup = peers({ seed: 'crash' });
  const { host, client, code } = hostAndClient(setup, EASY);
  connect(setup, client, code);
  host.running.stop();
  setup.until(() => client.last('path-lost') !== undefined, 40_000, 'the path is lost');
  setup.world.run(20_000);
  const again = setup.participant('host', host.host, { identity: host.identity });
  again.command(hostCommand());
  setup.until(() => client.all('path').length === 2, 30_000, 'connected again');
  expect(again.last('hosting')?.code).toBe(code);
});

test("S21: a released socket is the application's: nothing of ours is sent on it any more", () => {
  const setup = peers({ seed: 'release', trace: true });
  const { host, client, code } = hostAndClient(setup, EASY);
  connect(setup, client, code);
  client.command({ do: 'release', path: client.last('path')!.path });
  host.command({ do: 'release', path: host.last('path')!.path });
  setup.world.run(100);
  expect([...client.running.released.values()]).toHaveLength(1);
  expect([...host.running.released.values()]).toHaveLength(1);
  const since = setup.world.now;
  setup.world.run(60_000);
  const masters = setup.master.address.addresses;
  const ours = setup.world.trace.filter(
    ({ at, what, packet }) =>
      at > since && what === 'sent' && !masters.includes(packet.to.address) && !masters.includes(packet.from.address),
  );
  expect(ours).toEqual([]);
});

test('S22: a pair that does not meet in five minutes is still at it in the same session, and ends at the abort', () => {
  const setup = peers({ seed: 'for ever' });
  const blocks = { ...NATS.linuxRandom, allocation: { random: { low: 1024, high: 65_535 } } } as const;
  const { host, client, code } = hostAndClient(setup, [blocks, blocks]);
  setup.world.run(3_000);
  const before = [host.running.socketsOpen, client.running.socketsOpen];
  client.command(joinCommand({ code }));
  setup.world.run(330_000);
  expect(client.last('path')).toBeUndefined();
  expect(client.all('networks')).toHaveLength(1);
  expect(client.last('join-failed')).toBeUndefined();
  // S28: every attempt has its lines in the log, and all are the join's.
  const logged = client.all('log').filter(({ join }) => join === 1);
  for (const { n } of client.all('attempt')) expect(logged.some(({ attempt }) => attempt === n)).toBe(true);
  expect(client.last('hard')).toBeDefined();
  client.command({ do: 'abort', join: 1 });
  setup.world.run(1);
  expect(client.last('join-failed')?.failure).toBe('ABORTED');
  setup.world.run(5_000);
  // None left over; those that measured how long an idle mapping lives are gone as well by now.
  expect(host.running.socketsOpen).toBeLessThanOrEqual(before[0]!);
  expect(client.running.socketsOpen).toBe(before[1]);
});

test('a join that was connected has its whole time-out again when its path is lost', () => {
  const setup = peers({ seed: 'time-out again' });
  const { host, client, code } = hostAndClient(setup, EASY);
  client.command(joinCommand({ code, timeoutMs: 60_000 }));
  setup.until(() => client.last('path') !== undefined, 2_000, 'the client has a path');
  setup.world.run(15_000);
  host.running.stop();
  setup.until(() => client.last('path-lost') !== undefined, 60_000, 'the path is lost');
  const lostAt = setup.world.now;
  setup.until(() => client.last('join-failed') !== undefined, 61_000, 'given up');
  expect(client.last('join-failed')?.failure).toBe('GAVE_UP');
  expect(setup.world.now - lostAt).toBeCloseTo(60_000, -1);
});

test('a host that begins anew is found, whatever of the goodbye before it is lost and repeated', () => {
  for (let n = 0; n < 40; n++) {
    const setup = peers({ seed: `host anew ${n}`, lossRate: 0.1 });
    const { host, client, code } = hostAndClient(setup, EASY);
    host.command(hostCommand({ name: 'Second' }));
    setup.world.run(4_000);
    client.command(joinCommand({ code }));
    setup.until(() => [...client.all('path'), ...client.all('join-failed')].length > 0, 30_000, 'the join is over');
    expect(client.last('join-failed')).toBeUndefined();
  }
});

for (const afterMs of [0, 5, 15, 25, 35]) {
  test(`a hosting that ends ${afterMs} ms after it began is not known to the master`, () => {
    const setup = peers({ seed: `short ${afterMs}` });
    const host = setup.participant('host', NATS.linux);
    const client = setup.participant('client', NATS.linux);
    setup.until(() => [host, client].every((one) => one.last('ready') !== undefined), 5_000, 'both are ready');
    host.command(hostCommand());
    setup.world.run(afterMs);
    host.command({ do: 'unhost' });
    setup.world.run(500);
    client.command(joinCommand({ hostKey: host.publicKey }));
    setup.until(() => client.last('join-failed') !== undefined, 2_000, 'the join is over');
    expect(client.last('join-failed')?.failure).toBe('HOST_OFFLINE');
  });
}

test('a socket that is closed before it is open leaves nothing behind', () => {
  const setup = peers({ seed: 'early' });
  const { client, code } = hostAndClient(setup, EASY);
  const { locals } = client.machine as unknown as { readonly locals: ReadonlyMap<SocketId, unknown> };
  for (let n = 0; n < 5; n++) {
    client.command(joinCommand({ join: n, code }));
    setup.world.run(50);
    client.command({ do: 'check' });
    client.command({ do: 'network', network: { addresses: [`10.0.0.${n + 2}`], gateway: null } });
    setup.world.run(5_000);
    client.command({ do: 'leave', path: client.last('path')!.path });
  }
  setup.world.run(5_000);
  expect(locals.size).toBe(client.running.socketsOpen);
});
