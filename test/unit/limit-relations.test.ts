/** Limits that only make sense beside each other: what their comments say of one another, held here. */
import { expect, test } from 'vitest';
import {
  CONNECTION_LIMITS,
  LIMITS,
  MASTER_LIMITS,
  PEER_LIMITS,
  STREAM_LIMITS,
  WIRE_LIMITS,
} from '../../src/core/index.ts';
import {
  HANDSHAKE_BYTES_MAX,
  LEAD_LIMITS,
  LINK_LIMITS,
  MESSAGES,
  NOISE_MESSAGE_1_OVERHEAD,
  PROFILE_BYTES_MAX,
  STRUCTURES,
} from '../../src/core/testing.ts';

/** Flags, name, password proof, round trip, count of candidates (peer/keys/handshake.ts). */
const CLIENT_HELLO_BYTES = 1 + 1 + WIRE_LIMITS.announcedNameBytesMax + 32 + 2 + 1;
/** Kind, length, address, port. */
const CANDIDATE_BYTES = 1 + 1 + 16 + 2;

/** Each line: what has to be less, or at most the same, and what it is measured by. */
const RELATIONS: Readonly<Record<string, readonly [small: number, large: number]>> = {
  'a session that nobody speaks in says so twice before the master takes it for over': [
    2 * PEER_LIMITS.sessionAliveMs,
    MASTER_LIMITS.joinIdleMs,
  ],
  'no knock is handed to a new session of its host that its client has given up': [
    MASTER_LIMITS.handOverMs,
    PEER_LIMITS.knockMs,
  ],
  'a heartbeat with all it can say fits 900 bytes': [bytesOf(MESSAGES.requests.heartbeat.fields), 900],
  'the longest row of the list fits a page': [STRUCTURES.entry.bytesMax, MASTER_LIMITS.listPageBytesMax],
  'a page fits a datagram, with frame, cursor and seal': [
    MASTER_LIMITS.listPageBytesMax + 8 + 1 + MESSAGES.responses.entries.fields.next.bytesMax + 17 + 16,
    WIRE_LIMITS.controlBytesMax,
  ],
  'a client hello with all its candidates fits the handshake of a join': [
    1 + NOISE_MESSAGE_1_OVERHEAD + CLIENT_HELLO_BYTES + PEER_LIMITS.candidatesMax * CANDIDATE_BYTES + PROFILE_BYTES_MAX,
    HANDSHAKE_BYTES_MAX,
  ],
  'an OFFER with all it can hold fits a datagram': [bytesOf(MESSAGES.pushes.offer.fields), WIRE_LIMITS.controlBytesMax],
  'frames that pass every path fit its smallest datagram, with what surrounds them': [
    STREAM_LIMITS.smallBytes + 17 + 1 + 16,
    CONNECTION_LIMITS.mtuBaseBytes,
  ],
  'streams try large datagrams again once the connection has looked whether its path carries them': [
    CONNECTION_LIMITS.mtuConfirmMs + 3 * CONNECTION_LIMITS.mtuProbeMs,
    STREAM_LIMITS.smallMs,
  ],
  'all relays of a master fit one answer': [bytesOf(MESSAGES.responses.relays.fields), WIRE_LIMITS.controlBytesMax],
  'a host tells twice that it is there before its session ends': [
    2 * PEER_LIMITS.heartbeatMs,
    MASTER_LIMITS.sessionExpiryMs,
  ],
  'a heartbeat, at its latest, comes before the echo that it stands for': [
    (1 + PEER_LIMITS.heartbeatSpread) * PEER_LIMITS.heartbeatMs,
    MASTER_LIMITS.pingMs,
  ],
  'heartbeats keep a mapping open that was seen to survive 20 s': [
    (1 + PEER_LIMITS.heartbeatSpread) * PEER_LIMITS.heartbeatMs,
    20_000,
  ],
  'an idle participant shows twice that it is there before its session ends': [
    2 * (MASTER_LIMITS.pingMs + LINK_LIMITS.linkDeadMs),
    MASTER_LIMITS.sessionExpiryMs,
  ],
  'a host that did nothing when its master was killed is back before its friends give it up': [
    (1 + PEER_LIMITS.heartbeatSpread) * PEER_LIMITS.heartbeatMs + LINK_LIMITS.linkDeadMs + LINK_LIMITS.handshakeMsMax,
    Math.min(MASTER_LIMITS.hostReturnMs, PEER_LIMITS.hostReturnMs),
  ],
  'a participant is heard three times before its address counts as proven no more': [
    3 * MASTER_LIMITS.pushSilentMs,
    MASTER_LIMITS.proofMsMax,
  ],
  'a stamp that was just replaced is younger than a proof may be': [
    2 * MASTER_LIMITS.stampMs,
    MASTER_LIMITS.proofMsMax,
  ],
  'IPv6 is proven anew before its proof is over': [PEER_LIMITS.ipv6ProveMs, MASTER_LIMITS.proofMsMax],
  'a permit is renewed before it expires': [LEAD_LIMITS.permitRenewMs, MASTER_LIMITS.permitMs],
  'a session buys no fewer credits at once than a long run and a short one take': [
    MASTER_LIMITS.softCreditRate.burst + MASTER_LIMITS.hardCreditsMax,
    PEER_LIMITS.creditRate.burst,
  ],
  'what may be pushed to one session is remembered': [MASTER_LIMITS.pushesMax, LINK_LIMITS.linkPushesRememberedMax],
  'all tries of a request lie before it is given up': [
    LIMITS.requestRepeatMs[0] + LIMITS.requestRepeatMs[1] + (LIMITS.requestTriesMax - 3) * LIMITS.requestRepeatMs[2],
    LINK_LIMITS.requestGiveUpMs - 1_000,
  ],
  'nobody repeats what is older than the order of the words of a host': [
    LINK_LIMITS.requestGiveUpMs,
    MASTER_LIMITS.hostingOrderMs,
  ],
  'so few requests fit that time that 16-bit ids still tell which is older': [
    (MASTER_LIMITS.hostingOrderMs / 1_000) * MASTER_LIMITS.controlRate.perSecond + MASTER_LIMITS.controlRate.burst,
    0x8000,
  ],
  'the last HELLO of a round goes out before it is over': [
    Math.max(...LINK_LIMITS.helloRepeatAtMs),
    LINK_LIMITS.handshakeMsMax,
  ],
  'a join waits for the link a little longer than the link needs to know': [
    LINK_LIMITS.handshakeMsMax,
    PEER_LIMITS.linkWaitMs,
  ],
  'nine echoes are asked before a session counts as dead': [9 * LINK_LIMITS.linkEchoRepeatMs, LINK_LIMITS.linkDeadMs],
  'a cookie is good for no longer than its key is kept': [MASTER_LIMITS.cookieMs, MASTER_LIMITS.cookieKeyMs],
  'a round of HELLOs is over before what answered it is forgotten': [
    LINK_LIMITS.handshakeMsMax,
    MASTER_LIMITS.pendingMs,
  ],
  'a resumed session ends long before its ticket': [LINK_LIMITS.resumedMsMax, LIMITS.ticketMs],
  'the whole ACCEPT fits its datagram, and none is larger than HELLO': [
    12 + 32 + STRUCTURES.accept.bytesMax + 16,
    Math.min(WIRE_LIMITS.acceptBytesMax, WIRE_LIMITS.helloBytes),
  ],
  'a RETRY is an eighth of its HELLO': [8 * WIRE_LIMITS.retryBytes, WIRE_LIMITS.helloBytes],
};

function bytesOf(fields: Readonly<Record<string, { readonly bytesMax: number }>>): number {
  const frame = 8;
  const seal = 17 + 16;
  return Object.values(fields).reduce((sum, { bytesMax }) => sum + bytesMax, frame + 1 + seal);
}

test.each(Object.entries(RELATIONS))('%s', (_what, [small, large]) => {
  expect(small).toBeLessThanOrEqual(large);
});

test('who has three levels of a limit has no less at the wider one', () => {
  for (const [name, limit] of Object.entries(MASTER_LIMITS)) {
    if (typeof limit !== 'object' || !('narrow' in limit)) continue;
    const levels = [limit.narrow, limit.wide, limit.widest].map((level) =>
      typeof level === 'number' ? level : level.burst,
    );
    expect(levels, name).toEqual([...levels].sort((left, right) => left - right));
  }
});
