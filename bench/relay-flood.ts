/** Keeps the relay of a master busy, in a process of its own: pairs that send all they can, or a stranger. `fork` with a JSON of `Flood`. */
import { fromHex } from '../src/core/index.ts';
import { guestAddress } from './master-guests.ts';
import { LOOPBACK } from './master-processes.ts';
import { bindPairs, forwarded, keysOf, openEnds, sealedDatagram } from './relay-load.ts';
import { UdpBatch } from './udp-batch.ts';

export interface Flood {
  /** `nowhere`: to a socket of its own that nobody reads, so that only the core of the load is busy. */
  readonly kind: 'pairs' | 'strangers' | 'nowhere';
  readonly port: number;
  readonly seconds: number;
  readonly secret: string;
  readonly masterKey: string;
}

const PAIRS = 64;
const flood = JSON.parse(process.argv[2] ?? '{}') as Flood;
const relay = { address: LOOPBACK, port: flood.port };
const hex = (text: string): Uint8Array => fromHex(text) ?? new Uint8Array(0);

if (flood.kind === 'pairs') {
  const ends = openEnds(flood.port + 2_000, flood.port + 2_001);
  bindPairs(ends, keysOf(hex(flood.secret), hex(flood.masterKey)), relay, PAIRS);
  process.send?.('ready');
  process.send?.(forwarded(ends, relay, PAIRS, flood.seconds, sealedDatagram()) / flood.seconds);
} else {
  const batch = new UdpBatch({ local: { address: 0, port: 0 } });
  const sink = { address: LOOPBACK, port: flood.port + 3_000 };
  const unread = new UdpBatch({ local: sink });
  const to = flood.kind === 'nowhere' ? sink : relay;
  process.send?.('ready');
  let sent = 0;
  const datagram = sealedDatagram();
  const end = performance.now() + flood.seconds * 1_000;
  while (performance.now() < end) {
    for (let i = 0; i < batch.size; i += 1) batch.set(i, datagram, to, guestAddress(sent + i));
    sent += batch.send(batch.size);
  }
  process.send?.(sent / flood.seconds);
  unread.close();
}
process.disconnect?.();
