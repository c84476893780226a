/** What an operator says of a fleet, checked, and the secret that its nodes share. Nothing of a fleet itself is loaded by it. */
import { join } from 'node:path';
import { WIRE_LIMITS } from '../core/index.ts';
import { readOrCreateKey, usage } from '../node/index.ts';
import type { Fleet } from './fleet.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { NatsOptions } from './nats.ts';
import type { MasterFact, MasterOptions } from './start.ts';

export interface FleetOptions {
  readonly nats: NatsOptions;
  /** 1 to 24 letters, digits, - and _; no two nodes have the same. */
  readonly node: string;
  readonly region?: string;
}

/** Part of what participants are told, and of what operators type. */
export const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,23}$/;
export const FLEET_SECRET_FILE = 'fleet.secret';

/** Before anything is made or bound. */
export function checkFleetOptions({ fleet = null }: MasterOptions): void {
  if (fleet === null) return;
  if (!NODE_NAME.test(fleet.node))
    throw usage(`--node takes 1 to 24 letters, digits, - and _, like eu1, not "${fleet.node}".`);
  if (new TextEncoder().encode(fleet.region ?? '').length > WIRE_LIMITS.relayNameBytesMax)
    throw usage('--region takes 24 bytes at most.');
  const wrong = fleet.nats.servers.find((server) => !/^(nats|tls):\/\/[^\s/]+$/.test(server));
  if (wrong !== undefined) throw usage(`--nats takes nats://HOST:PORT or tls://HOST:PORT, not "${wrong}".`);
}

/** 32 bytes that all nodes of a fleet have alike, as they have master.key; made where there are none, to be copied to the others. */
export function fleetSecret(stateDir: string, tell: (fact: MasterFact) => void): Uint8Array {
  const file = join(stateDir, FLEET_SECRET_FILE);
  const { secret, created } = readOrCreateKey(file);
  if (created) tell({ fact: 'fleet-secret', file });
  return secret;
}

/** Participants have been told to go elsewhere: the sessions that are here serve them until they have. */
export function whileTheyMove(fleet: Fleet | null): Promise<void> {
  if (fleet === null) return Promise.resolve();
  fleet.draining();
  return new Promise((resolve) => setTimeout(resolve, SERVER_LIMITS.fleetMoveMs));
}
