/**
 * Other people's tunnels in `plane.ts`: each is installed into a folder that `--peers` names, and nowhere else, from npm or as an
 * unpacked package of Debian. Only what they do is measured; nothing of theirs is kept here.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compiled, type LabHost, type LabProcess, type Scene } from '../lab/index.ts';
import { GAME_PORT, READY_MS, ready, type Way, type WayMaker } from './plane-ways.ts';

const NPM = ['hyperdht@6', 'node-datachannel@0.33'];
const DEBIAN = ['wireguard-go', 'wireguard-tools', 'nebula', 'n2n'];
const FRIEND_PORT = 40_010;

type Ends = Pick<Scene, 'masterHost' | 'hostSide' | 'clientSide'>;

/** Programs of Debian's packages, unpacked and not installed. Throws where they cannot be had. */
function installDebian(folder: string): void {
  if (existsSync(join(folder, 'usr'))) return;
  execFileSync('apt-get', ['download', ...DEBIAN], { cwd: folder, stdio: 'ignore' });
  execFileSync('sh', ['-c', 'for package in *.deb; do dpkg -x "$package" .; done'], { cwd: folder, stdio: 'ignore' });
}

/** The packages of npm. Throws where they cannot be had. */
export function install(folder: string): void {
  mkdirSync(folder, { recursive: true });
  if (existsSync(join(folder, 'node_modules/hyperdht'))) return;
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', ...NPM], { cwd: folder, stdio: 'ignore' });
}

export function peers(folder: string): readonly WayMaker[] {
  install(folder);
  installDebian(folder);
  const program = (name: string): string =>
    ['usr/bin', 'usr/sbin'].map((place) => join(folder, place, name)).find((path) => existsSync(path)) ?? name;
  return [hyperdht(folder), webrtc(folder), wireguard(program), nebula(program, folder), n2n(program)];
}

function end(on: LabHost, folder: string, ...words: readonly (string | number)[]): LabProcess {
  return on.spawn([process.execPath, compiled('bench/plane-peer.js'), folder, ...words.map(String)]);
}

function hyperdht(folder: string): WayMaker {
  return {
    name: 'hyperdht',
    async start(scene) {
      const { host, table, connect } = await hyperdhtHost(folder, scene, []);
      const friend = await connect(READY_MS);
      return { address: '127.0.0.1', port: FRIEND_PORT, host: [host], friend: [friend], further: [host, ...table] };
    },
  };
}

async function hyperdhtHost(folder: string, { masterHost, hostSide, clientSide }: Ends, further: readonly LabHost[]) {
  const { address } = masterHost;
  const table: LabProcess[] = [];
  for (const on of [masterHost, ...further]) {
    const node = end(on, folder, 'hyperdht', 'node', 49_737, on.address, address);
    await ready(node);
    table.push(node);
  }
  const host = end(hostSide, folder, 'hyperdht', 'host', GAME_PORT, address);
  const key = await host.find(({ text }) => /^key (\w+)$/.exec(text)?.[1], 30_000);
  const connect = async (limitMs: number): Promise<LabProcess> => {
    const friend = end(clientSide, folder, 'hyperdht', 'friend', FRIEND_PORT, address, key);
    await ready(friend, 'ready', limitMs);
    return friend;
  };
  return { host, table, connect };
}

/** A table of nodes on the master's computer and `further` ones, and a host; gives what the friend does. */
export async function connectHyperdht(folder: string, ends: Ends, further: readonly LabHost[], limitMs: number) {
  const { connect } = await hyperdhtHost(folder, ends, further);
  return () => connect(limitMs);
}

function webrtc(folder: string): WayMaker {
  return {
    name: 'WebRTC (libdatachannel)',
    async start(scene) {
      const { host, friend } = await connectWebrtc(folder, scene, '', READY_MS);
      return { address: '127.0.0.1', port: FRIEND_PORT + 1, host: [host], friend: [friend], further: [host] };
    },
  };
}

/** `server`: `stun:ADDRESS:PORT`, or empty where the two see each other. What they have to tell each other goes through us. */
export async function connectWebrtc(folder: string, { hostSide, clientSide }: Ends, server: string, limitMs: number) {
  const host = end(hostSide, folder, 'webrtc', 'host', GAME_PORT, server);
  const friend = end(clientSide, folder, 'webrtc', 'friend', FRIEND_PORT + 1, server);
  const tell = (from: LabProcess, to: LabProcess): void =>
    from.follow(({ text }) => text.startsWith('tell ') && to.write(`${text.slice(5)}\n`));
  tell(host, friend);
  tell(friend, host);
  await Promise.all([ready(host, 'ready', limitMs), ready(friend, 'ready', limitMs)]);
  return { host, friend };
}

/** A tunnel with a device: the game speaks to the other end's address in it. */
function tunnel(address: string, host: LabProcess, friend: LabProcess, further: readonly LabProcess[] = []): Way {
  return { address, port: GAME_PORT, host: [host], friend: [friend], further: [host, ...further] };
}

/** A tunnel takes its time, and says nothing of it. */
async function until(from: LabHost, address: string): Promise<void> {
  const program = from.spawn([process.execPath, compiled('bench/plane-game.js'), 'reach', address, String(GAME_PORT)]);
  const answer = await program.find(({ text }) => (text.startsWith('{') ? text : null), 40_000);
  if (!answer.includes('1')) throw new Error(`nothing comes through to ${address}`);
}

function wireguard(program: (name: string) => string): WayMaker {
  return {
    name: 'wireguard-go',
    async start(scene) {
      const { hostSide, clientSide } = scene;
      const wg = program('wg');
      const key = (): readonly [string, string] => {
        const secret = execFileSync(wg, ['genkey'], { encoding: 'utf8' }).trim();
        return [secret, execFileSync(wg, ['pubkey'], { input: secret, encoding: 'utf8' }).trim()];
      };
      const [one, two] = [key(), key()];
      const begin = async (on: LabHost, name: string): Promise<LabProcess> => {
        const started = on.spawn([program('wireguard-go'), '-f', name], { WG_PROCESS_FOREGROUND: '1' });
        await scene.lab.sandbox.shell(
          `for n in $(seq 50); do [ -S /run/wireguard/${name}.sock ] && exit 0; sleep 0.1; done; exit 1`,
        );
        return started;
      };
      const host = await begin(hostSide, 'wghost');
      const friend = await begin(clientSide, 'wgfriend');
      const lines = (
        on: LabHost,
        name: string,
        secret: string,
        other: string,
        own: string,
        far: string,
        more: string,
      ) => [
        `echo ${secret} > /run/lab/${name}.key`,
        `ip netns exec ${on.name} ${wg} set ${name} private-key /run/lab/${name}.key listen-port 51820 peer ${other} allowed-ips ${far}/32 ${more}`,
        `ip -n ${on.name} addr add ${own}/24 dev ${name}`,
        `ip -n ${on.name} link set ${name} up`,
      ];
      await scene.lab.sandbox.shell(
        [
          ...lines(hostSide, 'wghost', one[0], two[1], '10.9.0.1', '10.9.0.2', ''),
          ...lines(
            clientSide,
            'wgfriend',
            two[0],
            one[1],
            '10.9.0.2',
            '10.9.0.1',
            `endpoint ${hostSide.address}:51820`,
          ),
        ].join('\n'),
      );
      await until(clientSide, '10.9.0.1');
      return tunnel('10.9.0.1', host, friend);
    },
  };
}

function nebula(program: (name: string) => string, folder: string): WayMaker {
  return {
    name: 'nebula',
    async start(scene) {
      const { hostSide, clientSide } = scene;
      const place = join(folder, `nebula-${process.pid}`);
      mkdirSync(place);
      const cert = (...words: readonly string[]): void =>
        void execFileSync(program('nebula-cert'), words, { cwd: place });
      cert('ca', '-name', 'bench');
      const begin = (on: LabHost, name: string, own: string, isHost: boolean): LabProcess => {
        cert('sign', '-name', name, '-ip', `${own}/24`);
        const pki = { ca: join(place, 'ca.crt'), cert: join(place, `${name}.crt`), key: join(place, `${name}.key`) };
        const config = {
          pki,
          static_host_map: isHost ? {} : { '10.10.0.1': [`${hostSide.address}:4242`] },
          lighthouse: { am_lighthouse: isHost, hosts: isHost ? [] : ['10.10.0.1'] },
          listen: { host: '0.0.0.0', port: isHost ? 4242 : 0 },
          tun: { dev: `neb${name}`, mtu: 1300 },
          firewall: {
            outbound: [{ port: 'any', proto: 'any', host: 'any' }],
            inbound: [{ port: 'any', proto: 'any', host: 'any' }],
          },
        };
        const path = join(place, `${name}.yml`);
        // YAML has JSON in it.
        writeFileSync(path, JSON.stringify(config));
        return on.spawn([program('nebula'), '-config', path]);
      };
      const host = begin(hostSide, 'host', '10.10.0.1', true);
      const friend = begin(clientSide, 'friend', '10.10.0.2', false);
      await until(clientSide, '10.10.0.1');
      return tunnel('10.10.0.1', host, friend);
    },
  };
}

function n2n(program: (name: string) => string): WayMaker {
  return {
    name: 'n2n',
    async start(scene) {
      const { masterHost, hostSide, clientSide } = scene;
      const supernode = masterHost.spawn([program('supernode'), '-f', '-l', '7654']);
      const begin = (on: LabHost, name: string, own: string): LabProcess =>
        on.spawn([
          ...[program('edge'), '-f', '-d', name, '-a', own, '-c', 'bench', '-k', 'a secret of the bench'],
          ...['-l', `${masterHost.address}:7654`, '-u', '0', '-g', '0'],
        ]);
      const host = begin(hostSide, 'n2nhost', '10.11.0.1');
      const friend = begin(clientSide, 'n2nfriend', '10.11.0.2');
      await until(clientSide, '10.11.0.1');
      return tunnel('10.11.0.1', host, friend, [supernode]);
    },
  };
}
