/**
 * What a game's own server knows of players by their addresses, with Debian's games and their own clients: who is banned there stays
 * banned after the game's server has started anew and the friend has joined anew, and nobody else is.
 */
import { describe, expect, test } from 'vitest';
import { openParty, PLAYED_GAMES, playedGameMissing } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const LIMIT_MS = 600_000;
/** Some games say a word every few seconds only. */
const ALIVE_MS = 35_000;

describe.each(PLAYED_GAMES)('$id', (game) => {
  describeUnless(labMissing() ?? playedGameMissing(game), 'two friends behind one router', () => {
    test(
      'sit at the same addresses after the game has started anew, and after they have joined anew',
      async () => {
        const party = await openParty({ game, friends: ['kofi', 'lena'] });
        try {
          for (const friend of party.friends) await party.joinAndPlay(friend, 'never');
          const addresses = party.friends.map(({ seat }) => seat!.address);
          expect(new Set(addresses).size).toBe(2);
          if (game.media !== undefined) {
            for (const friend of party.friends) expect(await party.fetched(friend)).toBe(true);
          }
          for (const friend of party.friends) await friend.client!.stop();
          await party.restartGame();
          // The other way round, so that no order of arrival gives the same addresses.
          for (const friend of party.friends.toReversed()) {
            await friend.joined!.command.stop();
            await party.joinAndPlay(friend, 'never');
          }
          expect(party.friends.map(({ seat }) => seat!.address)).toEqual(addresses);
        } finally {
          await party.close();
        }
      },
      LIMIT_MS,
    );

    test.skipIf(game.ban === undefined)(
      'stay banned, and stay in, whichever of game, host and join is started anew, one after the other',
      async () => {
        const party = await openParty({ game, friends: ['kofi', 'lena'] });
        try {
          const [kofi, lena] = [party.friend('kofi'), party.friend('lena')];
          for (const friend of party.friends) await party.joinAndPlay(friend, 'never');
          const { address } = lena.seat!;
          await party.ban(kofi);
          // Over the same join, with nothing started anew but the client.
          await party.playRefused(kofi);
          expect(await party.alive(lena, ALIVE_MS)).toBe(true);
          await lena.client!.stop();
          await party.restartGame();
          await party.playRefused(kofi);
          expect((await party.play(lena)).address).toBe(address);
          await party.leave(lena);
          await party.killHost(0);
          // Both joins have waited.
          await party.restored();
          await party.playRefused(kofi);
          expect((await party.play(lena)).address).toBe(address);
          await kofi.joined!.command.stop();
          await party.join(kofi, 'never');
          await party.playRefused(kofi);
          expect(await party.alive(lena, ALIVE_MS)).toBe(true);
        } finally {
          await party.close();
        }
      },
      LIMIT_MS,
    );

    test.skipIf(game.ban === undefined)(
      'are told apart by a ban that outlives a start of the game and of the host, and a new join',
      async () => {
        const party = await openParty({ game, friends: ['kofi', 'lena'] });
        try {
          const [kofi, lena] = [party.friend('kofi'), party.friend('lena')];
          for (const friend of party.friends) await party.joinAndPlay(friend, 'never');
          await party.ban(kofi);
          for (const friend of party.friends) {
            await friend.client!.stop();
            await friend.joined!.command.stop();
          }
          await party.restartGame();
          await party.killHost(0);
          await party.join(kofi, 'never');
          await party.playRefused(kofi);
          await party.join(lena, 'never');
          await party.play(lena);
          expect(party.players()).toBe(1);
        } finally {
          await party.close();
        }
      },
      LIMIT_MS,
    );
  });
});
