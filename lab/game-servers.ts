/** How Debian's servers of the games in `src/games` are started, by the id of the preset: with nothing set, so that they listen where they always do. */
export interface GameServer {
  readonly argv: readonly string[];
  /** It refuses to run as root. */
  readonly unprivileged?: boolean;
}

const GAMES_FOLDER = '/usr/games';

export const GAME_SERVERS: Readonly<Record<string, GameServer>> = {
  luanti: { argv: [`${GAMES_FOLDER}/minetestserver`, '--gameid', 'devtest', '--world', '/run/lab/world'] },
  teeworlds: { argv: [`${GAMES_FOLDER}/teeworlds-server`, 'sv_register 0'] },
  ddnet: { argv: [`${GAMES_FOLDER}/DDNet-Server`, 'sv_register 0'] },
  openarena: { argv: [`${GAMES_FOLDER}/openarena-server`, '+set', 'dedicated', '1', '+map', 'oa_dm1'] },
  supertuxkart: { argv: [`${GAMES_FOLDER}/supertuxkart`, '--no-graphics', '--lan-server=lab'] },
  bzflag: { argv: [`${GAMES_FOLDER}/bzfs`] },
  mumble: { argv: ['/usr/sbin/murmurd', '-fg', '-ini', '/dev/null'] },
  wesnoth: { argv: [`${GAMES_FOLDER}/wesnothd-1.16`] },
  openttd: { argv: [`${GAMES_FOLDER}/openttd`, '-D', '-g'] },
  freeciv: { argv: [`${GAMES_FOLDER}/freeciv-server`], unprivileged: true },
  hedgewars: { argv: ['/usr/lib/hedgewars/bin/hedgewars-server'] },
  armagetron: { argv: [`${GAMES_FOLDER}/armagetronad-dedicated`] },
  netpanzer: { argv: [`${GAMES_FOLDER}/netpanzer`, '-d'] },
  warzone2100: { argv: [`${GAMES_FOLDER}/warzone2100`, '--headless', '--nosound', '--autohost=none'] },
  crossfire: { argv: ['/usr/sbin/crossfire-server'], unprivileged: true },
  chocolatedoom: { argv: [`${GAMES_FOLDER}/chocolate-server`] },
  dopewars: { argv: [`${GAMES_FOLDER}/dopewars`, '-s'] },
  pioneers: { argv: [`${GAMES_FOLDER}/pioneers-server-console`] },
};
