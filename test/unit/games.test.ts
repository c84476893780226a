/** What the presets of games say is well-formed, and docs/games.md has it. `UPDATE_DOCS=1` writes the table anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { GAMES, type GamePreset, gameNamed, inGame, type LanSearch } from '../../src/games/index.ts';

const FILE = new URL('../../docs/games.md', import.meta.url);
const [BEGIN, END] = ['<!-- table -->\n', '<!-- end of table -->'];
const { games: gamedigTypes } = createRequire(import.meta.url)('gamedig') as { readonly games: object };
const PORTS = String.raw`\d{4,5}(?:-\d{4,5})?`;
const SERVICES = new RegExp(`^${PORTS}/(?:udp|tcp|udp\\+tcp)(?:,${PORTS}/(?:udp|tcp|udp\\+tcp))*$`);

function lanWords({ way, ports, group, first }: LanSearch): string {
  return [`${way} ${group === undefined ? '' : `${group}:`}${ports}`, first === undefined ? '' : `\`${first}\``]
    .join(' ')
    .trim();
}

function row({ id, name, services, ask, lan, join, source }: GamePreset): string {
  const where = 'debian' in source ? `Debian \`${source.debian}\`` : `[page](${source.page})`;
  const cells = [name, id, `\`${services}\``, ask ?? '', lan === undefined ? '' : lanWords(lan), join, where];
  return `| ${cells.join(' | ')} |`;
}

function table(): string {
  const head = ['game', 'id', 'host', 'ask-game', 'search in the local network', 'in the game', 'source'];
  return [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...GAMES.map(row), ''].join('\n');
}

if (process.env.UPDATE_DOCS === '1') {
  const text = readFileSync(FILE, 'utf8');
  writeFileSync(FILE, text.slice(0, text.indexOf(BEGIN) + BEGIN.length) + table() + text.slice(text.indexOf(END)));
}

describe('the presets of games', () => {
  test('are at least forty, each with an id and a name of its own', () => {
    expect(GAMES.length).toBeGreaterThanOrEqual(40);
    for (const key of ['id', 'name'] as const) {
      expect(new Set(GAMES.map((game) => game[key].toLowerCase())).size).toBe(GAMES.length);
    }
  });

  test.each(GAMES)('$name: ports, question and words can be used as they are', ({ id, services, ask, lan, join }) => {
    expect(id).toMatch(/^[a-z0-9]{2,16}$/);
    expect(services).toMatch(SERVICES);
    const [, type, port] = /^([\w-]+):(\d+)$/.exec(ask ?? 'none:0') ?? [];
    if (ask !== undefined) expect(Object.keys(gamedigTypes)).toContain(type);
    expect(Number(port)).toBeLessThan(65_536);
    if (lan !== undefined) expect(lan.ports).toMatch(new RegExp(`^${PORTS}$`));
    expect(lan?.first ?? '').toMatch(/^(?:[0-9a-f]{2})*$/);
    expect(lan?.group !== undefined).toBe(lan !== undefined && lan.way !== 'broadcast');
    expect(join).toContain('ADDRESS');
  });

  test('are found by id and by name, whatever the case, and nothing else is', () => {
    for (const game of GAMES) {
      expect(gameNamed(game.id)).toBe(game);
      expect(gameNamed(` ${game.name.toUpperCase()} `)).toBe(game);
    }
    expect(gameNamed('0 A.D')?.id).toBe('0ad');
    expect(gameNamed('minetest')?.id).toBe('luanti');
    expect(gameNamed('Minecraft Java')?.id).toBe('minecraft');
    expect(gameNamed('zomboid')?.id).toBe('projectzomboid');
    for (const unclear of ['quake', 'crafts', 'test', 'edition', 'dead']) expect(gameNamed(unclear)).toBeNull();
    expect(gameNamed('')).toBeNull();
    expect(gameNamed('chess by post')).toBeNull();
  });

  test('say what to type with the address in it', () => {
    expect(inGame(gameNamed('teeworlds')!, '127.0.0.1', 8303)).toBe('F1, then connect 127.0.0.1:8303');
  });

  test('stand in docs/games.md', () => {
    const text = readFileSync(FILE, 'utf8');
    expect(text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END))).toBe(table());
  });
});
