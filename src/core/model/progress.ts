/** What is told of a join on its way, as codes and numbers. The words for it are made at the edges: by the command, and by the page. */
import type { FailureCode } from '../errors.ts';

/** What others meet at a NAT, as a plan takes it. */
export type NatView =
  /** `open`: reached at its known endpoint. `easy`: one port for all destinations. `blocked`: no UDP. */
  | { readonly kind: 'open' | 'easy' | 'blocked' }
  /** A new port for each mapping, `step` above the last; others take so many a second. `timed`: the clock moves it, not the mappings. */
  | { readonly kind: 'step'; readonly timed: boolean; readonly step: number; readonly perSecond: number }
  /** Any port of the range, on one of so many addresses. */
  | { readonly kind: 'random'; readonly low: number; readonly high: number; readonly addresses: number };

/** What a plan takes the two networks for; `own` is the one of who joins. */
export interface NatPair {
  readonly own: NatView;
  readonly peer: NatView;
}

/** One thing that would help a pair that does not meet. */
export interface Help {
  /**
   * `other-network`: UDP does not pass. `port-mapping`: UPnP, or one forwarded UDP port. `public-address`: a public IPv4 address from the
   * provider, because routers of the provider's are in front. `ipv6`: IPv6 where it is missing. `vpn`: one that has the way to the other side
   * alone, so that its packets come from where nobody expects them (told by who knows the routes of this computer). `vpn-off`: one whose network
   * is the hard one, or which stands in the way of two that are easy.
   * `between`: both are easy, and nothing here tells what keeps them apart.
   */
  readonly help: 'other-network' | 'port-mapping' | 'public-address' | 'ipv6' | 'vpn' | 'vpn-off' | 'between';
  /** Where it is to be done; `own` is the side of who joins. `either`: on one of the two, whichever is easier. `both`: it takes both. */
  readonly side: 'own' | 'peer' | 'either' | 'both';
}

/** What the next attempt waits for, or what it changes, and why. */
export type NextAttempt =
  /** The host connects so many others first (docs/seed.md S18). */
  | { readonly because: 'host-connects-others'; readonly ahead: number }
  /** Too many ports were opened there lately. */
  | { readonly because: 'host-rests'; readonly seconds: number }
  /** Answers that the last attempt needed did not come in time. */
  | { readonly because: 'unanswered'; readonly method: string }
  /** `last`: the method that did not meet. `own`, `peer`: what that network is taken for now; null where that is as before. */
  | {
      readonly because: 'not-met';
      readonly method: string;
      readonly last: string;
      readonly own: NatView | null;
      readonly peer: NatView | null;
    };

/** Why a join stands where it stands. */
export type StageReason =
  | NextAttempt
  /** At the door of the host: a person is asked about so many others first. */
  | { readonly because: 'host-asked-about-others'; readonly ahead: number }
  | { readonly because: 'host-silent' }
  | { readonly because: 'master-silent' }
  /** A failure that passes. */
  | { readonly because: 'failure'; readonly failure: FailureCode };

/**
 * Why a master refuses, where the failure alone does not say it; the first: no more than that.
 *
 * `codes-tried`: this address has tried too many codes that nobody has. `hosts-here`, `new-hosts`: too many hosts at this address, or new
 * ones from it. `contested`: two hosts claim the code, and the master looks whose it is. `other-code`: this key has another one.
 * `not-registered`: the host that says something is not. `no-fleet`: there is no list of nodes. `foreign-token`: it is another's, or of
 * another master.
 */
export const REFUSALS = [
  ...(['none', 'codes-tried', 'hosts-here', 'new-hosts', 'contested'] as const),
  ...(['other-code', 'not-registered', 'no-fleet', 'foreign-token'] as const),
] as const;
export type RefusalWhy = (typeof REFUSALS)[number];

/** What the table of failures cannot know: the true cause of this one. */
export type FailureReason =
  /** No answer came: of the host, of the person there who was asked, of the master. */
  | { readonly because: 'host-silent' | 'host-undecided' | 'master-silent' }
  /** So many symbols it has that may stand in a code, and the first that may not; empty: none. */
  | { readonly because: 'code-malformed'; readonly symbols: number; readonly foreign: string }
  /** The code and the key in the link do not belong together. */
  | { readonly because: 'link-contradicts-itself' }
  /** The master names a host that the code does not belong to. */
  | { readonly because: 'host-of-another-code' }
  /** The link has another key than the host joined by this code before. */
  | { readonly because: 'other-key-than-before' }
  /** A host of this name was joined before, and had another key. */
  | { readonly because: 'other-key-for-name'; readonly name: string }
  /** Who answered does not have the key that was asked for. */
  | { readonly because: 'not-that-host' }
  /** Nothing can be sealed to such a key. */
  | { readonly because: 'key-unusable' }
  | { readonly because: 'too-many-joins' }
  /** As the master says: too many codes that nobody has were tried from this address. */
  | { readonly because: 'codes-tried' }
  | { readonly because: 'socket'; readonly error: string };
