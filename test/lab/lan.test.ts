/** Servers on the local network by real multicast, in a network namespace of its own with one cable besides loopback. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { describeUnless, labMissing } from '../support.ts';

const AGENT = new URL('../../dist/src/agent/index.js', import.meta.url).href;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const KEY = `CQ${'A'.repeat(41)}`;

/** Prelude of the scripts: a host that is announced for a masterserver at `address`. */
function said(address: string, open: boolean): string {
  return `
    import { createSocket } from 'node:dgram';
    import { announceOnLan, listenOnLan } from ${JSON.stringify(AGENT)};
    const hostKey = Uint8Array.from({ length: 32 }, (_, i) => i + 65);
    const said = () => ({ public: ${open}, code: 'K7TQ9RBWXM', name: 'Arena', game: 'luanti', hostKey });
    const announce = () => announceOnLan('sallyport://${address}:8430/#${KEY}', said);
  `;
}

/** Announces and prints the first servers that a listener has heard and measured, or nothing after `patienceMs`. */
function script(address: string, open: boolean, known: string, patienceMs: number): string {
  return `
    ${said(address, open)}
    listenOnLan(() => ${known}, (servers) => {
      if (servers[0].pingMs === null) return;
      console.log(JSON.stringify(servers));
      process.exit(0);
    });
    setTimeout(announce, 200);
    setTimeout(() => process.exit(0), ${patienceMs});
  `;
}

/** Prints the first `count` datagrams that the group hears, with the ports they come from. */
function overhear(count: number): string {
  return `
    ${said('10.7.0.9', false)}
    const ear = createSocket({ type: 'udp4', reuseAddr: true });
    const heard = [];
    ear.on('message', (bytes, from) => {
      heard.push({ text: bytes.toString('latin1'), port: from.port });
      if (heard.length < ${count}) return;
      console.log(JSON.stringify(heard));
      process.exit(0);
    });
    ear.bind(8429, () => {
      ear.addMembership('239.255.84.30');
      announce();
    });
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
  const measured = { pingMs: expect.any(Number), pingGivenUp: false };

  test('a public host is heard with its code, name, game and address, and answers a ping', async () => {
    expect(JSON.parse(await inLan(script('10.7.0.9', true, '[]', 30_000)))).toEqual([
      { code: 'K7TQ9RBWXM', name: 'Arena', game: 'luanti', address: '10.7.0.1', ...measured },
    ]);
  });

  test('a private host is heard by who knows its key, and by nobody else', async () => {
    const known = "[{ code: 'K7TQ9RBWXM', hostKey, name: 'Den' }]";
    expect(JSON.parse(await inLan(script('10.7.0.9', false, known, 30_000)))).toEqual([
      { code: 'K7TQ9RBWXM', name: 'Den', game: '', address: '10.7.0.1', ...measured },
    ]);
    expect(await inLan(script('10.7.0.9', false, '[]', 4_000))).toBe('');
  });

  test('what a private host sends has neither code nor name, and nothing twice, not even its port', async () => {
    const heard = JSON.parse(await inLan(overhear(4))) as { text: string; port: number }[];
    for (const { text } of heard) expect(text).not.toMatch(/K7TQ|9RBW|Arena|luanti/i);
    expect(new Set(heard.map(({ port }) => port)).size).toBe(4);
    const parts = heard.flatMap(({ text }) => Object.values(JSON.parse(text.slice(text.indexOf('{'))) as object));
    expect(new Set(parts).size).toBe(8);
  });

  test('a host whose masterserver is on its own computer says nothing: nobody else could join', async () => {
    expect(await inLan(script('127.0.0.1', true, '[]', 4_000))).toBe('');
  });
});
