/** Invitations as a host gets them from a running masterserver, and joins by nothing but the link. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAgent } from '../../src/agent/index.ts';
import { parseJoinTarget } from '../../src/core/index.ts';
import { MasterBench } from './master-node.ts';
import { portBase } from './processes.ts';

let bench: MasterBench;
let port: number;
beforeEach(() => {
  bench = new MasterBench();
  port = portBase();
});
afterEach(() => bench.close());

async function hostAt(master: string) {
  const agent = await openAgent({ master });
  bench.cleanup(() => agent.close());
  return agent.host({ name: "Ana's world", onPath: () => {} });
}

test('a host is told where the page is, and its invitation alone leads a friend to it', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port, https: 'play.example.org' });
  const hosting = await hostAt(master.link);
  const { code, invite } = hosting;
  expect(invite).toMatch(new RegExp(`^https://play\\.example\\.org/j/${code}#`));
  const target = parseJoinTarget(`Come: ${invite}`);
  expect(target).toMatchObject({ code, master: master.link });
  const friend = await openAgent({ master: target?.master ?? '' });
  bench.cleanup(() => friend.close());
  const path = await friend.join(`Come: ${invite}`);
  expect(path.state).toBe('up');
});

test('an invitation whose code and key disagree is refused, and nothing is sent to that host', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port, https: 'play.example.org' });
  const [ours, theirs] = [await hostAt(master.link), await hostAt(master.link)];
  const knocks: unknown[] = [];
  theirs.on('friend', (news) => knocks.push(news));
  const friend = await openAgent({ master: master.link });
  bench.cleanup(() => friend.close());
  const swapped = ours.invite.replace(ours.code, theirs.code);
  await expect(friend.join(swapped)).rejects.toMatchObject({ code: 'HOST_KEY_CHANGED' });
  expect(knocks).toEqual([]);
});

test('without a page there is the sallyport link only', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port });
  const { invite, link } = await hostAt(master.link);
  expect(invite).toBe(link);
  expect(link).toMatch(/^sallyport:\/\//);
});

test('the link of a master has its name, so it may move', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port, domains: ['localhost', 'other.example.org'] });
  expect(master.link).toMatch(new RegExp(`^sallyport://localhost:${port}/`));
  const { link } = await hostAt(master.link);
  expect(link).toMatch(new RegExp(`^sallyport://localhost:${port}/j/`));
});
