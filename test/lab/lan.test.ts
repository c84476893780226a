/** Servers on the local network by real multicast, in a network namespace of its own with one cable besides loopback. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { describeUnless, labMissing } from '../support.ts';

const AGENT = new URL('../../dist/src/agent/index.js', import.meta.url).href;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const KEY = 'A'.repeat(43);

/** Announces for a masterserver at `address` and prints the first servers that a listener has heard and measured, or nothing after `patienceMs`. */
function script(address: string, patienceMs: number): string {
  return `
    import { announceOnLan, listenOnLan } from ${JSON.stringify(AGENT)};
    const heard = listenOnLan((servers) => {
      if (servers[0].pingMs === null) return;
      console.log(JSON.stringify(servers));
      process.exit(0);
    });
    setTimeout(() => {
      const said = () => ({ code: 'K7TQ9RBWHM', name: 'Arena', game: 'luanti' });
      announceOnLan('sallyport://${address}:8430/#${KEY}', said);
    }, 200);
    setTimeout(() => process.exit(0), ${patienceMs});
  `;
}

async function inLan(node: string): Promise<string> {
  const setUp =
    'ip link set lo up && ip link add lan0 type veth peer name lan1 && ip link set lan1 up && ip addr add 10.7.0.1/24 dev lan0 && ip link set lan0 up';
  const command = `${setUp} && ip route add 239.0.0.0/8 dev lan0 && exec "$0" --input-type=module -e "$1"`;
  const args = ['--map-root-user', '--net', 'sh', '-c', command, process.execPath, node];
  return (await promisify(execFile)('unshare', args, { cwd: ROOT })).stdout.trim();
}

describeUnless(labMissing(), 'on one local network', () => {
  test('a host that announces itself is heard with its code, name, game and address, and answers a ping', async () => {
    const measured = { pingMs: expect.any(Number), pingGivenUp: false };
    expect(JSON.parse(await inLan(script('10.7.0.9', 30_000)))).toEqual([
      { code: 'K7TQ9RBWHM', name: 'Arena', game: 'luanti', address: '10.7.0.1', ...measured },
    ]);
  });

  test('a host whose masterserver is on its own computer says nothing: nobody else could join', async () => {
    expect(await inLan(script('127.0.0.1', 4_000))).toBe('');
  });
});
