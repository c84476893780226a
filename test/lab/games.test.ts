/**
 * A real game behind kernel NATs, played by its own client: Debian's Minetest stands for all, because its client does without a screen and
 * its packages are small. The others, and what takes minutes, are in `test/full`.
 */
import { expect, test } from 'vitest';
import { openParty, PLAYED_GAMES, playedGameMissing } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const [game] = PLAYED_GAMES;

describeUnless(labMissing() ?? playedGameMissing(game!), 'Minetest between two homes', () => {
  test('is played by two friends behind one router, each from an address of its own and with what the server gave it', async () => {
    const party = await openParty({ game: game!, friends: ['kofi', 'lena'] });
    try {
      for (const friend of party.friends) await party.joinAndPlay(friend, 'never');
      const addresses = party.friends.map(({ seat }) => seat!.address);
      for (const address of addresses) expect(address).toMatch(/^127\.77\./);
      expect(new Set(addresses).size).toBe(2);
      for (const friend of party.friends) expect(await party.fetched(friend)).toBe(true);
      expect(party.gone()).toEqual([]);
    } finally {
      await party.close();
    }
  }, 300_000);
});
