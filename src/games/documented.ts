/** Games whose servers are not in Debian 12, by the page that each row names. */
import { type GamePreset, QUAKE3_LAN } from './preset.ts';

/** `A2S_INFO`, which clients of the Source engine broadcast (developer.valvesoftware.com/wiki/Server_queries). */
const SOURCE_LAN = { way: 'broadcast', ports: '27015-27020', first: 'ffffffff54' } as const;

export const DOCUMENTED_GAMES: readonly GamePreset[] = [
  {
    ...{ id: 'minecraft', name: 'Minecraft (Java Edition)', services: '25565/tcp', ask: 'minecraft:25565' },
    lan: { way: 'announced', ports: '4445', group: '224.0.2.60' },
    join: 'Multiplayer, Direct Connection: ADDRESS:PORT',
    source: { page: 'https://minecraft.wiki/w/Tutorial:Setting_up_a_Java_Edition_server' },
  },
  {
    ...{ id: 'bedrock', name: 'Minecraft (Bedrock Edition)', services: '19132/udp', ask: 'mbe:19132' },
    lan: { way: 'broadcast', ports: '19132', first: '01' },
    join: 'Play, Servers, Add Server: address ADDRESS, port PORT',
    source: { page: 'https://minecraft.wiki/w/Bedrock_Dedicated_Server' },
  },
  {
    ...{ id: 'factorio', name: 'Factorio', services: '34197/udp' },
    join: 'Multiplayer, Connect to address: ADDRESS:PORT',
    source: { page: 'https://wiki.factorio.com/Multiplayer' },
  },
  {
    ...{ id: 'terraria', name: 'Terraria', services: '7777/tcp' },
    join: 'Multiplayer, Join via IP: ADDRESS, port PORT',
    source: { page: 'https://terraria.wiki.gg/wiki/Server' },
  },
  {
    ...{ id: 'valheim', name: 'Valheim', services: '2456-2457/udp', ask: 'valheim:2457' },
    join: 'Join Game, Join IP: ADDRESS:PORT',
    source: { page: 'https://valheim.fandom.com/wiki/Hosting_Servers' },
  },
  {
    ...{ id: 'palworld', name: 'Palworld', services: '8211/udp' },
    join: 'Join Multiplayer Game: ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/palworld' },
  },
  {
    ...{ id: 'satisfactory', name: 'Satisfactory', services: '7777/udp+tcp,8888/tcp', ask: 'satisfactory:7777' },
    join: 'Server Manager, Add Server: ADDRESS:PORT',
    source: { page: 'https://satisfactory.wiki.gg/wiki/Dedicated_servers' },
  },
  {
    ...{ id: 'projectzomboid', name: 'Project Zomboid', services: '16261-16262/udp', ask: 'projectzomboid:16261' },
    join: 'Join, Favorites: IP ADDRESS, port PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/project_zomboid' },
  },
  {
    ...{ id: 'ark', name: 'ARK: Survival Evolved', services: '7777-7778/udp,27015/udp', ask: 'ase:27015' },
    join: 'Console: open ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/ark_survival_evolved' },
  },
  {
    ...{ id: 'arkascended', name: 'ARK: Survival Ascended', services: '7777-7778/udp' },
    join: 'Console: open ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/ark_survival_ascended' },
  },
  {
    ...{ id: 'cs2', name: 'Counter-Strike 2', services: '27015/udp', ask: 'counterstrike2:27015' },
    join: 'Console: connect ADDRESS:PORT',
    source: { page: 'https://developer.valvesoftware.com/wiki/Counter-Strike_2/Dedicated_Servers' },
  },
  {
    ...{ id: 'tf2', name: 'Team Fortress 2', services: '27015/udp', ask: 'teamfortress2:27015' },
    lan: SOURCE_LAN,
    join: 'Console: connect ADDRESS:PORT',
    source: { page: 'https://developer.valvesoftware.com/wiki/Source_Dedicated_Server' },
  },
  {
    ...{ id: 'gmod', name: "Garry's Mod", services: '27015/udp', ask: 'garrysmod:27015' },
    lan: SOURCE_LAN,
    join: 'Console: connect ADDRESS:PORT',
    source: { page: 'https://developer.valvesoftware.com/wiki/Source_Dedicated_Server' },
  },
  {
    ...{ id: 'l4d2', name: 'Left 4 Dead 2', services: '27015/udp', ask: 'l4d2:27015' },
    lan: SOURCE_LAN,
    join: 'Console: connect ADDRESS:PORT',
    source: { page: 'https://developer.valvesoftware.com/wiki/Source_Dedicated_Server' },
  },
  {
    ...{ id: 'source', name: 'Source engine (others)', services: '27015/udp', ask: 'css:27015' },
    lan: SOURCE_LAN,
    join: 'Console: connect ADDRESS:PORT',
    source: { page: 'https://developer.valvesoftware.com/wiki/Source_Dedicated_Server' },
  },
  {
    ...{
      id: 'halflife',
      name: 'Half-Life and Counter-Strike 1.6',
      services: '27015/udp',
      ask: 'counterstrike16:27015',
    },
    lan: SOURCE_LAN,
    join: 'Console: connect ADDRESS:PORT',
    source: { page: 'https://developer.valvesoftware.com/wiki/Half-Life_Dedicated_Server' },
  },
  {
    ...{ id: 'rust', name: 'Rust', services: '28015/udp,28017/udp', ask: 'rust:28017' },
    join: 'F1, then client.connect ADDRESS:PORT',
    source: {
      page: 'https://github.com/GameServerManagers/LinuxGSM/blob/master/lgsm/config-default/config-lgsm/rustserver/_default.cfg',
    },
  },
  {
    ...{ id: '7dtd', name: '7 Days to Die', services: '26900/udp+tcp,26901-26902/udp', ask: 'sdtd:26901' },
    join: 'Join Game, Connect to IP: ADDRESS, port PORT',
    source: { page: 'https://developer.valvesoftware.com/wiki/7_Days_to_Die_Dedicated_Server' },
  },
  {
    ...{ id: 'dontstarve', name: "Don't Starve Together", services: '10999/udp' },
    join: 'Console: c_connect("ADDRESS", PORT)',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/dont_starve' },
  },
  {
    ...{ id: 'unturned', name: 'Unturned', services: '27015-27016/udp', ask: 'unturned:27015' },
    join: 'Play, Connect: IP ADDRESS, port PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/unturned' },
  },
  {
    ...{ id: 'vrising', name: 'V Rising', services: '9876-9877/udp', ask: 'vrising:9877' },
    join: 'Online Play, Direct Connect: ADDRESS:PORT',
    source: {
      page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/v_rising/v_rising_vanilla',
    },
  },
  {
    ...{ id: 'enshrouded', name: 'Enshrouded', services: '15636-15637/udp', ask: 'enshrouded:15637' },
    join: 'Join, Add Server: ADDRESS:15637',
    source: { page: 'https://enshrouded.zendesk.com/hc/en-us/articles/16056312924957-Dedicated-Server-FAQ' },
  },
  {
    ...{ id: 'conanexiles', name: 'Conan Exiles', services: '7777-7778/udp,27015/udp', ask: 'conanexiles:27015' },
    join: 'Direct Connect: ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/conan_exiles' },
  },
  {
    ...{ id: 'corekeeper', name: 'Core Keeper', services: '27015-27016/udp', ask: 'corekeeper:27016' },
    join: 'ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/core_keeper' },
  },
  {
    ...{ id: 'barotrauma', name: 'Barotrauma', services: '27015-27016/udp', ask: 'barotrauma:27016' },
    join: 'Join Server, Direct Join: ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/barotrauma' },
  },
  {
    ...{ id: 'avorion', name: 'Avorion', services: '27000/udp+tcp,27003/udp,27020-27021/udp', ask: 'avorion:27020' },
    join: 'ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/avorion' },
  },
  {
    ...{ id: 'vintagestory', name: 'Vintage Story', services: '42420/udp+tcp' },
    join: 'Multiplayer, Add Server: ADDRESS:PORT',
    source: { page: 'https://wiki.vintagestory.at/index.php/Server_Config/en' },
  },
  {
    ...{ id: 'starbound', name: 'Starbound', services: '21025/tcp' },
    join: 'Multiplayer: address ADDRESS, port PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/starbound' },
  },
  {
    ...{ id: 'eco', name: 'Eco', services: '3000/udp,3001/tcp', ask: 'eco:3001' },
    join: 'ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/eco' },
  },
  {
    ...{ id: 'killingfloor2', name: 'Killing Floor 2', services: '7777/udp,27015/udp', ask: 'killingfloor2:27015' },
    join: 'ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/killing_floor_2' },
  },
  {
    ...{ id: 'necesse', name: 'Necesse', services: '14159/udp' },
    join: 'ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/necesse' },
  },
  {
    ...{ id: 'soldat', name: 'Soldat', services: '23073/udp,23083/tcp' },
    join: 'Join Game: IP ADDRESS, port PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/soldat' },
  },
  {
    ...{ id: 'spaceengineers', name: 'Space Engineers', services: '27016/udp', ask: 'spaceengineers:27016' },
    join: 'Join Game, Direct Connect: ADDRESS:PORT',
    source: {
      page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/space_engineers/default',
    },
  },
  {
    ...{ id: 'arma3', name: 'Arma 3', services: '2302-2306/udp', ask: 'arma3:2303' },
    join: 'Multiplayer, Direct Connect: ADDRESS, port PORT',
    source: { page: 'https://community.bistudio.com/wiki/Arma_3:_Dedicated_Server' },
  },
  {
    ...{ id: 'fivem', name: 'FiveM', services: '30120/udp+tcp', ask: 'gta5f:30120' },
    join: 'F8, then connect ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/gta/fivem' },
  },
  {
    ...{
      id: 'mtasa',
      name: 'Multi Theft Auto: San Andreas',
      services: '22003/udp,22005/tcp,22126/udp',
      ask: 'gtasamta:22126',
    },
    join: 'Console: connect ADDRESS PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/gta/mtasa' },
  },
  {
    ...{ id: 'samp', name: 'San Andreas Multiplayer', services: '7777/udp', ask: 'gtasam:7777' },
    join: 'Add Server: ADDRESS:PORT',
    source: {
      page: 'https://github.com/GameServerManagers/LinuxGSM/blob/master/lgsm/config-default/config-lgsm/sampserver/_default.cfg',
    },
  },
  {
    ...{ id: 'beammp', name: 'BeamMP', services: '30814/udp+tcp' },
    join: 'Direct Connect: ADDRESS, port PORT',
    source: { page: 'https://docs.beammp.com/server/create-a-server/' },
  },
  {
    ...{ id: 'quake3', name: 'Quake III Arena', services: '27960/udp', ask: 'q3a:27960', lan: QUAKE3_LAN },
    join: '~, then /connect ADDRESS:PORT',
    source: {
      page: 'https://github.com/GameServerManagers/LinuxGSM/blob/master/lgsm/config-default/config-lgsm/q3server/_default.cfg',
    },
  },
  {
    ...{ id: 'quakelive', name: 'Quake Live', services: '27960/udp', ask: 'quakelive:27960' },
    join: 'Console: connect ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/steamcmd_servers/quake_live' },
  },
  {
    ...{ id: 'quake2', name: 'Quake II', services: '27910/udp', ask: 'quake2:27910' },
    join: '~, then connect ADDRESS:PORT',
    source: {
      page: 'https://github.com/GameServerManagers/LinuxGSM/blob/master/lgsm/config-default/config-lgsm/q2server/_default.cfg',
    },
  },
  {
    ...{ id: 'quakeworld', name: 'QuakeWorld', services: '27500/udp', ask: 'quake:27500' },
    join: '~, then connect ADDRESS:PORT',
    source: {
      page: 'https://github.com/GameServerManagers/LinuxGSM/blob/master/lgsm/config-default/config-lgsm/qwserver/_default.cfg',
    },
  },
  {
    ...{ id: 'etlegacy', name: 'ET: Legacy', services: '27960/udp', ask: 'wet:27960' },
    join: '~, then /connect ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/enemy_territory/etlegacy' },
  },
  {
    ...{ id: 'urbanterror', name: 'Urban Terror', services: '27960/udp', ask: 'urbanterror:27960' },
    join: '~, then /connect ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/urbanterror' },
  },
  {
    ...{ id: 'cod4', name: 'Call of Duty 4', services: '28960/udp' },
    join: '~, then /connect ADDRESS:PORT',
    source: {
      page: 'https://github.com/GameServerManagers/LinuxGSM/blob/master/lgsm/config-default/config-lgsm/cod4server/_default.cfg',
    },
  },
  {
    ...{ id: 'xonotic', name: 'Xonotic', services: '26000/udp', ask: 'xonotic:26000' },
    join: 'Multiplayer, Servers, Address: ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/xonotic/xonotic' },
  },
  {
    ...{ id: 'zandronum', name: 'Zandronum', services: '10666/udp' },
    join: 'zandronum -connect ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/doom/zandronum' },
  },
  {
    ...{ id: 'assaultcube', name: 'AssaultCube', services: '28763-28764/udp' },
    join: '/connect ADDRESS PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/cubeengine/assaultcube' },
  },
  {
    ...{ id: 'sauerbraten', name: 'Cube 2: Sauerbraten', services: '28785-28786/udp' },
    join: '/connect ADDRESS PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/cubeengine/cube2' },
  },
  {
    ...{ id: 'redeclipse', name: 'Red Eclipse', services: '28801-28802/udp' },
    join: '/connect ADDRESS PORT',
    source: { page: 'https://github.com/redeclipse/base/blob/master/doc/examples/servinit.cfg' },
  },
  {
    ...{ id: '0ad', name: '0 A.D.', services: '20595/udp' },
    join: 'Multiplayer, Join Game: host ADDRESS, port PORT',
    source: { page: 'https://github.com/0ad/0ad/blob/master/source/network/NetMessages.h' },
  },
  {
    ...{ id: 'mindustry', name: 'Mindustry', services: '6567/udp+tcp' },
    join: 'Play, Join Game, Add Server: ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/mindustry' },
  },
  {
    ...{ id: 'veloren', name: 'Veloren', services: '14004/tcp' },
    join: 'Multiplayer: ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/game_eggs/veloren' },
  },
  {
    ...{ id: 'teamspeak', name: 'TeamSpeak 3', services: '9987/udp,30033/tcp' },
    join: 'Connections, Connect: ADDRESS:PORT',
    source: { page: 'https://github.com/parkervcp/eggs/tree/master/voice_servers/teamspeak_ARM64' },
  },
];
