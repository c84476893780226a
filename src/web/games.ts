/** Games that the form offers, with the UDP port of their servers: what is reached over TCP alone is not among them. */
import { GAMES as PRESETS } from '../games/index.ts';

export const GAMES = PRESETS.flatMap(({ id, name, services }) => {
  const [, port, protocols = 'udp'] = /^(\d+)[\d-]*(?:\/([a-z+]+))?/.exec(services) ?? [];
  return protocols.startsWith('udp') ? [{ id, name, port: Number(port) }] : [];
});
