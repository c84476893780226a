/**
 * Games of Debian, played by their own clients through every cut that a connection outlives: each time both players stay, one who may be
 * relayed and one who may not. The host's program is killed LAB_RUNS times. Rows: what happened, how many of the players stayed.
 */
import { describe, expect, test } from 'vitest';
import { type Friend, openParty, type Party, PLAYED_GAMES, pause, playedGameMissing } from '../../lab/index.ts';
import { GAMES } from '../../src/games/index.ts';
import { describeUnless, vpnMissing } from '../support.ts';

const RUNS = Number(process.env.LAB_RUNS ?? 1);
/** Longer than ENet, the most impatient of them, waits (5 s) before it drops a player who is silent. */
const PLAY_MS = 10_000;
/** Longer than the most patient of them waits before it says so: Minetest's 30 s. */
const PATIENCE_MS = 35_000;
const AWAY_MS = 1_000;
/** What a player may be silent who is still in the game by the server's word, before nobody counts on it any more. */
const ALIVE_MS = PATIENCE_MS;
const LAST_WORDS = 3_000;

interface Cut {
  readonly name: string;
  readonly times: number;
  /** Streams end with the program that carries them, as connections do with a computer: who plays over TCP has to come again. */
  readonly endsStreams?: boolean;
  /** Gives the ms until what it ended was there again, where it ended anything. */
  happen(party: Party): Promise<unknown>;
  after?(party: Party): Promise<unknown>;
}

const CUTS: readonly Cut[] = [
  {
    name: 'silent death of the direct path',
    times: 3,
    happen: (party) => party.cuts.cutFlows(),
    after: (party) => party.scene.lab.uncut(),
  },
  { name: "the friends' router has new mappings", times: 3, happen: (party) => party.cuts.newMappings() },
  { name: "the host's address changes", times: 3, happen: (party) => party.cuts.moveHost() },
  { name: 'a VPN comes up at the host', times: 1, happen: (party) => party.cuts.vpnOn('host') },
  { name: 'and goes off', times: 1, happen: (party) => party.cuts.vpnOff('host') },
  {
    name: "kill -9 of the host's program",
    times: RUNS,
    endsStreams: true,
    happen: (party) => party.killHost(AWAY_MS),
  },
];

/** Those who do not play any more: gone by the server's word, or nothing passes either way. */
async function lost(party: Party): Promise<Friend[]> {
  const gone = party.gone();
  const all = await Promise.all(
    party.friends.map(async (friend) => {
      if (gone.includes(friend.name)) return [friend];
      return (await party.alive(friend, ALIVE_MS)) ? [] : [friend];
    }),
  );
  return all.flat();
}

/** What both commands have said last, for whoever looks why a player has gone. */
function lastWords({ scene }: Party, { joined }: Friend): string {
  return [joined?.command.text() ?? '', scene.host.text()].map((text) => text.slice(-LAST_WORDS)).join('\n');
}

describe.each(PLAYED_GAMES)('$id', (game) => {
  describeUnless(vpnMissing() ?? playedGameMissing(game), 'played between two homes', () => {
    test(
      'keeps every player through every cut',
      async () => {
        const party = await openParty({ game, friends: ['kofi', 'lena'] });
        const rows: string[] = [];
        const missed: string[] = [];
        try {
          for (const friend of party.friends)
            await party.joinAndPlay(friend, friend.name === 'kofi' ? 'allow' : 'never');
          await pause(PLAY_MS);
          const seats = party.friends.map(({ seat }) => seat!.address);
          const overTcp = GAMES.find(({ id }) => id === game.id)!.services.includes('tcp');
          for (const { name, times, endsStreams, happen, after } of CUTS) {
            if (endsStreams && overTcp) continue;
            const away: string[] = [];
            const back: number[] = [];
            for (let run = 1; run <= times; run++) {
              const ms = await happen(party);
              if (typeof ms === 'number') back.push(Math.round(ms));
              await pause(PLAY_MS);
              for (const friend of await lost(party)) {
                away.push(`${friend.name} (relay ${friend.name === 'kofi' ? 'allowed' : 'never'}), time ${run}`);
                process.stdout.write(`${name}, ${away.at(-1)}:\n${lastWords(party, friend)}\n`);
                await friend.client?.stop();
                await party.play(friend);
              }
              await after?.(party);
            }
            const players = times * party.friends.length;
            const backMs = back.length === 0 ? '' : `${Math.min(...back)} to ${Math.max(...back)} ms`;
            rows.push(
              `| ${game.id} | ${name} | ${players - away.length} of ${players} | ${backMs} | ${away.join('; ')} |`,
            );
            missed.push(...away.map((who) => `${name}: ${who}`));
          }
          await pause(PATIENCE_MS);
          missed.push(...(await lost(party)).map(({ name }) => `at the end: ${name}`));
          expect(missed).toEqual([]);
          expect(party.friends.map(({ seat }) => seat!.address)).toEqual(seats);
        } finally {
          process.stdout.write(
            `${['| game | cut | players stayed | ready again after | away |', '|---|---|---|---|---|', ...rows].join('\n')}\n`,
          );
          await party.close();
        }
      },
      1_200_000 + RUNS * 60_000,
    );
  });
});
