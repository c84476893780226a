/** Grants for pairs at a relay, and the list of relays: what a master gives, to whom, and what a link makes of it. */
import { expect, test } from 'vitest';
import { type FailureCode, MASTER_LIMITS, Relay, type RelayPlace, relayKeys } from '../../src/core/index.ts';
import type { Push, Request } from '../../src/core/testing.ts';
import { type RelayGrant, readRelay, writeBind, writeRelay } from '../../src/core/testing.ts';
import { data } from './relay-net.ts';
import { type Participant, REGISTER, testCrypto, world } from './rendezvous-net.ts';

const SECRET = new Uint8Array(32).fill(5);
const PLACE: RelayPlace = { name: 'home', region: 'eu', addresses: ['198.51.100.7'], port: 8455 };
const SID = new Uint8Array(16).fill(7);
const crypto = testCrypto('relay');

type Overrides = Parameters<typeof world>[0];

function pair(overrides: Overrides = { relays: { secret: SECRET, list: [PLACE] } }) {
  const w = world(overrides);
  const host = w.participant('host', '203.0.113.5').start();
  host.get(REGISTER);
  return { w, host, client: w.participant('client', '198.18.0.9').start() };
}

const granted = ({ pushes }: Participant, sid = SID): RelayGrant | null => {
  const isOurs = (push: Push) => (push.type === 'offer' || push.type === 'answered') && push.sid[0] === sid[0];
  const push = pushes.find(isOurs);
  return push?.type === 'offer' || push?.type === 'answered' ? push.relay : null;
};

function join(
  client: Participant,
  host: Participant,
  sid = SID,
): { client: RelayGrant | null; host: RelayGrant | null } {
  const request: Request = {
    type: 'join',
    hidden: false,
    sid,
    hostKey: host.key.publicKey,
    handshake: new Uint8Array(880),
  };
  expect(client.get(request, client.socket())).toMatchObject({ type: 'ok' });
  expect(host.get({ type: 'answer', hidden: false, sid, handshake: new Uint8Array(880) }, host.socket())).toMatchObject(
    {
      type: 'ok',
    },
  );
  return { client: granted(client, sid), host: granted(host, sid) };
}

/** A relay with the secret; what an end is told at this port. */
function relayOf({ w }: { w: ReturnType<typeof world> }) {
  const sent: { port: number; bytes: Uint8Array }[] = [];
  const relay = new Relay({
    ...{
      crypto,
      keys: relayKeys(crypto, SECRET, w.identity.publicKey),
      wallClock: () => 1_700_000_000_000 + w.net.now,
    },
    transmit: (_via, { port }, bytes) => void sent.push({ port, bytes }),
  });
  const give = (port: number, bytes: Uint8Array) => {
    sent.length = 0;
    relay.receive(w.net.now, 0, { address: '198.18.0.1', port }, bytes);
    return sent;
  };
  let turn = 1;
  const bind = (port: number, grant: RelayGrant) => {
    const random = new Uint8Array(8).fill(1);
    const cookie = readRelay(give(port, writeRelay({ type: 'ask', random }))[0]!.bytes);
    if (cookie?.type !== 'cookie') return null;
    return readRelay(give(port, writeBind(crypto, grant, { random, cookie: cookie.cookie, turn: turn++ }))[0]!.bytes);
  };
  return { bind, give };
}

test('OFFER and ANSWERED bring each end its grant, and with these the relay makes them one pair', () => {
  const made = pair();
  const { client, host } = join(made.client, made.host);
  const relay = relayOf(made);
  expect(relay.bind(1, host!)).toMatchObject({ type: 'bound', other: false });
  expect(relay.bind(2, client!)).toMatchObject({ type: 'bound', other: true });
  expect(relay.give(1, data())).toMatchObject([{ port: 2 }]);
  expect(relay.give(2, data())).toMatchObject([{ port: 1 }]);
});

test('whoever joins the same host under a session id of others gets another pair', () => {
  const made = pair();
  const { client, host } = join(made.client, made.host);
  made.host.get({
    ...{ type: 'done', sid: SID, outcome: 'path', path: 'direct', clientNat: 'cone', hostNat: 'public' },
    ...{ family: 4, method: 'known', attempts: 1, elapsedMs: 80, packetsSent: 3 },
  });
  const thief = made.w.participant('thief', '192.0.2.66').start();
  const stolen = join(thief, made.host).client;
  const relay = relayOf(made);
  relay.bind(1, host!);
  relay.bind(2, client!);
  expect(relay.bind(3, stolen!)).toMatchObject({ type: 'bound', other: false });
  expect(relay.give(3, data())).toEqual([]);
  expect(relay.give(1, data())).toMatchObject([{ port: 2 }]);
});

test('a token is good for a minute; who has an old one gets another for the same end, and nobody else does', () => {
  const made = pair();
  const { client, host } = join(made.client, made.host);
  made.w.net.run(5 * 60_000);
  const relay = relayOf(made);
  expect(relay.bind(1, host!)).toMatchObject({ why: 'expired' });
  const fresh = made.host.get({ type: 'relay', token: host!.token });
  expect(fresh).toMatchObject({ type: 'granted', relay: { secret: host!.secret } });
  expect(relay.bind(1, fresh.type === 'granted' ? fresh.relay : host!)).toMatchObject({ type: 'bound' });
  // Once there is the pair, an old token is good enough.
  expect(relay.bind(2, client!)).toMatchObject({ type: 'bound', other: true });
  const other = made.w.participant('other', '192.0.2.7').start();
  const changed = host!.token.with(30, (host!.token[30] as number) ^ 1);
  for (const [who, token] of [
    [other, host!.token],
    [made.client, host!.token],
    [made.host, changed],
    [made.host, new Uint8Array(54)],
  ] as const)
    expect(who.get({ type: 'relay', token })).toMatchObject({ type: 'failed', failure: 'REFUSED' });
});

test('a fresh grant outlives a restart of the master that has kept its secret', () => {
  const made = pair();
  const { client } = join(made.client, made.host);
  made.w.restartMaster('second');
  made.w.net.run(10_000);
  expect(made.client.get({ type: 'relay', token: client!.token })).toMatchObject({ type: 'granted' });
});

test('who is banned gets no fresh grant, and grants are rationed for an address', () => {
  let refusal: FailureCode | null = null;
  const made = pair({
    relays: { secret: SECRET, list: [PLACE] },
    policy: { announce: (_key, _from, one) => one, admit: (act) => (act === 'relay' ? refusal : null) },
  });
  const { token } = join(made.client, made.host).client!;
  refusal = 'BANNED';
  expect(made.client.get({ type: 'relay', token })).toMatchObject({ failure: 'BANNED' });
  refusal = null;
  const answers = Array.from({ length: 90 }, () => made.client.get({ type: 'relay', token }, null, 30).type);
  const { narrow } = MASTER_LIMITS.grantRates;
  expect(answers.filter((type) => type === 'granted').length).toBeLessThanOrEqual(
    narrow.burst + 90 * 0.03 * narrow.perSecond,
  );
  expect(made.w.counters().limited.grant).toBeGreaterThan(10);
});

test('a master without relays grants nothing and names none', () => {
  const made = pair({});
  expect(join(made.client, made.host)).toEqual({ client: null, host: null });
  expect(made.client.get({ type: 'relay', token: new Uint8Array(54) })).toMatchObject({ failure: 'REFUSED' });
  expect(made.client.link.relays).toEqual([]);
});

test('a link knows the relays of its master and tells them once; none of them is inside one’s own network', () => {
  const far = { ...PLACE, name: 'far', addresses: ['192.168.0.1', '2001:db8:5::1', '127.0.0.1'], port: 9 };
  const inside = { ...PLACE, name: 'inside', addresses: ['10.0.0.1', '127.0.0.1', '::1'] };
  const made = pair({ relays: { secret: SECRET, list: [PLACE, far, inside, { ...PLACE, port: 0 }] } });
  const known = [PLACE, { ...far, addresses: ['2001:db8:5::1'] }];
  expect(made.client.link.relays).toEqual(known);
  const told = () => made.client.events.flatMap((event) => (event.ev === 'relays' ? [event.relays] : []));
  expect(told()).toEqual([known]);
  made.client.do({ do: 'nudge' });
  made.w.net.run(5_000);
  expect(made.client.states.filter((state) => state === 'up')).toHaveLength(2);
  expect(told()).toHaveLength(1);
});

test("the master's own relay is where a link reaches the master, whatever the master is called where it runs", () => {
  const own = { ...PLACE, addresses: [] };
  const made = pair({ relays: { secret: SECRET, list: [own] } });
  const [relay] = made.client.link.relays;
  expect(relay).toMatchObject({ name: own.name, port: own.port });
  expect(relay?.addresses).toEqual(expect.arrayContaining([...made.client.link.addresses]));
  expect(relay?.addresses).toHaveLength(made.client.link.addresses.length);
});

test('of an end that is hidden the other one is told no address and no permit, whatever it pays', () => {
  const { host, client } = pair();
  const handshake = new Uint8Array(880);
  const request: Request = { type: 'join', hidden: true, sid: SID, hostKey: host.key.publicKey, handshake };
  client.get(request, client.socket());
  client.get({ type: 'credit', sid: SID, n: 1 }, client.socket());
  host.get({ type: 'answer', hidden: true, sid: SID, handshake }, host.socket());
  host.get({ type: 'credit', sid: SID, n: 1 }, host.socket());
  for (const { pushes } of [host, client]) {
    const told = pushes.filter(({ type }) => ['offer', 'answered', 'credited'].includes(type));
    expect(told.length).toBeGreaterThan(0);
    for (const push of told) {
      if (push.type === 'offer' || push.type === 'answered') expect(push.observed).toEqual([]);
      expect('permit' in push && push.permit.addresses).toEqual([]);
    }
  }
});
