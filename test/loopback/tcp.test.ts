/** TCP connections carried by streams: real servers and programs on loopback, agents in this process, a real masterserver. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Agent, openAgent, openLocalServices, type Path } from '../../src/agent/index.ts';
import { STREAM_LIMITS } from '../../src/core/index.ts';
import { type RunningMaster, startMaster } from '../../src/master/index.ts';
import { Bench, portBase } from './processes.ts';

let master: RunningMaster;
const bench = new Bench();
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  const quiet = { http: null, metrics: null, logLevel: 'silent', testJoins: null } as const;
  master = await startMaster({ ...quiet, listen: ['127.0.0.1'], port: portBase(), stateDir: bench.folder() });
});
afterAll(async () => {
  await master.close();
  await bench.close();
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function agent(): Promise<Agent> {
  const made = await openAgent({ master: master.link });
  cleanups.push(() => made.close());
  return made;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function server(onConnection: (socket: Socket) => void): Promise<number> {
  return listening(
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      onConnection(socket);
    }),
  );
}

const HUNG = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
  require('node:fs').writeSync(1, String(this.address().port));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
})`;

const echo = (): Promise<number> => server((socket) => socket.pipe(socket));

/** A host with these servers of TCP, and the ports at which a friend finds them. */
async function carried(...ports: readonly number[]) {
  const [host, friend] = [await agent(), await agent()];
  const hosting = await host.host({ forward: ports.map((port) => ({ port, protocols: 'tcp' as const })) });
  const path = await friend.join(hosting.code);
  const local = await openLocalServices(path, { port: 0, onNotice: () => {} });
  cleanups.push(() => local.close());
  return { host, friend, hosting, path, ports: local.services.map((service) => service.local.port) };
}

function dial(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  cleanups.push(() => socket.destroy());
  return socket;
}

/** All that comes until the other side ends. */
function all(from: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  from.on('data', (chunk: Buffer) => chunks.push(chunk));
  // An iterator would destroy what it has read to its end, and with it the other direction.
  return new Promise((resolve, reject) => from.on('end', () => resolve(Buffer.concat(chunks))).on('error', reject));
}

function failed(socket: Duplex): Promise<string | undefined> {
  socket.resume();
  return new Promise((resolve) => socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code)));
}

/** A host whose streams are the application's own, and a friend's path to it. */
async function handles(onStream: (service: number, stream: Duplex) => void): Promise<{ path: Path; host: Agent }> {
  const [host, friend] = [await agent(), await agent()];
  const hosting = await host.host({ onPath: (path) => path.on('stream', onStream) });
  return { path: await friend.join(hosting.code), host };
}

test('a web server is reached from the friend’s own address, many requests at once', async () => {
  const seen = new Set<string>();
  const web = createHttpServer((asked, answer) => {
    seen.add(asked.socket.remoteAddress ?? '');
    answer.end(`you asked for ${asked.url}`);
  });
  const { ports, hosting, path } = await carried(await listening(web));
  const get = (n: number) =>
    new Promise<string>((resolve, reject) => {
      const asked = request({ port: ports[0], host: '127.0.0.1', path: `/${n}`, agent: false }, async (answer) => {
        resolve(String(await all(answer)));
      });
      asked.on('error', reject);
      asked.end();
    });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => get(n)));
  expect(answers).toEqual(Array.from({ length: 20 }, (_, n) => `you asked for /${n}`));
  expect([...seen]).toHaveLength(1);
  expect([...seen][0]).toMatch(/^127\.77\./);
  expect(path.services).toHaveLength(1);
  expect(hosting.services).toHaveLength(1);
});

test('a line that is typed comes back at once, and 8 MB come back whole', async () => {
  const { ports } = await carried(await echo());
  const socket = dial(ports[0] as number);
  socket.write('hello\n');
  expect(String((await once(socket, 'data'))[0])).toBe('hello\n');
  const bytes = randomBytes(8_000_000);
  const back = all(socket);
  socket.end(bytes);
  const sums = [bytes, await back].map((one) => createHash('sha256').update(one).digest('hex'));
  expect(sums[1]).toBe(sums[0]);
}, 30_000);

test('each end of a connection ends one direction', async () => {
  const late = await server(async (socket) => {
    const asked = await all(socket);
    socket.end(`after the end of ${asked}`);
  });
  const { ports } = await carried(late);
  const socket = dial(ports[0] as number);
  const answer = all(socket);
  socket.end('a question');
  expect(String(await answer)).toBe('after the end of a question');
});

test('a server that speaks first is heard before anything is sent', async () => {
  const { ports } = await carried(await server((socket) => void socket.end('welcome')));
  expect(String(await all(dial(ports[0] as number)))).toBe('welcome');
});

test('where nothing listens the connection is reset, and the stream says that it was refused', async () => {
  const port = await echo();
  await cleanups.pop()?.();
  const { ports, path } = await carried(port);
  expect(await failed(dial(ports[0] as number))).toBe('ECONNRESET');
  expect(await failed(path.openStream(0))).toBe('ECONNREFUSED');
});

test('where a server takes nothing any more, the stream times out, and the program’s connection is reset', async () => {
  // One that has hung: its queue of connections is full, so the system drops what comes.
  const hung = spawn(process.execPath, ['-e', HUNG], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => hung.kill('SIGKILL'));
  const port = Number(String((await once(hung.stdout, 'data'))[0]));
  for (let n = 0; n < 3; n++) connect({ port, host: '127.0.0.1' }).on('error', () => {});
  const { ports, path } = await carried(port);
  const [program, stream] = [failed(dial(ports[0] as number)), failed(path.openStream(0))];
  expect(await stream).toBe('ETIMEDOUT');
  expect(await program).toBe('ECONNRESET');
}, 30_000);

test('a service that there is not, or of UDP alone, is refused', async () => {
  const [host, friend] = [await agent(), await agent()];
  const port = await echo();
  const hosting = await host.host({ forward: [{ port, protocols: 'udp' }] });
  const path = await friend.join(hosting.code);
  expect(await failed(path.openStream(0))).toBe('ECONNREFUSED');
  expect(await failed(path.openStream(9))).toBe('ECONNREFUSED');
});

test('a reset is a reset on either side', async () => {
  const ends: (string | undefined)[] = [];
  const port = await server((socket) => {
    socket.on('error', ({ code }: NodeJS.ErrnoException) => ends.push(code));
    socket.on('data', (bytes) => {
      if (String(bytes) === 'break it off') socket.resetAndDestroy();
    });
  });
  const { ports } = await carried(port);
  const first = dial(ports[0] as number);
  first.write('break it off');
  expect(await failed(first)).toBe('ECONNRESET');
  const second = dial(ports[0] as number);
  second.write('hello');
  await once(second, 'connect');
  setTimeout(() => second.resetAndDestroy(), 100);
  await expect.poll(() => ends).toEqual(['ECONNRESET']);
});

test('a reader that does not read holds the writer up', async () => {
  const { ports } = await carried(await server((socket) => void socket.pause()));
  const socket = dial(ports[0] as number);
  let taken = 0;
  const chunk = new Uint8Array(65_536);
  const write = (): void => {
    while (!socket.destroyed && socket.write(chunk)) taken += chunk.length;
  };
  socket.on('drain', () => {
    taken += chunk.length;
    write();
  });
  write();
  let before = -1;
  await expect
    .poll(
      () => {
        const same = before === taken;
        before = taken;
        return same && taken > 0;
      },
      { interval: 500, timeout: 10_000 },
    )
    .toBe(true);
  // Two windows, and the buffers of three sockets and of this system on the way.
  expect(taken).toBeLessThan(40_000_000);
}, 15_000);

test('handles of the library: streams both ways, and the end of the path ends them', async () => {
  const { path, host } = await handles((service, stream) => {
    stream.on('error', () => {});
    stream.write(`service ${service}: `);
    stream.pipe(stream);
  });
  const stream = path.openStream(5);
  stream.end('hello');
  expect(String(await all(stream))).toBe('service 5: hello');
  const open = path.openStream(1);
  await once(open, 'data');
  const over = failed(open);
  await host.close();
  expect(await over).toBe('ENETRESET');
  expect(await failed(path.openStream(1))).toBe('ENETRESET');
});

test('a host does not open streams, and streams that nobody takes are refused', async () => {
  const [host, friend] = [await agent(), await agent()];
  const paths: Path[] = [];
  const hosting = await host.host({ onPath: (path) => paths.push(path) });
  const path = await friend.join(hosting.code);
  expect(await failed(path.openStream(0))).toBe('ECONNREFUSED');
  await expect.poll(() => paths.length).toBe(1);
  expect(() => paths[0]?.openStream(0)).toThrow(/opened by the friend/);
});

test('more streams at once than there may be: the last are told so, the others go on', async () => {
  const { path } = await handles((_service, stream) => void stream.on('error', () => {}).pipe(stream));
  const streams = Array.from({ length: STREAM_LIMITS.streamsMax }, () => path.openStream(0));
  expect(await failed(path.openStream(0))).toBe('EMFILE');
  const last = streams.at(-1) as Duplex;
  last.end('still here');
  expect(String(await all(last))).toBe('still here');
});
