/**
 * Collections of the masterserver that no `Shares` keeps (`limits.test.ts` fills those): a new Map, Set or Table that is not said to be
 * bounded fails here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** What bounds each collection that no `Shares` keeps. */
const BOUNDED: Readonly<Record<string, string>> = {
  'session.ts pushes': 'pushesMax, of one session',
  'sessions.ts confirmed': 'table sessions',
  'sessions.ts pending': 'table pending',
  'sessions.ts pendingByHello': 'table pending',
  'sessions.ts expiry': 'table sessions, and what has ended since',
  'registry.ts owners': 'tables hosts and away-codes',
  'registry.ts derived': 'codes that were contested, of tables hosts and away-codes',
  'contests.ts open': 'contestsMax',
  'fleet-names.ts dirty': 'fleetNamesAnswerMax',
  'listing.ts rivals': 'hosts, fleetHostsMax',
  ...{ 'registry.ts texts': 'sharedTextsMax, begun anew', 'registry.ts commons': 'sharedTextsMax, begun anew' },
  'registry.ts away': 'table away-codes',
  ...{ 'registry.ts byKey': 'table hosts', 'displaced.ts byKey': 'table hosts, displacedMax of each' },
  'joins.ts bySid': 'table joins',
  'joins.ts byHost': 'table joins',
  'joins.ts expiry': 'table joins, and what has ended since',
  'permits.ts byTarget': 'hardRunsPerTarget of each target of a join',
  'permits.ts byAddress': 'permitAddressesMax of each side of a join',
  'permits.ts bySender': 'one of each session with a join',
  'permits.ts restingUntil': 'restingMax',
  'control.ts repeats': 'pushesMax of each session',
  'master.ts ports': 'its own ports',
  'master.ts receptions': 'its own addresses',
  'port-watch.ts ours': 'addresses of the master itself',
  'port-watch.ts silent': 'addresses of the master, three participants each',
  'port-watch.ts open': 'addresses of the master',
  'port-watch.ts told': 'addresses of the master',
  'vantage.ts keys': 'ALIKE of each of gatewaysMax addresses, then none',
  'relay-ways.ts sends': 'its own ports, and one for all tunnels',
  'tunnel.ts byPort': 'table tunnels',
  'pairs.ts byName': 'table relay-pairs',
  'pairs.ts byEndpoint': 'two of each pair of table relay-pairs',
  'machine.ts sockets': 'its own ports',
  'fleet-bans.ts facts': 'banFactsMax',
  'fleet-bans.ts present': 'the rules as they are, for one comparison',
  ...{ 'fleet-members.ts rows': 'membersMax', 'fleet.ts seen': 'membersMax' },
  'fleet.ts changed': 'banFactsAtOnce, for one message',
  'fleet.ts rows': 'the rows of the facts of one message',
  ...{ 'fleet-hosts-heard.ts views': 'two runs of membersMax nodes', 'fleet-hosts-heard.ts named': 'of one message' },
  ...{ 'fleet-hosts-told.ts dirty': 'changed within a second', 'fleet-hosts-told.ts journal': 'fleetJournalMax' },
  ...{ 'fleet-ask.ts seen': 'membersMax, for one question', 'fleet-ask.ts regions': 'membersMax, for one question' },
  'meter.ts asked': 'meterAsks of each of relaysMax',
  'http-connections.ts byPeer': 'table http-connections',
  'directory.ts officials': 'officialServersMax',
  'directory.ts unsaved': 'table hosts, and who has gone since the last save',
  'directory.ts table': 'table hosts',
  'held-names.ts namesOfKey': 'table names',
  'held-names.ts counts': 'table names, for as long as it is looked for who holds most',
  'http-events.ts streams': 'table event-streams',
  'http-list.ts answers': 'pageCacheEntries',
  'http-list.ts near': 'of one call',
  'json-lines.ts lines': 'of one file of the operator',
  'listing.ts items': 'table hosts',
  'listing.ts codes': 'table hosts',
  ...{ 'listing.ts seen': 'searchedTextsMax, of one search', 'listing.ts before': 'table hosts, of one second' },
  'listing.ts views': 'the sort keys that there are',
  'listing.ts building': 'the sort keys that there are',
  'listing.ts games': 'table hosts',
  'listing.ts removed': 'of one call',
  'listing.ts old': 'of one call',
  'listing.ts fresh': 'of one call',
  'metrics.ts values': 'labels of our own',
  'metrics.ts series': 'labels of our own',
  'moderation.ts reserved': 'officialServersMax',
  ...{ 'probe-worker.ts table': 'table sessions', 'probe-worker.ts heard': 'addresses of the master' },
  'records.ts kinds': 'the kinds of rows that there are',
  'records.ts seals': 'the kinds of rows that there are',
  'records.ts pending': 'rows that there are, or were at the last write',
  'records.ts lent': 'the kinds of rows, which are in the code',
  'rows.ts before': 'blocks of rows, of one call',
  'rows.ts index': 'table names, bansMax, auditEntriesMax, traversalRowsMax, and so on for each kind of row',
  'records-judge.ts byKind': 'the kinds of rows that there are, and the rows of the file of the operator',
  'records-judge.ts kinds': 'the kinds of rows that there are',
  'sqlite-pages.ts behind': 'pages of the file of the operator',
  'sqlite-pages.ts pages': 'pages of the file of the operator',
  'statistics.ts sums': 'kinds of NAT, by hour',
  'store.ts sums': 'traversalRowsMax',
  'stun.ts sockets': 'its own ports',
  'test-join.ts testedAt': 'testJoinsRemembered',
  'webhooks.ts at': 'webhookDedupeEntries',
};

test('whatever else the masterserver keeps is bounded by something, and a new collection has to say by what', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const found: string[] = [];
  // Of what lies beside the machine in core, the links are a participant's.
  const folders = ['src/core/master', 'src/core/relay', 'src/master'];
  for (const folder of folders) {
    for (const file of readdirSync(join(root, folder)).filter(
      (name) => name.endsWith('.ts') && !/^(link|table|wheel)/.test(name),
    )) {
      const text = readFileSync(join(root, folder, file), 'utf8');
      for (const [, name] of text.matchAll(/(\w+)(?:: [^=\n]+)? (?:\?\?)?= new (?:Map|Set|Table|Wheel)\b/g))
        found.push(`${basename(file)} ${name}`);
    }
  }
  expect(found.length).toBeGreaterThan(30);
  expect([...new Set(found)].filter((one) => !(one in BOUNDED))).toEqual([]);
  expect(Object.keys(BOUNDED).filter((one) => !found.includes(one))).toEqual([]);
});
