/** Attacks at the master and by a dishonest one. Each answers whether it worked, and what was counted. */
import { DOOR, hosting, joinHost, MASTER, overwrite, participant, session, stage } from './build.mjs';

function wrongCode(build) {
  const symbols = [...'6789BCDF'];
  const length = build.LIMITS.codeSymbols ?? 10;
  return Array.from({ length }, (_, n) => symbols[n % symbols.length]).join('');
}

/** 1: the host is told the code of somebody else's key, and reads it out. */
export function foreignCode(build) {
  const wrong = wrongCode(build);
  let own = null;
  const lie = (told) => {
    if (own !== null) overwrite(told, Buffer.from(own), Buffer.from(wrong));
  };
  const setup = stage(build, 'foreign code', { lie });
  const first = hosting(setup, 'host');
  own = first.all('hosting').at(-1)?.code ?? null;
  // The same host after a restart of its program.
  const again = participant(setup, 'again', { identity: first.own });
  const announcement = {
    ...{ name: 'A', game: '', map: '', mode: '', version: '', public: false },
    playersMax: 4,
    passwordNeeded: false,
  };
  again.running.command({ do: 'host', announcement, password: null, ask: false });
  setup.world.run(20_000);
  const shown = again.all('hosting').at(-1)?.code ?? null;
  return { worked: shown === wrong, counted: `its code is ${own}; the host shows ${shown ?? 'none'}` };
}

/** 2: other encodings of one key pass for other keys; and what a try at a given code costs. */
export async function manyKeys(build) {
  const suite = build.nodeCrypto;
  const server = suite.keyPair();
  const own = suite.keyPair();
  const variant = { ...own, publicKey: own.publicKey.slice() };
  variant.publicKey[31] |= 0x80;
  const prologue = build.CONTROL_PROLOGUE;
  const payload = build.helloPayload(1);
  const initiator = build.noiseInitiate(suite, { prologue, own: variant, remoteStatic: server.publicKey, payload });
  const read = initiator === null ? null : build.noiseRespond(suite, { prologue, own: server }, initiator.message1);
  const tries = build.codeOf === undefined ? 3 : 2_000;
  const used = process.cpuUsage();
  for (let n = 0; n < tries; n++) {
    const { publicKey } = suite.keyPair();
    if (build.codeOf === undefined) await build.deriveCode(publicKey);
    else build.codeOf(suite, publicKey, 0);
  }
  const { user, system } = process.cpuUsage(used);
  const eachMs = (user + system) / 1_000 / tries;
  return {
    worked: read !== null || eachMs < 20,
    counted: `a second encoding of a key is ${read === null ? 'refused' : 'another key'}; a try at a code takes ${eachMs.toFixed(2)} ms of CPU`,
  };
}

/** 6: pushes to an address whose participant has left. */
export function pushesToTheGone(build) {
  const setup = stage(build, 'pushes');
  const { world } = setup;
  let left = false;
  const host = hosting(setup, 'host', { muteTo: () => left });
  const friends = Array.from({ length: 12 }, (_, n) => participant(setup, `friend ${n}`));
  world.runUntil(() => friends.every((friend) => friend.all('ready').length > 0), { limitMs: 20_000 });
  let [before, sent] = [0, 0];
  world.watch(({ where, packet }) => {
    if (left && where === 'master' && packet.to.address === host.host.address) sent += packet.bytes.length;
    if (!left && where === 'host' && packet.to.address === MASTER) before = Math.max(before, packet.bytes.length);
  }, 'sent');
  // Its last word, then it is gone; twelve friends join it within a minute.
  world.run(1_000);
  left = true;
  for (const [n, friend] of friends.entries()) {
    joinHost(friend, n + 1, host.own.publicKey, null, 20_000);
    world.run(4_000);
  }
  // The address paid with one datagram at the most.
  return { worked: sent > 10_000, counted: `${sent} bytes to the address after its last word` };
}

/** 7, by a dishonest master: the address of the other is replaced by one that nobody may probe. */
export function forbiddenAddresses(build) {
  let probes = 0;
  const seen = [];
  for (const target of ['127.0.0.1', '239.255.255.250', '192.168.1.53', '255.255.255.255']) {
    let from = null;
    const to = Uint8Array.from(target.split('.'), Number);
    const setup = stage(build, `forbidden ${target}`, {
      lie: (told) => {
        if (from !== null) overwrite(told, from, to);
      },
    });
    const host = hosting(setup, 'host');
    const friend = participant(setup, 'friend');
    setup.world.runUntil(() => friend.all('ready').length > 0, { limitMs: 20_000 });
    const inside = new Set(['host']);
    let here = 0;
    setup.world.watch(({ where, packet }) => {
      if (packet.to.address === target && inside.has(where)) here++;
    }, 'sent');
    from = Uint8Array.from(friend.host.address.split('.'), Number);
    joinHost(friend, 1, host.own.publicKey, null, 30_000);
    setup.world.run(30_000);
    probes += here;
    seen.push(`${target}: ${here}`);
  }
  return { worked: probes > 0, counted: `packets of the host to ${seen.join(', ')}` };
}

const ANNOUNCEMENT = { game: '', map: '', mode: '', version: '', public: false, playersMax: 4, passwordNeeded: false };

/** Registers a host of this session's key. */
function register(build, one, name) {
  const code = build.weakCodeOf?.(build.nodeCrypto, one.own.publicKey);
  const announcement = { name, ...ANNOUNCEMENT };
  return one.ask({
    type: 'register',
    announcement,
    players: 0,
    profile: null,
    ...(code === undefined ? {} : { code }),
  });
}

/** 9: codes taken by hosts of one /48, one /64 each. */
export function fullOfCodes(build) {
  const setup = stage(build, 'hosts');
  // Goes away after each, so that places do not run out and codes do.
  let made = 0;
  for (let n = 0; n < 2_000; n++) {
    const one = session(setup, { address: `2001:db8:7:${n.toString(16)}::1`, port: 4_000 });
    if (one !== null && register(build, one, `host ${n}`)?.type === 'registered') made++;
    one?.ask({ type: 'goodbye' });
    setup.world.run(25);
  }
  return { worked: made > 500, counted: `${made} codes, which are for ever, in 50 s for 2,000 keys of one /48` };
}

/** 13: wrong codes from addresses of one /48. */
export function codesTriedOut(build) {
  const setup = stage(build, 'codes');
  const sessions = [];
  for (let n = 0; n < 64; n++) {
    const one = session(setup, { address: `2001:db8:8:${n.toString(16)}::1`, port: 4_000 });
    if (one !== null) sessions.push(one);
    setup.world.run(300);
  }
  let answered = 0;
  const began = setup.world.now;
  const code = wrongCode(build);
  for (let round = 0; round < 40; round++) {
    for (const one of sessions) {
      const answer = one.ask({ type: 'resolve', code: `${code.slice(1)}${'6789BCDFGH'[round % 10]}` });
      if (answer?.type === 'failed' && answer.failure === 'CODE_UNKNOWN') answered++;
    }
    setup.world.run(250);
  }
  const seconds = (setup.world.now - began) / 1_000;
  return {
    worked: answered / seconds > 20,
    counted: `${answered} true answers in ${seconds} s to ${sessions.length} addresses of one /48`,
  };
}

/** 19: a clock of 2^53 makes every later HELLO of the key look old. */
export function endlessClock(build) {
  const setup = stage(build, 'clock');
  const from = { address: '20.1.2.3', port: 4_000 };
  const keys = setup.build.nodeCrypto.keyPair();
  const first = session(setup, from, { keys, time: Number.MAX_SAFE_INTEGER });
  first?.ask({ type: 'echo' });
  setup.world.run(70_000);
  // The honest one comes with the true time, without a cookie at first, as everybody does.
  const initiator = build.noiseInitiate(build.nodeCrypto, {
    ...{ prologue: build.CONTROL_PROLOGUE, own: keys, remoteStatic: setup.key },
    payload: build.helloPayload(setup.wallClock()),
  });
  const sent = setup.hit({ address: '20.1.2.3', port: 4_001 }, DOOR, build.writeHello(initiator.message1, null, false));
  const accepted = sent.some(({ bytes }) => build.readAccept(initiator.message1, bytes) !== null);
  return {
    worked: !accepted,
    counted: `the key's next HELLO, of the true time, is ${accepted ? 'accepted' : 'not accepted (a place of the table is lost till the restart)'}`,
  };
}

/** 8: joins of 60 addresses, offered to hosts of their own that acknowledge each, until nobody else finds a place. */
export function fullOfJoins(build) {
  const setup = stage(build, 'joins');
  const { world } = setup;
  const host = hosting(setup, 'host');
  const friend = participant(setup, 'friend');
  world.runUntil(() => friend.all('ready').length > 0, { limitMs: 20_000 });
  const made = [];
  for (let n = 0; n < 360; n++) {
    const one = session(setup, { address: `${20 + (n % 60)}.1.2.3`, port: 2_000 + n });
    if (one?.ask({ type: 'echo' })?.type === 'ok') made.push(one);
    if (made.length <= 60 && one !== null) register(build, one, `own ${n}`);
    world.run(20);
  }
  const hosts = made.slice(0, 60);
  for (const one of hosts) one.listen();
  const began = world.now;
  let [taken, turn] = [0, 0];
  const handshake = build.nodeCrypto.randomBytes(300);
  while (taken < 16_384 && world.now < began + 55_000) {
    for (const one of made.slice(60)) {
      const { publicKey: hostKey } = hosts[turn++ % hosts.length].own;
      const sid = build.nodeCrypto.randomBytes(16);
      if (one.ask({ type: 'join', hidden: false, sid, hostKey, handshake })?.type === 'ok') taken++;
    }
    world.run(500);
  }
  const seconds = Math.round((world.now - began) / 1_000);
  joinHost(friend, 1, host.own.publicKey, null, 20_000);
  const met = world.runUntil(() => friend.all('path').length > 0, { limitMs: 20_000 });
  const why = friend.all('join-failed').at(-1)?.failure ?? 'no answer';
  return {
    worked: !met,
    counted: `${taken} joins of 60 addresses in ${seconds} s; an honest friend ${met ? 'comes in' : `does not come in (${why})`}`,
  };
}
