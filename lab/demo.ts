/**
 * `npm run demo`: two homes, each behind a NAT of this machine's kernel, a masterserver between them, an unmodified game server
 * in one home and its answer in the other. Where namespaces are forbidden the same is shown in the simulated internet.
 */
import { spawnSync } from 'node:child_process';
import { simulatedDemo } from './demo-simulated.ts';
import { type LabProcess, labAvailability, openScene, type Scene } from './index.ts';

const JOIN_MS = 15_000;
/** What the lab needs and the game server, as Debian calls them. */
const PACKAGES = ['iproute2', 'nftables', 'teeworlds-server'];
const INSTALL_MS = 15_000;

function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** As root on Debian the packages are one command away; without them there is a tiny server and the simulator. */
function install(): void {
  if (process.getuid?.() !== 0 || process.env.SALLYPORT_DEMO_INSTALL === 'no') return;
  const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
  if (spawnSync('dpkg', ['-s', ...PACKAGES], quiet).status === 0) return;
  if (spawnSync('sh', ['-c', 'command -v apt-get'], quiet).status !== 0) return;
  say(`Installing ${PACKAGES.join(', ')} with apt-get (SALLYPORT_DEMO_INSTALL=no leaves them out) …`);
  const command = `apt-get update -q && apt-get install -qy --no-install-recommends ${PACKAGES.join(' ')}`;
  const { status } = spawnSync('sh', ['-c', command], { ...quiet, timeout: INSTALL_MS });
  if (status !== 0) say('  That did not work; going on without them.');
}

/** Copies what a program tells its user to our own output, as it comes. */
function show(who: string, program: LabProcess): void {
  program.follow((line) => {
    if (line.stream === 'stderr') say(`${who} │ ${line.text}`);
  });
}

async function tellStory(scene: Scene): Promise<void> {
  const [ana, kofi] = scene.nats;
  say(
    `Ana's home is behind NAT ${ana?.external}, Kofi's behind NAT ${kofi?.external}; both are NATs of this machine's kernel.`,
  );
  say(`Ana runs a game server: ${scene.game.name}, udp port ${scene.game.port}.`);
  say();
  say(`Ana  $ sallyport host ${scene.game.port} --master ${scene.link}`);
  show('Ana ', scene.host);
  // `Listed` is the last line that `host` prints at its start; the code stands above it, and Kofi needs the code.
  await scene.host.find((line) => line.text.includes('Listed') || null, JOIN_MS);
  say();
  say(`Kofi $ sallyport join ${scene.code} --master ${scene.link}`);
  const joined = await scene.join(JOIN_MS, { onStart: (program) => show('Kofi', program) });
  const status = await scene.status(joined);
  const { path, ms, packetsSent, local } = joined.connected;
  say();
  say(`Kofi's game asks ${local} for the server's status. It answers: ${status}`);
  say(`${path}: connected in ${ms} ms with ${packetsSent} packets`);
}

async function kernelDemo(): Promise<void> {
  const home = { kind: 'nat', nat: 'home-router' } as const;
  const scene = await openScene({ host: home, client: home });
  try {
    await tellStory(scene);
  } finally {
    await scene.close();
  }
}

install();
const lab = labAvailability();
if (lab.ok) await kernelDemo();
else {
  say(`No kernel NATs here: ${lab.reason}. The same in the simulated internet:`);
  simulatedDemo(say);
}
