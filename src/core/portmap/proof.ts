/**
 * Proof that a port is open to everybody: a packet that comes in through it. Another socket of ours asks a server to send to that port
 * of our external address. The mapped socket has sent nothing to the server, so no filter lets the packet in for its sake, and it does not
 * matter which port the router gives to what goes *out* (pf and its kin draw one at random). The same socket asks for a plain answer too: only
 * where that comes and the other does not is the port known to be shut, and only of a server that sends elsewhere at all: most STUN servers do
 * not know RESPONSE-PORT. Whether one does is tried as well: a third socket has it send to the one that has just had a plain answer.
 */
import { type Endpoint, isPrivate } from '../address.ts';
import type { Instant, SocketId } from '../contract.ts';
import { isLocalAddress } from '../scope.ts';
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
  /** That asks for an answer to `helper`, to see whether a server sends elsewhere. */
  readonly witness: SocketId;
  /** Which the router claims to have opened. */
  readonly port: number;
  /** Of the sockets' family, all able to send elsewhere; in this order. */
  readonly sources: readonly MappingSource[];
  /** Those of which it was seen that they do; what is seen now is added. */
  readonly redirecting: WeakSet<MappingSource>;
}

export class PortProof {
  private readonly config: PortProofConfig;
  private readonly asker: Asker;
  private tries = 0;
  /** Somebody has answered plainly. */
  heard = false;
  /** Those who have, and see us from where the port would be open. */
  private readonly answered = new Set<MappingSource>();

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
    const { source, onBehalf } = question;
    if (onBehalf !== null) this.config.redirecting.add(source);
    if (socket !== this.config.mapped) {
      if (onBehalf === null) this.plainly(now, source, seen);
      return null;
    }
    const within = isPrivate(seen.address) && this.config.own.includes(seen.address);
    return within ? null : { address: seen.address, port: this.config.port };
  }

  /** Servers that send elsewhere answer, but not through the port. */
  get shut(): boolean {
    return [...this.answered].some((source) => source.kind === 'master' || this.config.redirecting.has(source));
  }

  private plainly(now: Instant, source: MappingSource, seen: Endpoint): void {
    const { own, helper, witness, redirecting } = this.config;
    // From inside, or where something rewrites where packets come from, nothing is sent to where the router has its port.
    const beside = isLocalAddress(source.target.address) ? own.includes(seen.address) : isLocalAddress(seen.address);
    this.heard = true;
    if (beside) return;
    this.answered.add(source);
    if (source.kind === 'stun' && !redirecting.has(source)) this.asker.askFor(now, witness, helper, source, seen.port);
  }
}
