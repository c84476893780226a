/** What `transfer.ts` prints, for whoever has started it. */
import type { Game } from './games.ts';
import type { LabProcess } from './process.ts';
import { compiled } from './puppeteer.ts';
import type { LabHost } from './topology.ts';
import type { PingReport, TransferReport } from './transfer.ts';

export const TRANSFER_PORT = 30_080;

/** A server of TCP that sends and takes bytes. It has no status to ask for. */
export const transferGame: Game = {
  name: 'a server of bytes',
  port: TRANSFER_PORT,
  services: `${TRANSFER_PORT}/tcp,${TRANSFER_PORT + 1}/udp`,
  argv: [process.execPath, compiled('lab/transfer.js'), 'serve', String(TRANSFER_PORT)],
  status: async () => '',
};

export function startTransfer(on: LabHost, what: 'get' | 'put', at: string, bytes: number): LabProcess {
  const [address = '', port = ''] = at.split(':');
  return on.spawn([process.execPath, compiled('lab/transfer.js'), what, address, port, String(bytes)]);
}

function reportOf(text: string): TransferReport | null {
  return text.startsWith('{') ? (JSON.parse(text) as TransferReport) : null;
}

/** A game beside it, at `at`: what its datagrams' round trips take in so many seconds. */
export async function pings(on: LabHost, at: string, seconds: number): Promise<PingReport> {
  const [address = '', port = ''] = at.split(':');
  const program = on.spawn([process.execPath, compiled('lab/transfer.js'), 'ping', address, port, String(seconds)]);
  return await program.find(
    ({ text }) => (text.startsWith('{') ? (JSON.parse(text) as { readonly pings: PingReport }).pings : null),
    (seconds + 10) * 1_000,
  );
}

/** Waits until so many bytes have come through. */
export async function progress(program: LabProcess, bytes: number, timeoutMs: number): Promise<TransferReport> {
  return await program.find(({ text }) => {
    const report = reportOf(text);
    return report !== null && report.bytes >= bytes ? report : null;
  }, timeoutMs);
}

export async function transferred(program: LabProcess, timeoutMs: number): Promise<Required<TransferReport>> {
  return await program.find(({ text }) => {
    const report = reportOf(text);
    return report?.got === undefined ? null : (report as Required<TransferReport>);
  }, timeoutMs);
}
