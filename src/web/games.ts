/** Games that the form offers, with the ports of their servers as people write them. */
import { GAMES as PRESETS } from '../games/index.ts';

export const GAMES = PRESETS.map(({ id, name, services }) => ({
  ...{ id, name },
  services: services.replace(/\/udp(?!\+)/g, ''),
}));
