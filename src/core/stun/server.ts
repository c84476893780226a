/**
 * A STUN server as a pure function, for the master's optional STUN port. It keeps nothing, so it cannot be exhausted; it answers
 * a sender only, so all it can do for a spoofer is send 32 bytes for 20 (SECURITY.md row 21), and everything longer has to be paid
 * for: OTHER-ADDRESS, CHANGE-REQUEST, RESPONSE-PORT (RFC 5780) and errors only where the request was at least as long as the answer.
 * Limiting the rate (10/s for an address) is the caller's task.
 */
import type { Endpoint } from '../address.ts';
import { encodeStun, parseStun, STUN_BINDING, type StunDraft, type StunMessage } from './codec.ts';

export interface StunServer {
  /** Two addresses times two ports make the server an RFC 5780 one; the first of each is the primary. */
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
  /**
   * `paid`: RFC 5780 for padded requests only. `anybody`: also for the plain requests of RFC 3489 and RFC 5780 clients, which is
   * an amplification of up to 3:1; for laboratories.
   */
  readonly behaviour: 'paid' | 'anybody';
}

export interface StunReply {
  /** The address and port of ours to answer from. */
  readonly from: Endpoint;
  /** The sender; another port of it where RESPONSE-PORT says so (RFC 5780 §7.5) and the request has paid. */
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

/** The answer to a datagram that came from `remote` to our `local`; null = silence. */
export function answerStun(server: StunServer, local: Endpoint, remote: Endpoint, bytes: Uint8Array): StunReply | null {
  const request = parseStun(bytes, { classic: server.behaviour === 'anybody' });
  if ('reject' in request || request.class !== 'request' || request.method !== STUN_BINDING) return null;
  const affordable = (draft: StunDraft) => {
    const reply = encodeStun(draft);
    return server.behaviour === 'anybody' || reply.length <= bytes.length ? reply : null;
  };
  if (request.unknownRequired.length > 0) {
    // RFC 8489 §6.3.1.
    const reply = affordable({
      class: 'error',
      transaction: request.transaction,
      error: { code: 420, reason: '' },
      unknownAttributes: request.unknownRequired,
    });
    return reply === null ? null : { from: local, to: remote, bytes: reply };
  }
  const from = answeringEndpoint(server, local, request);
  if (from === null) return null;
  const to = { address: remote.address, port: request.responsePort ?? remote.port };
  const plain = success(request, remote);
  const full = affordable({ ...plain, ...originOf(server, local, from) });
  if (full !== null) return { from, to, bytes: full };
  const wishes = request.changeRequest !== undefined || request.responsePort !== undefined;
  return wishes ? null : { from: local, to: remote, bytes: encodeStun(plain) };
}

/** RFC 5780 §6.1: the address and port that CHANGE-REQUEST asks for; null where there is no such one. */
function answeringEndpoint(server: StunServer, local: Endpoint, request: StunMessage): Endpoint | null {
  const change = request.changeRequest;
  if (change === undefined) return local;
  const address = change.address ? otherOf(server.addresses, local.address) : local.address;
  const port = change.port ? otherOf(server.ports, local.port) : local.port;
  return address === null || port === null ? null : { address, port };
}

function success(request: StunMessage, remote: Endpoint): StunDraft {
  // A classic client knows MAPPED-ADDRESS only (RFC 3489 §11.2.1).
  const mapped = request.classic ? { mapped: remote } : { xorMapped: remote };
  return { class: 'success', transaction: request.transaction, ...mapped };
}

function originOf(server: StunServer, local: Endpoint, from: Endpoint): Partial<StunDraft> {
  const address = otherOf(server.addresses, local.address);
  const port = otherOf(server.ports, local.port);
  return address === null || port === null ? {} : { responseOrigin: from, otherAddress: { address, port } };
}

function otherOf<T>(all: readonly T[], one: T): T | null {
  return all.find((candidate) => candidate !== one) ?? null;
}
