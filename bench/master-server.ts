/** The masterserver under test, in a process of its own so that it can be pinned to a core. Speaks to its parent by IPC. */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { startMaster } from '../src/master/index.ts';

export interface Usage {
  /** After a garbage collection that does not compact the heap, as V8 does under load. */
  readonly rssBytes: number;
  /** After one that compacts it, as V8 does when a process has been idle for some seconds. */
  readonly compactRssBytes: number;
  readonly heapBytes: number;
  /** Array buffers included. */
  readonly externalBytes: number;
}

const [port = '29000', stateDir = '', hook = '', udp = 'dgram', relay] = process.argv.slice(2);
/** More than a loopback interface takes. */
const UNLIMITED = ['pair=900000000k', 'total=900000000k', 'host-day=900000T', 'address-day=900000T'].concat([
  ...['network-day=900000T', 'total-day=900000T'],
]);
const master = await startMaster({
  ...{ listen: ['127.0.0.1'], port: Number(port), http: '127.0.0.1:0', metrics: null, stateDir },
  relay: relay === undefined ? null : { quotas: UNLIMITED },
  ...{ testJoins: null, logLevel: 'silent', nativeUdp: udp === 'native' },
  webhooks: [{ url: hook, body: 'json', events: ['host.listed', 'host.gone'] }],
});

async function collect(): Promise<void> {
  for (let i = 0; i < 4; i += 1) {
    globalThis.gc?.();
    await sleep(20);
  }
}

async function usage(): Promise<Usage> {
  await collect();
  const { rss } = process.memoryUsage();
  setFlagsFromString('--compact-on-every-full-gc');
  await collect();
  setFlagsFromString('--no-compact-on-every-full-gc');
  const { rss: compact, heapUsed, external } = process.memoryUsage();
  return { rssBytes: rss, compactRssBytes: compact, heapBytes: heapUsed, externalBytes: external };
}

process.on('message', async (message) => {
  if (message === 'usage') process.send?.(await usage());
  if (message === 'cpu') {
    const { user, system } = process.cpuUsage();
    process.send?.((user + system) / 1000);
  }
  if (message === 'stop') {
    await master.close();
    process.exit(0);
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ link: master.link, http: master.http });
