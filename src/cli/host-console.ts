/** What the person who hosts may type: let friends in (--ask), see who is there, kick and ban. */
import { createInterface } from 'node:readline';
import type { FriendNews, Hosting } from '../agent/index.ts';
import { cleanText, LIMITS } from '../core/index.ts';
import type { Terminal } from './terminal.ts';

export interface HostConsole {
  news(news: FriendNews): void;
  close(): void;
}

/** How a friend is called on the screen: the name it gave, else the beginning of its key's hash. */
export function friendName({ name, friend }: Pick<FriendNews, 'name' | 'friend'>): string {
  return cleanText(name, LIMITS.nameShownMax) || friend.slice(0, 8);
}

/** Reads lines where a person sits, or where --ask wants answers; elsewhere the input belongs to somebody else. */
export function hostConsole(terminal: Terminal, hosting: Hosting, ask: boolean): HostConsole {
  const friends = new Map<string, FriendNews>();
  const news = (one: FriendNews): void => {
    if (one.state === 'left' || one.state === 'refused') friends.delete(one.friend);
    else friends.set(one.friend, one);
    if (one.state === 'asking') terminal.say(`Let ${friendName(one)} in? [y/n]`);
  };
  if (!ask && !process.stdin.isTTY) return { news, close() {} };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => obey(terminal, hosting, friends, line.trim()));
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

function obey(terminal: Terminal, hosting: Hosting, friends: ReadonlyMap<string, FriendNews>, line: string): void {
  const [word = '', ...rest] = line.toLowerCase().split(/\s+/);
  const everybody = [...friends.values()];
  const meant = everybody.filter((one) => friendName(one).toLowerCase() === rest.join(' '));
  switch (word) {
    case '':
      return;
    case 'y':
    case 'yes':
    case 'n':
    case 'no': {
      // Whoever has waited longest.
      const first = everybody.find((one) => one.state === 'asking');
      if (first !== undefined) hosting.admit(first.friend, word.startsWith('y'));
      return;
    }
    case 'who':
      for (const one of everybody) terminal.say(`  ${friendName(one).padEnd(10)}  ${one.state}`);
      if (everybody.length === 0) terminal.say('  Nobody is here.');
      return;
    case 's':
    case 'words': {
      const inside = everybody.filter((one) => one.path !== null);
      for (const one of inside) terminal.say(`  ${friendName(one).padEnd(10)}  ${one.path?.words}`);
      if (inside.length === 0) terminal.say('  Nobody is connected, so there are no words.');
      else
        terminal.say(
          '  The same words on the screen of that friend, or somebody sits in between: compare them by voice.',
        );
      return;
    }
    case 'kick':
    case 'ban':
      for (const one of meant) hosting.kick(one.friend, { ban: word === 'ban' });
      if (meant.length === 0) terminal.say('  There is no friend of that name; "who" lists them.');
      return;
    default:
      terminal.say('  who · S words to compare · kick NAME · ban NAME · y or n for a friend who asks · Ctrl+C ends');
  }
}
