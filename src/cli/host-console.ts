/** What the person who hosts may type: let friends in (--ask), see who is there, kick and ban. */
import { createInterface } from 'node:readline';
import type { FriendNews, Hosting } from '../agent/index.ts';
import { cleanText, PEER_LIMITS, showFingerprint } from '../core/index.ts';
import { CLI_LIMITS } from './limits.ts';
import type { Terminal } from './terminal.ts';

export interface HostConsole {
  news(news: FriendNews): void;
  close(): void;
}

/** How a friend is called on the screen: the name it gave, else the beginning of its key's hash. */
export function friendName({ name, friend }: Pick<FriendNews, 'name' | 'friend'>): string {
  return cleanText(name, PEER_LIMITS.nameShownMax) || friend.slice(0, 8);
}

/** `new here, key 9f3a-12cd-55e0-77b1`: what there is to know one by whose name anybody could give. */
function whatIsKnown({ friend, knownAs }: FriendNews): string {
  const before = knownAs === null ? 'new here' : `was here before as ${friendName({ name: knownAs, friend })}`;
  return `${before}, key ${showFingerprint(friend)}`;
}

/** Reads lines where a person sits, or where --ask wants answers; elsewhere the input belongs to somebody else. */
export function hostConsole(terminal: Terminal, hosting: Hosting, ask: boolean): HostConsole {
  const desk = new Desk(terminal, hosting);
  const news = (one: FriendNews): void => desk.news(one);
  if (!ask && !process.stdin.isTTY) return { news, close() {} };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => desk.obey(line.trim()));
  const onEnd = (): void => {
    if (ask) terminal.fact('warn', 'Ask', 'the input has ended: nobody can be let in any more');
  };
  lines.on('close', onEnd);
  return {
    news,
    close() {
      lines.off('close', onEnd);
      lines.close();
      process.stdin.unref();
    },
  };
}

/** The question on the screen. */
interface Question {
  readonly about: FriendNews;
  /** Until then a bare answer may have been meant for the question before. */
  readonly answerableAt: number;
}

class Desk {
  readonly #terminal: Terminal;
  readonly #hosting: Hosting;
  readonly #friends = new Map<string, FriendNews>();
  #question: Question | null = null;
  /** When the question before this one left the screen. */
  #questionEndedAt = Number.NEGATIVE_INFINITY;

  constructor(terminal: Terminal, hosting: Hosting) {
    this.#terminal = terminal;
    this.#hosting = hosting;
  }

  news(one: FriendNews): void {
    if (one.state === 'left' || one.state === 'refused') this.#friends.delete(one.friend);
    else this.#friends.set(one.friend, one);
    if (one.state === 'asking') this.#ask(one);
    else if (this.#question?.about.friend === one.friend) {
      this.#question = null;
      this.#questionEndedAt = performance.now();
    }
  }

  obey(line: string): void {
    const [word = '', ...rest] = line.toLowerCase().split(/\s+/);
    const wanted = rest.join(' ');
    switch (word) {
      case '':
        return;
      case 'y':
      case 'yes':
      case 'n':
      case 'no':
        if (wanted === '') this.#answer(word.startsWith('y'));
        else this.#answerAbout(wanted, word.startsWith('y'));
        return;
      case 'who':
        this.#who();
        return;
      case 's':
      case 'words':
        this.#words();
        return;
      case 'kick':
      case 'ban': {
        const meant = this.#called(wanted);
        for (const one of meant) this.#hosting.kick(one.friend, { ban: word === 'ban' });
        if (meant.length === 0) this.#terminal.say('  There is no friend of that name; "who" lists them.');
        return;
      }
      default:
        this.#terminal.say(
          '  who · S words to compare · kick NAME · ban NAME · y or n, or y NAME or n NAME, for who asks · Ctrl+C ends',
        );
    }
  }

  #ask(about: FriendNews): void {
    const now = performance.now();
    const close = now - this.#questionEndedAt < CLI_LIMITS.questionReadMs;
    this.#question = { about, answerableAt: close ? now + CLI_LIMITS.questionReadMs : now };
    this.#terminal.say(`Let ${friendName(about)} in? It is ${whatIsKnown(about)}. [y/n]`);
  }

  /** The answer belongs to the question that was read: one that has just come up is shown again instead. */
  #answer(admit: boolean): void {
    const question = this.#question;
    if (question === null) {
      this.#terminal.say('  Nobody asks just now.');
    } else if (performance.now() < question.answerableAt) {
      this.#terminal.say('  The question has just changed, so that answer was not taken:');
      const { about } = question;
      this.#terminal.say(`Let ${friendName(about)} in? It is ${whatIsKnown(about)}. [y/n]`);
    } else this.#decide(question.about, admit);
  }

  #answerAbout(wanted: string, admit: boolean): void {
    const meant = this.#called(wanted).filter(({ state }) => state === 'asking' || state === 'waiting');
    const [one] = meant;
    if (one === undefined) this.#terminal.say('  Nobody of that name asks; "who" lists them.');
    else if (meant.length === 1) this.#decide(one, admit);
    else {
      this.#terminal.say('  Several of that name ask: give the beginning of the key instead.');
      for (const each of meant) this.#terminal.say(`  ${friendName(each)}  ${whatIsKnown(each)}`);
    }
  }

  #decide({ friend }: FriendNews, admit: boolean): void {
    if (this.#question?.about.friend === friend) {
      this.#question = null;
      this.#questionEndedAt = performance.now();
    }
    this.#hosting.admit(friend, admit);
  }

  #who(): void {
    for (const one of this.#friends.values()) {
      this.#terminal.say(`  ${friendName(one).padEnd(10)}  ${one.state.padEnd(10)}  ${whatIsKnown(one)}`);
    }
    if (this.#friends.size === 0) this.#terminal.say('  Nobody is here.');
  }

  #words(): void {
    const inside = [...this.#friends.values()].filter((one) => one.path !== null);
    for (const one of inside) this.#terminal.say(`  ${friendName(one).padEnd(10)}  ${one.path?.words}`);
    const advice = 'The same words on the screen of that friend, or somebody sits in between: compare them by voice.';
    this.#terminal.say(inside.length === 0 ? '  Nobody is connected, so there are no words.' : `  ${advice}`);
  }

  /** By name, or by four digits of the key or more. */
  #called(wanted: string): readonly FriendNews[] {
    const key = wanted.replaceAll('-', '');
    const byKey = (friend: string): boolean => /^[0-9a-f]{4,16}$/.test(key) && friend.startsWith(key);
    return [...this.#friends.values()].filter((one) => friendName(one).toLowerCase() === wanted || byKey(one.friend));
  }
}
