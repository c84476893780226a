/** Real game servers to reach, and how a program asks them for their status. */
import { existsSync } from 'node:fs';
import { compiled, type Puppet } from './puppeteer.ts';

export interface Game {
  readonly name: string;
  readonly port: number;
  /** As `sallyport host` takes it; default: the port over UDP. */
  readonly services?: string;
  readonly argv: readonly string[];
  /** Asks for the status over UDP at `address:port` as seen from the puppet's host, and gives the server's answer as text. */
  status(puppet: Puppet, socket: string, address: string, port: number): Promise<string>;
}

/** Teeworlds says nothing at all for some seconds after its start, now and then. */
const ANSWER_MS = 30_000;
/** A game's client asks again when nothing comes. */
const REPEAT_MS = 500;

interface Question {
  readonly puppet: Puppet;
  readonly socket: string;
  readonly address: string;
  readonly port: number;
}

/** The first answer that starts with `start`; late ones to questions before are passed over. */
async function ask({ puppet, socket, address, port }: Question, text: string, start: string): Promise<string> {
  const seen = puppet.count(socket);
  const send = (): void => puppet.send(socket, address, port, text);
  const repeat = setInterval(send, REPEAT_MS);
  send();
  let index = 0;
  try {
    const answer = await puppet.find((event) => {
      if (event.ev !== 'received' || event.socket !== socket || index++ < seen) return null;
      return event.text.startsWith(start) ? event : null;
    }, ANSWER_MS);
    return answer.text;
  } finally {
    clearInterval(repeat);
  }
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
    const server = { puppet, socket, address, port };
    const token = (await ask(server, request, '\x04')).slice(8, 12);
    const info = await ask(server, `\x21${token}${ours}\xff\xff\xff\xffgie3\x05`, '!');
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
  status: (puppet, socket, address, port) => ask({ puppet, socket, address, port }, 'status?', ''),
};

/** Counts what comes and how long nothing does (`lab/counter.ts`). It has no status to ask for. */
export const countingGame: Game = {
  name: 'a counter of ours',
  port: 30_000,
  argv: [process.execPath, compiled('lab/counter.js'), 'listen', '30000'],
  status: async () => '',
};

/** Debian's Teeworlds server where it is installed. */
export function realGame(): Game | null {
  return existsSync(TEEWORLDS_SERVER) ? teeworlds : null;
}
