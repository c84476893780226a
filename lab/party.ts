/**
 * An evening of one game: its server behind Ana's home router with the real `sallyport host`, and friends behind one other home router,
 * each with the real `sallyport join` and the game's own client. Who is in the game is what the game's server says.
 */
import { GAMES } from '../src/games/index.ts';
import { Cuts } from './cuts.ts';
import type { PlayedGame, Seat } from './played.ts';
import type { LabProcess } from './process.ts';
import { eventOf, type Joined, openScene, type Scene } from './scene.ts';
import type { LabHost } from './topology.ts';

const HOME = { kind: 'nat', nat: 'home-router' } as const;
/** 10 ms each of four links: 40 ms from the friend to the game, as between two homes of one country. */
const LINK = { delayMs: 10 };
const JOIN_MS = 60_000;
/** Clients read some hundred megabytes from a disk that others use too. */
const ENTER_MS = 120_000;
const SHOW_MS = 30_000;
const REFUSED_TRIES = 2;

export interface Friend {
  readonly name: string;
  readonly at: LabHost;
  joined: Joined | null;
  client: LabProcess | null;
  /** Where it was first seen in the game; null until then. */
  seat: Seat | null;
}

export interface PartyOptions {
  readonly game: PlayedGame;
  readonly friends: readonly string[];
}

export class Party {
  readonly scene: Scene;
  readonly game: PlayedGame;
  readonly friends: readonly Friend[];
  readonly cuts: Cuts;

  constructor(scene: Scene, game: PlayedGame, friends: readonly Friend[]) {
    this.scene = scene;
    this.cuts = new Cuts(scene);
    this.game = game;
    this.friends = friends;
  }

  get port(): number {
    return this.scene.game.port;
  }

  friend(name: string): Friend {
    return this.friends.find((friend) => friend.name === name)!;
  }

  async join(friend: Friend, relay: 'never' | 'allow'): Promise<Joined> {
    friend.joined = await this.scene.join(JOIN_MS, { on: friend.at, relay, argv: ['--name', friend.name] });
    return friend.joined;
  }

  /** Starts the game's client where `sallyport join` said, without waiting for more. */
  async startClient(friend: Friend): Promise<LabProcess> {
    const [address = '', port = ''] = friend.joined!.connected.local.split(':');
    const home = homeOf(friend.name);
    const display = this.game.display ? await this.#display(friend) : {};
    const script = `mkdir -p ${home} && cd ${home}\n${this.game.client({ name: friend.name, address, port: Number(port) })}`;
    const env = { HOME: home, XDG_RUNTIME_DIR: home, ...display };
    friend.client = friend.at.spawn(['bash', '-euc', script], env);
    return friend.client;
  }

  /** Plays, and waits until the server says that it does; gives where it sits. */
  async play(friend: Friend): Promise<Seat> {
    const { gameServer } = this.scene;
    const seen = gameServer.lines.length;
    await this.startClient(friend);
    const entered = gameServer.find(
      this.#after(seen, (line) => this.game.entered(line)),
      ENTER_MS,
    );
    const seat = await Promise.race([entered, this.#clientEnds(friend)]);
    if (this.game.overUdp !== undefined) await this.#said(friend, this.game.overUdp, seen);
    friend.seat = { who: seat.who, address: seat.address ?? (await this.#whereabouts(seat.who)) };
    return friend.seat;
  }

  async joinAndPlay(friend: Friend, relay: 'never' | 'allow'): Promise<Seat> {
    await this.join(friend, relay);
    return this.play(friend);
  }

  async #clientEnds(friend: Friend): Promise<never> {
    await friend.client!.exited;
    throw new Error(`the client has ended:\n${friend.client!.text().slice(-2_000)}`);
  }

  /**
   * Starts the client of one who is banned, and waits until either side says that it was not let in. A server that has just started may
   * say nothing for longer than a client waits (Teeworlds: 5 s), which is no refusal: then once more.
   */
  async playRefused(friend: Friend): Promise<void> {
    const seen = this.scene.gameServer.lines.length;
    for (let left = REFUSED_TRIES; ; left--) {
      await friend.client?.stop();
      await this.startClient(friend);
      try {
        await this.#said(friend, this.game.refused!, seen);
        return;
      } catch (error) {
        if (left === 1) throw error;
      }
    }
  }

  /** Waits for a line of the friend's client, or of the server's after those it has said. */
  async #said(friend: Friend, words: RegExp, seen: number): Promise<void> {
    const said = (line: string): true | null => words.test(line) || null;
    const { gameServer } = this.scene;
    await Promise.any([
      gameServer.find(this.#after(seen, said), SHOW_MS),
      friend.client!.find(this.#after(0, said), SHOW_MS),
    ]);
  }

  /** Ends the friend's client, and waits until the server knows: it would not let the same name in twice. */
  async leave(friend: Friend): Promise<void> {
    const { gameServer } = this.scene;
    const seen = gameServer.lines.length;
    await friend.client!.stop();
    await gameServer.find(
      this.#after(seen, (line) => (this.game.left(line) === friend.seat!.who ? true : null)),
      ENTER_MS,
    );
  }

  async #whereabouts(who: string): Promise<string> {
    const { gameServer } = this.scene;
    const { order, answer } = this.game.whereabouts!;
    if (order === undefined) return gameServer.lines.flatMap(({ text }) => answer(text, who) ?? []).at(-1)!;
    const seen = gameServer.lines.length;
    gameServer.write(order);
    return await gameServer.find(
      this.#after(seen, (line) => answer(line, who)),
      SHOW_MS,
    );
  }

  #after<T>(seen: number, pick: (line: string) => T | null): (line: { readonly text: string }) => T | null {
    let index = 0;
    return ({ text }) => (index++ < seen ? null : pick(text));
  }

  async #display(friend: Friend): Promise<Record<string, string>> {
    const server = friend.at.spawn(['Xvfb', '-displayfd', '1', '-screen', '0', '320x240x24', '-nolisten', 'tcp']);
    const number = await server.find(({ text }) => /^\d+$/.exec(text)?.[0] ?? null, SHOW_MS);
    return { DISPLAY: `:${number}` };
  }

  /** How many play, by the server's log of its present run. */
  players(): number {
    const { lines } = this.scene.gameServer;
    const entered = lines.flatMap(({ text }) => this.game.entered(text)?.who ?? []);
    const left = lines.flatMap(({ text }) => this.game.left(text) ?? []).filter((who) => entered.includes(who));
    return entered.length - left.length;
  }

  /** Those whom the server has said to have left since they sat down, or whose client has ended. */
  gone(): string[] {
    const left = new Set(this.scene.gameServer.lines.flatMap(({ text }) => this.game.left(text) ?? []));
    return this.friends
      .filter(({ seat, client }) => seat !== null && (left.has(seat.who) || client?.running !== true))
      .map(({ name }) => name);
  }

  /** Does something pass from the friend's address to the game and back, within so long? Some games say a word every few seconds only. */
  async alive({ seat }: Friend, withinMs: number): Promise<boolean> {
    const { hostSide, lab } = this.scene;
    const inHost = (script: string): Promise<string> => lab.sandbox.shell(`ip netns exec ${hostSide.name} ${script}`);
    const address = seat!.address!;
    const table = `seat${address.replaceAll('.', '')}`;
    const rules = [
      `table ip ${table} {`,
      ` chain in { type filter hook input priority 0; ip saddr ${address} th dport ${this.port} counter; }`,
      ` chain out { type filter hook output priority 0; ip daddr ${address} th sport ${this.port} counter; }`,
      '}',
    ];
    await inHost(`nft -f - <<'RULES'\n${rules.join('\n')}\nRULES`);
    try {
      const until = performance.now() + withinMs;
      do {
        await pause(500);
        const counts = [...(await inHost(`nft list table ip ${table}`)).matchAll(/counter packets (\d+)/g)];
        if (counts.length === 2 && counts.every(([, count]) => Number(count) > 0)) return true;
      } while (performance.now() < until);
      return false;
    } finally {
      await inHost(`nft delete table ip ${table}`);
    }
  }

  /** Has the friend's client what the server gives its players, to the last byte? */
  async fetched({ name }: Friend): Promise<boolean> {
    const { sent, kept } = this.game.media!;
    const same = `cmp -s ${homeOf('game')}/${sent} $file && echo same`;
    const script = `for file in ${homeOf(name)}/${kept}; do ${same} || true; done`;
    return (await this.scene.lab.sandbox.shell(script)).includes('same');
  }

  async ban(friend: Friend): Promise<void> {
    const { by, order } = this.game.ban!;
    if (by === 'input') this.scene.gameServer.write(order(friend.seat!));
    else {
      const run = this.scene.hostSide.spawn(['bash', '-euc', order(friend.seat!)], { HOME: homeOf('game') });
      const { code } = await run.exited;
      if (code !== 0) throw new Error(`the ban was not taken:\n${run.text()}`);
    }
    if (this.game.staysWhenBanned) return;
    const { who } = friend.seat!;
    await this.scene.gameServer.find(({ text }) => (this.game.left(text) === who ? true : null), SHOW_MS);
  }

  /** Ends the game's server as whoever runs it would, and starts it anew. */
  async restartGame(): Promise<void> {
    await this.scene.gameServer.stop();
    this.scene.startGame();
  }

  /** `kill -9` of `sallyport host`; it is started again after so long. Gives the ms from the kill until it says that it is ready. */
  async killHost(awayMs: number): Promise<number> {
    const from = performance.now();
    this.scene.host.signal('SIGKILL');
    await this.scene.host.exited;
    await pause(awayMs);
    await this.scene.runHost();
    return performance.now() - from;
  }

  /** Waits until the host's present program has all friends again. */
  async restored(): Promise<void> {
    const there = new Set<unknown>();
    await this.scene.host.find((line) => {
      const event = line.stream === 'stdout' ? eventOf(line.text) : null;
      if (event?.ev === 'peer' && event.state === 'connected') there.add(event.friend);
      return there.size === this.friends.length || null;
    }, JOIN_MS);
  }

  async close(): Promise<void> {
    await this.scene.close();
  }
}

function homeOf(name: string): string {
  return `/run/lab/home-${name}`;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Networks, masterserver, game and `sallyport host`; what is left to do is to join and to play. */
export async function openParty({ game, friends }: PartyOptions): Promise<Party> {
  const home = homeOf('game');
  const argv = ['bash', '-euc', `mkdir -p ${home} && export HOME=${home} XDG_RUNTIME_DIR=${home}\n${game.server}`];
  const { services } = GAMES.find(({ id }) => id === game.id)!;
  const server = { name: game.id, port: Number.parseInt(services, 10), services, argv, status: async () => '' };
  const scene = await openScene({ host: HOME, client: HOME, game: server, link: LINK, hops: 2 });
  try {
    const places: LabHost[] = [scene.clientSide];
    for (const name of friends.slice(1)) places.push(await scene.lab.hostBehind(scene.nats[1]!, name));
    const seats = friends.map((name, index) => ({
      ...{ name, at: places[index]!, joined: null, client: null, seat: null },
    }));
    return new Party(scene, game, seats);
  } catch (error) {
    await scene.close();
    throw error;
  }
}
