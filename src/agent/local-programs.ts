/** The programs that speak to the local services of one host, numbered across them: what a socket says to two services comes from one. */
import { CONNECTION_LIMITS, type Endpoint, endpointKey } from '../core/index.ts';
import { AGENT_LIMITS } from './limits.ts';

/** A program that speaks to a local service, and its number. */
export interface LocalProgram {
  readonly program: number;
  readonly at: Endpoint;
  /** When its last datagram came, by the monotonic clock. */
  heardAt: number;
  /** A server has answered it: it is a player, not somebody who only fills seats. */
  answered: boolean;
}

export class LocalPrograms {
  /** In the order of their last datagram: the first is the one unused for longest. */
  readonly #programs = new Map<string, LocalProgram>();
  readonly #byNumber = new Map<number, LocalProgram>();
  /** The one whose datagram came last: most often the next one is from there, too. */
  #newest: { readonly client: LocalProgram; readonly isNew: false } | null = null;

  of(program: number): LocalProgram | undefined {
    return this.#byNumber.get(program);
  }

  /** The one that sends from here, and whether it is a newcomer; null where all numbers are taken by programs that are heard. */
  at(at: Endpoint): { readonly client: LocalProgram; readonly isNew: boolean } | null {
    const newest = this.#newest;
    if (newest !== null && newest.client.at.port === at.port && newest.client.at.address === at.address) {
      newest.client.heardAt = performance.now();
      return newest;
    }
    const name = endpointKey(at);
    const present = this.#programs.get(name);
    const program = present === undefined ? this.#freeNumber() : present.program;
    if (program === null) return null;
    const client = present ?? { program, at: { address: at.address, port: at.port }, heardAt: 0, answered: false };
    client.heardAt = performance.now();
    this.#programs.delete(name);
    this.#programs.set(name, client);
    this.#byNumber.set(program, client);
    this.#newest = { client, isNew: false };
    return { client, isNew: present === undefined };
  }

  /**
   * Any program of this computer can send here, whoever runs it, so a newcomer never takes the seat of a game that is heard. An
   * idle one makes room: first those that the server has never answered, then players that have been silent for long.
   */
  #freeNumber(): number | null {
    for (let program = 0; program < CONNECTION_LIMITS.programsMax; program++)
      if (!this.#byNumber.has(program)) return program;
    const now = performance.now();
    const idleMs = (client: LocalProgram): number => now - client.heardAt;
    const gone =
      [...this.#programs].find(([, client]) => !client.answered && idleMs(client) >= AGENT_LIMITS.seatUnansweredMs) ??
      [...this.#programs].find(([, client]) => idleMs(client) >= AGENT_LIMITS.seatIdleMs);
    if (gone === undefined) return null;
    const [name, client] = gone;
    this.#newest = null;
    this.#programs.delete(name);
    this.#byNumber.delete(client.program);
    return client.program;
  }
}
