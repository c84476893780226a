/**
 * The program the lab runs on a host to send and receive single datagrams. It reads one JSON command a line from stdin
 * and prints one JSON event a line; see `puppeteer.ts` for the other end of the strings.
 */
import { createSocket, type Socket } from 'node:dgram';
import { createInterface } from 'node:readline';
import type { PuppetCommand, PuppetEvent } from './puppeteer.ts';

const sockets = new Map<string, Socket>();

function say(event: PuppetEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function open(command: Extract<PuppetCommand, { readonly do: 'open' }>): void {
  const socket = createSocket({
    type: 'udp4',
    // With the default lookup a send is deferred, and the TTL set for one datagram would apply to another.
    lookup: (host, _options, callback) => callback(null, host, 4),
  });
  sockets.set(command.socket, socket);
  socket.on('error', (error) => say({ ev: 'error', text: `${command.socket}: ${error.message}` }));
  socket.on('message', (bytes, from) => {
    const text = bytes.toString('latin1');
    say({ ev: 'received', socket: command.socket, address: from.address, port: from.port, text });
    if (command.answer === 'observed') socket.send(`seen ${from.address} ${from.port}`, from.port, from.address);
  });
  socket.bind(command.port, command.address, () => {
    say({ ev: 'opened', socket: command.socket, port: socket.address().port });
  });
}

function send(command: Extract<PuppetCommand, { readonly do: 'send' }>): void {
  const socket = sockets.get(command.socket);
  if (!socket) {
    say({ ev: 'error', text: `no socket ${command.socket}` });
    return;
  }
  if (command.ttl !== undefined) socket.setTTL(command.ttl);
  socket.send(command.text, command.port, command.address);
  if (command.ttl !== undefined) socket.setTTL(64);
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line) as PuppetCommand;
    if (command.do === 'open') open(command);
    else send(command);
  })
  .on('close', () => process.exit(0));
