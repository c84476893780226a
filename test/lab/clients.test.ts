/**
 * The thin clients between two kernel NATs: each starts its sidecar on its own side, and 1,000 datagrams of its example game pass. One
 * network for all of them, one after the other, as the same two computers would play one game after the other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openScene, type Scene, tinyGame } from '../../lab/index.ts';
import { C, type Client, CPP, CSHARP, commandIn, PYTHON } from '../clients.ts';
import { describeUnless, labMissing } from '../support.ts';

const PAIR_MS = 60_000;
const CLIENTS: readonly Client[] = [C, CPP, CSHARP, PYTHON];

describeUnless(
  labMissing() ?? CLIENTS.find(({ missing }) => missing !== null)?.missing ?? null,
  'behind two NATs',
  () => {
    let scene: Scene;
    let folder: string;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sallyport-clients-'));
      const nat = { kind: 'nat', nat: 'home-router' } as const;
      scene = await openScene({ host: nat, client: nat, game: tinyGame });
    });
    afterAll(async () => {
      await scene?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    for (const client of CLIENTS) {
      test(`two players with ${client.name} exchange 1,000 datagrams`, { timeout: 3 * PAIR_MS }, async () => {
        const words = client.build(folder);
        const env = { SALLYPORT: commandIn(folder), HOME: folder, TMPDIR: folder };
        const master = ['--master', scene.link];
        const host = scene.hostSide.spawn([...words, 'host', ...master], env);
        const code = await host.find(({ text }) => /^code (\S+)$/.exec(text)?.[1], PAIR_MS);
        const friend = scene.clientSide.spawn([...words, 'join', code, ...master], env);
        const answered = await friend.find(({ text }) => (text.startsWith('answered') ? text : null), PAIR_MS);
        expect(answered).toBe('answered 1000 of 1000');
        expect(await friend.exited).toMatchObject({ code: 0 });
        expect(await host.exited).toMatchObject({ code: 0 });
      });
    }
  },
);
