/** What `Masters` keeps of each node, and `Errands` looks at. */
import type { Instant } from '../contract.ts';
import type { LinkEvent } from './interface.ts';
import type { Link } from './link.ts';

/** A link to one node. */
export interface NodeLink {
  /** As the parent calls it: '' is the master of the link. */
  readonly name: string;
  readonly link: Link;
  readonly openedAt: Instant;
  /** The state as it was told last; null before the first. */
  state: (LinkEvent & { readonly ev: 'state' }) | null;
  /** It has said that it goes away. */
  leaving: boolean;
  /** It was asked and did not answer, and nothing has come from it since. */
  silent: boolean;
  /** Its list of nodes is on its way; and the serial of the one that it told last, be that of use or not. */
  asked: boolean;
  listTold: number;
  usedAt: Instant;
  /** The host has left it: when the session ends. */
  leftAt: Instant;
}

export interface NodeCandidate {
  readonly name: string;
  /** The smallest first. */
  readonly rank: number;
}
