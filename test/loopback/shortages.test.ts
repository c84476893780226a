/** What a program does where its computer is short of something else than descriptors (`descriptors.test.ts`): ports, leave to send. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { outcomeCode } from '../../src/node/testing.ts';

const SCRIPT = fileURLToPath(new URL('../../dist/test/loopback/few-ports.js', import.meta.url));
const NAMESPACES = spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset']).status === 0;
if (!NAMESPACES) console.warn('SKIPPED shortages: no network namespaces here (root on Linux with nftables has them).');

test.skipIf(!NAMESPACES)(
  'with no port left nothing is opened, kept open or taken for another network; what may not be sent ends nobody',
  () => {
    const { stdout, stderr } = spawnSync('unshare', ['--net', process.execPath, SCRIPT], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const told = JSON.parse(stdout);
    expect(told.opened).toBeGreaterThanOrEqual(5);
    expect(told).toMatchObject({ refused: 'in-use', looks: 'EADDRINUSE', grown: 0, same: true, changes: 0 });
    expect(told).toMatchObject({ denied: ['EPERM'], later: [] });
  },
);

test('a system that is short of memory or descriptors is told apart from one that forbids', () => {
  expect(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'].map(outcomeCode)).toEqual(Array(4).fill('limit'));
  expect(['EADDRINUSE', 'EPERM', 'EAFNOSUPPORT'].map(outcomeCode)).toEqual(['in-use', 'denied', 'unsupported']);
});
