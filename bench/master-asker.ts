/**
 * Somebody who looks at the masterserver's page while hosts speak to it, and who receives its webhooks: a process of its own,
 * because the load tool blocks. Speaks to its parent by IPC.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Question {
  readonly url: string;
  readonly count: number;
  readonly restMs: number;
  /** Appended with a number, so that no answer comes from the cache. */
  readonly fresh: boolean;
}

let deliveries = 0;
const receiver = createServer((_request, response) => {
  deliveries += 1;
  response.end();
});
receiver.listen(0, '127.0.0.1', () => {
  process.send?.(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`);
});

/** Milliseconds until the last byte of each answer. */
async function ask({ url, count, restMs, fresh }: Question): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const at = performance.now();
    const response = await fetch(fresh ? `${url}${i}` : url, { headers: { 'accept-encoding': 'gzip' } });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`list: ${response.status}`);
    times.push(performance.now() - at);
    await sleep(restMs);
  }
  return times;
}

process.on('message', async (message: Question | 'deliveries') => {
  process.send?.(message === 'deliveries' ? deliveries : await ask(message));
});
process.on('disconnect', () => process.exit(0));
