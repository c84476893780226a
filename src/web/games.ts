/** Games that the form offers, with the ports of their servers as people write them. */
import { GAMES as PRESETS } from '../games/index.ts';

export const GAMES = PRESETS.map(({ id, name, services }) => ({
  ...{ id, name },
  services: services.replace(/\/udp(?!\+)/g, ''),
}));

/** As people know it; a game that we do not know as its host calls it. */
export function gameName(id: string): string {
  return GAMES.find((game) => game.id === id)?.name ?? id;
}
