import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compiled, labAvailability, openLab, openSandbox, Puppet } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

/** Every process in the process-id namespace of `holder`, which is process 1 there. */
function processesBeside(holder: number): number[] {
  const namespaceOf = (pid: number): string => {
    try {
      return readlinkSync(`/proc/${pid}/ns/pid`);
    } catch {
      return '';
    }
  };
  const namespace = namespaceOf(holder);
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => namespace !== '' && namespaceOf(pid) === namespace);
}

async function until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  return condition();
}

const KILLED_LAB = `
import { openLab } from '${compiled('lab/index.js')}';
const lab = await openLab();
const host = await lab.publicHost('victim');
const program = host.spawn(['sh', '-c', 'trap "" TERM HUP INT; echo up; while :; do sleep 1; done']);
await program.find((line) => line.text === 'up' || null, 5000);
console.log(lab.sandbox.holderPid);
setInterval(() => {}, 1000);
`;

describeUnless(labMissing(), 'a sandbox', () => {
  test('vanishes with everything in it when its owner is killed with SIGKILL', async () => {
    const owner = spawn(process.execPath, ['--input-type=module', '-e', KILLED_LAB], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(owner.stdout, 'data');
    const holder = Number(String(line));
    const inside = processesBeside(holder);
    expect(inside.length).toBeGreaterThanOrEqual(2);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    // A network namespace lives as long as a process or a mount holds it; both are gone with the last process.
    expect(await until(() => inside.every((pid) => !existsSync(`/proc/${pid}`)), 20_000)).toBe(true);
  });

  test('closes although a program in it ignores SIGTERM', async () => {
    const lab = await openLab();
    const host = await lab.publicHost('stubborn');
    const program = host.spawn(['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 1; done']);
    await program.find((line) => line.text === 'up' || null, 20_000);
    await lab.close();
    expect(program.running).toBe(false);
  });

  test('runs in an unprivileged user namespace', async () => {
    expect(labAvailability({ userNamespace: true })).toEqual({ ok: true, userNamespace: true });
    const lab = await openLab({ userNamespace: true });
    const nat = await lab.nat('gate', 'home-router');
    const inside = new Puppet(await lab.hostBehind(nat, 'inside'));
    const server = new Puppet(await lab.publicHost('server'));
    await server.open('s', 4_000);
    await inside.open('s', 40_000);
    inside.send('s', server.host.address, 4_000, 'hello');
    expect(await server.received('hello')).toMatchObject({ address: nat.external, port: 40_000 });
    await lab.close();
  });

  test('two labs with the same names and addresses do not see each other', async () => {
    const [one, two] = await Promise.all([openLab(), openLab()]);
    const servers = await Promise.all([one, two].map(async (lab) => new Puppet(await lab.publicHost('server'))));
    const clients = await Promise.all([one, two].map(async (lab) => new Puppet(await lab.publicHost('client'))));
    await Promise.all([...servers, ...clients].map((puppet) => puppet.open('s', 4_000)));
    clients[0]!.send('s', servers[0]!.host.address, 4_000, 'for the first');
    await servers[0]!.received('for the first');
    expect(servers[1]!.hasReceived('for the first')).toBe(false);
    await Promise.all([one.close(), two.close()]);
  });

  test('says what went wrong when a command in it fails', async () => {
    const sandbox = await openSandbox();
    await expect(sandbox.shell('ip link set nowhere up')).rejects.toThrow('Cannot find device');
    await sandbox.close();
  });
});
