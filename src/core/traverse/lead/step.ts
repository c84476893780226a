/**
 * A step between the two sides, sealed end to end by the carrier: one structure with flags (docs/seed.md S20). What a flag announces
 * follows in the order of the flags. Unknown trailing bytes are ignored, so that versions can grow.
 *
 *     0         1       2 .. 3
 *     version   flags   order      [samples] [endpoint 6] [run] [queued 1] [pay 2] [refused: allowed in ms 4]
 */

import { addressBytes, type Endpoint } from '../../address.ts';
import { Reader, Writer } from '../../bytes.ts';
import { WIRE_LIMITS } from '../../wire/limits.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import type { PortRun, PortSpec } from '../plan/ports.ts';
import { type Pass, type ProbeClass, type Sample, type SidePlan, samplesOf } from '../plan/side-plan.ts';
import { LEAD_LIMITS } from './limits.ts';

const VERSION = 1;
const FLAG = { restun: 1, samples: 2, endpoint: 4, run: 8, stop: 16, queued: 32, pay: 64, refused: 128 } as const;
/** The carrier seals with a tag and a counter: 512 - 40. */
export const STEP_PLAIN_BYTES_MAX = WIRE_LIMITS.stepBytesMax - 40;
/** Samples that one step can tell of, and so all that an order may ask for. */
export const SAMPLES_MAX = 64;
const RUNS_MAX = 48;
const PASSES_MAX = 6;
const ADDRESSES_MAX = 4;
const NEVER_ALLOWED = 0xffff_ffff;
const NOWHERE = new Uint8Array(4);

export interface Step {
  /** Counts up per direction of command; an answer carries the order that it answers. Lower ones are repetitions (docs/seed.md S17). */
  readonly order: number;
  /** Open a new punching socket and say its endpoint (docs/seed.md S5). */
  readonly restun?: true;
  readonly samples?: readonly Sample[];
  /** Where the new punching socket is seen. */
  readonly endpoint?: Endpoint;
  readonly run?: { readonly startInMs: number; readonly side: SidePlan };
  /** End what was ordered before. */
  readonly stop?: true;
  /** The host has other hard sessions before this one. */
  readonly queued?: number;
  /** Ask the receiver to pay so many credits, so that the sender may probe on. */
  readonly pay?: number;
  /** The host does not do this: its own limits. In so many ms it would; null where it never does, or does not say. */
  readonly refused?: { readonly allowedInMs: number | null };
}

const CLASSES: readonly ProbeClass[] = ['easy', 'prediction', 'birthday'];
const AGAIN = ['none', 'refresh', 'replace'] as const;

export function encodeStep(step: Step): Uint8Array {
  const out = new Writer(STEP_PLAIN_BYTES_MAX);
  out.u8(VERSION);
  out.u8(
    (step.restun ? FLAG.restun : 0) |
      (step.samples ? FLAG.samples : 0) |
      (step.endpoint ? FLAG.endpoint : 0) |
      (step.run ? FLAG.run : 0) |
      (step.stop ? FLAG.stop : 0) |
      (step.queued !== undefined ? FLAG.queued : 0) |
      (step.pay !== undefined ? FLAG.pay : 0) |
      (step.refused ? FLAG.refused : 0),
  );
  out.u16(step.order);
  if (step.samples) writeSamples(out, step.samples.slice(0, SAMPLES_MAX));
  if (step.endpoint) writeEndpoint(out, step.endpoint);
  if (step.run) {
    out.u16(step.run.startInMs);
    writeSide(out, step.run.side);
  }
  if (step.queued !== undefined) out.u8(step.queued);
  if (step.pay !== undefined) out.u16(step.pay);
  if (step.refused) out.u32(step.refused.allowedInMs === null ? NEVER_ALLOWED : Math.ceil(step.refused.allowedInMs));
  return out.done();
}

/** What is not a well-formed step is null; the sender is authenticated, so it is a fault of another version at worst. */
export function decodeStep(bytes: Uint8Array): Step | null {
  if (bytes.length < 4 || bytes.length > STEP_PLAIN_BYTES_MAX) return null;
  const read = new Reader(bytes);
  if (read.u8() !== VERSION) return null;
  const flags = read.u8();
  const step: { -readonly [Key in keyof Step]: Step[Key] } = { order: read.u16() };
  if (flags & FLAG.restun) step.restun = true;
  if (flags & FLAG.samples) {
    const samples = readSamples(read);
    if (samples === null) return null;
    step.samples = samples;
  }
  if (flags & FLAG.endpoint) {
    step.endpoint = readEndpoint(read);
    if (step.endpoint.port === 0) return null;
  }
  if (flags & FLAG.run) {
    const startInMs = read.u16();
    const side = readSide(read);
    if (side === null) return null;
    step.run = { startInMs, side };
  }
  if (flags & FLAG.stop) step.stop = true;
  if (flags & FLAG.queued) step.queued = read.u8();
  if (flags & FLAG.pay) step.pay = read.u16();
  if (flags & FLAG.refused) step.refused = readRefused(read);
  return read.ok ? step : null;
}

/** The time came later than the flag: a step that ends here says none. */
function readRefused(read: Reader): NonNullable<Step['refused']> {
  const allowedInMs = read.left === 0 ? NEVER_ALLOWED : read.u32();
  return { allowedInMs: allowedInMs === NEVER_ALLOWED ? null : Math.min(allowedInMs, LEAD_LIMITS.manyPortsRestMsMax) };
}

/** Steps order salvos of IPv4: any other address is written as one that no permit names. */
function writeAddress(out: Writer, address: string): void {
  const bytes = addressBytes(address);
  out.raw(bytes?.length === 4 ? bytes : NOWHERE);
}

function readAddress(read: Reader): string {
  return `${read.u8()}.${read.u8()}.${read.u8()}.${read.u8()}`;
}

function writeEndpoint(out: Writer, endpoint: Endpoint): void {
  writeAddress(out, endpoint.address);
  out.u16(endpoint.port);
}

function readEndpoint(read: Reader): Endpoint {
  const address = readAddress(read);
  return { address, port: read.u16() };
}

/** What was seen at a fifth address is left out. */
function writeSamples(out: Writer, samples: readonly Sample[]): void {
  const addresses = [...new Set(samples.map((sample) => sample.observed.address))].slice(0, ADDRESSES_MAX);
  const told = samples.filter(({ observed }) => addresses.includes(observed.address));
  out.u8(addresses.length);
  for (const address of addresses) writeAddress(out, address);
  out.u8(told.length);
  for (const { before, observed } of told) {
    out.u8(addresses.indexOf(observed.address));
    out.u16(before);
    out.u16(observed.port);
  }
}

function readSamples(read: Reader): readonly Sample[] | null {
  const addressCount = read.u8();
  if (addressCount > ADDRESSES_MAX) return null;
  const addresses = Array.from({ length: addressCount }, () => readAddress(read));
  const count = read.u8();
  if (count > SAMPLES_MAX) return null;
  const samples: Sample[] = [];
  for (let n = 0; n < count; n++) {
    const address = addresses[read.u8()];
    const before = read.u16();
    const port = read.u16();
    if (address === undefined || port === 0) return null;
    samples.push({ before, observed: { address, port } });
  }
  return samples;
}

function writePorts(out: Writer, ports: PortSpec): void {
  switch (ports.kind) {
    case 'fixed':
      out.u8(0);
      out.u16(ports.port);
      return;
    case 'shuffle':
      out.u8(2);
      out.u16(ports.low);
      out.u16(ports.high);
      out.u32(ports.seed);
      return;
    case 'runs':
      out.u8(3);
      out.u8(Math.min(RUNS_MAX, ports.runs.length));
      for (const run of ports.runs.slice(0, RUNS_MAX)) {
        out.u16(run.start);
        out.i16(run.step);
        out.u16(run.count);
      }
  }
}

function readPorts(read: Reader): PortSpec | null {
  switch (read.u8()) {
    case 0:
      return fixed(read.u16());
    case 2: {
      const low = read.u16();
      const high = read.u16();
      const seed = read.u32();
      return low === 0 || low > high ? null : { kind: 'shuffle', low, high, seed };
    }
    case 3:
      return readRuns(read);
    default:
      return null;
  }
}

/** Nobody can be reached at port 0, and no system sends there. */
function fixed(port: number): PortSpec | null {
  return port === 0 ? null : { kind: 'fixed', port };
}

function readRuns(read: Reader): PortSpec | null {
  const count = read.u8();
  if (count === 0 || count > RUNS_MAX) return null;
  const runs: PortRun[] = [];
  for (let n = 0; n < count; n++) {
    const start = read.u16();
    const step = read.i16();
    runs.push({ start, step, count: read.u16() });
  }
  return { kind: 'runs', runs };
}

function writeSide(out: Writer, side: SidePlan): void {
  out.u8(CLASSES.indexOf(side.class));
  out.u8(side.from === 'punching' ? 0 : 1);
  out.u16(side.sockets);
  out.u16(side.tuples);
  const addresses = side.addresses.slice(0, ADDRESSES_MAX);
  out.u8(addresses.length);
  for (const address of addresses) writeAddress(out, address);
  writePorts(out, side.ports);
  out.u16(side.portEvery);
  out.u16(side.ratePerSecond);
  out.u8(Math.min(PASSES_MAX, side.passes.length));
  for (const { afterMs, ttl } of side.passes.slice(0, PASSES_MAX)) {
    out.u16(afterMs);
    out.u8(ttl ?? 0);
  }
  out.u8(AGAIN.indexOf(side.again.mode));
  out.u32(side.again.everyMs);
  out.u16(side.sampleEvery);
  out.u32(side.durationMs);
}

function readSide(read: Reader): SidePlan | null {
  const kind = CLASSES[read.u8()];
  const from = read.u8() === 0 ? 'punching' : 'fresh';
  const sockets = read.u16();
  const tuples = read.u16();
  const addressCount = read.u8();
  if (kind === undefined || sockets === 0 || addressCount === 0 || addressCount > ADDRESSES_MAX) return null;
  const addresses = Array.from({ length: addressCount }, () => readAddress(read));
  const ports = readPorts(read);
  const portEvery = read.u16();
  const ratePerSecond = read.u16();
  const passCount = read.u8();
  if (ports === null || portEvery === 0 || ratePerSecond === 0 || passCount === 0 || passCount > PASSES_MAX)
    return null;
  const passes: Pass[] = [];
  for (let n = 0; n < passCount; n++) {
    const afterMs = read.u16();
    const ttl = read.u8();
    passes.push({ afterMs, ttl: ttl === 0 ? null : ttl });
  }
  const mode = AGAIN[read.u8()];
  const everyMs = read.u32();
  const sampleEvery = read.u16();
  const durationMs = read.u32();
  if (mode === undefined || (mode !== 'none' && everyMs === 0)) return null;
  const again = { mode, everyMs };
  const side: SidePlan = {
    ...{ class: kind, from, sockets, tuples, addresses, ports, portEvery, ratePerSecond, passes },
    ...{ again, sampleEvery, durationMs },
  };
  return makesSense(side) ? side : null;
}

/**
 * Fields that are each well-formed may ask together for what nobody means, and what the executor is not made for: a side that
 * neither probes nor samples, sockets without a tuple, a punching socket that is to be replaced, more samples than a step tells of.
 */
function makesSense(side: SidePlan): boolean {
  const { from, sockets, tuples, passes, again } = side;
  if (tuples > PLAN_LIMITS.birthdayBurst || samplesOf(side) > SAMPLES_MAX) return false;
  if (tuples === 0) return side.sampleEvery > 0 && sockets === 1 && passes.length === 1 && again.mode === 'none';
  if (from === 'punching') return sockets === 1 && again.mode !== 'replace';
  return sockets <= tuples;
}
