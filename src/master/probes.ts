/**
 * Probe ports on worker threads. One worker everywhere; several where Node can share a port between threads (`reusePort`,
 * from 22.12 on), because an answer may have to leave from another port than the question came to.
 */
import { Worker } from 'node:worker_threads';
import { CONTROL_PORTS, type MasterCommand, type MasterCounters, type MasterEvent } from '../core/index.ts';
import { SallyportError, threadCode } from '../node/index.ts';

export interface ProbeWorkerData {
  readonly addresses: readonly string[];
  readonly firstPort: number;
  readonly reusePort: boolean;
}
export type ProbeMessage =
  | { readonly kind: 'key'; readonly session: number; readonly key: Uint8Array }
  | { readonly kind: 'over'; readonly session: number };
/** A question has come through, the first from outside to this address. */
export interface ProbeHeard {
  readonly kind: 'heard';
  readonly address: string;
  readonly from: string;
}
export interface ProbeReport {
  readonly kind: 'ready' | 'counters';
  /** Why the ports can't be bound. */
  readonly failure: string | null;
  readonly probes: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly limited: Readonly<Record<string, number>>;
}

export interface ProbeWorkers {
  readonly size: number;
  event(event: MasterEvent): void;
  /** Who is to hear what the machine is to know. */
  tells(command: (command: MasterCommand) => void): void;
  /** The machine's counters with those of the workers added. */
  counters(own: MasterCounters): MasterCounters;
  close(): Promise<void>;
}

export interface ProbeWorkerOptions {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly workers: number;
  readonly onFault: (error: Error) => void;
}

export async function startProbeWorkers(options: ProbeWorkerOptions): Promise<ProbeWorkers> {
  const shared = canReusePort();
  const count = shared ? options.workers : 1;
  const data: ProbeWorkerData = {
    addresses: options.addresses,
    firstPort: options.port + 1 + CONTROL_PORTS,
    reusePort: shared && count > 1,
  };
  const thread = threadCode('probe-worker');
  const workers = Array.from({ length: count }, () => new Worker(thread.code, { eval: thread.eval, workerData: data }));
  const reports: (ProbeReport | null)[] = workers.map(() => null);
  const note = (i: number, report: ProbeReport): void => {
    reports[i] = report;
  };
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.terminate()));
  };
  try {
    await Promise.all(workers.map((worker, i) => ready(worker, (report) => note(i, report))));
  } catch (error) {
    await close();
    throw error;
  }
  for (const worker of workers) worker.on('error', options.onFault);
  let command = (_command: MasterCommand): void => {};
  const heard = (message: ProbeReport | ProbeHeard): void => {
    if (message.kind === 'heard') command({ do: 'probe-heard', address: message.address, from: message.from });
  };
  for (const worker of workers) worker.on('message', heard);
  const post = (message: ProbeMessage): void => {
    for (const worker of workers) worker.postMessage(message);
  };
  return {
    size: count,
    event(event) {
      if (event.ev === 'probe-key') post({ kind: 'key', session: event.session, key: event.key });
      else if (event.ev === 'probe-key-over') post({ kind: 'over', session: event.session });
    },
    tells: (told) => {
      command = told;
    },
    counters: (own) => reports.reduce((sum, report) => (report === null ? sum : added(sum, report)), own),
    close,
  };
}

function ready(worker: Worker, onReport: (report: ProbeReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', (report: ProbeReport | ProbeHeard) => {
      if (report.kind === 'heard') return;
      onReport(report);
      if (report.kind !== 'ready') return;
      worker.off('error', reject);
      if (report.failure === null) resolve();
      else reject(new SallyportError('PORT_TAKEN', { detail: `A probe port: ${report.failure}.` }));
    });
  });
}

function added(sum: MasterCounters, { probes, dropped, limited }: ProbeReport): MasterCounters {
  const total = (left: Readonly<Record<string, number>>, right: Readonly<Record<string, number>>) => {
    const both = { ...left };
    for (const [name, n] of Object.entries(right)) both[name] = (both[name] ?? 0) + n;
    return both;
  };
  return {
    ...{ ...sum, probes: sum.probes + probes },
    ...{ dropped: total(sum.dropped, dropped), limited: total(sum.limited, limited) },
  };
}

function canReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return process.platform === 'linux' && (major > 22 || (major === 22 && minor >= 12));
}
