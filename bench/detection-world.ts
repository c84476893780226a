/** A simulated internet with somebody to ask, and a detector behind one NAT in it: for the benchmark and its small test. */

import {
  answerStun,
  createDetector,
  type NatProfile,
  requestNumbers,
  StunSource,
  socketIds,
} from '../src/core/index.ts';
import type { DetectCommand, DetectEvent, Detector, MappingSource } from '../src/core/testing.ts';
import { createWorld, type Host, placeUser, type Running, type SimUser, type World } from '../src/sim/index.ts';

export interface DetectionSetting {
  readonly seed: string;
  /** The plain master with 16 ports, one with two addresses, one beside a STUN server; or three STUN servers, one of RFC 5780. */
  readonly servers: 'master' | 'master-two-addresses' | 'master-and-stun' | 'stun';
  readonly lossRate?: number;
}

export interface Detection {
  readonly world: World;
  readonly host: Host;
  readonly detector: Detector;
  readonly running: Running<DetectCommand, DetectEvent>;
  readonly servers: readonly Host[];
  readonly sources: readonly MappingSource[];
}

const PORTS = Array.from({ length: 16 }, (_, i) => 8440 + i);

export function placeDetector(user: SimUser, setting: DetectionSetting): Detection {
  const world = createWorld({ seed: setting.seed, trace: false, replay: `seed ${setting.seed}` });
  const link = { delayMs: 8, lossRate: setting.lossRate ?? 0 };
  const random = world.random('detector');
  const crypto = { randomBytes: (length: number) => Uint8Array.from({ length }, () => random.int(0, 255)) };
  const servers: Host[] = [];
  const sources: MappingSource[] = [];
  const serve = (addresses: number, ports: readonly number[], kind: 'master' | 'stun') => {
    const host = world.server({ addresses: Array.from({ length: addresses }, () => world.publicAddress()), link });
    servers.push(host);
    const config = { addresses: host.addresses, ports, behaviour: 'anybody' } as const;
    for (const address of host.addresses) {
      for (const port of ports) {
        const local = { address, port };
        host.bind(local, (packet) => {
          const reply = answerStun(config, local, packet.from, packet.bytes);
          if (reply !== null) host.send(reply.from, reply.to, reply.bytes);
        });
        if (kind === 'master') sources.push(asMaster(new StunSource(local, crypto)));
      }
    }
    if (kind === 'stun') sources.push(new StunSource({ address: host.address, port: ports[0]! }, crypto));
  };
  if (setting.servers !== 'stun') serve(setting.servers === 'master-two-addresses' ? 2 : 1, PORTS, 'master');
  if (setting.servers === 'master-and-stun') serve(1, [3478], 'stun');
  if (setting.servers === 'stun')
    for (const addresses of [2, 1, 1]) serve(addresses, addresses === 2 ? [3478, 3479] : [3478], 'stun');
  const host = placeUser(world, user, 'user');
  const detector = createDetector({ random, crypto, sockets: socketIds(), requests: requestNumbers(), family: 4 });
  const running = host.run(detector);
  running.command({ do: 'network', network: { addresses: host.addresses, gateway: null } });
  running.command({ do: 'sources', sources });
  return { world, host, detector, running, servers, sources };
}

/** Runs a detection to its end; the profile as of the moment it was final, and what came of the refinements. */
export function detect(detection: Detection): { final: NatProfile; refined: NatProfile; ms: number; packets: number } {
  const { world, running, detector, host } = detection;
  const began = world.now;
  const events = running.events.length;
  // As where TLS to the master passes: then it is UDP that is blocked where nobody answers.
  running.command({ do: 'passes', what: 'tls' });
  running.command({ do: 'detect' });
  const finals = () =>
    running.events.slice(events).flatMap((event) => (event.ev === 'profile' && event.final ? [event.profile] : []));
  world.runUntil(() => finals().length > 0, { limitMs: 5_000 });
  const ms = world.now - began;
  // To its end: the last look at a port that moves is 2.4 s later.
  world.run(3_000);
  const finished = running.events.findLast((event) => event.ev === 'log' && event.what === 'detection-finished');
  const packets = finished?.ev === 'log' ? Number(finished.data.packets) : 0;
  const final = finals()[0];
  if (final === undefined) throw new Error(`no profile: ${world.replayText()}`);
  return { final, refined: detector.profile(world.now + host.clockOffsetMs), ms, packets };
}

/** The master's probe ports answer with a MAC; here a STUN server stands in for them. */
function asMaster(source: StunSource): MappingSource {
  return {
    target: source.target,
    kind: 'master',
    get answersFrom() {
      return source.answersFrom;
    },
    answererOf: (answerFrom) => source.answererOf(answerFrom),
    request: (now, request, answerFrom) => source.request(now, request, answerFrom),
    answer: (from, bytes) => source.answer(from, bytes),
  };
}

export function describeProfile(profile: NatProfile): string {
  const { mapping, filtering, allocator } = profile;
  const range = allocator.low === null ? '' : ` ${allocator.low}-${allocator.high}`;
  const step = allocator.step === null ? '' : ` ${allocator.step}`;
  return `${mapping} ${filtering} ${allocator.kind}${step}${range} ${profile.confidence.toFixed(3)}`;
}
