/**
 * Games of Debian that are played in the lab by their own clients, without a screen: what starts them, what their servers log of
 * who comes and goes, and how somebody is banned. Each script runs with a HOME of its own.
 */
import { existsSync } from 'node:fs';
import { compiled } from './puppeteer.ts';

/** A player as the server's log has it: by which word it is known there, and from where it came where the log says so. */
export interface Seat {
  readonly who: string;
  readonly address: string | null;
}

export interface ClientOptions {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export interface PlayedGame {
  /** Of its preset, which says where its server listens. */
  readonly id: string;
  readonly programs: readonly string[];
  /** Its client draws: it gets an X server of its own, in memory. */
  readonly display: boolean;
  readonly server: string;
  client(options: ClientOptions): string;
  /** A line of the server's log that says that somebody plays now. */
  entered(line: string): Seat | null;
  /** A line that says that somebody does not play any more: the same word as `who`. */
  left(line: string): string | null;
  /** A file of the server's that its clients have to fetch from it before they play, and where they keep it: shell patterns. */
  readonly media?: { readonly sent: string; readonly kept: string };
  /** A line of the server's or the client's that says that UDP passes too, where the game speaks both: it comes from where TCP does, or not at all. */
  readonly overUdp?: RegExp;
  /**
   * The line that says where somebody is from, for logs that say it apart; and what is written to the server's input to have it said, where
   * it has not been before.
   */
  readonly whereabouts?: { readonly order?: string; answer(line: string, who: string): string | null };
  /** A shell script on the server's computer, or words for its input, that bans a player for good. */
  readonly ban?: { readonly by: 'input' | 'script'; order(seat: Seat): string };
  /** Its server ends nothing because of a ban, and only refuses the next connection. */
  readonly staysWhenBanned?: boolean;
  /** A line of the client's or the server's that says that somebody was not let in because of a ban; left out where bans do not last. */
  readonly refused?: RegExp;
}

/** Drawn by the processor, one thread of it, at an eighth of a screen. */
const DRAWN = 'LIBGL_ALWAYS_SOFTWARE=1 LP_NUM_THREADS=1 SDL_AUDIODRIVER=dummy';

/** The mod does what is written into a file of the world, once a second: the server's own input is for a terminal. */
const MINETEST_ORDERS = `
local path = minetest.get_worldpath() .. "/orders"
local passed = 0
minetest.register_globalstep(function(seconds)
  passed = passed + seconds
  if passed < 0.5 then return end
  passed = 0
  local file = io.open(path)
  if not file then return end
  local who = file:read("*l")
  file:close()
  os.remove(path)
  minetest.ban_player(who)
end)
`;

/** Random, so that nothing packs it: what a client has to fetch before it plays. */
const MINETEST_MEDIA_BYTES = 2_000_000;

const minetest: PlayedGame = {
  id: 'luanti',
  programs: ['/usr/games/minetest'],
  display: false,
  server: `
    mod=$HOME/world/worldmods/lab
    mkdir -p $mod/sounds
    [ -f $mod/sounds/lab.ogg ] || head -c ${MINETEST_MEDIA_BYTES} /dev/urandom >$mod/sounds/lab.ogg
    cat >$mod/init.lua <<'LUA'
${MINETEST_ORDERS}
LUA
    echo 'gameid = devtest' >$HOME/world/world.mt
    echo 'mg_name = singlenode' >$HOME/conf
    exec /usr/games/minetest --server --world $HOME/world --config $HOME/conf --logfile ''`,
  client: ({ name, address, port }) => `
    printf '%s\\n' 'video_driver = null' 'enable_sound = false' 'fps_max = 5' 'fps_max_unfocused = 5' >$HOME/conf
    exec /usr/games/minetest --config $HOME/conf --address ${address} --port ${port} --name ${name} --password x --go --logfile ''`,
  entered(line) {
    const [, who, address] = /ACTION\[Server\]: (\S+) \[([\d.]+)\] joins game/.exec(line) ?? [];
    return who === undefined || address === undefined ? null : { who, address };
  },
  left: (line) => /ACTION\[Server\]: (\S+) (?:leaves game|times out)/.exec(line)?.[1] ?? null,
  media: { sent: 'world/worldmods/lab/sounds/lab.ogg', kept: '.cache/minetest/media/*' },
  ban: { by: 'script', order: ({ who }) => `echo ${who} >$HOME/world/orders` },
  refused: /[Bb]anned/,
};

const teeworlds: PlayedGame = {
  id: 'teeworlds',
  programs: ['/usr/games/teeworlds', '/usr/games/teeworlds-server', '/usr/bin/Xvfb'],
  display: true,
  // A map that no client has by this name. Its console over TCP takes the bans, and writes them where the next start reads them.
  server: `
    mkdir -p $HOME/.local/share/teeworlds/maps
    cp /usr/share/games/teeworlds/data/maps/ctf8.map $HOME/.local/share/teeworlds/maps/lab.map
    touch $HOME/bans.cfg
    cd $HOME
    exec /usr/games/teeworlds-server 'sv_register 0; sv_map lab; sv_inactivekick_time 0; sv_max_clients_per_ip 4; ec_port 8304; ec_password x; exec bans.cfg'`,
  client: ({ name, address, port }) => `
    export ${DRAWN}
    exec /usr/games/teeworlds 'gfx_screen_width 320; gfx_screen_height 240; gfx_fullscreen 0; snd_enable 0; cl_cpu_throttle 50; player_name ${name}; connect ${address}:${port}'`,
  entered(line) {
    const [, who, address] = /player has entered the game\. ClientID=(\d+) addr=([\d.]+):\d+/.exec(line) ?? [];
    return who === undefined || address === undefined ? null : { who, address };
  },
  left: (line) => /client dropped\. cid=(\d+)/.exec(line)?.[1] ?? null,
  media: { sent: '.local/share/teeworlds/maps/lab.map', kept: '.local/share/teeworlds/downloadedmaps/lab*' },
  ban: {
    by: 'script',
    order: ({ who }) => `
      exec 3<>/dev/tcp/127.0.0.1/8304
      printf 'x\\nban ${who} 60 lab\\nbans_save bans.cfg\\n' >&3
      timeout 3 cat <&3 || true`,
  },
  refused: /[Bb]anned/,
};

const openarena: PlayedGame = {
  id: 'openarena',
  programs: ['/usr/games/openarena', '/usr/games/openarena-server', '/usr/bin/Xvfb'],
  display: true,
  server: 'exec /usr/games/openarena-server +set dedicated 1 +set sv_pure 0 +set sv_timeout 20 +map oa_dm1 +rehashbans',
  client: ({ name, address, port }) => `
    export ${DRAWN}
    exec /usr/games/openarena +set r_mode -1 +set r_customwidth 160 +set r_customheight 120 +set r_fullscreen 0 \\
      +set com_maxfps 10 +set com_maxfpsUnfocused 10 +set s_initsound 0 +set cl_timeout 20 +set name ${name} +connect ${address}:${port}`,
  entered(line) {
    const who = /print "(\S+)\^7 entered the game/.exec(line)?.[1];
    return who === undefined ? null : { who, address: null };
  },
  left: (line) => /print "(\S+)\^7 (?:disconnected|timed out|was kicked)/.exec(line)?.[1] ?? null,
  whereabouts: {
    order: 'status\n',
    answer: (line, who) => new RegExp(`^\\s*\\d+\\s+-?\\d+\\s+\\d+ ${who}\\s+\\^7([\\d.]+)`).exec(line)?.[1] ?? null,
  },
  ban: { by: 'input', order: ({ who, address }) => `banaddr ${address}\nkick ${who}\n` },
  refused: /[Bb]anned/,
};

const supertuxkart: PlayedGame = {
  id: 'supertuxkart',
  programs: ['/usr/games/supertuxkart'],
  display: false,
  // Without a line buffer its log comes in lumps of 4 kB.
  server: 'exec stdbuf -oL /usr/games/supertuxkart --no-graphics --lan-server=lab --log=1',
  // Without a screen its player must be a program: the rest of the client is what people play with.
  client: ({ address, port }) =>
    `exec stdbuf -oL /usr/games/supertuxkart --no-graphics --connect-now=${address}:${port} --network-ai=1`,
  entered(line) {
    const [, address, port] = /New player .* from ([\d.]+):(\d+)/.exec(line) ?? [];
    return address === undefined || port === undefined ? null : { who: `${address}:${port}`, address };
  },
  left: (line) => /STKHost: ([\d.]+:\d+) has (?:just )?disconnected/.exec(line)?.[1] ?? null,
};

/** Its client is Debian's: it speaks to the server over TCP, and over UDP from the same port. */
const bzflag: PlayedGame = {
  id: 'bzflag',
  programs: ['/usr/games/bzflag', '/usr/games/bzadmin', '/usr/games/bzfs', '/usr/bin/Xvfb'],
  display: true,
  // It lets nobody in before the name of the address is known, or is known to be none: here whoever is asked says so at once.
  server: `
    echo nameserver 127.0.0.1 >$HOME/resolv.conf
    export BZFS='stdbuf -oL /usr/games/bzfs -d -d -d -ts -passwd x -j +r'
    exec unshare -m sh -c 'mount --bind $HOME/resolv.conf /etc/resolv.conf && exec $BZFS -banfile $HOME/bans'`,
  client: ({ name, address, port }) => `
    export ${DRAWN}
    exec /usr/games/bzflag -window 320x240 -mute -team rogue ${name}@${address}:${port}`,
  overUdp: /Player slot \d+ inbound UDP up/,
  entered(line) {
    const [, who, address] = /Player (\S+) \[\d+\] has joined from ([\d.]+) at/.exec(line) ?? [];
    return who === undefined || address === undefined ? null : { who, address };
  },
  left: (line) => /Player (\S+) \[\d+\] removed/.exec(line)?.[1] ?? null,
  ban: {
    by: 'script',
    order: ({ address }) => `
      (sleep 2; echo /password x; sleep 1; echo /ban ${address} 60 lab; sleep 1) |
        timeout 10 /usr/games/bzadmin -ui stdin root@127.0.0.1:5154 || true`,
  },
  refused: /REFUSED/,
};

/** Its client is ours: Mumble's own has a window for everything. Voice is over UDP. */
const mumble: PlayedGame = {
  id: 'mumble',
  programs: ['/usr/sbin/murmurd'],
  display: false,
  server: `
    printf '%s\\n' 'uname=root' "database=$HOME/murmur.sqlite" >$HOME/ini
    /usr/sbin/murmurd -fg -ini $HOME/ini -supw x
    exec /usr/sbin/murmurd -fg -ini $HOME/ini`,
  client: ({ name, address, port }) =>
    `exec ${process.execPath} ${compiled('lab/mumble-client.js')} ${address} ${port} ${name}`,
  overUdp: /^voice answered$/,
  entered(line) {
    const who = /<(\d+):[^>(]+\(-1\)> Authenticated/.exec(line)?.[1];
    return who === undefined ? null : { who, address: null };
  },
  left: (line) => /<(\d+):[^>(]+\(-1\)> Connection closed/.exec(line)?.[1] ?? null,
  whereabouts: {
    answer: (line, who) => new RegExp(`<${who}:\\(-1\\)> New connection: ([\\d.]+):`).exec(line)?.[1] ?? null,
  },
  ban: {
    by: 'script',
    order: ({ address }) =>
      `${process.execPath} ${compiled('lab/mumble-client.js')} 127.0.0.1 64738 SuperUser x ban ${address}`,
  },
  staysWhenBanned: true,
  refused: /Ignoring connection: .*ban/,
};

/** Its client is ours: Wesnoth's own has a window for everything. */
const wesnoth: PlayedGame = {
  id: 'wesnoth',
  programs: ['/usr/games/wesnothd-1.16'],
  display: false,
  server: `
    printf '%s\\n' "fifo_path=\\"$HOME/orders\\"" "ban_save_file=\\"$HOME/bans.gz\\"" >$HOME/conf
    rm -f $HOME/orders
    exec /usr/games/wesnothd-1.16 -c $HOME/conf -v`,
  client: ({ name, address, port }) =>
    `exec ${process.execPath} ${compiled('lab/wesnoth-client.js')} ${address} ${port} ${name}`,
  entered(line) {
    const [, address, who] = /info server: ([\d.]+)\t(\S+)\thas logged on/.exec(line) ?? [];
    return who === undefined || address === undefined ? null : { who, address };
  },
  left: (line) => /\t(\S+)\thas logged off/.exec(line)?.[1] ?? null,
  ban: { by: 'script', order: ({ who }) => `echo 'kban ${who} 1h lab' >$HOME/orders` },
  refused: /banned/,
};

/** Over UDP alone, and those that speak TCP. */
export const PLAYED_GAMES: readonly PlayedGame[] = [
  ...[minetest, teeworlds, openarena, supertuxkart],
  ...[bzflag, mumble, wesnoth],
];

/** Why a game can't be played here, or null. */
export function playedGameMissing({ programs }: PlayedGame): string | null {
  const missing = programs.filter((program) => !existsSync(program));
  return missing.length === 0 ? null : `missing programs: ${missing.join(', ')}`;
}
