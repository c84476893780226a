/** The nodes of a fleet, as its participants are told of them inside a session that the fleet's key has proven. */
import { address } from './fields.ts';
import { WIRE_LIMITS } from './limits.ts';
import { many, struct, text, u16, u32, type ValueOf } from './struct.ts';

const node = struct({
  name: text(WIRE_LIMITS.relayNameBytesMax),
  region: text(WIRE_LIMITS.relayNameBytesMax),
  addresses: many(address, WIRE_LIMITS.masterAddressesMax, 'addresses'),
  port: u16,
  /** A UDP port that does everything too; 0: none. */
  furtherPort: u16,
});
export type NodePlace = ValueOf<typeof node>;

/** `self`: who answers. A larger serial is a newer list; after `expiresInMs` an older one says nothing any more. */
export const nodeList = {
  self: text(WIRE_LIMITS.relayNameBytesMax),
  serial: u32,
  expiresInMs: u32,
  nodes: many(node, WIRE_LIMITS.nodesMax, 'nodes'),
};

export interface NodeList {
  readonly self: string;
  readonly serial: number;
  readonly expiresInMs: number;
  readonly nodes: readonly NodePlace[];
}
