/** The sockets by which programs of friends sit before a server: at an address and a port that are theirs. */
import { createSocket, type Socket } from 'node:dgram';
import { familyOf } from '../core/index.ts';
import { AGENT_LIMITS } from './limits.ts';

export interface SeatAt {
  readonly address: string;
  readonly port: number;
  /** Further sockets of the same seat, towards other servers, are to have the same address and port. */
  readonly shared: boolean;
}

/** Why there is no socket: the address is none that this system gives, or there is no room for a socket just now. */
export type NoSocket = 'address' | 'room';

/** What errno says of a system that is short of something: another time there may be enough. */
const SHORT_OF = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRINUSE']);

/** At the port, or at the next that is free after it; where many are taken, at any. */
export function freeSocket({ address, port, shared }: SeatAt): Socket | NoSocket {
  const { seatPortFirst, seatPorts, seatPortTries } = AGENT_LIMITS;
  for (let tried = 0; tried <= seatPortTries; tried++) {
    const next = seatPortFirst + ((port - seatPortFirst + tried) % seatPorts);
    const at = { address, port: tried < seatPortTries ? next : 0, shared };
    const socket = shared ? firstOfSeat(at) : boundSocket(at);
    if (typeof socket !== 'string') return socket;
    if (socket !== 'EADDRINUSE') return noSocket(socket);
  }
  return 'room';
}

/** What the name of an error comes to. */
export function noSocket(code: string): NoSocket {
  return SHORT_OF.has(code) ? 'room' : 'address';
}

/** A port that sockets may share would seem free while another seat has it: who does not share it tells. */
function firstOfSeat(at: SeatAt): Socket | string {
  const probe = boundSocket({ ...at, shared: false });
  if (typeof probe === 'string') return probe;
  const { port } = probe.address();
  probe.close();
  return boundSocket({ ...at, port });
}

/** Bound when this returns; the name of the error where the system refuses. */
export function boundSocket({ address, port, shared }: SeatAt): Socket | string {
  const family = familyOf(address);
  const lookup = (
    host: string,
    _options: unknown,
    done: (error: null, address: string, family: number) => void,
  ): void => done(null, host, family);
  const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', lookup, reuseAddr: shared });
  let failed: string | null = null;
  const onError = ({ code = '' }: NodeJS.ErrnoException): void => {
    failed = code;
  };
  socket.on('error', onError);
  socket.bind({ address, port, exclusive: true });
  socket.off('error', onError);
  if (failed === null) return socket;
  socket.close();
  return failed;
}
