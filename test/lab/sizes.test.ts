/**
 * Protocols that look by themselves for the largest datagram their way carries, through a connection between two homes: QUIC as
 * Debian's ngtcp2 does it, and RakNet where RAKNET names a folder with the npm package `raknet-native`. What each settles on, and what
 * of that goes in parts, stands in docs/peer-protocol.md.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Game, type LabHost, type LabProcess, openScene, pause, type Scene } from '../../lab/index.ts';
import { describeUnless, hasProgram, labMissing } from '../support.ts';

const JOIN_MS = 60_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;
/** As the connection looks for its size: a question a second, three of a size. */
const SEARCH_MS = 6_000;
const FILE_BYTES = 600_000;
/** UDP payload that leaves an Ethernet in one piece, and what a connection adds to a datagram of a game. */
const WHOLE_BYTES = 1_472;
const ADDED_BYTES = 35;
const RAKNET = process.env.RAKNET ?? '';

function missing(): string | null {
  for (const program of ['gtlsserver', 'gtlsclient', 'tcpdump', 'openssl'])
    if (!hasProgram(program)) return `${program} is not installed`;
  return labMissing();
}

/** What went over a network of a host from now on: payloads of UDP, and whether any left in fragments. */
async function listen(on: LabHost, network: string, filter: string) {
  const dump = on.spawn(['tcpdump', '-n', '-v', '-l', '-i', network, filter]);
  await dump.find(({ text }) => text.includes('listening on') || null, JOIN_MS);
  return async (): Promise<{ readonly sizes: readonly number[]; readonly fragments: number }> => {
    await pause(500);
    dump.signal('SIGINT');
    await dump.exited;
    const text = dump.lines.map((line) => line.text);
    return {
      sizes: text.flatMap((line) => [...line.matchAll(/UDP, length (\d+)/g)].map(([, size]) => Number(size))),
      fragments: text.filter((line) => /flags \[\+\]|offset [1-9]/.test(line)).length,
    };
  };
}

/** How often each size was seen, the largest first. */
function tally(sizes: readonly number[]): readonly (readonly [size: number, times: number])[] {
  const counts = new Map<number, number>();
  for (const size of sizes) counts.set(size, (counts.get(size) ?? 0) + 1);
  return [...counts].sort(([left], [right]) => right - left);
}

describeUnless(missing(), 'a protocol that looks for its own size', () => {
  let folder: string;
  let scene: Scene;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-lab-'));
  });
  afterEach(async () => {
    await scene.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Plays between two homes; what went over loopback and over the line of the friend is printed and answered. */
  async function between(game: Pick<Game, 'name' | 'port' | 'argv'>, play: (local: string) => Promise<void>) {
    const status = () => Promise.reject(new Error('it has none'));
    scene = await openScene({ host: HOME, client: HOME, game: { ...game, status }, link: { delayMs: 10 } });
    const { connected } = await scene.join(JOIN_MS, { relay: 'allow' });
    await pause(SEARCH_MS);
    const { local } = connected;
    const inside = await listen(scene.clientSide, 'lo', `udp port ${local.split(':')[1]}`);
    const outside = await listen(scene.clientSide, 'any', `udp and not net 127.0.0.0/8`);
    await play(local);
    const [asked, went] = [await inside(), await outside()];
    const lines = [
      `${game.name}, on loopback: ${tally(asked.sizes)
        .slice(0, 4)
        .map(([size, times]) => `${size} bytes × ${times}`)
        .join(', ')}`,
      `${game.name}, on the line: ${tally(went.sizes)
        .slice(0, 4)
        .map(([size, times]) => `${size} bytes × ${times}`)
        .join(', ')}`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    // The line carries what IP carries whole, whatever the game tries.
    expect(went.fragments).toBe(0);
    expect(Math.max(...went.sizes)).toBeLessThanOrEqual(WHOLE_BYTES);
    return asked.sizes;
  }

  test(
    'as QUIC does has its largest size, which goes in two parts',
    async () => {
      const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
      const made = ['req', '-x509', ...curve, '-subj', '/CN=localhost', '-keyout', key, '-out', cert];
      execFileSync('openssl', made, { stdio: 'ignore' });
      const [pages, got] = [join(folder, 'pages'), join(folder, 'got')];
      for (const one of [pages, got]) mkdirSync(one);
      const file = randomBytes(FILE_BYTES);
      writeFileSync(join(pages, 'level'), file);
      const argv = ['gtlsserver', '-q', '-d', pages, '127.0.0.1', '4433', key, cert];
      const sizes = await between({ name: 'QUIC (ngtcp2)', port: 4433, argv }, async (local) => {
        const [address, port] = local.split(':') as [string, string];
        const words = [
          '--exit-on-all-streams-close',
          `--download=${got}`,
          address,
          port,
          `https://localhost:4433/level`,
        ];
        const fetched = scene.clientSide.spawn(['gtlsclient', '-q', ...words]);
        await fetched.exited;
      });
      const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
      expect(digest(readFileSync(join(got, 'level')))).toBe(digest(file));
      const [largest] = tally(sizes)[0] ?? [0];
      expect(largest + ADDED_BYTES).toBeGreaterThan(WHOLE_BYTES);
    },
    4 * JOIN_MS,
  );

  test.skipIf(!existsSync(RAKNET))(
    'as RakNet does has its largest size, which goes in two parts',
    async () => {
      const server = `
      const { Server } = require(${JSON.stringify(RAKNET)});
      const server = new Server('127.0.0.1', 19132, { maxConnections: 3, minecraft: {} });
      server.on('encapsulated', ({ buffer }) => console.log('got ' + buffer.length));
      server.listen();`;
      const client = `
      const { Client, PacketPriority, PacketReliability } = require(${JSON.stringify(RAKNET)});
      const [address, port] = process.argv.slice(1);
      const client = new Client(address, Number(port), 'minecraft');
      client.on('connect', () => {
        console.log('connected');
        client.send(Buffer.concat([Buffer.from([0xfe]), Buffer.alloc(200_000)]),
          PacketPriority.HIGH_PRIORITY, PacketReliability.RELIABLE_ORDERED, 0);
      });
      client.connect();`;
      const node = [process.execPath, '-e'];
      const sizes = await between({ name: 'RakNet', port: 19_132, argv: [...node, server] }, async (local) => {
        const player: LabProcess = scene.clientSide.spawn([...node, client, ...local.split(':')]);
        await player.find(({ text }) => text === 'connected' || null, JOIN_MS);
        await scene.gameServer.find(({ text }) => text === 'got 200001' || null, JOIN_MS);
      });
      const [largest] = tally(sizes)[0] ?? [0];
      expect(largest + ADDED_BYTES).toBeGreaterThan(WHOLE_BYTES);
    },
    4 * JOIN_MS,
  );
});
