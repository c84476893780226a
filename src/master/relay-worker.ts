/**
 * The relay in a thread of its own (`relay-thread.ts` starts it): a flood at its port, or pairs that send all they may, leave the
 * introductions of the master alone.
 */
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { relayKeys } from '../core/index.ts';
import { nativeUdp, nodeCrypto } from '../node/index.ts';
import { SERVER_LIMITS } from './limits.ts';
import { admitsBy } from './relay-rules.ts';
import { openRelaySockets } from './relay-sockets.ts';
import type { RelayOrder, RelayReport, RelayWorkerData } from './relay-thread.ts';

const data = workerData as RelayWorkerData;
// On Linux a priority is a thread's: where cores are short, who wants to be introduced goes first. A master that was started with
// less than that (by nice, or a unit) keeps it: only root may raise one.
if (process.platform === 'linux') setPriority(0, Math.max(getPriority(0), SERVER_LIMITS.relayNice));
const post = (report: RelayReport): void => parentPort?.postMessage(report);
let admits = admitsBy(data.rules, Date.now);

const opened = openRelaySockets({
  ...{ addresses: data.addresses, port: data.port, quotas: data.quotas },
  ...{ crypto: nodeCrypto, keys: relayKeys(nodeCrypto, data.secret, data.masterKey), wallClock: Date.now },
  ...(data.nativeUdp ? { openSocket: await nativeUdp() } : {}),
  admits: (who, from) => admits(who, from),
  // The bytes are a part of what the socket will write over.
  elsewhere: (via, to, bytes) => post({ kind: 'send', via, to, bytes: bytes.slice() }),
});

if (typeof opened === 'string') post({ kind: 'failed', why: opened });
else {
  const { relay } = opened;
  const report = (): void =>
    post({ kind: 'counters', counters: relay.counters(), tables: relay.tables(), congested: opened.congested });
  parentPort?.on('message', (order: RelayOrder) => {
    if (order.kind === 'datagram') opened.receive(order.via, order.from, order.bytes);
    else {
      admits = admitsBy(order.rules, Date.now);
      relay.expel();
    }
  });
  report();
  setInterval(report, SERVER_LIMITS.relayReportMs);
}
