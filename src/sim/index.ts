/** The simulated internet: `createWorld` and what one puts into it. docs/simulation.md is the guide. */
export * from './checks.ts';
export { describeUser } from './describe.ts';
export { SimDisk, SimDiskError } from './disk.ts';
export * from './families.ts';
export { FAULTS, type Fault } from './faults.ts';
export {
  type FleetJoin,
  type FleetRun,
  type FleetWorldOptions,
  type NodeFault,
  type NodeOffice,
  type NodeProcess,
  runFleet,
} from './fleet.ts';
export type { Gateway } from './gateway.ts';
export type { Host, Running, RunOptions } from './host.ts';
export { type LinkBehaviour, OneWayLink } from './link.ts';
export type { Allocation, PortBlocks, PortRange } from './nat/allocation.ts';
export { PORTS_ALL, PORTS_IPFW, PORTS_PF } from './nat/allocation.ts';
export type { Background, Dependence, NatBehaviour, Timeouts } from './nat/behaviour.ts';
export { createNat, type Nat, type NatResult, type NatStats } from './nat/box.ts';
export * from './nat/presets.ts';
export type { IcmpError, IcmpKind, Packet } from './packet.ts';
export * from './pair.ts';
export { tracePcap } from './pcap.ts';
export * from './plain.ts';
export * from './population.ts';
export { EventQueue } from './queue.ts';
export { portableExp, portableLog, type SimRandom, simRandom } from './random.ts';
export * from './reflector.ts';
export * from './scene.ts';
export * from './script.ts';
export * from './theory.ts';
export {
  type TraceKind,
  type TraceObject,
  type TraceRecord,
  traceJson,
  traceLine,
  traceObject,
} from './trace.ts';
export * from './weak-codes.ts';
export * from './world.ts';
