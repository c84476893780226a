/** Games people host at home, with the UDP port their servers use by default (each game's own documentation). */
export const GAMES = [
  { id: 'luanti', name: 'Luanti (Minetest)', port: 30000 },
  { id: 'factorio', name: 'Factorio', port: 34197 },
  { id: 'teeworlds', name: 'Teeworlds', port: 8303 },
  { id: 'ddnet', name: 'DDNet', port: 8303 },
  { id: 'quake3', name: 'Quake III / OpenArena', port: 27960 },
  { id: 'supertuxkart', name: 'SuperTuxKart', port: 2759 },
  { id: 'valheim', name: 'Valheim', port: 2456 },
  { id: 'terraria', name: 'Terraria', port: 7777 },
  { id: 'source', name: 'Source engine', port: 27015 },
] as const;
