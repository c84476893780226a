/**
 * An honest join beside each attack, and without it, in virtual time: `npm run replay:beside -- [DIR] [--seeds 20]`. Median and 95th
 * percentile of the time from "join" to the path; exit code 1 where the median is more than twice what it is without.
 */
import { parseArgs } from 'node:util';
import { DOOR, hosting, joinHost, load, MASTER, participant, session, stage } from './build.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '20' }, only: { type: 'string' } },
});
const build = await load(positionals[0] ?? '.');
const LIMIT_MS = 30_000;
const TICK_MS = 50;

/** Sixty addresses and a /48: what one evening's adversary has. */
const address = (n) =>
  n % 2 === 0 ? `${20 + (n % 60)}.${(n * 7) % 250}.3.9` : `2001:db8:9:${(n % 500).toString(16)}::1`;

function sessions(setup, many) {
  const made = [];
  for (let n = 0; n < many; n++) {
    const one = session(setup, { address: address(n), port: 2_000 + n });
    if (one?.ask({ type: 'echo' })?.type === 'ok') made.push(one);
    setup.world.run(30);
  }
  return made;
}

function people(setup, many, options = {}) {
  const made = Array.from({ length: many }, (_, n) => participant(setup, `stranger ${n}`, options));
  setup.world.runUntil(() => made.every((one) => one.all('ready').length > 0), { limitMs: 30_000 });
  return made;
}

/** Each prepares itself and answers what it does in a tick. */
const ATTACKS = {
  none: () => () => {},
  'HELLOs from false addresses, 2,000 a second': (setup) => {
    const noise = build.nodeCrypto.randomBytes(512);
    noise.set([0xd1, 1, 0, 0]);
    let n = 0;
    return () => {
      for (let k = 0; k < (2_000 * TICK_MS) / 1_000; k++, n++) {
        noise[40] = n;
        noise[41] = n >> 8;
        setup.hit(
          { address: `${20 + (n % 80)}.${(n >> 3) & 255}.${(n >> 11) & 255}.7`, port: 1_024 + (n % 60_000) },
          DOOR,
          noise,
        );
      }
    };
  },
  'handshakes of 60 addresses and a /48': (setup) => {
    let n = 0;
    return () => {
      for (let k = 0; k < 5; k++, n++) session(setup, { address: address(n), port: 2_000 + n });
    };
  },
  'joins of 60 addresses at this host': (setup, host) => {
    const made = sessions(setup, 120);
    let n = 0;
    return () => {
      for (let k = 0; k < 12; k++, n++) {
        const sid = build.nodeCrypto.randomBytes(16);
        made[n % made.length].ask({ type: 'join', sid, hostKey: host.own.publicKey, handshake: new Uint8Array(300) });
      }
    };
  },
  'codes tried out': (setup) => {
    const made = sessions(setup, 60);
    let n = 0;
    return () => {
      for (let k = 0; k < 10; k++, n++) made[n % made.length].ask({ type: 'resolve', code: 'BCDFGHJKLM' });
    };
  },
  'silent knocks': (setup, host) => {
    const silent = people(setup, 16, { muteTo: (to) => to.address !== MASTER });
    let n = 0;
    return () => {
      if (n++ % 20 !== 0) return;
      for (const [k, one] of silent.entries()) joinHost(one, n * 100 + k, host.own.publicKey, 'right', 900);
    };
  },
  'wrong passwords': (setup, host) => {
    const guessers = people(setup, 12);
    const seen = guessers.map(() => -1);
    let number = 0;
    return () => {
      for (const [n, one] of guessers.entries()) {
        const over = one.all('join-failed').length;
        if (seen[n] === over) continue;
        seen[n] = over;
        joinHost(one, ++number, host.own.publicKey, `wrong ${number}`, 5_000);
      }
    };
  },
  'sealed datagrams of others, changed and played back': (setup) => {
    const recorded = [];
    setup.world.watch(({ packet }) => {
      if (packet.to.address === MASTER && recorded.length < 400) recorded.push({ ...packet, at: setup.world.now });
    }, 'sent');
    let n = 0;
    return () => {
      // Who is faster than the network between the two could as well have kept the datagram.
      const old = recorded.filter(({ at }) => at < setup.world.now - 500);
      for (let k = 0; k < 100 && old.length > 0; k++, n++) {
        const { to, bytes } = old[n % old.length];
        const changed = bytes.slice();
        if (n % 2 === 0) changed[(n * 7) % changed.length] ^= 1 + (n % 255);
        setup.hit({ address: `90.${n & 255}.1.1`, port: 5_000 }, to.port, changed);
      }
    };
  },
};

/** The next addresses of the world are in another /24. */
function elsewhere(world) {
  for (let n = 0; n < 256; n++) world.publicAddress();
}

function measure(attack, seed) {
  const setup = stage(build, `beside ${seed}`);
  const { world } = setup;
  const host = hosting(setup, 'host', { password: 'right', behind: build.NATS.linux });
  const tick = attack(setup, host);
  for (let n = 0; n < 200; n++) {
    tick();
    world.run(TICK_MS);
  }
  // Whoever shares a /24 with an attacker shares its waits: the friend lives elsewhere.
  elsewhere(world);
  const friend = participant(setup, 'friend', { behind: build.NATS.linux });
  const running = () => {
    tick();
    world.run(TICK_MS);
  };
  for (let n = 0; n < 400 && friend.all('ready').length === 0; n++) running();
  const began = world.now;
  joinHost(friend, 1, host.own.publicKey, 'right');
  while (friend.all('path').length === 0 && world.now - began < LIMIT_MS) running();
  return friend.all('path').at(0)?.elapsedMs ?? LIMIT_MS;
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
let [without, worse] = [0, 0];
for (const [name, attack] of Object.entries(ATTACKS)) {
  if (values.only !== undefined && name !== 'none' && !name.includes(values.only)) continue;
  const times = Array.from({ length: Number(values.seeds) }, (_, seed) => measure(attack, seed)).sort((a, b) => a - b);
  const [median, high] = [quantile(times, 0.5), quantile(times, 0.95)];
  if (name === 'none') without = median;
  const ratio = median / without;
  if (ratio > 2) worse++;
  const told = `${Math.round(median)} ms, 95 % within ${Math.round(high)} ms, ${ratio.toFixed(2)} times`;
  console.log(`${name.padEnd(52)} ${told}${ratio > 2 ? '  MORE THAN TWICE' : ''}`);
}
process.exit(worse === 0 ? 0 : 1);
