/**
 * The program the lab runs on a host to send and receive single datagrams: a machine like every other of this project, run by
 * the same driver, so what it shows of sockets and TTLs holds for the product. It reads one JSON command a line from stdin
 * and prints one JSON event a line; see `puppeteer.ts` for the other end of the strings.
 */
import { createInterface } from 'node:readline';
import {
  type Endpoint,
  type Instant,
  type Machine,
  NEVER,
  type Output,
  outputs,
  type SocketId,
  type SocketOutcome,
} from '../src/core/index.ts';
import { drive } from '../src/node/index.ts';
import type { PuppetCommand, PuppetEvent } from './puppeteer.ts';

class PuppetMachine implements Machine<PuppetCommand, PuppetEvent> {
  readonly #outputs = outputs<PuppetEvent>();
  readonly #names = new Map<string, SocketId>();
  readonly #opened: Extract<PuppetCommand, { readonly do: 'open' }>[] = [];

  handleCommand(_now: Instant, command: PuppetCommand): void {
    if (command.do === 'open') {
      const id = this.#opened.push(command);
      this.#names.set(command.socket, id);
      this.#outputs.open(id, 4, command.port, command.address);
      return;
    }
    if (command.do === 'sync') {
      this.#outputs.event({ ev: 'synced', number: command.number });
      return;
    }
    const socket = this.#names.get(command.socket);
    if (socket === undefined) {
      this.#outputs.event({ ev: 'error', text: `no socket ${command.socket}` });
      return;
    }
    const to = { address: command.address, port: command.port };
    this.#outputs.transmit(socket, to, Buffer.from(command.text, 'latin1'), command.ttl);
  }

  handleSocket(_now: Instant, id: SocketId, outcome: SocketOutcome): void {
    const { socket } = this.#opened[id - 1]!;
    this.#outputs.event(
      outcome.ok
        ? { ev: 'opened', socket, port: outcome.local.port }
        : { ev: 'error', text: `${socket}: ${outcome.code}` },
    );
  }

  handleDatagram(_now: Instant, id: SocketId, from: Endpoint, bytes: Uint8Array): void {
    const { socket, answer } = this.#opened[id - 1]!;
    const text = Buffer.from(bytes).toString('latin1');
    this.#outputs.event({ ev: 'received', socket, address: from.address, port: from.port, text });
    if (answer === 'observed') {
      this.#outputs.transmit(id, from, Buffer.from(`seen ${from.address} ${from.port}`));
    }
  }

  handleTimeout(): void {}

  poll(): Output<PuppetEvent> {
    return this.#outputs.next(NEVER);
  }
}

const driver = drive(new PuppetMachine(), {
  onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  onFault: (error) => {
    throw error;
  },
});
createInterface({ input: process.stdin })
  .on('line', (line) => driver.command(JSON.parse(line) as PuppetCommand))
  .on('close', () => driver.dispose());
