/** Games that people host at home. Plain data for command, app and documents: it imports nothing of the other layers. */
import { DEBIAN_GAMES } from './debian.ts';
import { DOCUMENTED_GAMES } from './documented.ts';
import type { GamePreset } from './preset.ts';

export type { GamePreset, LanSearch } from './preset.ts';

export const GAMES: readonly GamePreset[] = [...DEBIAN_GAMES, ...DOCUMENTED_GAMES].toSorted((a, b) =>
  a.name.localeCompare(b.name, 'en'),
);

/** Of a name so many letters say which game is meant. */
const PART_LETTERS_MIN = 5;

/**
 * By its id or its name, whatever the case, and what is between letters and digits; else by whole words of the name of one game alone:
 * `minetest`, `minecraft java`.
 */
export function gameNamed(word: string): GamePreset | null {
  const wanted = wordsOf(word);
  const same = GAMES.find(({ id, name }) => wanted.join('') === id || wanted.join('') === wordsOf(name).join(''));
  if (same !== undefined || wanted.join('').length < PART_LETTERS_MIN) return same ?? null;
  const [one, other] = GAMES.filter(({ name }) => ` ${wordsOf(name).join(' ')} `.includes(` ${wanted.join(' ')} `));
  return one === undefined || other !== undefined ? null : one;
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

/** What a player does in the game to get to this address, in the game's own words. */
export function inGame(game: GamePreset, address: string, port: number): string {
  return game.join.replace('ADDRESS', address).replace('PORT', String(port));
}

/** The game whose servers listen there when nothing is set; the first by name, where several do. */
export function gameAt(protocol: 'udp' | 'tcp', port: number): GamePreset | null {
  const listens = (service: string): boolean => {
    const [, first = '', last = first, protocols = 'udp'] = /^(\d+)(?:-(\d+))?(?:\/([a-z+]+))?$/.exec(service) ?? [];
    return port >= Number(first) && port <= Number(last) && protocols.split('+').includes(protocol);
  };
  return GAMES.find(({ services }) => services.split(',').some(listens)) ?? null;
}
