/** The masterserver under test, in a process of its own so that it can be pinned to a core. Speaks to its parent by IPC. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMaster } from '../src/master/index.ts';

export interface Usage {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly cpuMs: number;
}

const stateDir = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
const port = Number(process.argv[2] ?? 29_000);
const master = await startMaster({
  ...{ listen: ['127.0.0.1'], port, http: '127.0.0.1:0', metrics: '127.0.0.1:0', stateDir },
  ...{ testJoins: null, logLevel: 'silent' },
});

async function usage(): Promise<Usage> {
  for (let i = 0; i < 4; i += 1) {
    globalThis.gc?.();
    await sleep(20);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return { rssBytes: rss, heapBytes: heapUsed, externalBytes: external, cpuMs: (user + system) / 1000 };
}

process.on('message', async (message) => {
  if (message === 'usage') process.send?.(await usage());
  if (message === 'cpu') {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1000, userMs: user / 1000 });
  }
  if (message === 'stop') {
    await master.close();
    rmSync(stateDir, { recursive: true, force: true });
    process.exit(0);
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ link: master.link, http: master.http, metrics: master.metrics });
