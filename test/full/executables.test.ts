/**
 * `npm run dist`, for whoever has no Node: what it builds is run through kernel NATs, from the package and as the bare file, in a
 * Debian that has nothing but itself. CI builds the one for this machine and looks at the one for Windows; `npm run full -- dist` builds all
 * of them, twice. What starts no program of macOS or of another processor can be run nowhere here: of those the headers are read.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compiled } from '../../lab/index.ts';
import { needsLibatomic } from '../../packaging/elf.ts';
import { readPe } from '../../packaging/pe.ts';
import { describeUnless, hasProgram, labMissing } from '../support.ts';

const WHOLE = process.env.LAB_RUNS !== undefined;
/** All of them are mostly compressed: on two cores that five others used half an hour was not enough. */
const BUILD_MS = WHOLE ? 7_200_000 : 400_000;
const RUN_MS = 120_000;
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const nodes = JSON.parse(readFileSync('packaging/nodes.json', 'utf8')) as { version: string };
const SYSTEM = `linux-${arch()}`;
const NAME = `sallyport-${version}-${SYSTEM}`;

const folder = mkdtempSync(join(tmpdir(), 'sallyport-executables-'));
const out = join(folder, 'one');
const root = join(folder, 'debian');
const report: string[] = [];
afterAll(() => {
  if (report.length > 0) console.log(report.join('\n'));
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(argv: readonly string[], env: NodeJS.ProcessEnv = {}, timeout = RUN_MS): Ran {
  const [program = '', ...rest] = argv;
  const all = { ...process.env, NODE_EXTRA_CA_CERTS: '', HOME: folder, ...env };
  return spawnSync(program, rest, { encoding: 'utf8', env: all, timeout, maxBuffer: 64 * 1024 * 1024 });
}

function build(to: string, few: readonly string[]): Ran {
  // The home stays: npm's settings and the cache of Nodes are there.
  return run(
    [process.execPath, compiled('packaging/main.js'), '--to', to, ...few],
    { HOME: process.env.HOME },
    BUILD_MS,
  );
}

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Why nothing can be built here, or null: without the Nodes, which npm fetches, there is nothing to test. */
const built = build(out, WHOLE ? [] : ['--only', `${SYSTEM},win-x64`, '--fast']);
const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|network/i.test(built.stderr);
const missing = unreachable ? 'the kernel reaches no registry of npm, from which the Nodes come' : null;

describeUnless(missing, 'an executable', () => {
  test('is built, with the sums of everything and a list of its parts', () => {
    expect(built.stderr).toBe('');
    expect(built.status).toBe(0);
    report.push('| file | size |', '|---|---|');
    for (const line of built.stdout.split('\n')) {
      const [, size, name] = /^ *([\d.]+ MB) {2}(\S+)$/.exec(line) ?? [];
      if (size !== undefined) report.push(`| ${name} | ${size} |`);
    }
    const sums = readFileSync(join(out, 'SHA256SUMS'), 'utf8').trim().split('\n');
    expect(sums.length).toBeGreaterThan(5);
    for (const line of sums) {
      const [sum, name = ''] = line.split('  ');
      expect(sha256(join(out, name)), name).toBe(sum);
    }
    const parts = JSON.parse(readFileSync(join(out, `sallyport-${version}.cdx.json`), 'utf8')) as {
      readonly bomFormat: string;
      readonly components: readonly { readonly name: string; readonly version: string }[];
    };
    expect(parts.bomFormat).toBe('CycloneDX');
    const names = parts.components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['hono', 'libsodium', 'pino', 'preact', 'ws', 'zod', 'node']));
    for (const name of ['libsql', 'koffi', 'udx-native', 'vitest']) expect(names).not.toContain(name);
  });

  test('says which build it is, and starts in the time that is reported', () => {
    const said = run([join(out, NAME), '--version']).stdout;
    expect(said).toMatch(new RegExp(`^sallyport ${version} \\([0-9a-f]{10}\\+?\\), Node ${nodes.version}\n$`));
    const times = Array.from({ length: 11 }, () => {
      const at = performance.now();
      run([join(out, NAME), '--version']);
      return performance.now() - at;
    }).sort((left, right) => left - right);
    report.push('| start of the executable to its first line | ms |', '|---|---|');
    report.push(`| median of 11 | ${times[5]?.toFixed(0)} |`, `| worst | ${times[10]?.toFixed(0)} |`);
  });

  test('has no lab, and needs no library that a bare Debian lacks', () => {
    expect(run([join(out, NAME), 'help']).stdout).not.toMatch(/^ {2}lab /m);
    expect(run([join(out, NAME), 'lab']).status).toBe(2);
    for (const name of readdirSync(out).filter((one) => /linux-(x64|arm64)$/.test(one)))
      expect(needsLibatomic(readFileSync(join(out, name))), name).toBe(false);
  });

  test('for Windows is a console program for x64, with the command inside and without the broken signature of its Node', () => {
    const file = readFileSync(join(out, `sallyport-${version}-win-x64.exe`));
    expect(readPe(file)).toEqual({ machine: 0x8664, console: true, signed: false });
    expect(file.includes('a direct, encrypted')).toBe(true);
  });
});

if (WHOLE && missing === null)
  describe('all of them', () => {
    test(
      'are the same, byte by byte, when they are built again',
      () => {
        const again = join(folder, 'two');
        expect(build(again, ['--only', `${SYSTEM},win-x64,darwin-arm64`]).status).toBe(0);
        const sums = (of: string): string[] => readFileSync(join(of, 'SHA256SUMS'), 'utf8').trim().split('\n');
        expect(sums(out)).toEqual(expect.arrayContaining(sums(again).filter((line) => !line.endsWith(' Dockerfile'))));
        rmSync(again, { recursive: true });
      },
      BUILD_MS,
    );

    test('for macOS comes with the Node of its makers, unchanged, and a launcher', () => {
      for (const machine of ['x64', 'arm64']) {
        const name = `sallyport-${version}-darwin-${machine}`;
        const listed = run(['tar', '-tf', join(out, `${name}.tar.xz`)]).stdout;
        for (const path of ['sallyport', 'lib/node', 'lib/dist/src/cli/main.js', 'lib/dist/web/index.html'])
          expect(listed).toContain(`${name}/${path}\n`);
        // A 64-bit Mach-O begins with this number.
        expect(readFileSync(join(out, 'unsigned', name)).readUInt32LE(0)).toBe(0xfeedfacf);
      }
    });
  });

/** Debian's own packages for nothing but itself, or why there are none. */
function debootstrapped(): string | null {
  if (missing !== null) return missing;
  if (process.getuid?.() !== 0) return 'the kernel lets only root make a root of its own';
  if (!hasProgram('debootstrap')) return 'debootstrap is not installed';
  const made = run(['debootstrap', '--variant=minbase', 'bookworm', root], {}, 300_000);
  if (made.status === 0) return null;
  return `the kernel or the network lets no Debian be fetched: ${made.stdout.trim().split('\n').at(-1)}`;
}

describeUnless(labMissing() ?? missing, 'through two NATs of this kernel', () => {
  test(
    'the executable shows the demo',
    () => {
      const shown = run([process.execPath, compiled('lab/demo.js')], {
        ...{ SALLYPORT_LAB_COMMAND: join(out, NAME), SALLYPORT_DEMO_INSTALL: 'no', HOME: process.env.HOME },
      });
      expect(shown.stdout).toMatch(/connected in \d+ ms/);
      expect(shown.status).toBe(0);
    },
    RUN_MS,
  );
});

const withoutDebian = labMissing() ?? debootstrapped();

/** Debian's buildah reads a Dockerfile without an engine for containers; its isolation `chroot` needs nothing more of the kernel. */
const withoutBuildah = withoutDebian ?? (hasProgram('buildah') ? null : 'buildah is not installed');

describeUnless(withoutBuildah, 'in a container', () => {
  const storage = ['--root', join(folder, 'images'), '--runroot', join(folder, 'images-run')];
  // What buildah mounts is unmounted with the process that it was mounted for.
  const container = { STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };
  const buildah = (...argv: string[]): string => {
    const { status, stdout, stderr } = run(['unshare', '--mount', 'buildah', ...storage, ...argv], container, RUN_MS);
    expect(status, stderr).toBe(0);
    return stdout.trim();
  };

  test(
    'the Dockerfile needs nothing but the executable beside it, and starts a masterserver that is ready',
    () => {
      const context = join(folder, 'context');
      mkdirSync(context);
      for (const name of [NAME, 'Dockerfile']) copyFileSync(join(out, name), join(context, name));
      // The image it starts from is the Debian that was fetched above, before anything is installed in it: no registry of images is asked.
      const base = buildah('from', 'scratch');
      buildah('add', '--quiet', base, root, '/');
      buildah('commit', '--quiet', base, 'docker.io/library/debian:bookworm-slim');
      buildah('bud', '--pull-never', '--build-arg', `TARGETARCH=${arch()}`, '--tag', 'sallyport', context);
      const image = JSON.parse(buildah('inspect', '--type', 'image', 'sallyport')) as {
        readonly OCIv1: { readonly config: { readonly Entrypoint: string[]; readonly Cmd: string[] } };
      };
      const { Entrypoint, Cmd } = image.OCIv1.config;
      const started = [
        'buildah',
        ...storage,
        'run',
        buildah('from', '--pull-never', 'sallyport'),
        '--',
        ...Entrypoint,
        ...Cmd,
      ];
      // A network of its own, where its ports are free, and processes of its own: all end with the shell, once it has read the line.
      const script = 'ip link set lo up; ("$@" --listen 127.0.0.1 --json &) | grep -m1 \'"ev":"ready"\'';
      const apart = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-c', script, 'sh'];
      const said = run([...apart, ...started], container);
      expect(said.stdout, said.stderr).toContain('sallyport://127.0.0.1:8430');
    },
    RUN_MS * 3,
  );
});

describeUnless(withoutDebian, 'in a Debian that has nothing but itself', () => {
  const inside = join(folder, 'inside');
  const chroot = (...argv: string[]): Ran => run(['chroot', root, ...argv], { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' });

  beforeAll(() => {
    copyFileSync(join(out, NAME), join(root, 'opt/sallyport'));
    chmodSync(join(root, 'opt/sallyport'), 0o755);
    const script = 'mount --rbind /proc "$0/proc" && exec chroot "$0" "$@"';
    writeFileSync(inside, `#!/bin/sh\nexec unshare --mount sh -c '${script}' ${root} "$@"\n`, { mode: 0o755 });
  });

  test('the package is installed with what it depends on, and brings its manual, units and completions', () => {
    const deb = readdirSync(out).find((name) => name.endsWith(arch() === 'x64' ? '_amd64.deb' : '_arm64.deb'));
    copyFileSync(join(out, deb ?? ''), join(root, 'tmp/sallyport.deb'));
    const installed = chroot('dpkg', '-i', '/tmp/sallyport.deb');
    expect(installed.stderr).toBe('');
    expect(installed.status).toBe(0);
    expect(chroot('sh', '-c', 'command -v node').status).not.toBe(0);
    expect(existsSync(join(root, 'usr/lib/x86_64-linux-gnu/libatomic.so.1'))).toBe(false);
    expect(chroot('sallyport', '--version').stdout).toContain(`sallyport ${version} (`);
    for (const name of ['sallyport-master.service', 'sallyport-relay.service', 'sallyport-host@.service'])
      expect(existsSync(join(root, 'usr/lib/systemd/system', name)), name).toBe(true);
    const completed = chroot(
      ...['bash', '-c', '. /usr/share/bash-completion/completions/sallyport; COMP_WORDS=(sallyport jo); COMP_CWORD=1'],
    );
    expect(completed.status).toBe(0);
  });

  test('the command of the unit runs a masterserver', () => {
    const unit = readFileSync(join(root, 'usr/lib/systemd/system/sallyport-master.service'), 'utf8');
    const start = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.replaceAll('%S', '/var/lib') ?? '';
    const options = '--listen 127.0.0.1 --port 38430 --http off --metrics-listen off --json';
    const said = chroot(
      'sh',
      '-c',
      `mkdir -p /var/lib/sallyport; timeout 5 ${start} ${options} | grep -m1 '"ev":"ready"'`,
    );
    expect(said.stdout).toContain('sallyport://127.0.0.1:38430');
  });

  test.each([
    ['the package', '/usr/bin/sallyport'],
    ['the bare file', '/opt/sallyport'],
  ])(
    '%s hosts and joins through two NATs',
    (_, path) => {
      rmSync(join(root, 'run/lab'), { recursive: true, force: true });
      const shown = run([process.execPath, compiled('lab/demo.js')], {
        ...{ SALLYPORT_LAB_COMMAND: `${inside} ${path}`, SALLYPORT_DEMO_INSTALL: 'no', HOME: process.env.HOME },
      });
      expect(shown.stdout).toMatch(/connected in \d+ ms/);
      expect(shown.status).toBe(0);
    },
    RUN_MS,
  );
});

describe('units and words of the package', () => {
  test.skipIf(!existsSync('/usr/bin/systemd-analyze'))('systemd finds nothing wrong with the units', async () => {
    const { units } = await import('../../packaging/units.ts');
    for (const [name, text] of Object.entries(units())) {
      const file = join(folder, name);
      writeFileSync(file, text.replaceAll('/usr/bin/sallyport', '/usr/bin/env'));
      const { stderr } = run([
        'systemd-analyze',
        'verify',
        '--man=no',
        name.includes('@') ? file.replace('@', '@30000') : file,
      ]);
      expect(stderr, name).toBe('');
    }
  });
});
