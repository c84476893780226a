/**
 * Proof that a port is open to everybody: a packet that comes in through it. Another socket of ours asks a server to send to that port
 * of our external address. The mapped socket has sent nothing to the server, so no filter lets the packet in for its sake, and it does not
 * matter which port the router gives to what goes *out* (pf and its kin draw one at random). The same socket asks for a plain answer too: only
 * where that comes and the other does not is the port known to be shut.
 */
import { type Endpoint, isPrivate } from '../address.ts';
import type { Instant, SocketId } from '../contract.ts';
import { Asker, type RequestNumbers, type Send } from '../sources/asker.ts';
import type { MappingSource } from '../sources/source.ts';

/** Packets are lost, so a lone server is asked again; of several each has its turn. */
const TRIES_MIN = 4;
export const PORT_PROOF_INTERVAL_MS = 400;

interface PortProofConfig {
  readonly send: Send;
  readonly requests: RequestNumbers;
  /** Of this computer: a packet from within its network proves nothing. */
  readonly own: readonly string[];
  /** That asks, and the mapped one that is to hear. */
  readonly helper: SocketId;
  readonly mapped: SocketId;
  /** Which the router claims to have opened. */
  readonly port: number;
  /** Of the sockets' family, all able to send elsewhere; in this order. */
  readonly sources: readonly MappingSource[];
}

export class PortProof {
  private readonly config: PortProofConfig;
  private readonly asker: Asker;
  private tries = 0;
  private answered = false;

  constructor(config: PortProofConfig) {
    this.config = config;
    this.asker = new Asker(config.send, config.requests);
  }

  /** One more try. False: there is nobody to ask, or it has been tried often enough. */
  ask(now: Instant): boolean {
    const { helper, mapped, port, sources } = this.config;
    if (sources.length === 0 || this.tries >= Math.max(TRIES_MIN, sources.length)) return false;
    const source = sources[this.tries++ % sources.length] as MappingSource;
    this.asker.ask(now, helper, source);
    this.asker.askFor(now, helper, mapped, source, port);
    return true;
  }

  /** Where the outside sees the mapped port, once a packet has come through it; else null. */
  receive(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): Endpoint | null {
    const question = this.asker.receive(now, socket, from, bytes);
    const seen = question?.observed ?? null;
    if (question === null || seen === null) return null;
    if (question.onBehalf === null) {
      this.answered = true;
      return null;
    }
    const within = isPrivate(seen.address) && this.config.own.includes(seen.address);
    return within ? null : { address: seen.address, port: this.config.port };
  }

  /** Servers answer, but not through the port. */
  get shut(): boolean {
    return this.answered;
  }
}
