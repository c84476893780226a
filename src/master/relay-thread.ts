/** Starts the relay of a master in a thread of its own, tells it the bans, and knows what it counts. */
import { Worker } from 'node:worker_threads';
import type { Endpoint, RelayCounters, RelayQuotas, TableState } from '../core/index.ts';
import { SallyportError, threadCode } from '../node/index.ts';
import type { RelayRule } from './relay-rules.ts';

export interface RelayWorkerData {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly secret: Uint8Array;
  readonly masterKey: Uint8Array;
  readonly quotas: Partial<RelayQuotas>;
  readonly rules: readonly RelayRule[];
  readonly nativeUdp: boolean;
}
export type RelayOrder =
  | { readonly kind: 'rules'; readonly rules: readonly RelayRule[] }
  | { readonly kind: 'datagram'; readonly via: number; readonly from: Endpoint; readonly bytes: Uint8Array };
export type RelayReport =
  | { readonly kind: 'failed'; readonly why: string }
  | {
      readonly kind: 'counters';
      readonly counters: RelayCounters;
      readonly tables: readonly TableState[];
      /** Datagrams that the line has not taken in time. */
      readonly congested: number;
    }
  | { readonly kind: 'send'; readonly via: number; readonly to: Endpoint; readonly bytes: Uint8Array };

export type RelayFigures = Extract<RelayReport, { kind: 'counters' }>;

export interface RelayThread {
  /** At most a second old. */
  figures(): RelayFigures;
  rules(rules: readonly RelayRule[]): void;
  /**
   * A datagram for the relay (first byte 0xd8 or 0xd9) that has come by another way than its port: a tunnel, a port that does
   * everything. `via`: a number below 0 that names the way; `onSend` gets it with what goes back.
   */
  receive(via: number, from: Endpoint, bytes: Uint8Array): void;
  close(): Promise<void>;
}

export interface RelayThreadOptions extends RelayWorkerData {
  readonly onFault: (error: Error) => void;
  readonly onSend?: (via: number, to: Endpoint, bytes: Uint8Array) => void;
}

export async function startRelayThread({ onFault, onSend, ...data }: RelayThreadOptions): Promise<RelayThread> {
  const thread = threadCode('relay-worker');
  const worker = new Worker(thread.code, { eval: thread.eval, workerData: data });
  const post = (order: RelayOrder): void => worker.postMessage(order);
  let figures: RelayFigures | null = null;
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('error', reject);
      worker.on('message', (report: RelayReport) => {
        if (report.kind === 'send') onSend?.(report.via, report.to, report.bytes);
        else if (report.kind === 'failed') reject(portTaken(report.why));
        else {
          figures = report;
          resolve();
        }
      });
    });
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  worker.removeAllListeners('error');
  worker.on('error', onFault);
  return {
    figures: () => figures as RelayFigures,
    rules: (rules) => post({ kind: 'rules', rules }),
    receive: (via, from, bytes) => post({ kind: 'datagram', via, from, bytes }),
    close: async () => void (await worker.terminate()),
  };
}

export function portTaken(why: string): SallyportError {
  return new SallyportError('PORT_TAKEN', {
    detail: `The relay can't be bound (${why}). Give another --relay-port, or --relay off.`,
  });
}
