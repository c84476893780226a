/** One world of the detection benchmark: a detector behind one NAT, what it said, what would have been right. */

import type { NatProfile } from '../src/core/index.ts';
import { encodeStun, parseStun } from '../src/core/testing.ts';
import type { SimUser } from '../src/sim/index.ts';
import { allocatorIsRight, mappingIsRight, truthOf } from './detection-truth.ts';
import { type Detection, type DetectionSetting, describeProfile, detect, placeDetector } from './detection-world.ts';
import { predictionWindow } from './predict.ts';

/** Did the next mapping fall into the window said to hold 90 %, how large was it, and what did it really claim to hold? */
export interface Window {
  readonly hit: boolean;
  readonly claimed: number;
  readonly size: number;
}

export interface Outcome {
  readonly mapping: boolean;
  readonly allocator: boolean;
  readonly refinedAllocator: boolean;
  readonly refinedMapping: boolean;
  readonly confidence: number;
  readonly refinedConfidence: number;
  readonly ms: number;
  readonly packets: number;
  /** Live mappings at the fullest NAT on the way, refinements included. */
  readonly mappingsPeak: number;
  /** Null where the rule has no window. */
  readonly window: Window | null;
  /** For a person who looks at what went wrong. */
  readonly said: string;
}

export function runCase(user: SimUser, seed: string, servers: DetectionSetting['servers']): Outcome {
  const detection = placeDetector(user, { seed, servers, lossRate: 0.01 });
  const { world } = detection;
  const { final, refined, ms, packets } = detect(detection);
  const mappingsPeak = Math.max(0, ...world.gateways.map(({ nat }) => nat.stats(world.now).mappingsPeak));
  const truth = truthOf(user);
  return {
    mapping: mappingIsRight(final, truth),
    allocator: allocatorIsRight(final, truth),
    refinedAllocator: allocatorIsRight(refined, truth),
    refinedMapping: mappingIsRight(refined, truth),
    confidence: final.confidence,
    refinedConfidence: refined.confidence,
    ms,
    packets,
    mappingsPeak,
    window: probeWindow(detection, refined),
    said: `${describeProfile(final)}, then ${describeProfile(refined)}; truth ${JSON.stringify(truth)}`,
  };
}

/** Opens one more mapping a while later and looks whether its port is among those predicted. */
function probeWindow(detection: Detection, profile: NatProfile): Outcome['window'] {
  const { world, host, detector, sources } = detection;
  const { kind } = profile.allocator;
  if ((kind !== 'step' && kind !== 'time') || profile.mapping === 'eim') return null;
  world.run(world.random('window').between(20, 800));
  let observed: number | null = null;
  const local = host.bind({ address: '0.0.0.0', port: 0 }, (packet) => {
    const message = parseStun(packet.bytes);
    if (!('reject' in message)) observed = message.xorMapped?.port ?? null;
  });
  const now = detector.profile(world.now + host.clockOffsetMs);
  if (now.lastPort === null || local === null) return null;
  const { step } = now.allocator;
  // The profile's next port allows for our own mappings that were made since its last answer: how many steps ahead that is.
  const ahead = now.allocator.kind === 'step' ? (now.predictedNextPort! - now.lastPort) / step! : 1;
  const basis = {
    lastPort: now.lastPort,
    ageMs: now.lastPortAgeMs ?? 0,
    mappingsAhead: ahead,
    localPort: local.port,
  };
  const window = predictionWindow(now.mixture, basis, 0.9, 5000);
  host.send(local, sources[0]!.target, encodeStun({ class: 'request', transaction: new Uint8Array(12) }));
  world.runUntil(() => observed !== null, { limitMs: 1000 });
  if (observed === null) return null;
  const hit = window.ports.some(({ port }) => port === observed);
  return { hit, claimed: window.coverage, size: window.ports.length };
}
