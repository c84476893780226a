/** Real game servers to reach, and how a program asks them for their status. */
import { existsSync } from 'node:fs';
import { compiled, type Puppet, type Received } from './puppeteer.ts';

export interface Game {
  readonly name: string;
  readonly port: number;
  readonly argv: readonly string[];
  /** Asks for the status over UDP at `address:port` as seen from the puppet's host, and gives the server's answer as text. */
  status(puppet: Puppet, socket: string, address: string, port: number): Promise<string>;
}

const ANSWER_MS = 3_000;

async function ask(puppet: Puppet, socket: string, address: string, port: number, text: string): Promise<string> {
  const seen = puppet.count(socket);
  puppet.send(socket, address, port, text);
  const answer: Received = await puppet.nth(socket, seen, ANSWER_MS);
  return answer.text;
}

const TEEWORLDS_SERVER = '/usr/games/teeworlds-server';
/** Teeworlds 0.7 network.h: header of 7 bytes, control flag 1 << 2, no token yet; TOKEN = control message 5, padded to 512. */
const TOKEN_REQUEST_BYTES = 512;

/** Teeworlds 0.7: a token against address forgery first, then the connectionless packet `gie3`. */
const teeworlds: Game = {
  name: 'teeworlds-server',
  port: 8303,
  argv: [TEEWORLDS_SERVER, 'sv_port 8303; sv_name Sallyport lab; sv_register 0'],
  async status(puppet, socket, address, port) {
    const ours = '\x01\x02\x03\x04';
    const request = `\x04\0\0\xff\xff\xff\xff\x05${ours}`.padEnd(8 + TOKEN_REQUEST_BYTES, '\0');
    const token = (await ask(puppet, socket, address, port, request)).slice(8, 12);
    const info = await ask(puppet, socket, address, port, `\x21${token}${ours}\xff\xff\xff\xffgie3\x05`);
    if (!info.includes('inf3')) throw new Error(`teeworlds-server gave no status but ${JSON.stringify(info)}`);
    return info
      .slice(info.indexOf('inf3') + 5)
      .split('\0')
      .slice(0, 2)
      .join(' ');
  },
};

/** Where no real server is installed: answers `status?` with one line. */
export const tinyGame: Game = {
  name: 'a tiny server of ours',
  port: 30_000,
  argv: [process.execPath, compiled('lab/tiny-game.js'), '30000'],
  status: (puppet, socket, address, port) => ask(puppet, socket, address, port, 'status?'),
};

/** Debian's Teeworlds server where it is installed. */
export function realGame(): Game | null {
  return existsSync(TEEWORLDS_SERVER) ? teeworlds : null;
}
