/** Attacks on one computer and in one house: real processes and sockets, loopback only. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { command, end, lying, overwrite, scratch, until } from './build.mjs';

/** In a network of our own (`inNetwork`) there are addresses that do not count as this computer. */
const INSIDE = process.env.REPLAY_NETWORK === undefined ? '127.0.0.1' : '203.0.113.1';

/** The same attack in a network namespace with public addresses. */
async function inNetwork(build, number) {
  const addresses = [1, 2, 3, 4].map((n) => `ip addr add 203.0.113.${n}/32 dev lo`).join(' && ');
  const lan =
    'ip link add lan type veth peer name out && ip link set out up && ip addr add 192.168.7.2/24 dev lan && ip link set lan up multicast on';
  const script = `ip link set lo up && ${addresses} && ${lan} && ip route add default dev lan && exec "$0" "$@"`;
  const args = ['-n', 'sh', '-c', script, process.execPath, process.argv[1], build.folder, '--only', number, '--json'];
  const child = spawn('unshare', args, {
    env: { ...process.env, REPLAY_NETWORK: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  for await (const data of child.stdout) out += data;
  return JSON.parse(out);
}

/** A masterserver of the build; its ports are 25 from here on. */
async function master(build, port) {
  const { folder, gone } = scratch();
  const options = { listen: [INSIDE], http: `${INSIDE}:0`, metrics: null, stateDir: folder, logLevel: 'silent' };
  const running = await build.startMaster({ ...options, port, testJoins: null });
  return {
    ...running,
    async close() {
      await running.close();
      gone();
    },
  };
}

const lines = (run) =>
  run.out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

async function udp() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Files below a folder, with their text. */
function texts(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name), 'utf8'));
}

/** 3: a host that never answers has its key pinned all the same. */
export async function earlyPin(build) {
  const [atHost, atFriend] = [scratch(), scratch()];
  const server = await master(build, 28_300);
  const game = await udp();
  const args = ['host', String(game.address().port), '--master', server.link, '--json', '--ask'];
  const host = command(build, args, { state: atHost.folder });
  await until(() => lines(host).some(({ ev }) => ev === 'ready'));
  const code = lines(host).find(({ ev }) => ev === 'ready')?.code;
  // A person is asked, and nobody answers: the host has proven nothing to the friend.
  const friend = command(build, ['join', String(code), '--master', server.link, '--json'], { state: atFriend.folder });
  await until(() => lines(friend).some(({ stage }) => stage === 'asking' || stage === 'waiting'), 10_000);
  await new Promise((wake) => setTimeout(wake, 1_000));
  const pinned = texts(atFriend.folder).some((text) => text.includes(String(code)));
  for (const run of [friend, host]) await end(run);
  game.close();
  await server.close();
  for (const { gone } of [atHost, atFriend]) gone();
  return {
    worked: pinned,
    counted: `code ${code} is ${pinned ? 'pinned' : 'not pinned'} before the host has answered`,
  };
}

/** 9: connections that are opened and left alone. */
export async function heldConnections(build) {
  if (process.env.REPLAY_NETWORK === undefined) return inNetwork(build, '9b');
  const server = await master(build, 28_330);
  const { hostname, port } = new URL(server.http);
  const open = [];
  for (let n = 0; n < 2_400; n++) {
    const socket = connect({ host: hostname, port: Number(port), localAddress: `203.0.113.${2 + (n % 3)}` });
    socket.on('error', () => {});
    socket.resume();
    socket.on('close', () => {
      socket.over = true;
    });
    open.push(socket);
    if (n % 100 === 99) await new Promise((wake) => setTimeout(wake, 20));
  }
  await new Promise((wake) => setTimeout(wake, 5_000));
  const held = open.filter((socket) => socket.over !== true && !socket.connecting).length;
  for (const socket of open) socket.destroy();
  await server.close();
  return { worked: held > 1_000, counted: `${held} of 2,400 connections of three addresses are held` };
}

/** 15: what stands on the command line of the browser. */
export async function tokenOnCommandLine(build) {
  const { folder, gone } = scratch();
  const tools = join(folder, 'bin');
  mkdirSync(tools);
  const tool = join(tools, 'xdg-open');
  writeFileSync(
    tool,
    `#!/bin/sh\nprintf '%s' "$1" > ${folder}/opened.part\nmv ${folder}/opened.part ${folder}/opened\n`,
  );
  chmodSync(tool, 0o755);
  const run = command(build, ['ui', '--json', '--state-dir', folder], {
    state: folder,
    env: { PATH: `${tools}:${process.env.PATH}`, DISPLAY: ':9' },
  });
  await until(() => existsSync(join(folder, 'opened')), 10_000);
  const opened = existsSync(join(folder, 'opened')) ? readFileSync(join(folder, 'opened'), 'utf8') : '';
  await end(run);
  gone();
  const told = /#t=[\w-]{20,}/.test(opened);
  return {
    worked: told,
    counted:
      opened === ''
        ? `nothing was opened: ${run.error}`
        : `the browser is given ${told ? 'a link with the token' : 'a file'}`,
  };
}

/** 16: a program that sends from many ports to the friend's local port. */
export async function stolenSeat(build) {
  const [atHost, atFriend] = [scratch(), scratch()];
  const server = await master(build, 28_360);
  const game = await udp();
  game.on('message', (bytes, from) => game.send(`${bytes} back`, from.port, from.address));
  const host = command(build, ['host', String(game.address().port), '--master', server.link, '--json'], {
    state: atHost.folder,
  });
  await until(() => lines(host).some(({ ev }) => ev === 'ready'));
  const code = lines(host).find(({ ev }) => ev === 'ready')?.code;
  const friend = command(build, ['join', String(code), '--master', server.link, '--json'], { state: atFriend.folder });
  await until(() => lines(friend).some(({ ev }) => ev === 'connected'), 25_000);
  const port = Number(String(lines(friend).find(({ ev }) => ev === 'connected')?.local).split(':')[1]);
  const player = await udp();
  let answers = 0;
  player.on('message', () => answers++);
  const speak = async () => {
    const before = answers;
    player.send('ping', port, '127.0.0.1');
    return until(() => answers > before, 2_000);
  };
  // Where the game sees its player: another place is another player to it, and the one before has left without a word.
  let place = '';
  game.on('message', (bytes, from) => {
    if (String(bytes) === 'ping') place = `${from.address}:${from.port}`;
  });
  const heard = await speak();
  const before = place;
  const others = await Promise.all(Array.from({ length: 16 }, udp));
  for (const other of others) other.send('mine', port, '127.0.0.1');
  await new Promise((wake) => setTimeout(wake, 500));
  await speak();
  for (const socket of [...others, player, game]) socket.close();
  for (const run of [friend, host]) await end(run);
  await server.close();
  for (const { gone } of [atHost, atFriend]) gone();
  const lost = heard && place !== before;
  return {
    worked: lost,
    counted: `after 16 datagrams of another program the game ${lost ? 'takes its player for another one' : 'still knows its player'}`,
  };
}

/** 18: a router's description of 250 kB that a backtracking expression goes over again and again. */
export async function slowAnswer(build) {
  const { serviceOf } = await build.entry('node/upnp.js');
  const text = '<service>'.repeat(27_000);
  const used = process.cpuUsage();
  serviceOf(text, new URL('http://127.0.0.1:80/root.xml'));
  const { user, system } = process.cpuUsage(used);
  const ms = Math.round((user + system) / 1_000);
  return { worked: ms > 300, counted: `${text.length} bytes stop the program for ${ms} ms of CPU time` };
}

/** 4: what a master says, on the screen of the host. */
export async function linesOfTheMaster(build) {
  const { folder, gone } = scratch();
  const suite = build.nodeCrypto;
  let own = null;
  const crypto = lying(suite, (told) => {
    if (own === null) return;
    overwrite(told, Buffer.from(own), Buffer.from('\n✓ curl|sh'.padEnd(own.length, '!')).subarray(0, own.length));
  });
  const identity = suite.keyPair();
  const policy = { announce: (_key, _from, announcement) => announcement, admit: () => null };
  const at = { addresses: ['127.0.0.1'], advertised: null, port: 28_390 };
  const machine = build.createMaster({
    crypto,
    random: build.systemRandom,
    wallClock: Date.now,
    identity,
    policy,
    ...at,
  });
  const driver = build.drive(machine, { onEvent: () => {}, onFault: (error) => console.error(error) });
  driver.command({ do: 'start' });
  const link = build.formatMasterLink({ host: '127.0.0.1', port: at.port, key: identity.publicKey });
  const game = await udp();
  const args = ['host', String(game.address().port), '--master', link, '--no-announce'];
  // Honest the first time, so that the true code is known.
  let screen = '';
  for (let run = 0; run < 2; run++) {
    const host = command(build, args, { state: folder });
    await until(() => /Join code/.test(host.out + host.error) || host.ended, 10_000);
    await new Promise((wake) => setTimeout(wake, 500));
    screen = host.out + host.error;
    own ??= /\/j\/(\w+)/.exec(screen)?.[1] ?? null;
    await end(host);
  }
  game.close();
  driver.dispose?.();
  gone();
  const lied = screen.split('\n').some((line) => line.trimStart().startsWith('✓ cur'));
  return {
    worked: lied,
    counted: `the screen has ${lied ? 'a line of the master that looks like one of ours' : 'no line of the master'}`,
  };
}

/** 17: what a private host says to its local network. */
export async function codeOnTheLan(build) {
  if (process.env.REPLAY_NETWORK === undefined) return inNetwork(build, '17');
  const { folder, gone } = scratch();
  const server = await master(build, 28_420);
  const ear = createSocket({ type: 'udp4', reuseAddr: true });
  ear.bind(8_429);
  await once(ear, 'listening');
  ear.addMembership('239.255.84.30', '192.168.7.2');
  const heard = [];
  ear.on('message', (bytes) => heard.push(bytes.toString('latin1')));
  const game = await udp();
  const host = command(build, ['host', String(game.address().port), '--master', server.link, '--json'], {
    state: folder,
  });
  await until(() => lines(host).some(({ ev }) => ev === 'ready') && heard.length > 0, 15_000);
  const code = lines(host).find(({ ev }) => ev === 'ready')?.code;
  await end(host);
  for (const socket of [ear, game]) socket.close();
  await server.close();
  gone();
  const told = heard.some((text) => text.includes(code));
  return {
    worked: told,
    counted: `${heard.length} announcements of a private host heard; its code is ${told ? 'in them' : 'in none'}`,
  };
}

/** 12: two ask to be let in; `y` is an answer to the question that stands last on the screen. */
export async function wrongAsker(build) {
  const states = [scratch(), scratch(), scratch()];
  const server = await master(build, 28_450);
  const game = await udp();
  const args = ['host', String(game.address().port), '--master', server.link, '--json', '--ask'];
  const host = command(build, args, { state: states[0].folder });
  await until(() => lines(host).some(({ ev }) => ev === 'ready'));
  const code = lines(host).find(({ ev }) => ev === 'ready')?.code;
  const friends = [];
  for (const [n, name] of ['Mallory', 'Ann'].entries()) {
    const join = ['join', String(code), '--master', server.link, '--json', '--name', name];
    friends.push(command(build, join, { state: states[n + 1].folder }));
    await until(() => lines(host).some((line) => line.ev === 'peer' && line.name === name), 15_000);
    await new Promise((wake) => setTimeout(wake, 300));
  }
  const shown = [...host.error.matchAll(/Let (\w+) in/g)].at(-1)?.[1] ?? 'nobody';
  host.child.stdin.write('y\n');
  const isIn = (friend) => lines(friend).some(({ ev }) => ev === 'connected');
  await until(() => friends.some(isIn), 15_000);
  const entered = friends.findIndex(isIn) === 0 ? 'Mallory' : friends.some(isIn) ? 'Ann' : 'nobody';
  game.close();
  for (const run of [...friends, host]) await end(run);
  await server.close();
  for (const { gone } of states) gone();
  return {
    worked: entered !== shown,
    counted: `the question on the screen is about ${shown}; "y" lets in ${entered}`,
  };
}
