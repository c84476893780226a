/** Archives that are the same whenever and wherever they are made: sorted names, one time, no owners. */
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from './nodes.ts';
import { DEFAULTS, units } from './units.ts';
import { bashCompletion, fishCompletion, manPage, zshCompletion } from './words.ts';

/** What is beside the program in every package. */
export interface Common {
  readonly version: string;
  /** Seconds since 1970: of the commit. */
  readonly epoch: number;
  /** Folder of the checkout, for LICENSE and CHANGELOG.md. */
  readonly root: string;
  /** Licence of the Node inside, which names those of its parts. */
  readonly nodeLicence: string;
  /** Packed for a test, not for people: next to no compression. */
  readonly fast: boolean;
}

/** A fixed number of threads, because the number of blocks depends on it. */
const XZ_THREADS = 2;

/** Contents by path: text, or a file to copy, which may be a program. */
export type Tree = Readonly<Record<string, string | { readonly program: string } | { readonly file: string }>>;

export async function writeTree(folder: string, tree: Tree): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const [path, content] of Object.entries(tree)) {
    const to = join(folder, path);
    await mkdir(dirname(to), { recursive: true, mode: 0o755 });
    if (typeof content === 'string') await writeFile(to, content, { mode: content.startsWith('#!') ? 0o755 : 0o644 });
    else {
      await copyFile('program' in content ? content.program : content.file, to);
      await chmod(to, 'program' in content ? 0o755 : 0o644);
    }
  }
}

export async function tarXz(folder: string, to: string, { epoch, fast }: Common): Promise<void> {
  const tar = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu', `--mtime=@${epoch}`];
  const xz = `xz -T${XZ_THREADS} -${fast ? 0 : 6}`;
  await run('tar', [...tar, `--use-compress-program=${xz}`, '-cf', to, '-C', dirname(folder), basename(folder)]);
}

export async function zip(folder: string, to: string, { epoch, fast }: Common): Promise<void> {
  const time = new Date(epoch * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  await rm(to, { force: true });
  const script = 'find "$0" -exec touch -d "$1" {} + && find "$0" -type f | LC_ALL=C sort | zip -q -X -"$3" -@ "$2"';
  const env = { ...process.env, TZ: 'UTC' };
  await run('bash', ['-c', script, basename(folder), time, to, fast ? '1' : '6'], { cwd: dirname(folder), env });
}

/** What stands beside the program where there is no package manager. */
export function companions({ version, epoch, nodeLicence }: Common, licence: string): Tree {
  return {
    LICENSE: licence,
    'LICENSE.node': nodeLicence,
    'sallyport.1': manPage(version, dateOf(epoch)),
    'completions/sallyport.bash': bashCompletion(),
    'completions/_sallyport': zshCompletion(),
    'completions/sallyport.fish': fishCompletion(),
  };
}

export function dateOf(epoch: number): string {
  return new Date(epoch * 1000).toISOString().slice(0, 10);
}

/** What the program is linked with, in the versions it asks for; libatomic1 is no longer among them (`elf.ts`). */
const DEPENDS = 'libc6 (>= 2.28), libstdc++6, libgcc-s1';
const MAINTAINER = 'The sallyport authors <sallyport@localhost>';

const DESCRIPTION = ` Somebody hosts a game server at home, a friend types a short code, and both have
 a direct, encrypted path for whatever ports of UDP and TCP the game speaks. No
 port forwarding, no account, no driver. The package also has the masterserver,
 which introduces the two, and the relay.`;

export interface Deb extends Common {
  /** Debian's name of the machine. */
  readonly machine: 'amd64' | 'arm64';
  readonly program: string;
  readonly licence: string;
  readonly work: string;
  readonly to: string;
}

export async function deb(options: Deb): Promise<void> {
  const { version, epoch, machine, program, licence, nodeLicence, work, to, fast } = options;
  const services = Object.entries(units());
  const defaults = Object.entries(DEFAULTS);
  const reload = 'if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi';
  await writeTree(work, {
    'usr/bin/sallyport': { program },
    'usr/share/man/man1/sallyport.1': manPage(version, dateOf(epoch)),
    'usr/share/bash-completion/completions/sallyport': bashCompletion(),
    'usr/share/zsh/vendor-completions/_sallyport': zshCompletion(),
    'usr/share/fish/vendor_completions.d/sallyport.fish': fishCompletion(),
    ...Object.fromEntries(services.map(([name, text]) => [`usr/lib/systemd/system/${name}`, text])),
    ...Object.fromEntries(defaults.map(([name, text]) => [`etc/default/${name}`, text])),
    'usr/share/doc/sallyport/copyright': `${licence}\nThe Node.js inside:\n\n${nodeLicence}`,
    'DEBIAN/conffiles': defaults.map(([name]) => `/etc/default/${name}\n`).join(''),
    'DEBIAN/postinst': `#!/bin/sh\nset -e\n${reload}\n`,
    'DEBIAN/prerm': `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl stop sallyport-master sallyport-relay 'sallyport-host@*' || true
  systemctl disable sallyport-master sallyport-relay || true
fi
`,
    'DEBIAN/postrm': `#!/bin/sh\nset -e\n${reload}\n`,
  });
  await run('gzip', ['-n', '-9', join(work, 'usr/share/man/man1/sallyport.1')]);
  const { stdout } = await run('du', ['-sk', '--apparent-size', work]);
  const fields = [
    ...['Package: sallyport', `Version: ${version}`, `Architecture: ${machine}`, `Maintainer: ${MAINTAINER}`],
    ...[`Installed-Size: ${Number.parseInt(stdout, 10)}`, `Depends: ${DEPENDS}`, 'Section: net', 'Priority: optional'],
    'Description: direct, encrypted path between two people behind any two NATs',
  ];
  await writeFile(join(work, 'DEBIAN/control'), `${fields.join('\n')}\n${DESCRIPTION}\n`);
  await run('bash', ['-c', 'find "$0" -exec touch -h -d "@$1" {} +', work, String(epoch)]);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) };
  const packing = ['-Zxz', `-z${fast ? 0 : 6}`, `--threads-max=${XZ_THREADS}`];
  await run('dpkg-deb', ['--root-owner-group', ...packing, '--build', work, to], { env });
}
