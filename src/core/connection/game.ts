/**
 * What a host says of its game to a friend: whether each service answers. A change is said again until the friend says that it has
 * heard it, since it comes seldom and nothing else would make up for its loss. A host that changes its mind often is told of at most
 * once in a while, with the last that it has said.
 *
 *     game 7    body: service 1 | state 1 | count 4; whoever hears it sends it back with bit 7 of the state set
 *
 * `count` grows with every change, so that neither an old word nor an old answer is taken for a new one.
 */
import type { Agenda, Alarm } from '../agenda.ts';
import { Reader, Writer } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { LIMITS } from '../limits.ts';
import { CONNECTION_LIMITS } from './limits.ts';

/**
 * `absent`: nothing listens where the host looks for it. `silent`: it takes what the friend's game sends, has answered it before, and
 * says nothing to anybody now.
 */
export const GAME_STATES = ['answers', 'absent', 'silent'] as const;
export type GameState = (typeof GAME_STATES)[number];

const BODY_BYTES = 6;
const HEARD = 0x80;

export interface GamePort {
  say(now: Instant, body: Uint8Array): void;
  heard(now: Instant, service: number, state: GameState): void;
}

interface Said {
  readonly state: GameState;
  readonly body: Uint8Array;
  tries: number;
  /** The other side has it. */
  heard: boolean;
}

export class Game {
  private readonly agenda: Agenda;
  private readonly port: GamePort;
  /** By service, ours to the other side. */
  private readonly said = new Map<number, Said>();
  private count = 0;
  private repeat: Alarm | null = null;
  /** By service, the other side's. */
  private readonly newest = new Map<number, { readonly count: number; readonly state: GameState }>();
  private readonly told = new Map<number, GameState>();
  private tell: Alarm | null = null;

  constructor(agenda: Agenda, port: GamePort) {
    this.agenda = agenda;
    this.port = port;
  }

  /** A game counts as one that answers until something else is said. */
  say(now: Instant, service: number, state: GameState): void {
    if ((this.said.get(service)?.state ?? 'answers') === state) return;
    const body = new Writer(BODY_BYTES)
      .u8(service)
      .u8(GAME_STATES.indexOf(state))
      .u32(++this.count)
      .done();
    this.said.set(service, { state, body, tries: 0, heard: false });
    this.sayAgain(now);
  }

  take(now: Instant, body: Uint8Array): void {
    const reader = new Reader(body);
    const [service, code, count] = [reader.u8(), reader.u8(), reader.u32()];
    if (!reader.ok || service >= LIMITS.servicesMax) return;
    const state = GAME_STATES[code & ~HEARD];
    const mine = this.said.get(service);
    if ((code & HEARD) !== 0) {
      if (mine !== undefined && new Reader(mine.body.subarray(2)).u32() === count) mine.heard = true;
      return;
    }
    const answer = body.slice(0, BODY_BYTES);
    answer[1] = code | HEARD;
    this.port.say(now, answer);
    if (state === undefined || count <= (this.newest.get(service)?.count ?? 0)) return;
    this.newest.set(service, { count, state });
    if (this.tell === null) this.tellChanges(now);
  }

  stop(): void {
    this.repeat?.cancel();
    this.tell?.cancel();
  }

  private sayAgain(now: Instant): void {
    this.repeat?.cancel();
    this.repeat = null;
    const unheard = [...this.said.values()].filter(({ heard }) => !heard);
    for (const one of unheard) {
      one.tries++;
      this.port.say(now, one.body);
    }
    const [tries] = unheard.map((one) => one.tries).sort((left, right) => left - right);
    if (tries === undefined) return;
    const restMs = Math.min(CONNECTION_LIMITS.gameRepeatMs * 2 ** (tries - 1), CONNECTION_LIMITS.gameRepeatMsMax);
    this.repeat = this.agenda.at(now + restMs, (at) => this.sayAgain(at));
  }

  private tellChanges(now: Instant): void {
    const changes = [...this.newest].filter(([service, { state }]) => (this.told.get(service) ?? 'answers') !== state);
    for (const [service, { state }] of changes) {
      this.told.set(service, state);
      this.port.heard(now, service, state);
    }
    this.tell =
      changes.length === 0
        ? null
        : this.agenda.at(now + CONNECTION_LIMITS.gameToldEveryMs, (later) => this.tellChanges(later));
  }
}
