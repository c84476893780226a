/** What is known of a game: where its servers listen, how they are asked and found, and what a player types to get to one. */

/** How a client looks for servers in its own network. */
export interface LanSearch {
  /**
   * `broadcast`: the client asks there, and the server answers whoever has asked. `announced`: the server says it there by itself, unasked.
   * `asked`: the client asks a group, and the server tells all of it.
   */
  readonly way: 'broadcast' | 'announced' | 'asked';
  /** Ports asked, in the words of `services`; UDP always. */
  readonly ports: string;
  /** IPv4 group, of `announced` and `asked`. */
  readonly group?: string;
  /** How a question begins, as bytes in hexadecimal; left out where it is not known. */
  readonly first?: string;
}

export interface GamePreset {
  /** What is announced to a masterserver, and kept in settings: lower case letters and digits. */
  readonly id: string;
  readonly name: string;
  /** Where its servers listen when nothing is set, as `sallyport host` takes it: `2456-2457`, `64738/udp+tcp`. */
  readonly services: string;
  /** A type of the package gamedig with the port it asks, as `host --ask-game` takes it; left out where it can't ask the server itself. */
  readonly ask?: string;
  /** Left out where clients don't look, or by no document. */
  readonly lan?: LanSearch;
  /** What a player does in the game, in its own English words, with `ADDRESS` and `PORT` where they belong. */
  readonly join: string;
  /** `debian`: a package whose server was started and looked at (`test/full/game-servers.test.ts`); else a public page. */
  readonly source: { readonly debian: string } | { readonly page: string };
}

/** Quake III's `getinfo`, which `localservers` sends to four ports (ioquake3 `cl_main.c`). */
export const QUAKE3_LAN = { way: 'broadcast', ports: '27960-27963', first: 'ffffffff676574696e666f' } as const;
