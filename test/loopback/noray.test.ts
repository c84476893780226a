/**
 * noray's protocol as a game sees it, byte by byte, by a client written after noray's own sources: TCP lines `register-host`, `connect OID`
 * and `connect-relay OID`, answered by `set-oid`, `set-pid`, `connect ADDRESS:PORT` and `connect-relay PORT`; the private number sent to the UDP
 * registrar is answered by `OK`. The handshake is that of netfox.noray: `$rwx` with a dash for what has not happened yet.
 */
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { APP_LIMITS } from '../../src/app/testing.ts';
import { GODOT3, NORAY_GAME } from '../clients.ts';
import { describeUnless } from '../support.ts';
import { Bench, portBase, type Run } from './processes.ts';

let bench: Bench;
let world: number;
const games: Socket[] = [];
beforeEach(async () => {
  bench = new Bench();
  world = await bench.freePort();
});
afterEach(async () => {
  for (const game of games.splice(0)) game.destroy();
  await bench.close();
});

interface Front {
  readonly run: Run;
  readonly tcp: number;
  readonly udp: number;
}

async function front(nat: string): Promise<Front> {
  const [tcp, udp] = [await bench.freePort(), await bench.freePort()];
  const fake = ['--fake', '--fake-nat', nat, '--fake-port', `${world}`];
  const words = ['--noray', '--noray-port', `${tcp}`, '--noray-udp-port', `${udp}`];
  const run = bench.sallyport(['sidecar', '--json', ...fake, ...words]);
  await run.line('ready');
  return { run, tcp, udp };
}

/** A game: its TCP connection with everything that has come on it, and the UDP socket it has registered. */
class Game {
  readonly #front: Front;
  readonly socket: Socket;
  text = '';
  udp!: UdpSocket;
  oid = '';
  pid = '';

  constructor(at: Front) {
    this.#front = at;
    this.socket = connect({ host: '127.0.0.1', port: at.tcp });
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes) => {
      this.text += String(bytes);
    });
    games.push(this.socket);
  }

  async found(what: RegExp, timeoutMs = 30_000): Promise<string> {
    await expect.poll(() => this.text, { timeout: timeoutMs }).toMatch(what);
    return what.exec(this.text)?.[1] ?? '';
  }

  async register(): Promise<void> {
    this.socket.write('register-host\n');
    await this.found(/^set-oid (\S+)\nset-pid (\S+)\n$/);
    [this.oid = '', this.pid = ''] = this.text.split('\n').map((line) => line.split(' ')[1] ?? '');
    this.udp = await bench.udp();
    expect(await this.ask(this.pid)).toBe('OK');
    this.text = '';
  }

  async ask(text: string): Promise<string> {
    const answer = once(this.udp, 'message', { signal: AbortSignal.timeout(20_000) });
    this.udp.send(text, this.#front.udp, '127.0.0.1');
    const [bytes] = (await answer) as [Buffer];
    return String(bytes);
  }
}

/** netfox.noray's `over_packet_peer` at the client: true where both sides have heard each other. */
async function handshake(client: UdpSocket, port: number): Promise<boolean> {
  let [read, shaken, done] = [false, false, false];
  const onMessage = (bytes: Buffer): void => {
    read = true;
    if (String(bytes).includes('r')) shaken = true;
    if (String(bytes).includes('x') && shaken) done = true;
  };
  client.on('message', onMessage);
  for (let n = 0; n < 80 && !done; n++) {
    client.send(`$${read ? 'r' : '-'}w${shaken ? 'x' : '-'}`, port, '127.0.0.1');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  client.off('message', onMessage);
  return done;
}

/** Its `over_enet_peer` at the host, which hears nothing and says that all is well, to whom the front has named. */
function hostShakes(game: Game): () => void {
  const timer = setInterval(() => {
    for (const [, address = '', port = ''] of game.text.matchAll(/^connect ([\d.]+):(\d+)$/gm))
      game.udp.send('$rwx', Number(port), address);
  }, 100);
  return () => clearInterval(timer);
}

test('a game made for noray meets another one behind two hard NATs, with nothing changed but the address', async () => {
  const [host, client] = [new Game(await front('S4')), new Game(await front('P5'))];
  await host.register();
  await client.register();
  expect(await host.ask(host.pid)).toBe('OK');
  const end = hostShakes(host);
  client.socket.write(`connect ${host.oid}\n`);
  const port = Number(await client.found(/^connect 127\.0\.0\.1:(\d+)\n$/));
  const seat = await host.found(/^connect (127\.77\.\d+\.\d+:\d+)\n$/);
  expect(await handshake(client.udp, port)).toBe(true);
  end();
  // The game itself, from and to the very sockets of the handshake.
  const heard = new Promise<string>((resolve) => {
    host.udp.on('message', (bytes, from) => {
      if (String(bytes) === 'move') resolve(`${from.address}:${from.port}`);
    });
  });
  client.udp.send('move', port, '127.0.0.1');
  expect(await heard).toBe(seat);
  // What netfox does where its handshake has failed: the same once more, by relay. Both games are told.
  client.text = '';
  host.text = '';
  client.socket.write(`connect-relay ${host.oid}\n`);
  await client.found(/^connect-relay (\d+)\n$/);
  await host.found(/^connect (\S+)\n$/);
});

test('two games at one sidecar are told of each other, as by noray', async () => {
  const at = await front('P3');
  const [host, client] = [new Game(at), new Game(at)];
  await host.register();
  await client.register();
  const [hostPort, clientPort] = [host.udp.address().port, client.udp.address().port];
  client.socket.write(`connect ${host.oid}\nconnect-relay ${host.oid}\n`);
  await client.found(new RegExp(`^connect 127\\.0\\.0\\.1:${hostPort}\nconnect-relay ${hostPort}\n$`));
  await host.found(new RegExp(`^connect 127\\.0\\.0\\.1:${clientPort}\nconnect-relay ${clientPort}\n$`));
});

test('lines of 2.x are understood, and a request that fails is answered by its number', async () => {
  const game = new Game(await front('P3'));
  game.socket.write('connect?a1 "K7TQ9-RBWXM"\n');
  await game.found(/^!a1 Unknown client from address\n$/);
  game.text = '';
  await game.register();
  game.socket.write('connect?b2 "no\\scode"\n');
  await game.found(/^!b2 CODE_MALFORMED: .+\n$/);
  game.text = '';
  game.socket.write('connect K7TQ9-RBWXM\necho a b\r\n');
  await game.found(/^error (?:CODE_UNKNOWN|HOST_OFFLINE): .+\necho a b\n$/);
  const stranger = await bench.udp();
  game.udp = stranger;
  expect(await game.ask('nobody')).toBe('Unknown host pid!');
});

/** `host --noray` or `join CODE --noray`, at a masterserver of its own. */
async function commandFront(words: readonly string[]): Promise<Front> {
  const [tcp, udp] = [await bench.freePort(), await bench.freePort()];
  const ports = ['--noray', '--noray-port', `${tcp}`, '--noray-udp-port', `${udp}`, '--no-clipboard'];
  const run = bench.sallyport([...words, ...ports, '--json', '--state-dir', bench.folder()]);
  await run.line('noray');
  return { run, tcp, udp };
}

test('host and join speak it as well: the game says where it listens, and when it wants to the host', async () => {
  const off = ['--http', 'off', '--metrics-listen', 'off', '--state-dir', bench.folder(), '--json'];
  const address = ['--listen', '127.0.0.1', '--port', String(portBase())];
  const master = ['--master', String((await bench.sallyport(['master', ...address, ...off]).line('ready')).master)];
  const at = await commandFront(['host', '--no-announce', ...master]);
  const host = new Game(at);
  await host.register();
  expect((await at.run.line('ready')).code).toBe(host.oid);
  const there = await commandFront(['join', host.oid, ...master]);
  const client = new Game(there);
  await client.register();
  client.socket.write('connect?a K7TQ9RBWXM\n');
  await client.found(/^!a CODE_UNKNOWN: /);
  client.text = '';
  const end = hostShakes(host);
  client.socket.write(`connect ${host.oid}\n`);
  const port = Number(await client.found(/^connect 127\.0\.0\.1:(\d+)\n$/));
  expect(await handshake(client.udp, port)).toBe(true);
  end();
  // Asked for again it is joined anew, and both games are told anew.
  client.text = '';
  host.text = '';
  client.socket.write(`connect-relay ${host.oid}\n`);
  await client.found(/^connect-relay (\d+)\n$/);
  const seat = await host.found(/^connect (127\.77\.\d+\.\d+:\d+)\n$/);
  // The game is started anew, and registers another port: the same code leads there, and the friend's game gets in.
  host.socket.destroy();
  const again = new Game(at);
  await again.register();
  expect(again.oid).toBe(host.oid);
  client.text = '';
  client.socket.write(`connect ${again.oid}\n`);
  const anew = Number(await client.found(/^connect 127\.0\.0\.1:(\d+)\n$/));
  expect(await again.found(/^connect (127\.77\.\S+):\d+\n$/)).toBe(seat.split(':')[0]);
  const heard = once(again.udp, 'message', { signal: AbortSignal.timeout(20_000) });
  client.udp.send('move', anew, '127.0.0.1');
  expect(String((await heard)[0])).toBe('move');
  const refused = bench.sallyport(['host', '30000', '--noray', ...master]);
  expect(await refused.exit).toBe(2);
});

test('a browser and a line without end are cut off, and games go on', async () => {
  const at = await front('P3');
  for (const bytes of ['POST / HTTP/1.1\r\n\r\nregister-host\n', 'x'.repeat(4_096)]) {
    const stranger = new Game(at);
    stranger.socket.write(bytes);
    await once(stranger.socket, 'close', { signal: AbortSignal.timeout(10_000) });
    expect(stranger.text).toBe('');
  }
  await new Game(at).register();
});

test('a game that goes on talking while its connect is under way is cut off, and games go on', async () => {
  const at = await front('P3');
  const game = new Game(at);
  await game.register();
  const { norayLinesMax } = APP_LIMITS;
  // Nobody has this code, and that takes a while to find out.
  game.socket.write(`connect K7TQ9-RBWXM\n${'echo x\n'.repeat(norayLinesMax - 1)}`);
  await game.found(/(?:^echo x\n){2}/m);
  expect(game.socket.destroyed).toBe(false);
  game.socket.write(`connect K7TQ9-RBWXM\n${'echo x\n'.repeat(norayLinesMax)}`);
  await once(game.socket, 'close', { signal: AbortSignal.timeout(10_000) });
  await new Game(at).register();
});

describeUnless(GODOT3.missing, "netfox.noray's way in Godot 3", () => {
  const [program = '', ...words] = NORAY_GAME;
  const env = (): NodeJS.ProcessEnv => ({ HOME: bench.folder(), XDG_DATA_HOME: bench.folder() });

  test.each(['connect', 'connect-relay'])('a hundred moves by ENet, after %s and its handshake', async (how) => {
    const [left, right] = [await front('P3'), await front('S4')];
    const at = ({ tcp, udp }: Front): readonly string[] => ['--noray', `${tcp}`, '--registrar', `${udp}`];
    const host = bench.program(program, [...words, '--role', 'host', ...at(left)], env());
    await expect.poll(() => host.stdout(), { timeout: 30_000 }).toMatch(/^oid (\S+)$/m);
    const oid = /^oid (\S+)$/m.exec(host.stdout())?.[1] ?? '';
    const relay = how === 'connect' ? [] : ['--relay'];
    const client = bench.program(program, [...words, '--role', 'client', '--oid', oid, ...relay, ...at(right)], env());
    await expect.poll(() => client.stdout(), { timeout: 40_000 }).toMatch(/^moves 100 of 100$/m);
    expect(client.stdout()).toMatch(how === 'connect' ? /^< connect 127\.0\.0\.1:\d+$/m : /^< connect-relay \d+$/m);
  });
});
