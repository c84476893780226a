/**
 * A build to attack, by its folder: its core, its simulated internet, its command. Scripts speak through what every build has: datagrams,
 * the command, HTTP; bytes are made by the codecs of the build itself, because the wire has changed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const WALL = 1_700_000_000_000;
export const MASTER = '198.51.100.7';
export const DOOR = 8_430;

export async function load(folder) {
  const entry = (path) => import(pathToFileURL(join(folder, 'dist/src', path)).href);
  // The last two have what `core/testing.js` has, where there is none.
  const names = ['core/index.js', 'core/testing.js', 'sim/index.js', 'node/index.js', 'master/index.js'];
  names.push('core/peer/handshake.js', 'core/traverse/step.js');
  const present = names.filter((name) => existsSync(join(folder, 'dist/src', name)));
  const build = Object.assign({ folder, entry }, ...(await Promise.all(present.map(entry))));
  // In simulated worlds codes are derived cheaply, where deriving them is expensive.
  const weak = build.weakCodes ?? ((machine) => machine);
  return { ...build, weak };
}

/** A world with a master. `changed` sees and may change what the master seals: a dishonest one. */
export function stage(build, seed, { lie } = {}) {
  const world = build.createWorld({ seed, trace: false });
  const honest = build.seededCrypto(`${seed}/master`, build.nodeCrypto);
  const crypto = lie === undefined ? honest : lying(honest, lie);
  const identity = crypto.keyPair();
  const wallClock = () => WALL + world.now;
  const policy = { announce: (_key, _from, announcement) => announcement, admit: () => null };
  const random = world.random('master');
  const options = { crypto, random, identity, addresses: [MASTER], advertised: null, wallClock, port: DOOR, policy };
  const machine = build.weak(build.createMaster(options), crypto);
  const sockets = new Map();
  const { handleSocket } = machine;
  machine.handleSocket = (now, socket, outcome) => {
    if (outcome.ok) sockets.set(outcome.local.port, socket);
    handleSocket.call(machine, now, socket, outcome);
  };
  // Sessions spoken by hand that acknowledge what they are told, by where they are.
  const listening = new Map();
  const at = ({ address, port }) => `${address} ${port}`;
  // What a datagram given by hand makes the master send to others goes out by the world, as all else does.
  const forOthers = [];
  const { poll } = machine;
  // What the master says by itself to a session that is spoken by hand waits for `hear`.
  const waiting = [];
  machine.poll = () => {
    for (let output = forOthers.shift() ?? poll.call(machine); ; output = poll.call(machine)) {
      if (output.kind !== 'transmit' || !listening.has(at(output.to))) return output;
      waiting.push(output);
    }
  };
  const running = world.server({ name: 'master', addresses: [MASTER] }).run(machine);
  running.command({ do: 'start' });
  world.run(10);
  /** A datagram into one of the master's sockets; what it sends for it. */
  const hit = (from, port, bytes) => {
    machine.handleDatagram(world.now, sockets.get(port), from, bytes);
    const sent = [];
    const others = [];
    for (let output = poll.call(machine); output.kind !== 'wait'; output = poll.call(machine)) {
      const back = output.kind === 'transmit' && output.to.address === from.address && output.to.port === from.port;
      (back ? sent : others).push(output);
    }
    forOthers.push(...others);
    // Nobody has this key: it only makes the world ask the master what there is to send.
    if (others.length > 0) running.command({ do: 'evict', hostKey: new Uint8Array(32).fill(9) });
    return sent;
  };
  const told = ({ to, bytes }) => to !== undefined && listening.get(at(to))?.(bytes);
  return {
    ...{ build, world, master: machine, key: identity.publicKey, wallClock },
    hit(from, port, bytes) {
      const queued = forOthers.length;
      const sent = hit(from, port, bytes);
      for (const output of forOthers.splice(queued)) if (!told(output)) forOthers.push(output);
      return sent;
    },
    listen: (from, hears) => listening.set(at(from), hears),
    hear() {
      for (let output = waiting.shift(); output !== undefined; output = waiting.shift()) told(output);
    },
  };
}

/** `lie` may change a plaintext in place before it is sealed. */
export function lying(suite, lie) {
  return {
    ...suite,
    seal(key, nonce, associated, plaintext) {
      const told = plaintext.slice();
      lie(told);
      return suite.seal(key, nonce, associated, told);
    },
  };
}

/** Overwrites every occurrence; `to` is as long as `from`. */
export function overwrite(bytes, from, to) {
  for (let at = Buffer.from(bytes).indexOf(from); at >= 0; at = Buffer.from(bytes).indexOf(from, at + 1))
    bytes.set(to, at);
}

/** A real participant in the world. */
export function participant(setup, name, { behind = null, crypto, identity, muteTo } = {}) {
  const { build, world, key, wallClock } = setup;
  const host = world.host({ name, ...(behind === null ? {} : { behind }) });
  const suite = crypto ?? build.seededCrypto(`${world.options.seed}/${name}`, build.nodeCrypto);
  const own = identity ?? suite.keyPair();
  const machine = build.weak(
    build.createPeer({
      ...{ master: { key, addresses: [MASTER], port: DOOR }, identity: own, stun: [], crypto: suite },
      ...{ random: world.random(name), wallClock, family: 4 },
    }),
    suite,
  );
  const { poll } = machine;
  machine.poll = () => {
    for (let output = poll.call(machine); ; output = poll.call(machine))
      if (output.kind !== 'transmit' || muteTo?.(output.to) !== true) return output;
  };
  const running = host.run(machine);
  running.command({ do: 'network', network: { addresses: host.addresses, gateway: null } });
  running.command({ do: 'start' });
  return { host, machine, running, own, all: (ev) => running.events.filter((event) => event.ev === ev) };
}

const ANNOUNCEMENT = { name: 'Arena', game: 'quake', map: 'dm6', mode: 'ffa', version: '1', public: true };

export function hosting(setup, name, { password = null, ask = false, playersMax = 64, ...options } = {}) {
  const host = participant(setup, name, options);
  const announcement = { ...ANNOUNCEMENT, playersMax, passwordNeeded: password !== null };
  host.running.command({ do: 'host', announcement, password, ask });
  setup.world.runUntil(() => host.all('hosting').length > 0 && host.all('ready').length > 0, { limitMs: 20_000 });
  return host;
}

export function joinHost(friend, number, hostKey, password = null, timeoutMs = 0) {
  friend.running.command({
    ...{ do: 'join', join: number, code: null, hostKey, password, name: `friend ${number}`, timeoutMs },
  });
}

/** A session with the master spoken by hand, from any address. Null where the master did not let it in. */
export function session(setup, from, { keys, time } = {}) {
  const { build, hit, key } = setup;
  const suite = build.nodeCrypto;
  const own = keys ?? suite.keyPair();
  const initiator = build.noiseInitiate(suite, {
    ...{ prologue: build.CONTROL_PROLOGUE, own, remoteStatic: key },
    payload: build.helloPayload(time ?? setup.wallClock()),
  });
  const { message1 } = initiator;
  let sent = hit(from, DOOR, build.writeHello(message1, null, false));
  const retry = sent.map(({ bytes }) => build.readRetry(message1, bytes)).find((read) => read !== null);
  if (retry !== undefined) sent = hit(from, DOOR, build.writeHello(message1, retry.cookie.slice(), false));
  const message2 = sent.map(({ bytes }) => build.readAccept(message1, bytes)).find((read) => read !== null);
  const finished = message2 === undefined ? null : initiator.finish(message2);
  const accept = finished === null ? null : build.readAcceptPayload(finished.payload);
  if (accept === null) return null;
  return { own, accept, ...spoken(setup, from, accept, new build.SecureSession(suite, finished.keys)) };
}

/** What is said in a session: a stamp for each address, each challenge answered. */
function spoken({ build, hit, listen }, from, accept, secure) {
  let id = 1;
  const stamps = new Map();
  const seal = (plaintext) => {
    const header = build.writeControlHeader(accept.cid, secure.sequence);
    return build.concat(header, secure.seal(header, plaintext));
  };
  const open = (bytes) => {
    const read = build.readControlHeader(bytes);
    return read && secure.open(read.sequence, read.header.slice(), read.sealed.slice());
  };
  /** Null where it is no answer to a request; what is sent for a challenge is counted by `paid`. */
  const answer = (bytes, at, paid) => {
    const plaintext = open(bytes);
    if (!plaintext) return null;
    const reader = new build.Reader(plaintext);
    const frame = reader.u8();
    if (frame === build.FRAME.challenge) {
      const back = seal(build.concat(Uint8Array.of(build.FRAME.challengeAnswer), plaintext.subarray(1)));
      paid(back);
      hit(at, accept.controlPort, back);
    }
    if (frame !== build.FRAME.response) return null;
    reader.u16();
    stamps.set(at.address, reader.u32());
    return build.readResponse(reader);
  };
  const acknowledge = (bytes, told) => {
    const plaintext = open(bytes);
    if (plaintext?.[0] !== build.FRAME.push) return false;
    const ack = new Uint8Array(7);
    ack[0] = build.FRAME.pushAck;
    ack.set(plaintext.subarray(1, 3), 1);
    new DataView(ack.buffer).setUint32(3, stamps.get(from.address) ?? 0);
    hit(from, accept.controlPort, seal(ack));
    const reader = new build.Reader(plaintext.subarray(7));
    told?.(build.readPush(reader));
    return true;
  };
  return {
    /** From here on it acknowledges what is pushed to it. */
    listen: (told) => listen(from, (bytes) => acknowledge(bytes, told)),
    /** The answer to one request, which may come from another address; `paid` is given each datagram. */
    ask(message, at = from, paid = () => {}) {
      const stamp = stamps.get(at.address) ?? 0;
      const datagram = seal(build.writeRequestFrame({ id: id++, via: at !== from, stamp, message }));
      paid(datagram);
      const answers = hit(at, accept.controlPort, datagram).map(({ bytes }) => answer(bytes, at, paid));
      return answers.find((one) => one !== null) ?? null;
    },
  };
}

/** A folder of state for a command, gone at the end. */
export function scratch() {
  const folder = mkdtempSync(join(tmpdir(), 'replay-'));
  return { folder, gone: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The command of the build, with a state folder of its own. */
export function command(build, args, { state, env = {} }) {
  const file = join(build.folder, 'dist/src/cli/main.js');
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...process.env, XDG_STATE_HOME: state, XDG_DATA_HOME: state, HOME: state, NO_COLOR: '1', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const run = { child, out: '', error: '', ended: false };
  child.stdout.on('data', (data) => {
    run.out += data;
  });
  child.stderr.on('data', (data) => {
    run.error += data;
  });
  child.on('exit', () => {
    run.ended = true;
  });
  return run;
}

export async function until(holds, limitMs = 20_000) {
  for (const end = Date.now() + limitMs; Date.now() < end; ) {
    if (await holds()) return true;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return false;
}

export async function end(run) {
  if (!run.ended) run.child.kill('SIGKILL');
  await until(() => run.ended, 5_000);
}
