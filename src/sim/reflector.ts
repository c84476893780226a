/** The plainest server that tells a sender its address, for reference programs and tests of the simulator itself. */
import type { Endpoint } from '../core/index.ts';
import type { Host } from './host.ts';

/** Answers every datagram on these ports, on each address of the server, with `address port` as text in ASCII. */
export function reflect(server: Host, ports: readonly number[]): Endpoint[] {
  return server.addresses.flatMap((address) =>
    ports.map((port) => {
      const local = { address, port };
      server.bind(local, (packet) =>
        server.send(local, packet.from, asciiOf(`${packet.from.address} ${packet.from.port}`)),
      );
      return local;
    }),
  );
}

/** What a reflector said. */
export function reflected(bytes: Uint8Array): Endpoint {
  const [address = '', port = '0'] = textOf(bytes).split(' ');
  return { address, port: Number(port) };
}

export function asciiOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
