import { describe, expect, test } from 'vitest';
import { MASTER_LIMITS } from '../../src/core/index.ts';
import type { Push, Request } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { weakCodeOf } from '../../src/sim/index.ts';
import { permitOf } from '../permit.ts';
import {
  masterEvents,
  type Participant,
  REGISTER,
  testCrypto,
  testRandom,
  type World,
  world,
} from './rendezvous-net.ts';

const HOST_IP = '203.0.113.5';
const CLIENT_IP = '198.18.0.9';
const SID = new Uint8Array(16).fill(7);
const MESSAGE_1 = Uint8Array.from({ length: 400 }, (_, i) => i);
const MESSAGE_2 = Uint8Array.from({ length: 300 }, (_, i) => 255 - i);

function pair(overrides: Parameters<typeof world>[0] = {}): { w: World; host: Participant; client: Participant } {
  const w = world(overrides);
  const host = w.participant('host', HOST_IP).start();
  host.get(REGISTER);
  return { w, host, client: w.participant('client', CLIENT_IP).start() };
}

const joinOf = (host: Participant, sid = SID): Request => ({
  ...{ type: 'join', hidden: false, sid, hostKey: host.key.publicKey, handshake: MESSAGE_1 },
});
const ANSWER: Request = { type: 'answer', hidden: false, sid: SID, handshake: MESSAGE_2 };
const DONE: Request = {
  ...{ type: 'done', sid: SID, outcome: 'path', path: 'direct', clientNat: 'cone', hostNat: 'public' },
  ...{ family: 4, method: 'known', attempts: 1, elapsedMs: 80, packetsSent: 3 },
};

describe('a join', () => {
  test('is introduced both ways: where each punches from, the opaque handshakes, a permit of 60 probes for the proven address', () => {
    const { w, host, client } = pair();
    const [clientSocket, hostSocket] = [client.socket(), host.socket()];
    const seenClient = { address: CLIENT_IP, port: client.portOf(clientSocket) };
    expect(client.get(joinOf(host), clientSocket)).toEqual({ type: 'ok', observed: seenClient, nodes: 0 });
    const offer = host.pushes[0];
    expect(offer).toMatchObject({ type: 'offer', sid: SID, handshake: MESSAGE_1, observed: [seenClient] });
    expect(offer).toMatchObject({ permit: { addresses: [{ address: CLIENT_IP, probesMax: 60 }] } });
    const seenHost = { address: HOST_IP, port: host.portOf(hostSocket) };
    expect(host.get(ANSWER, hostSocket)).toEqual({ type: 'ok', observed: seenHost, nodes: 0 });
    expect(client.pushes).toMatchObject([{ type: 'answered', sid: SID, handshake: MESSAGE_2, observed: [seenHost] }]);
    expect(client.pushes).toMatchObject([{ permit: permitOf([HOST_IP]) }]);
    const joins = masterEvents(w.master).filter((event) => event.ev === 'join');
    expect(joins).toMatchObject([{ result: 'offered' }]);
    // JOIN and ANSWER pay for what they allow: 1200 bytes each.
    const sizes = w.net.sent.filter((packet) => packet.to.address !== HOST_IP && packet.bytes.length === 1200);
    expect(sizes).toHaveLength(2);
  });

  test('what a dead host was asked is asked of the one that is started in its place, once, and only if it waits still', () => {
    const { w, host, client } = pair();
    const second = w.participant('second', '198.18.0.10').start();
    const old = new Uint8Array(16).fill(8);
    host.node.alive = false;
    client.get(joinOf(host, old), client.socket());
    w.net.run(MASTER_LIMITS.handOverMs);
    client.get(joinOf(host), client.socket());
    const again = w.participant('again', HOST_IP, { key: host.key }).start();
    again.get(REGISTER);
    expect(again.pushes).toMatchObject([{ type: 'offer', sid: SID, handshake: MESSAGE_1 }]);
    expect(again.get(ANSWER, again.socket())).toMatchObject({ type: 'ok' });
    expect(client.pushes).toMatchObject([{ type: 'answered', sid: SID, handshake: MESSAGE_2 }]);
    again.get(REGISTER);
    // A key of somebody else gets nothing by registering.
    second.get(REGISTER);
    expect(again.pushes).toHaveLength(1);
    expect(second.pushes).toEqual([]);
  });

  test('a host whose network changes after its answer is told in its new session what concerns the join', () => {
    const { w, host, client } = pair();
    client.get(joinOf(host), client.socket());
    host.get(ANSWER, host.socket());
    const again = w.participant('again', '203.0.113.6', { key: host.key }).start();
    again.get(REGISTER);
    expect(again.pushes).toEqual([]);
    client.get({ type: 'step', sid: SID, n: 1, sealed: Uint8Array.of(1) });
    expect(again.pushes).toMatchObject([{ type: 'step', n: 1 }]);
  });

  test('S24: repeated requests and lost acknowledgements change nothing: one offer, one answer, each step once', () => {
    const { w, host, client } = pair();
    const { float } = testRandom(5);
    w.net.hook = (packet) => (float() < 0.25 ? [] : float() < 0.25 ? [packet, packet] : [packet]);
    client.get(joinOf(host), client.socket(), 4_000);
    client.get(joinOf(host), client.socket(), 4_000);
    host.get(ANSWER, host.socket(), 4_000);
    host.get(ANSWER, null, 4_000);
    const step = (n: number): Request => ({ type: 'step', sid: SID, n, sealed: Uint8Array.of(n) });
    for (const n of [1, 2, 1, 3, 2]) client.get(step(n), null, 2_000);
    for (const n of [1, 1]) host.get(step(n), null, 2_000);
    w.net.run(5_000);
    const types = (pushes: readonly Push[]) => pushes.map((push) => (push.type === 'step' ? push.n : push.type));
    expect(types(host.pushes)).toEqual(['offer', 1, 2, 3]);
    expect(types(client.pushes)).toEqual(['answered', 1]);
  });

  test('is refused with its reason, and the host is not asked again for it', () => {
    const { host, client } = pair();
    client.get(joinOf(host), client.socket());
    host.get({ type: 'refuse', sid: SID, failure: 'FULL', retryAfterMs: 9_000 });
    expect(client.pushes).toEqual([{ type: 'refused', sid: SID, failure: 'FULL', retryAfterMs: 9_000 }]);
    expect(host.get(ANSWER)).toMatchObject({ type: 'failed', failure: 'ABORTED' });
  });

  test('ends once: the other side is told, the report is made once, a repetition is fine', () => {
    const { w, host, client } = pair();
    client.get(joinOf(host), client.socket());
    host.get(ANSWER, host.socket());
    expect(client.get(DONE)).toMatchObject({ type: 'ok' });
    expect(client.get(DONE)).toMatchObject({ type: 'ok' });
    expect(host.pushes.at(-1)).toEqual({ type: 'over', sid: SID, outcome: 'path' });
    const reports = masterEvents(w.master).filter((event) => event.ev === 'report');
    expect(reports).toMatchObject([{ clientNat: 'cone', hostNat: 'public', path: 'direct', packetsSent: 3 }]);
  });

  test('forgotten by both sides it expires after a minute, and both are told', () => {
    const { w, host, client } = pair();
    client.get(joinOf(host), client.socket());
    w.net.run(MASTER_LIMITS.joinIdleMs + 3_000);
    const over = { type: 'over', sid: SID, outcome: 'expired' };
    expect([host.pushes.at(-1), client.pushes.at(-1)]).toEqual([over, over]);
  });

  test('a stranger who knows the session id can neither answer, step, pay, end nor take it over', () => {
    const { w, host, client } = pair();
    const stranger = w.participant('stranger', '192.0.2.66').start();
    client.get(joinOf(host), client.socket());
    const step: Request = { type: 'step', sid: SID, n: 9, sealed: Uint8Array.of(6) };
    for (const request of [ANSWER, step, { type: 'credit', sid: SID, n: 1 } as const, joinOf(host)]) {
      expect(stranger.get(request), request.type).toMatchObject({ type: 'failed' });
    }
    stranger.get(DONE);
    stranger.get({ type: 'refuse', sid: SID, failure: 'BANNED', retryAfterMs: 0 });
    expect(client.pushes).toEqual([]);
    expect(host.pushes).toHaveLength(1);
    expect(host.get(ANSWER, host.socket())).toMatchObject({ type: 'ok' });
  });

  test('one computer can be both ends with one key', () => {
    const { w, host } = pair();
    const self = w.participant('host', HOST_IP, { key: host.key });
    self.node.address = '203.0.113.77';
    self.start();
    self.get(joinOf(host), self.socket());
    host.get(ANSWER, host.socket());
    expect(host.pushes.map((push) => push.type)).toEqual(['offer']);
    expect(self.pushes.map((push) => push.type)).toEqual(['answered']);
  });

  test('goes on over a session that was handshaken anew: the same key is the same end', () => {
    const { w, host, client } = pair();
    client.get(joinOf(host), client.socket());
    host.get(ANSWER, host.socket());
    client.do({ do: 'close' });
    client.node.alive = false;
    const again = w.participant('again', CLIENT_IP, { key: client.key });
    w.net.nodes.splice(w.net.nodes.indexOf(client.node), 1);
    again.start();
    again.get(joinOf(host), again.socket());
    expect(again.pushes).toMatchObject([{ type: 'answered', handshake: MESSAGE_2 }]);
    again.get({ type: 'step', sid: SID, n: 1, sealed: Uint8Array.of(1) });
    expect(host.pushes.map((push) => push.type)).toEqual(['offer', 'step']);
  });
});

describe('typed refusals', () => {
  test('an unknown code, a code whose host is away, and a host that is not there are told apart', () => {
    const { host, client } = pair();
    const registered = host.get(REGISTER);
    if (registered.type !== 'registered') return expect.unreachable();
    const resolve = { type: 'resolve', code: registered.code.toLowerCase() } as const;
    const found = client.get(resolve);
    expect(found).toMatchObject({ type: 'resolved', hostKey: host.key.publicKey, entry: { name: 'Arena' } });
    expect(client.get({ type: 'resolve', code: 'WWWWWWWWWW' })).toMatchObject({ failure: 'CODE_UNKNOWN' });
    expect(client.get({ type: 'resolve', code: '?' })).toMatchObject({ failure: 'CODE_UNKNOWN' });
    host.get({ type: 'goodbye' });
    expect(client.get(resolve)).toMatchObject({ failure: 'HOST_OFFLINE' });
    expect(client.get(joinOf(host), client.socket())).toMatchObject({ failure: 'HOST_OFFLINE' });
  });

  test('codes cannot be tried out: after 20 wrong ones an address has to wait, whatever its key', () => {
    const { w, client } = pair();
    let wrong = 0;
    while (client.get({ type: 'resolve', code: 'WWWWWWWWWW' }, null, 60).type === 'failed' && wrong < 25) {
      const last = client.get({ type: 'resolve', code: 'WWWWWWWWWW' }, null, 60);
      if (last.type === 'failed' && last.failure === 'BUSY') break;
      wrong += 2;
    }
    expect(wrong).toBeLessThanOrEqual(22);
    const sybil = w.participant('sybil', CLIENT_IP);
    w.net.nodes.splice(w.net.nodes.indexOf(client.node), 1);
    sybil.start();
    expect(sybil.get({ type: 'resolve', code: 'RRRRRRRRRR' })).toMatchObject({ failure: 'BUSY' });
  });

  test('what the policy refuses is refused: announcing, listing, joining', () => {
    const { w, client, host } = pair({
      policy: {
        announce: (_key, _from, wished) => (wished.name === 'bad' ? 'BANNED' : { ...wished, name: 'cleaned' }),
        admit: (act) => (act === 'list' ? 'BUSY' : 'BANNED'),
      },
    });
    expect(client.get({ type: 'list', after: '', game: '' })).toMatchObject({ failure: 'BUSY' });
    expect(client.get(joinOf(host), client.socket())).toMatchObject({ failure: 'BANNED' });
    const record = masterEvents(w.master).find((event) => event.ev === 'host');
    expect(record).toMatchObject({ host: { announcement: { name: 'cleaned' } } });
    if (REGISTER.type !== 'register') return;
    const bad = { ...REGISTER, announcement: { ...REGISTER.announcement, name: 'bad' } };
    expect(host.get(bad)).toMatchObject({ failure: 'BANNED' });
  });

  test('an evicted host is gone at once and meets the policy when it comes back', () => {
    const { w, host } = pair();
    const registered = host.get(REGISTER);
    if (registered.type !== 'registered') return expect.unreachable();
    w.net.command(w.master, { do: 'evict', hostKey: host.key.publicKey });
    expect(masterEvents(w.master).at(-1)).toMatchObject({ ev: 'host-gone', reason: 'evicted' });
    const beat = { type: 'heartbeat', announcement: null, players: 0, profile: null } as const;
    expect(host.get(beat)).toMatchObject({ type: 'failed', failure: 'HOST_OFFLINE' });
  });
});

describe('the registry', () => {
  test('a silent host is gone after 65 s, and only then', () => {
    const { w, host } = pair();
    host.node.alive = false;
    w.net.run(63_000);
    expect(w.counters().hosts).toBe(1);
    w.net.run(4_000);
    expect(masterEvents(w.master).at(-1)).toMatchObject({ ev: 'host-gone', reason: 'expired' });
    expect(w.counters()).toMatchObject({ hosts: 0, sessions: 1 });
  });

  test('a host comes back after a goodbye and whatever number of other requests, though their ids begin anew', () => {
    const { w, host } = pair();
    host.get({ type: 'goodbye' });
    w.net.hook = () => [];
    for (let n = 0; n < 40_000; n++) host.do({ do: 'cancel', ref: host.ask({ type: 'echo' }) });
    w.net.hook = (packet) => [packet];
    w.net.run(MASTER_LIMITS.hostingOrderMs);
    expect(host.states.filter((state) => state === 'up')).toHaveLength(1);
    expect(host.get(REGISTER)).toMatchObject({ type: 'registered' });
  });

  describe('a code that two keys claim', () => {
    /** A host with the code of another claims it first. */
    function squatted() {
      const w = world();
      const liar = w.participant('liar', '203.0.113.66').start();
      const host = w.participant('host', HOST_IP).start();
      const code = weakCodeOf(nodeCrypto, host.key.publicKey);
      const claim = { ...REGISTER, code } as Request;
      const asker = w.participant('asker', CLIENT_IP).start();
      const owner = () => asker.get({ type: 'resolve', code });
      return { w, liar, host, code, claim, owner };
    }

    test('whoever has it by a lie loses it as soon as its owner comes, who then has it for good', () => {
      const { w, liar, host, code, claim, owner } = squatted();
      expect(liar.get(claim)).toMatchObject({ type: 'registered', code });
      expect(host.get(claim)).toMatchObject({ type: 'failed', failure: 'BUSY' });
      expect(masterEvents(w.master).at(-1)).toMatchObject({ ev: 'host-gone', reason: 'evicted' });
      expect(host.get(claim)).toMatchObject({ type: 'registered', code });
      expect(owner()).toMatchObject({ type: 'resolved', hostKey: host.key.publicKey });
      // The owner's own code is derived once, and never again.
      expect(liar.get(claim)).toMatchObject({ type: 'failed', failure: 'BUSY' });
      expect(liar.get(claim)).toMatchObject({ type: 'failed', failure: 'CODE_TAKEN' });
      expect(owner()).toMatchObject({ type: 'resolved', hostKey: host.key.publicKey });
    });

    test('an owner keeps it against a liar while it is away, and over a restart of the master', () => {
      const { w, liar, host, code, claim } = squatted();
      host.get(claim);
      host.get({ type: 'goodbye' });
      expect(liar.get(claim)).toMatchObject({ failure: 'BUSY' });
      expect(liar.get(claim)).toMatchObject({ failure: 'CODE_TAKEN' });
      w.restartMaster('again', [{ code, hostKey: host.key.publicKey }]);
      w.net.run(5_000);
      expect(liar.get(claim)).toMatchObject({ failure: 'BUSY' });
      expect(liar.get(claim)).toMatchObject({ failure: 'CODE_TAKEN' });
      expect(host.get(claim)).toMatchObject({ type: 'registered', code });
    });

    test('a host that says another code than before is refused: a key has one', () => {
      const { host, claim } = squatted();
      host.get(claim);
      expect(host.get({ ...REGISTER, code: 'WWWWWWWWWW' } as Request)).toMatchObject({ failure: 'REFUSED' });
      expect(host.get({ ...REGISTER, code: 'WWWWWWWWWW' } as Request)).not.toMatchObject({ type: 'registered' });
    });

    test('one at a time is derived and a few wait, whatever forty networks claim of each other; nobody is told more than BUSY', () => {
      const w = world({}, null);
      for (let i = 0; i < 40; i++) {
        const code = `${'W'.repeat(8)}${'6789BCDFGH'[i % 10]}${'6789'[Math.floor(i / 10)]}`;
        const claims = [18, 19].map((net) => w.participant(`${net} of ${i}`, `198.${net}.${i}.7`).start());
        const answers = claims.map((one) => one.get({ ...REGISTER, code } as Request, null, 50));
        expect(answers).toMatchObject([{ type: 'registered' }, { failure: 'BUSY' }]);
      }
      // Nothing is answered here, so only the first is ever asked for.
      expect(masterEvents(w.master).filter((event) => event.ev === 'derive')).toHaveLength(1);
      expect(w.counters().limited.contests).toBe(40 - MASTER_LIMITS.contestsMax);
    });

    test('a derivation is paid for: an address has four at once, everybody together a fifth of a core', () => {
      for (const [addresses, bound] of [
        [1, MASTER_LIMITS.contestRates.narrow.burst],
        [60, MASTER_LIMITS.contestRateAll.burst],
      ] as const) {
        let derived = 0;
        const w = world({}, () => `W${String(derived++).padStart(9, 'R')}`);
        const squatter = (i: number) => w.participant(`squatter ${i}`, `203.0.113.${i + 1}`).start();
        const codes = Array.from(
          { length: 20 },
          (_, i) => `${'W'.repeat(8)}${'6789BCDFGH'[i % 10]}${'67'[Math.floor(i / 10)]}`,
        );
        for (const [i, code] of codes.entries()) squatter(i).get({ ...REGISTER, code } as Request, null, 20);
        const since = w.net.now;
        for (const [i, code] of codes.entries()) {
          const one = w.participant(`${addresses} claims ${i}`, `198.18.${i % addresses}.7`);
          one.start();
          one.get({ ...REGISTER, code } as Request, null, 20);
          w.net.nodes.splice(w.net.nodes.indexOf(one.node), 1);
        }
        const rate = addresses === 1 ? MASTER_LIMITS.contestRates.narrow : MASTER_LIMITS.contestRateAll;
        expect(derived).toBeGreaterThanOrEqual(bound);
        expect(derived).toBeLessThanOrEqual(bound + Math.ceil(((w.net.now - since) / 1_000) * rate.perSecond));
      }
    });
  });

  test('pages of the list hold every public host once and no private one, whatever the names', () => {
    const w = world();
    const client = w.participant('client', CLIENT_IP).start();
    if (REGISTER.type !== 'register') return;
    for (let i = 0; i < 23; i++) {
      const host = w.participant(`host ${i}`, `203.0.113.${i + 1}`).start();
      const name = 'x'.repeat(2 * i);
      const announcement = { ...REGISTER.announcement, name, public: i % 4 !== 0, game: i % 2 === 0 ? 'a' : 'b' };
      host.get({ ...REGISTER, announcement });
    }
    const names: number[] = [];
    let after = '';
    for (let page = 0; page < 10; page++) {
      const entries = client.get({ type: 'list', after, game: '' });
      if (entries.type !== 'entries') return expect.unreachable();
      names.push(...entries.entries.map((entry) => entry.name.length / 2));
      after = entries.next;
      if (after === '') break;
    }
    const expected = Array.from({ length: 23 }, (_, i) => i).filter((i) => i % 4 !== 0);
    expect(names.sort((left, right) => left - right)).toEqual(expected);
    const filtered = client.get({ type: 'list', after: '', game: 'b' });
    expect(filtered).toMatchObject({ type: 'entries' });
    if (filtered.type === 'entries') expect(filtered.entries.every((entry) => entry.game === 'b')).toBe(true);
  });

  test('one address may host 32 times; who comes then takes the place of one that nobody has joined', () => {
    const proven: string[] = [];
    const w = world({
      policy: {
        announce: (_key, _from, announcement) => announcement,
        admit: () => null,
        proven: ({ hostId }) => proven.includes(hostId),
      },
    });
    const registered: string[] = [];
    for (let i = 0; i < 40; i++) {
      const host = w.participant(`host ${i}`, '203.0.113.5');
      host.do({ do: 'start' });
      w.net.run(300);
      const port = host.portOf(host.link.socket);
      expect(port).toBeGreaterThan(0);
      const ref = host.ask(REGISTER);
      w.net.run(100);
      const answer = host.answerTo(ref);
      if (answer?.type === 'registered') registered.push(answer.hostId);
      else expect(answer).toMatchObject({ type: 'failed', failure: 'BUSY' });
      if (i === 0) proven.push(...registered);
      expect(w.counters().hosts).toBeLessThanOrEqual(32);
      // The next one has the address to itself; this one stays registered for 65 s.
      w.net.nodes.splice(w.net.nodes.indexOf(host.node), 1);
    }
    // Not as often as one likes, or a few could make each other's places change for ever.
    expect(registered.length).toBeGreaterThan(32);
    expect(registered.length).toBeLessThan(40);
    const gone = masterEvents(w.master).flatMap((event) => (event.ev === 'host-gone' ? [event.host.hostId] : []));
    expect(gone).toEqual(registered.slice(1, 1 + registered.length - 32));
  });

  test('codes are for ever, so an address cannot make them up: new keys are rationed, known ones are not', () => {
    const w = world();
    const answers: string[] = [];
    for (let i = 0; i < 34; i++) {
      const host = w.participant(`host ${i}`, '203.0.113.5').start();
      const answer = host.get(REGISTER, null, 30);
      answers.push(answer.type);
      host.get({ type: 'goodbye' }, null, 30);
      if (i === 33) expect(answer).toMatchObject({ type: 'failed', failure: 'BUSY' });
      w.net.nodes.splice(w.net.nodes.indexOf(host.node), 1);
    }
    expect(answers.filter((type) => type === 'registered').length).toBeLessThan(34);
    const known = w.participant('again', '203.0.113.5', { key: testCrypto('host 3').keyPair() }).start();
    expect(known.get(REGISTER)).toMatchObject({ type: 'registered' });
  });

  test('a session that floods the master is closed, and what it hosts is gone; the link begins anew', () => {
    const { w, host } = pair();
    for (let i = 0; i < 700; i++) host.ask({ type: 'echo' });
    w.net.run(30);
    expect(w.counters().limited.control).toBeGreaterThan(500);
    expect(masterEvents(w.master).at(-1)).toMatchObject({ ev: 'host-gone', reason: 'expired' });
    expect(w.counters()).toMatchObject({ hosts: 0, sessions: 1 });
    w.net.run(20_000);
    expect(host.states.at(-1)).toBe('up');
  });

  test('a draining master takes nobody new, tells everybody, and says when nothing is under way', () => {
    const { w, host, client } = pair();
    client.get(joinOf(host), client.socket());
    w.net.command(w.master, { do: 'drain', afterMs: 5_000 });
    w.net.run(100);
    expect(host.pushes.at(-1)).toEqual({ type: 'going-away', afterMs: 5_000 });
    const late = w.participant('late', '192.0.2.1').start();
    expect(late.states).toEqual(['connecting']);
    expect(masterEvents(w.master).at(-1)?.ev).not.toBe('drained');
    client.get(DONE);
    w.net.run(6_000);
    expect(masterEvents(w.master).at(-1)).toEqual({ ev: 'drained' });
  });
});
