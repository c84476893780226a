/** A host that is ordered salvos by a client which meets it just before they end. */
import { expect, test } from 'vitest';
import { type Output, requestNumbers, socketIds } from '../../src/core/index.ts';
import {
  device,
  encodeStep,
  probeCodec,
  type SidePlan,
  type Traversal,
  type TraversalEvent,
  traversal,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { simRandom } from '../../src/sim/index.ts';
import { permitOf } from '../permit.ts';

const PEER = { address: '203.0.113.5', port: 5000 };
const SID = new Uint8Array(16);
const KEY = new Uint8Array(32);
const PLAN: SidePlan = {
  ...{ class: 'prediction', from: 'fresh', sockets: 1, tuples: 1, addresses: [PEER.address] },
  ...{ ports: { kind: 'fixed', port: PEER.port }, portEvery: 1, ratePerSecond: 100, sampleEvery: 0 },
  ...{ passes: [{ afterMs: 0, ttl: null }], again: { mode: 'none', everyMs: 0 }, durationMs: 300 },
};

interface Said {
  readonly at: number;
  readonly output: Output<TraversalEvent>;
}

function runTo(machine: Traversal, from: number, until: number, said: Said[]): void {
  for (let now = from; ; ) {
    const output = machine.poll();
    if (output.kind === 'wait') {
      if (output.until > until) return;
      now = Math.max(now, output.until);
      machine.handleTimeout(now);
    } else {
      said.push({ at: now, output });
      if (output.kind === 'socket' && output.op === 'open')
        machine.handleSocket(now, output.socket, { ok: true, local: { address: '0.0.0.0', port: 1 } });
    }
  }
}

/** The machine 295 ms after the order, what it has said, and the socket of the salvo. */
function ordered() {
  const side = { profile: UNKNOWN_PROFILE, candidates: [] };
  const permit = permitOf([PEER.address], { probesMax: 100, probesPerSecondMax: 100, expiresInMs: 60_000 });
  const machine = traversal(0, {
    ...{
      role: 'host',
      sid: SID,
      punchKey: KEY,
      socket: 1,
      family: 4,
      own: { ...side, profile: () => UNKNOWN_PROFILE },
      peer: side,
      viaMasterRttMs: 80,
      permit,
      master: null,
    },
    ...{ sources: [], redirecting: null, sockets: socketIds(), random: simRandom(1), crypto: nodeCrypto },
    ...{ requests: requestNumbers(), device: device() },
  });
  const said: Said[] = [];
  machine.handleCommand(0, { do: 'start' });
  machine.handleCommand(0, { do: 'step', bytes: encodeStep({ order: 1, run: { startInMs: 0, side: PLAN } }) });
  runTo(machine, 0, 295, said);
  const probe = said.find(({ output }) => output.kind === 'transmit')?.output;
  if (probe?.kind !== 'transmit') throw new Error('the host has sent nothing');
  return { machine, said, socket: probe.socket };
}

const client = probeCodec('client', SID, KEY, nodeCrypto);
const closings = (said: readonly Said[], socket: number): number[] =>
  said.flatMap(({ at, output }) =>
    output.kind === 'socket' && output.op === 'close' && output.socket === socket ? [at] : [],
  );

test('a socket on which the client was heard outlives its salvo, so that both have the path that the client has', () => {
  const { machine, said, socket } = ordered();
  machine.handleDatagram(295, socket, PEER, client.encode({ reply: false, nominate: false, seq: 1 }));
  runTo(machine, 295, 349, said);
  const [back] = said.flatMap(({ at, output }) => {
    const probe = at === 295 && output.kind === 'transmit' ? client.decode(output.bytes) : null;
    return probe === null || probe.reply ? [] : [probe.seq];
  });
  machine.handleDatagram(350, socket, PEER, client.encode({ reply: true, nominate: true, seq: back! }));
  runTo(machine, 350, 5_000, said);
  const path = said.flatMap(({ output }) =>
    output.kind === 'event' && output.event.ev === 'path' ? [output.event] : [],
  );
  expect(path.map((event) => event.socket)).toEqual([socket]);
  expect(closings(said, socket)).toEqual([]);
});

test('it is closed when no proof follows; and at once where nobody was heard', () => {
  const heard = ordered();
  heard.machine.handleDatagram(295, heard.socket, PEER, client.encode({ reply: false, nominate: false, seq: 1 }));
  runTo(heard.machine, 295, 5_000, heard.said);
  expect(closings(heard.said, heard.socket)).toEqual([2_295]);
  const alone = ordered();
  runTo(alone.machine, 295, 5_000, alone.said);
  expect(closings(alone.said, alone.socket)).toEqual([300]);
});
