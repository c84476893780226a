/** Drives a `puppet.ts` on a host of the lab: open sockets, send single datagrams, see what arrives. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LabProcess } from './process.ts';
import type { LabHost } from './topology.ts';

export type PuppetCommand =
  | {
      readonly do: 'open';
      readonly socket: string;
      readonly address: string;
      /** 0 = any. */
      readonly port: number;
      /** `observed`: answer each datagram with the address it came from, as a STUN server would. */
      readonly answer: 'nothing' | 'observed';
    }
  | {
      readonly do: 'send';
      readonly socket: string;
      readonly address: string;
      readonly port: number;
      readonly text: string;
      readonly ttl?: number;
    }
  /** Asks for `synced` with the same number. */
  | { readonly do: 'sync'; readonly number: number };

export type PuppetEvent =
  | { readonly ev: 'opened'; readonly socket: string; readonly port: number }
  | Received
  | { readonly ev: 'synced'; readonly number: number }
  | { readonly ev: 'error'; readonly text: string };

export interface Received {
  readonly ev: 'received';
  readonly socket: string;
  readonly address: string;
  readonly port: number;
  readonly text: string;
}

const ANSWER_TIMEOUT_MS = 15_000;

/** A built program of this project, whether we run from the sources (tests) or built. */
export function compiled(path: string): string {
  let folder = fileURLToPath(new URL('.', import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = join(folder, '..');
  return join(folder, 'dist', path);
}

export class Puppet {
  readonly host: LabHost;
  readonly #process: LabProcess;
  #syncs = 0;

  constructor(host: LabHost) {
    this.host = host;
    this.#process = host.spawn([process.execPath, compiled('lab/puppet.js')]);
  }

  #tell(command: PuppetCommand): void {
    this.#process.write(`${JSON.stringify(command)}\n`);
  }

  /** The first event for which `pick` gives something, already seen or still to come. */
  async find<T>(pick: (event: PuppetEvent) => T | null | undefined, timeoutMs = ANSWER_TIMEOUT_MS): Promise<T> {
    return await this.#process.find(
      (line) => (line.stream === 'stdout' ? pick(JSON.parse(line.text) as PuppetEvent) : null),
      timeoutMs,
    );
  }

  /** Opens a socket and gives its port. */
  async open(socket: string, port = 0, options: { address?: string; answer?: 'observed' } = {}): Promise<number> {
    const { address = '0.0.0.0', answer = 'nothing' } = options;
    this.#tell({ do: 'open', socket, address, port, answer });
    return await this.find((event) => {
      if (event.ev === 'error' && event.text.startsWith(`${socket}:`)) throw new Error(event.text);
      return event.ev === 'opened' && event.socket === socket ? event.port : null;
    });
  }

  send(socket: string, address: string, port: number, text: string, ttl?: number): void {
    this.#tell({ do: 'send', socket, address, port, text, ...(ttl === undefined ? {} : { ttl }) });
  }

  /**
   * Resolves when the program has carried out every command so far and has told of every datagram that was in its sockets when
   * this was called. It is asked twice: between its two answers lies a whole turn of its event loop, in which it reads its sockets.
   */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 2; turn++) {
      const number = ++this.#syncs;
      this.#tell({ do: 'sync', number });
      await this.find((event) => (event.ev === 'synced' && event.number === number ? event : null));
    }
  }

  /** Waits for a datagram with exactly this text. */
  async received(text: string, timeoutMs = ANSWER_TIMEOUT_MS): Promise<Received> {
    return await this.find((event) => (event.ev === 'received' && event.text === text ? event : null), timeoutMs);
  }

  #receivedSoFar(): Received[] {
    const events = this.#process.lines.filter((line) => line.stream === 'stdout');
    return events.map((line) => JSON.parse(line.text) as PuppetEvent).filter((event) => event.ev === 'received');
  }

  /** Whether a datagram with this text has arrived so far. */
  hasReceived(text: string): boolean {
    return this.#receivedSoFar().some((event) => event.text === text);
  }

  /** How many datagrams a socket has received so far. */
  count(socket: string): number {
    return this.#receivedSoFar().filter((event) => event.socket === socket).length;
  }

  /** The datagram number `index` (from 0) of a socket, arrived or still to come. */
  async nth(socket: string, index: number, timeoutMs = ANSWER_TIMEOUT_MS): Promise<Received> {
    let seen = 0;
    return await this.find((event) => {
      if (event.ev !== 'received' || event.socket !== socket) return null;
      return seen++ === index ? event : null;
    }, timeoutMs);
  }
}
