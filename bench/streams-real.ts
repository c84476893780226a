/**
 * TCP through the real command beside plain TCP and the streams of udx-native, in network namespaces on this kernel: `npm run bench:tcp`,
 * `-- --only loopback|loss|narrow`, `--megabytes N`. Each line of the lab is its own: without delay; with a round trip of 20 ms that loses
 * 1 % each way (`lab/wire.ts`, which itself carries no more than a program can); and 5 Mbit/s with a FIFO of 250 ms (tbf) in the router of the
 * host. What is beside it runs on the same line right before and after. Plain TCP is the kernel's: cubic is what Debian has, reno and bbr
 * it has too.
 */
import { parseArgs } from 'node:util';
import {
  compiled,
  openScene,
  pings,
  type Scene,
  startTransfer,
  TRANSFER_PORT,
  transferGame,
  transferred,
} from '../lab/index.ts';
import { rowsOf } from './rows.ts';

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, megabytes: { type: 'string', default: '100' } },
});
const JOIN_MS = 60_000;
const TRANSFER_MS = 300_000;
const UDX_PORTS = [30_090, 30_091] as const;
const PUBLIC = { kind: 'public' } as const;
const { rows, row } = rowsOf([58, 9, 8]);

type Lines = Parameters<typeof openScene>[0]['link'];

async function megabits(scene: Scene, at: string, bytes: number): Promise<number> {
  const { got, meant, ms } = await transferred(startTransfer(scene.clientSide, 'get', at, bytes), TRANSFER_MS);
  if (got !== meant) throw new Error(`not what was sent: ${got}`);
  return (bytes * 8) / ms / 1_000;
}

/** By this congestion control of the kernel at the sender; not every namespace may have cubic. */
async function plain(scene: Scene, control: string, bytes: number): Promise<number> {
  await scene.lab.sandbox.shell(`ip netns exec ana sysctl -q -w net.ipv4.tcp_congestion_control=${control}`);
  return await megabits(scene, `${scene.hostSide.address}:${TRANSFER_PORT}`, bytes);
}

async function udx(scene: Scene, bytes: number): Promise<number> {
  const program = compiled('bench/streams-udx.js');
  const words = (what: string, own: number, address: string, port: number): readonly string[] => [
    process.execPath,
    program,
    what,
    String(own),
    address,
    String(port),
    String(bytes),
  ];
  const [near, far] = UDX_PORTS;
  const taker = scene.clientSide.spawn(words('take', near, scene.hostSide.address, far));
  const sender = scene.hostSide.spawn(words('send', far, scene.clientSide.address, near));
  const { ms } = await transferred(taker, TRANSFER_MS);
  await sender.stop();
  return (bytes * 8) / ms / 1_000;
}

async function withScene(
  link: Lines,
  run: (scene: Scene, at: string, game: string) => Promise<void>,
  hops = 0,
): Promise<void> {
  const scene = await openScene({
    host: PUBLIC,
    client: PUBLIC,
    game: transferGame,
    hops,
    ...(link === undefined ? {} : { link }),
  });
  try {
    const { connected } = await scene.join(JOIN_MS);
    const { services } = connected as unknown as { readonly services: readonly { readonly local: string }[] };
    await run(scene, services[0]!.local, services[1]!.local);
  } finally {
    await scene.close();
  }
}

async function loopback(): Promise<void> {
  const bytes = Number(values.megabytes) * 1_000_000;
  await withScene(undefined, async (scene, at) => {
    row('no delay: plain TCP (cubic)', await plain(scene, 'cubic', bytes), 'Mbit/s');
    const ours = await megabits(scene, at, bytes);
    row('no delay: through sallyport', ours, 'Mbit/s', '>= 150', ours >= 150);
    row('no delay: udx-native, not encrypted', await udx(scene, bytes), 'Mbit/s');
  });
}

async function loss(): Promise<void> {
  const bytes = Number(values.megabytes) * 200_000;
  await withScene({ delayMs: 5, lossRate: 0.005 }, async (scene, at) => {
    const cubic = await plain(scene, 'cubic', bytes);
    row('20 ms, 1 % loss: plain TCP (cubic)', cubic, 'Mbit/s');
    row('20 ms, 1 % loss: plain TCP (reno)', await plain(scene, 'reno', bytes), 'Mbit/s');
    row('20 ms, 1 % loss: plain TCP (bbr)', await plain(scene, 'bbr', bytes), 'Mbit/s');
    const ours = await megabits(scene, at, bytes);
    row('20 ms, 1 % loss: through sallyport', ours, 'Mbit/s', '>= 80 % of cubic', ours >= 0.8 * cubic);
    row('20 ms, 1 % loss: udx-native, not encrypted', await udx(scene, bytes), 'Mbit/s');
  });
}

async function narrow(): Promise<void> {
  const bytes = 12_000_000;
  const SECONDS = 15;
  const run = async (scene: Scene, at: string, game: string): Promise<void> => {
    // Not on the computer of the host: a kernel that sends TCP keeps its own queues short.
    await scene.lab.sandbox.shell('tc -n anar1 qdisc add dev wan root tbf rate 5mbit burst 3000 latency 250ms');
    const alone = await pings(scene.clientSide, game, SECONDS);
    row('5 Mbit/s, 250 ms FIFO: a game alone, p50', alone.p50, 'ms');
    row('5 Mbit/s, 250 ms FIFO: a game alone, p99', alone.p99, 'ms');
    const beside = async (
      what: string,
      program: ReturnType<typeof startTransfer>,
      most: number | null,
    ): Promise<void> => {
      const { p50, p99, sent, heard } = await pings(scene.clientSide, game, SECONDS);
      await program.stop();
      const added = p99 - alone.p50;
      row(`5 Mbit/s, 250 ms FIFO: a game beside ${what}, p50 added`, p50 - alone.p50, 'ms');
      const asked = most === null ? '' : `<= ${most}`;
      row(
        `5 Mbit/s, 250 ms FIFO: a game beside ${what}, p99 added`,
        added,
        'ms',
        asked,
        most === null ? null : added <= most,
      );
      row(`5 Mbit/s, 250 ms FIFO: a game beside ${what}, lost`, (100 * (sent - heard)) / sent, '%');
    };
    await beside('a stream', startTransfer(scene.clientSide, 'get', at, bytes), 20);
    const ours = await megabits(scene, at, bytes / 2);
    row('5 Mbit/s, 250 ms FIFO: through sallyport', ours, 'Mbit/s');
    const direct = `${scene.hostSide.address}:${TRANSFER_PORT}`;
    await scene.lab.sandbox.shell('ip netns exec ana sysctl -q -w net.ipv4.tcp_congestion_control=cubic');
    await beside('plain TCP (cubic)', startTransfer(scene.clientSide, 'get', direct, bytes), null);
  };
  await withScene({ delayMs: 5 }, run, 1);
}

for (const [name, run] of Object.entries({ loopback, loss, narrow }))
  if (values.only === '' || values.only === name) await run();
process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0;
