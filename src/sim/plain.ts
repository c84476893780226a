/**
 * The plain simultaneous punch that everybody does: each side learns its address from a reflector, is told the other's, and
 * both send there from the same socket, answering whoever is heard. What any real method is compared with.
 */
import type { Endpoint } from '../core/index.ts';
import type { Host } from './host.ts';
import { placeUser, type SimUser } from './population.ts';
import { asciiOf, reflect, reflected, textOf } from './reflector.ts';
import { createWorld } from './world.ts';

export interface PlainPunchResult {
  readonly connected: boolean;
  /** From the moment both know both addresses. */
  readonly elapsedMs: number;
  readonly packets: number;
}

const SEND_EVERY_MS = 200;
const GIVE_UP_MS = 5_000;
/** Standard deviation of the difference of start (docs/reference/nat-model.md §2.2). */
const START_SPREAD_MS = 20;
const LOCAL: Endpoint = { address: '0.0.0.0', port: 40_000 };
const ASK = asciiOf('?');
const HI = asciiOf('hi');
const ACK = asciiOf('ack');

interface PlainSide {
  readonly host: Host;
  mapped: Endpoint | null;
  answered: boolean;
  packets: number;
}

export function plainPunch(left: SimUser, right: SimUser, seed: number | string): PlainPunchResult {
  const world = createWorld({ seed, trace: false });
  const server = world.server({ link: { delayMs: 5 } });
  const reflector = reflect(server, [3478])[0] as Endpoint;
  const sides = [left, right].map((user, index) => open(placeUser(world, user, `side${index}`), reflector));
  const [a, b] = sides as [PlainSide, PlainSide];
  for (const wait of [0, 300, 900]) {
    world.after(wait, () => {
      for (const side of sides) if (side.mapped === null) side.host.send(LOCAL, reflector, ASK);
    });
  }
  world.runUntil(() => a.mapped !== null && b.mapped !== null, { limitMs: 2_000 });
  if (a.mapped === null || b.mapped === null) return { connected: false, elapsedMs: 0, packets: 0 };
  const began = world.now;
  const random = world.random('start');
  const spread = random.normal(0, START_SPREAD_MS);
  const start = (side: PlainSide, to: Endpoint, delayMs: number): void => {
    for (let at = 0; at < GIVE_UP_MS; at += SEND_EVERY_MS) {
      world.after(delayMs + at, () => {
        if (!side.answered) send(side, to, HI);
      });
    }
  };
  start(a, b.mapped, Math.max(0, spread));
  start(b, a.mapped, Math.max(0, -spread));
  const connected = world.runUntil(() => a.answered && b.answered, { limitMs: GIVE_UP_MS });
  return { connected, elapsedMs: world.now - began, packets: Math.max(a.packets, b.packets) };
}

function send(side: PlainSide, to: Endpoint, bytes: Uint8Array): void {
  side.packets++;
  side.host.send(LOCAL, to, bytes);
}

function open(host: Host, reflector: Endpoint): PlainSide {
  const side: PlainSide = { host, mapped: null, answered: false, packets: 0 };
  host.bind(LOCAL, (packet) => {
    if (packet.from.address === reflector.address) {
      side.mapped = reflected(packet.bytes);
      return;
    }
    if (textOf(packet.bytes) === 'ack') side.answered = true;
    else send(side, packet.from, ACK);
    // Who was heard is sent to as well: its address may differ from the one it was announced with.
    if (!side.answered) send(side, packet.from, HI);
  });
  return side;
}
