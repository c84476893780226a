/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const APP_LIMITS = {
  /** Joins that are over and friends that are gone which the page still shows; each join has a log of its own. */
  joinsOverMax: 20,
  friendsGoneMax: 50,
  /** Programs of one state directory that `ctl` looks at; each is a process that somebody has started. */
  programsMax: 64,
  /**
   * Connections over which no token was shown: a browser opens six at once. Another user of this computer could otherwise take all files
   * that the program may have open, and no friend would come in any more.
   */
  strangersMax: 64,
  /** A command: two hundred favourites with their names are 20 kB. */
  bodyBytesMax: 65_536,
  /** Who looks at figures sees new ones so often; each asks every connection once. */
  figuresMs: 2_000,
  /** A join that is waited for holds a request open; ten minutes are the longest that HTTP clients commonly wait. */
  joinWaitMsMax: 600_000,
  /** Games that speak noray's protocol to one program of ours; each is one that the player has started. */
  norayGamesMax: 16,
  /** A command of noray is some forty bytes; a join link with its keys two hundred. */
  norayLineBytesMax: 1_024,
  /** Commands of one game that wait for the one before them: games send three in their whole life. */
  norayLinesMax: 32,
  /** The game gives its handshake eight seconds, which begin with our answer; until then it waits for as long as it likes. */
  norayJoinMs: 60_000,
  /** Masterservers besides the one set over which joins go on: each has an agent with sockets of its own; few have friends on more. */
  mastersElsewhereMax: 4,
  /** Between the word that a program ends and its end: the answer is on its way before. */
  quitMs: 50,
} as const;
