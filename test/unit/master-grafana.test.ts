import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Relay, relayKeys } from '../../src/core/index.ts';
import { createMeasures } from '../../src/master/measures.ts';
import { nodeCrypto } from '../../src/node/index.ts';

interface Board {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
const board = JSON.parse(readFileSync(new URL('../../docs/grafana.json', import.meta.url), 'utf8')) as Board;

const FIGURES = {
  ...({ kind: 'counters', tables: [], congested: 0 } as const),
  counters: new Relay({
    ...{ crypto: nodeCrypto, keys: relayKeys(nodeCrypto, new Uint8Array(32), new Uint8Array(32)), wallClock: Date.now },
    transmit: () => {},
  }).counters(),
};

function exposition(): string {
  const counts = { listed: 1, unlisted: 2, hidden: 0, official: 0, returning: 0 };
  const measures = createMeasures({
    version: '1',
    directory: { counts: () => counts } as never,
    moderation: { bans: () => [] } as never,
    counters: () => ({
      ...{ sessions: 1, hosts: 1, probes: 3, heartbeats: 4, handshakes: 5, resumptions: 1, challenges: 6, controls: 7 },
      ...{ dropped: { 'door-malformed': 1 }, limited: { hello: 2 } },
    }),
    lagSeconds: () => 0.001,
    storeOk: () => true,
    eventStreams: () => 0,
    relay: () => FIGURES,
    fleet: () => ({ connected: true, nodes: 3, whole: true, hostsElsewhere: 2, registrations: 5, sessions: 9 }),
  });
  measures.traversals.add({ client_nat: 'a"b\\c\nd', host_nat: 'cone', family: 4, path: 'direct', result: 'path' });
  measures.durations.observe({}, 0.25);
  measures.durations.observe({}, 1000);
  return measures.text();
}

test('every metric of the Grafana board exists, and its first panel is success by pair of NATs', () => {
  const families = new Set([...exposition().matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name));
  const used = board.panels.flatMap(({ targets }) =>
    targets.flatMap(({ expr }) =>
      [...expr.matchAll(/\b(sallyport_\w+|process_\w+)\b/g)].map(([, name]) => String(name)),
    ),
  );
  expect(used.length).toBeGreaterThan(20);
  for (const name of used) expect(families, name).toContain(name.replace(/_bucket$/, ''));
  expect(board.panels[0]?.title).toBe('Success by pair of NATs');
});

test('the exposition is well-formed: one help and type a family, counters end in _total, labels escaped, buckets add up', () => {
  const text = exposition();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    expect(text).toContain(`# HELP ${name} `);
    if (type === 'counter') expect(name).toMatch(/_total$/);
  }
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(
      /^(# (HELP|TYPE) \S+ .+|[a-z_]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*"(,|(?=\})))*\})? [\d.e+-]+)$/,
    );
  }
  expect(text).toContain('client_nat="a\\"b\\\\c\\nd"');
  expect(text).toContain('sallyport_traversal_duration_seconds_bucket{le="0.3"} 1');
  expect(text).toContain('sallyport_traversal_duration_seconds_bucket{le="+Inf"} 2');
});
