/** What the person who hosts may type: let friends in (--ask), see who is there, kick and ban. */
import { createInterface } from 'node:readline';
import type { FriendNews, Hosting } from '../agent/index.ts';
import type { HostingView } from '../app/index.ts';
import { asksToCome, hasGone } from '../app/local-api.ts';
import { showFingerprint } from '../core/index.ts';
import { banText } from './ban-text.ts';
import { CLI_LIMITS } from './limits.ts';
import type { Terminal } from './terminal.ts';
import { waysText } from './ways.ts';
import { called, present, shownName, tableText, whoHead, whoRow } from './who.ts';
import { t } from './words/index.ts';

export interface HostConsole {
  news(news: FriendNews): void;
  close(): void;
}

/** `new here, key 9f3a-12cd-55e0-77b1`: what there is to know one by whose name anybody could give. */
function whatIsKnown({ friend, knownAs }: FriendNews): string {
  const key = showFingerprint(friend);
  return knownAs === null
    ? t('new here, key {key}', { key })
    : t('known here as {name}, key {key}', { name: shownName({ name: knownAs, friend }), key });
}

function questionText(about: FriendNews): string {
  return t('Let {name} in? It is {known}. [y/n]', { name: shownName(about), known: whatIsKnown(about) });
}

/** Reads lines where a person sits, or where --ask wants answers; elsewhere the input belongs to somebody else. */
export function hostConsole(
  terminal: Terminal,
  hosting: Hosting,
  ask: boolean,
  view: () => Pick<HostingView, 'friends'>,
): HostConsole {
  const desk = new Desk(terminal, hosting, view);
  const news = (one: FriendNews): void => desk.news(one);
  if (!ask && !process.stdin.isTTY) return { news, close() {} };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => desk.obey(line.trim()));
  const onEnd = (): void => {
    if (ask) terminal.fact('warn', 'Ask', t('the input has ended: nobody can be let in any more'));
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
interface DoorQuestion {
  readonly about: FriendNews;
  /** Until then a bare answer may have been meant for the question before. */
  readonly answerableAt: number;
}

class Desk {
  readonly #terminal: Terminal;
  readonly #hosting: Hosting;
  /** As others on this computer are shown it, with its figures as they are now. */
  readonly #view: () => Pick<HostingView, 'friends'>;
  /** By friend and instance. */
  readonly #friends = new Map<string, FriendNews>();
  /** One news of each friend that has left, the latest last. */
  #gone: readonly FriendNews[] = [];
  #question: DoorQuestion | null = null;
  /** When the question before this one left the screen. */
  #questionEndedAt = Number.NEGATIVE_INFINITY;

  constructor(terminal: Terminal, hosting: Hosting, view: () => Pick<HostingView, 'friends'>) {
    this.#terminal = terminal;
    this.#hosting = hosting;
    this.#view = view;
  }

  news(one: FriendNews): void {
    const program = `${one.friend} ${one.instance}`;
    if (hasGone(one)) {
      this.#friends.delete(program);
      this.#gone = [...this.#gone.filter(({ friend }) => friend !== one.friend), one].slice(-CLI_LIMITS.friendsGoneMax);
    } else this.#friends.set(program, one);
    const about = this.#question?.about;
    if (one.state === 'asking') this.#ask(one);
    else if (about?.friend === one.friend && about.instance === one.instance) {
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
      case 'w':
      case 'ways':
        this.#ways();
        return;
      case 'kick':
        for (const friend of this.#friendsCalled(wanted)) this.#hosting.kick(friend);
        return;
      case 'ban':
        this.#ban(wanted);
        return;
      case 'bans':
        this.#bans();
        return;
      case 'unban':
        this.#unban(wanted);
        return;
      default:
        this.#terminal.say(
          `  ${t('who · S words to compare · W ways · kick NAME · ban NAME · ban NAME network · bans · unban N · y or n, or y NAME or n NAME, for who asks · Ctrl+C ends')}`,
        );
    }
  }

  #ask(about: FriendNews): void {
    const now = performance.now();
    const close = now - this.#questionEndedAt < CLI_LIMITS.questionReadMs;
    this.#question = { about, answerableAt: close ? now + CLI_LIMITS.questionReadMs : now };
    this.#terminal.say(questionText(about));
  }

  /** The answer belongs to the question that was read: one that has just come up is shown again instead. */
  #answer(admit: boolean): void {
    const question = this.#question;
    if (question === null) {
      this.#terminal.say(`  ${t('Nobody asks just now.')}`);
    } else if (performance.now() < question.answerableAt) {
      this.#terminal.say(`  ${t('The question has just changed, so that answer was not taken:')}`);
      const { about } = question;
      this.#terminal.say(questionText(about));
    } else this.#decide(question.about, admit);
  }

  /** Those meant by a name or a key, each once; says so where there are none. */
  #friendsCalled(wanted: string, among = [...this.#friends.values()]): readonly string[] {
    const meant = new Set(called(wanted, among).map(({ friend }) => friend));
    if (meant.size === 0) this.#terminal.say(`  ${t('There is no friend of that name; "who" lists them.')}`);
    return [...meant];
  }

  /** `wanted`: a name or a key, and `network` after it where everybody from there is meant. */
  #ban(wanted: string): void {
    const all = [...this.#friends.values(), ...this.#gone];
    const [, name = ''] = called(wanted, all).length > 0 ? [] : (/^(.+) network$/.exec(wanted) ?? []);
    for (const friend of this.#friendsCalled(name === '' ? wanted : name, all)) {
      const here = [...this.#friends.values()].some((one) => one.friend === friend);
      this.#hosting.ban(friend, { network: name !== '' && here });
      if (name === '')
        this.#terminal.say(`  ${t('Banned, by its key. One that takes a new key can be banned with its network.')}`);
      else if (here)
        this.#terminal.say(
          `  ${t('Banned, with everybody from its network: neighbours and housemates are out, too.')}`,
        );
      else this.#terminal.say(`  ${t('It has left, so its network is not known any more: banned by its key alone.')}`);
    }
  }

  #bans(): void {
    for (const [n, kept] of this.#hosting.bans.entries()) this.#terminal.say(`  ${n + 1}  ${banText(kept)}`);
    const none = this.#hosting.bans.length === 0;
    this.#terminal.say(none ? `  ${t('Nobody is banned.')}` : `  ${t('unban N lifts one.')}`);
  }

  #unban(wanted: string): void {
    const kept = /^\d{1,6}$/.test(wanted) ? this.#hosting.bans[Number(wanted) - 1] : undefined;
    if (kept === undefined) this.#terminal.say(`  ${t('There is no ban of that number; "bans" lists them.')}`);
    else {
      this.#hosting.unban(kept.ban);
      this.#terminal.say(`  ${t('Lifted: {ban}', { ban: banText(kept) })}`);
    }
  }

  #answerAbout(wanted: string, admit: boolean): void {
    const asking = [...this.#friends.values()].filter(asksToCome);
    const meant = called(wanted, asking);
    const [one] = meant;
    if (one === undefined) this.#terminal.say(`  ${t('Nobody of that name asks; "who" lists them.')}`);
    else if (meant.every(({ friend }) => friend === one.friend)) this.#decide(one, admit);
    else {
      this.#terminal.say(`  ${t('Several of that name ask: give the beginning of the key instead.')}`);
      for (const each of meant) this.#terminal.say(`  ${shownName(each)}  ${whatIsKnown(each)}`);
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
    const friends = present(this.#view());
    const rows = friends.map((view) => whoRow(view, Date.now()));
    if (rows.length === 0) this.#terminal.say(`  ${t('Nobody is here.')}`);
    else this.#terminal.lines(tableText(whoHead(), rows).replace(/^/gm, '  '));
  }

  #ways(): void {
    const connections = [...this.#friends.values()].flatMap((one) =>
      one.path === null ? [] : [{ name: shownName(one), ways: one.path.paths }],
    );
    this.#terminal.lines(waysText(connections).replace(/^/gm, '  '));
  }

  #words(): void {
    const inside = [...this.#friends.values()].filter((one) => one.path !== null);
    for (const one of inside) this.#terminal.say(`  ${shownName(one).padEnd(10)}  ${one.path?.words}`);
    const advice = t(
      'The same words on the screen of that friend, or somebody sits in between: compare them by voice.',
    );
    this.#terminal.say(inside.length === 0 ? `  ${t('Nobody is connected, so there are no words.')}` : `  ${advice}`);
  }
}
