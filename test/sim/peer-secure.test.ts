/** What a dishonest master or friend can not do (security.md rows 7, 13, 14). */
import { expect, test } from 'vitest';
import { NATS } from '../../src/sim/index.ts';
import { hostAndClient, hostCommand, joinCommand, peers } from './peers.ts';

const EASY = [NATS.linux, NATS.linux] as const;

test('row 14: a master that gives out another host under the code is found out', () => {
  const setup = peers({ seed: 'code thief' });
  const { code, client } = hostAndClient(setup, EASY);
  const thief = setup.participant('thief', NATS.linux);
  thief.command(hostCommand({ name: 'Arena' }));
  setup.until(() => thief.last('hosting') !== undefined, 3_000, 'the thief is listed');
  setup.master.giveCodeTo(code, thief.publicKey);
  client.command(joinCommand({ code }));
  setup.until(() => client.last('join-failed') !== undefined, 2_000, 'the join fails');
  expect(client.last('join-failed')?.failure).toBe('HOST_KEY_CHANGED');
  expect(thief.all('peer')).toEqual([]);
});

test('row 14: a master that sends the join on to another host gets nobody in', () => {
  const setup = peers({ seed: 'detour' });
  const { host, client } = hostAndClient(setup, EASY);
  const thief = setup.participant('thief', NATS.linux);
  thief.command(hostCommand({ name: 'Arena' }));
  setup.until(() => thief.last('hosting') !== undefined, 3_000, 'the thief is listed');
  setup.master.sendJoinsTo(thief.publicKey);
  client.command(joinCommand({ hostKey: host.publicKey }));
  setup.until(() => client.last('join-failed') !== undefined, 2_000, 'the join fails');
  expect(thief.all('log').some(({ what }) => what === 'offer-not-readable')).toBe(true);
  expect(thief.all('peer')).toEqual([]);
  expect([...thief.all('path'), ...client.all('path')]).toEqual([]);
});
