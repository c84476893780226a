/**
 * The network of a program that was started with `--fake`: a computer of its own behind a NAT in a world that all such programs of this
 * computer share. The first one makes the world; where that ends, one of the others makes it anew, with the same masterserver, and
 * everybody goes on in it, as after a router's restart.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentNetwork } from '../agent/index.ts';
import type { Endpoint } from '../core/index.ts';
import { type OpenUdpSocket, SallyportError } from '../node/index.ts';
import type { SimClassId } from '../sim/index.ts';
import { joinFakeWorld, serveFakeWorld } from './fake-wire.ts';
import { type FakePlace, FakeWorld, fakeMasterLink } from './fake-world.ts';

export { isFakeNat } from './fake-world.ts';

/** Beside the ports of a masterserver, its relay and its page. */
export const FAKE_PORT = 8439;

import { CLI_LIMITS } from './limits.ts';

/** Linux's default range for sockets bound to port 0. */
const EPHEMERAL = { low: 32_768, high: 60_999 } as const;

export interface FakeNetwork extends AgentNetwork {
  /** Of the masterserver in there. */
  readonly master: string;
  close(): void;
}

interface FakeOptions {
  readonly nat: SimClassId;
  /** TCP, on 127.0.0.1: where the programs of one world meet. */
  readonly port: number;
}

/** Rejects with LOCAL_PORT_BUSY where another kind of program has the port, or the world is full. */
export async function openFakeNetwork(options: FakeOptions): Promise<FakeNetwork> {
  const network = new SharedFake(options);
  await network.begin();
  return network;
}

type Receive = (from: Endpoint, bytes: Uint8Array) => void;

class SharedFake implements FakeNetwork {
  readonly master = fakeMasterLink();
  readonly #options: FakeOptions;
  readonly #sockets = new Map<number, Receive>();
  #place: FakePlace | null = null;
  #address = '';
  #own: { readonly world: FakeWorld; readonly server: { close(): void } } | null = null;
  #again: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: FakeOptions) {
    this.#options = options;
  }

  async begin(): Promise<void> {
    // Two that begin together both find nobody there, and one of them then finds the other.
    for (let tried = 0; tried < CLI_LIMITS.fakeTriesMax; tried++) {
      if (await this.#enter()) return;
      await sleep(CLI_LIMITS.fakeAgainMs);
    }
    const { port } = this.#options;
    throw new SallyportError('LOCAL_PORT_BUSY', {
      detail: `TCP port ${port} of 127.0.0.1, where fake worlds meet, is another program's, or that world is full: give another one by --fake-port.`,
    });
  }

  addresses(): readonly string[] {
    return [this.#address];
  }

  readonly openSocket: OpenUdpSocket = (request, { onDatagram }) => {
    if (request.family !== 4) return { outcome: { ok: false, code: 'unsupported' }, socket: null };
    const port = request.port === 0 ? this.#freePort() : request.port;
    if (port === null || this.#sockets.has(port)) return { outcome: { ok: false, code: 'in-use' }, socket: null };
    this.#sockets.set(port, onDatagram);
    this.#place?.open(port, onDatagram);
    const local = { address: '0.0.0.0', port };
    const socket = {
      ...{ local, queued: 0 },
      send: (to: Endpoint, bytes: Uint8Array, ttl: number | undefined) => this.#place?.send(port, to, bytes, ttl),
      close: () => {
        this.#sockets.delete(port);
        this.#place?.close(port);
      },
      release: () => {
        throw new SallyportError('NO_DIRECT_PATH', { detail: 'A socket of a fake world can not be given away.' });
      },
    };
    return { outcome: { ok: true, local }, socket };
  };

  close(): void {
    this.#closed = true;
    if (this.#again !== null) clearTimeout(this.#again);
    this.#place?.leave();
    this.#own?.server.close();
    this.#own?.world.close();
  }

  #freePort(): number | null {
    const count = EPHEMERAL.high - EPHEMERAL.low + 1;
    const first = Math.floor(Math.random() * count);
    for (let n = 0; n < count; n++) {
      const port = EPHEMERAL.low + ((first + n) % count);
      if (!this.#sockets.has(port)) return port;
    }
    return null;
  }

  /** Into the world that is there, or else into one of its own that others find. False where neither can be. */
  async #enter(): Promise<boolean> {
    const { nat, port } = this.#options;
    const joined = await joinFakeWorld(nat, port, () => this.#gone());
    if (joined !== null) return this.#arrive(joined);
    const world = new FakeWorld();
    try {
      const server = await serveFakeWorld(world, port);
      this.#own = { world, server };
    } catch {
      world.close();
      return false;
    }
    const place = world.place(nat);
    return place !== null && this.#arrive(place);
  }

  #arrive(place: FakePlace): boolean {
    if (this.#closed) {
      place.leave();
      return true;
    }
    this.#place = place;
    this.#address = place.address;
    for (const [port, receive] of this.#sockets) place.open(port, receive);
    return true;
  }

  /** Two that look at the same moment find one place to listen: the other one is let in the next time. */
  #gone(): void {
    this.#place = null;
    if (this.#closed) return;
    const look = async (): Promise<void> => {
      if (!(await this.#enter()) && !this.#closed) this.#again = setTimeout(look, CLI_LIMITS.fakeAgainMs);
    };
    this.#again = setTimeout(look, Math.random() * CLI_LIMITS.fakeAgainMs);
  }
}
