/** Attacks at an address by what another address has paid. */
import { hosting, session, stage } from './build.mjs';

const RUN_MS = 30_000;
const HEADERS_BYTES = 28;
/** A probe is 60 bytes on the wire, a credit 1,228, which buys 60 (SECURITY.md row 3). */
const RATIO_MAX = 2.932;
const CREDIT_EVERY_MS = 40;
const ORDER_EVERY_MS = 5_000;
const PROVE_EVERY_MS = 8_000;

/** Whatever the host will do, at `aim` alone. */
function salvo(build, aim, kind) {
  const many = kind === 'birthday' ? 1_536 : 64;
  const known = build.PLAN_LIMITS === undefined ? 'known' : 'punching';
  return {
    ...{ class: kind, from: kind === 'easy' ? known : 'fresh', sockets: kind === 'easy' ? 1 : many, tuples: many },
    ...{ addresses: [aim], ports: { kind: 'shuffle', low: 1_024, high: 65_535, seed: 1 }, portEvery: 1 },
    ...{ ratePerSecond: 1_000, passes: [{ afterMs: 0, ttl: null }], again: { mode: 'refresh', everyMs: 1_000 } },
    ...{ sampleEvery: 0, durationMs: 60_000 },
  };
}

/** One that pays at an address of its own: it has proven the other one as well, and has joined from its own. */
function payer(setup, host, from, aim, paid) {
  const { build } = setup;
  const one = session(setup, from);
  if (one === null) return null;
  const count = (at) => (bytes) => paid(at.address, bytes);
  const ask = (message, at) => one.ask(message, at, count(at));
  const hello = {
    ...{ name: 'Eve', passwordProof: null, masterRttMs: 20, candidates: [], profile: build.UNKNOWN_PROFILE },
    ...{ instance: new Uint8Array(8), connection: new Uint8Array(8), mode: 'allow', relays: [] },
  };
  const sid = build.nodeCrypto.randomBytes(16);
  const hostKey = host.own.publicKey;
  const handshake = build.openAsClient(build.nodeCrypto, one.own, { sid, hostKey, hello });
  let signal = null;
  one.listen((push) => {
    if (push?.type === 'answered') signal ??= handshake.finish(push.handshake)?.keys.signal ?? null;
  });
  ask({ type: 'echo' }, from);
  const [echo, join] = [{ type: 'echo' }, { type: 'join', hidden: false, sid, hostKey, handshake: handshake.message }];
  let [credits, orders] = [0, 0];
  return {
    prove: () => ask(echo, aim),
    join: () => ask(join, from),
    letIn: () => signal !== null,
    credit: () => ask({ type: 'credit', sid, n: ++credits }, from),
    order(kind) {
      const run = { startInMs: 500, side: salvo(build, aim.address, kind) };
      const step = build.encodeStep({ order: ++orders, run });
      ask({ type: 'step', sid, n: signal.sequence, sealed: signal.seal(sid, step) }, from);
    },
  };
}

function attack(build, payers) {
  const setup = stage(build, `payers ${payers}`);
  const { world } = setup;
  const host = hosting(setup, 'host', { behind: build.NATS.linux, playersMax: 16 });
  const [paid, got] = [new Map(), new Map()];
  const add = (map, address, bytes) => map.set(address, (map.get(address) ?? 0) + HEADERS_BYTES + bytes.length);
  world.watch(({ where, packet }) => {
    if (where === 'host') add(got, packet.to.address, packet.bytes);
  }, 'sent');
  const at = (n) => ({ address: `203.0.${113 + n}.9`, port: 2_000 + n });
  const aim = at(0);
  const count = (address, bytes) => add(paid, address, bytes);
  const all = Array.from({ length: payers }, (_, n) => payer(setup, host, at(n + 1), aim, count));
  const made = all.filter((one) => one !== null);
  for (const one of made) {
    // The first is answered by a challenge.
    one.prove();
    one.prove();
    one.join();
  }
  for (let ms = 0; ms < 20_000 && !made.every((one) => one.letIn()); ms += 200) {
    world.run(200);
    setup.hear();
  }
  const within = made.filter((one) => one.letIn());
  for (let ms = 0; ms < RUN_MS; ms += CREDIT_EVERY_MS) {
    for (const one of within) {
      if (ms % PROVE_EVERY_MS === 0) one.prove();
      one.credit();
      if (ms % ORDER_EVERY_MS === 0) for (const kind of ['prediction', 'birthday', 'easy']) one.order(kind);
    }
    world.run(CREDIT_EVERY_MS);
    setup.hear();
  }
  const ratio = (n) => (got.get(at(n).address) ?? 0) / (paid.get(at(n).address) ?? 1);
  const worst = Math.max(...Array.from({ length: payers + 1 }, (_, n) => ratio(n)));
  return { within: within.length, sent: paid.get(aim.address) ?? 0, hit: got.get(aim.address) ?? 0, worst };
}

/** 5: paid for by other addresses, the host's probes are aimed at one that has only proven itself. */
export function paidByOthers(build) {
  const lines = [];
  let worked = false;
  for (const payers of [2, 10]) {
    const { within, sent, hit, worst } = attack(build, payers);
    if (within === 0) throw new Error('nobody was let in');
    worked ||= worst > RATIO_MAX;
    lines.push(
      `${within} of ${payers} payers let in: the address sent ${sent} bytes and got ${hit}; at most ${worst.toFixed(2)} times at any`,
    );
  }
  return { worked, counted: lines.join('\n            ') };
}
