import { afterEach, expect, test, vi } from 'vitest';
import type { ListChange, Server, ServersPage } from '../../src/master/api.ts';
import { followList, rows } from '../../src/web/list.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

const server = (n: number, players = 0): Server => ({
  ...{ hostId: `host${n}`, code: '', name: `${n}`, game: '', map: '', mode: '', version: '', players, playersMax: 8 },
  ...{ passwordNeeded: false, natType: 'cone', verdict: 'moderate', natDelta: 0, section: 'community' },
  ...{ pingEstimateMs: null, verifiedAt: null, firstSeenAt: 1, lastSeenAt: 1, returning: false, address: null },
});

test('a list that shows the first thousands of a large master does not grow by what changes among the others', async () => {
  const listed = Array.from({ length: 5_000 }, (_, n) => server(n));
  const change: ListChange = { generation: 2, changed: [server(6_000, 1), server(4, 3), server(7_000, 1)], gone: [] };
  vi.stubGlobal('fetch', async (url: string) => {
    if (url.startsWith('/api/v1/servers')) {
      const page = { generation: 1, servers: listed, next: 'more' } as unknown as ServersPage;
      return Response.json(page);
    }
    const event = new TextEncoder().encode(`event: change\ndata: ${JSON.stringify(change)}\n\n`);
    return new Response(new ReadableStream({ start: (stream) => stream.enqueue(event) }));
  });
  followList();
  await expect.poll(() => rows.value.find(({ hostId }) => hostId === 'host4')?.players).toBe(3);
  expect(rows.value).toHaveLength(listed.length);
  expect(new Set(rows.value.map(({ hostId }) => hostId)).size).toBe(listed.length);
});
